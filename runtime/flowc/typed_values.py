"""Texts and plain data as values of whatever type a parameter has: enumerations, paths, `Literal`, models, dataclasses.

Pydantic is never imported here: its models are known by their methods.
"""

from __future__ import annotations

import json
import sys

from flowc.type_conversion import plain_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

_PLAIN = {str: "str", int: "int", float: "float", bool: "bool"}
_COLLECTIONS = (list, dict, tuple, set, frozenset)
_BY_ISO = {("datetime", "date"), ("datetime", "datetime"), ("datetime", "time")}


def from_text(kind: Any, text: str) -> Any:
    """The value of a type that a text stands for: JSON for what has parts. Raises ValueError, or what the type does."""
    kind, origin, arguments = _taken_apart(kind)
    if kind in _PLAIN:
        return plain_value(_PLAIN[kind], text)
    if _is_any(kind):
        return _json_or_text(text)
    if _is_union(origin):
        return _first_that_fits(arguments, text, text == "null" and type(None) in arguments, from_text)
    if _is_literal(origin):
        return _literal(arguments, text, _json_or_text(text))
    if _is_enum(kind):
        return _member(kind, text)
    if _has_parts(kind, origin):
        return from_data(kind if origin is None else _alias(origin, arguments), json.loads(text))
    return _scalar(kind, text)


def from_data(kind: Any, value: Any) -> Any:
    """Plain data, such as of JSON, as a value of a type. Raises ValueError, or what the type does."""
    kind, origin, arguments = _taken_apart(kind)
    if _is_any(kind) or (isinstance(kind, type) and type(value) is kind and kind not in _COLLECTIONS):
        return value
    if kind is None or kind is type(None):
        if value is None:
            return None
        raise ValueError(f"{value!r} is not None")
    if kind in _PLAIN:
        return _plain(kind, value)
    if _is_union(origin):
        return _first_that_fits(arguments, value, value is None and type(None) in arguments, from_data)
    if _is_literal(origin):
        return _literal(arguments, value, value)
    if _is_enum(kind):
        return value if isinstance(value, kind) else _member(kind, value)
    if isinstance(kind, _Alias) or kind in _COLLECTIONS:
        return _collection(kind, value)
    if _is_model(kind):
        return _model(kind, value)
    if isinstance(kind, type) and isinstance(value, kind):
        return value
    return _scalar(kind, value) if isinstance(value, (str, int, float)) else _unfit(kind, value)


def check_constraints(kind: Any, value: Any) -> None:
    """Check what pydantic's metadata in an annotation demands: `Annotated[int, Field(gt=0)]`. Raises ValueError."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not hasattr(pydantic, "TypeAdapter") or not _is_constrained(kind):
        return
    try:
        adapter = pydantic.TypeAdapter(kind, config={"arbitrary_types_allowed": True})
    except Exception:
        return  # nothing that pydantic could check
    adapter.validate_python(value)


def _is_constrained(kind: Any) -> bool:
    metadata = getattr(kind, "__metadata__", ())
    if any(type(item).__module__.split(".")[0] in ("pydantic", "annotated_types") for item in metadata):
        return True
    return any(map(_is_constrained, getattr(kind, "__args__", ())))


def is_structured(kind: Any) -> bool:
    """Whether a type's values have parts, so that their text is JSON."""
    kind, origin, _ = _taken_apart(kind)
    return _has_parts(kind, origin)


def resolved_annotation(function: Any, name: str) -> Any:
    """The annotation of a function's parameter; `Any` where it has none or names something that is not there."""
    import typing

    try:
        return typing.get_type_hints(function, include_extras=True).get(name, typing.Any)
    except (NameError, TypeError, AttributeError):
        found = getattr(function, "__annotations__", {}).get(name, typing.Any)
        return typing.Any if isinstance(found, str) else found


class _Alias:
    """A collection with the types of its items."""

    def __init__(self, origin: Any, arguments: Tuple[Any, ...]) -> None:
        self.origin = origin
        self.arguments = arguments


def _alias(origin: Any, arguments: Tuple[Any, ...]) -> Any:
    return _Alias(origin, arguments) if arguments else origin


def _taken_apart(kind: Any) -> Tuple[Any, Any, Tuple[Any, ...]]:
    """A type, its origin and its arguments; what `Annotated` and `NewType` stand for."""
    if isinstance(kind, _Alias):
        return kind, kind.origin, kind.arguments
    while hasattr(kind, "__supertype__"):
        kind = kind.__supertype__
    if hasattr(kind, "__metadata__") and hasattr(kind, "__origin__"):
        return _taken_apart(kind.__origin__)
    arguments: Tuple[Any, ...] = getattr(kind, "__args__", ()) if not isinstance(kind, type) else ()
    origin: Any = getattr(kind, "__origin__", None)
    if origin is None and type(kind).__name__ == "UnionType":
        origin = _class(kind)
    elif origin is not None:
        arguments = getattr(kind, "__args__", ())
    if origin is not None and _collection_class(origin):
        return _alias(_collection_class(origin), _without_variables(arguments)), _collection_class(origin), arguments
    return kind, origin, arguments


def _class(value: Any) -> Any:
    return value.__class__


def _without_variables(arguments: Tuple[Any, ...]) -> Tuple[Any, ...]:
    """No arguments where they are type variables, as of a bare `typing.List` in Python 3.8's manner."""
    return () if any(type(item).__name__ == "TypeVar" for item in arguments) else arguments


def _collection_class(origin: Any) -> Any:
    """The class that JSON becomes for a collection type such as `Sequence` or `Mapping`; `None` for another type."""
    if origin in _COLLECTIONS:
        return origin
    named: Dict[str, Any] = {
        "Sequence": list, "MutableSequence": list, "Iterable": list, "Collection": list, "Mapping": dict,
        "MutableMapping": dict, "Set": set, "MutableSet": set,
    }  # fmt: skip
    if getattr(origin, "__module__", "") == "collections.abc":
        return named.get(origin.__name__)
    return None


def _is_any(kind: Any) -> bool:
    return kind is object or getattr(kind, "_name", None) == "Any" or getattr(kind, "__name__", None) == "Any"


def _is_union(origin: Any) -> bool:
    return getattr(origin, "_name", None) == "Union" or getattr(origin, "__name__", None) in ("Union", "UnionType")


def _is_literal(origin: Any) -> bool:
    return getattr(origin, "_name", None) == "Literal"


def _is_enum(kind: Any) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(kind, enum.EnumMeta)


def _is_model(kind: Any) -> bool:
    """Whether a class is a dataclass, a model of pydantic's, a named tuple or a `TypedDict`."""
    if not isinstance(kind, type):
        return False
    fields = ("__dataclass_fields__", "model_validate", "parse_obj", "__total__")
    found: Any = kind
    return any(hasattr(found, name) for name in fields) or (tuple in found.__mro__ and hasattr(found, "_fields"))


def _has_parts(kind: Any, origin: Any) -> bool:
    return isinstance(kind, _Alias) or kind in _COLLECTIONS or _is_model(kind) or _is_model(origin)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _first_that_fits(arguments: Tuple[Any, ...], value: Any, is_none: bool, make: Any) -> Any:
    """What the first type of a union makes of a value; text comes last, as everything is text."""
    if is_none:
        return None
    for kind in arguments:
        if type(value) is kind and make is from_data:
            return value
    errors: List[str] = []
    for kind in sorted((item for item in arguments if item is not type(None)), key=lambda item: item is str):
        try:
            return make(kind, value)
        except Exception as error:
            errors.append(str(error))
    raise ValueError("; ".join(errors))


def _literal(arguments: Tuple[Any, ...], *values: Any) -> Any:
    """The value of a `Literal` that is one of some values, of the same type; a nested one counts as its values."""
    allowed = [item for one in arguments for item in (one.__args__ if hasattr(one, "__args__") else (one,))]
    for value in values:
        for item in allowed:
            same = (
                value in (getattr(item, "name", item), getattr(item, "value", item)) if _is_enum(type(item)) else None
            )
            if same or (type(item) is type(value) and item == value):
                return item
    raise ValueError(f"{values[0]!r} is not one of {', '.join(map(repr, allowed))}")


def _member(kind: Any, value: Any) -> Any:
    """A member of an enumeration: by its value, by its value's text, or by its name."""
    try:
        return kind(value)
    except (ValueError, TypeError, KeyError):
        for member in kind:
            if isinstance(value, str) and value in (str(member.value), member.name):
                return member
    raise ValueError(f"{value!r} is not one of {', '.join(str(member.value) for member in kind)}")


def _plain(kind: Any, value: Any) -> Any:
    if isinstance(value, str):
        return plain_value(_PLAIN[kind], value)
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else _unfit(kind, value)


def _collection(kind: Any, value: Any) -> Any:
    origin: Any = kind.origin if isinstance(kind, _Alias) else kind
    arguments: Tuple[Any, ...] = kind.arguments if isinstance(kind, _Alias) else ()
    if origin is dict:
        if not isinstance(value, dict):
            return _unfit(dict, value)
        entries: Dict[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        if not arguments:
            return entries
        return {from_data(arguments[0], key): from_data(arguments[1], item) for key, item in entries.items()}
    if not isinstance(value, (list, tuple, set, frozenset)):
        return _unfit(origin, value)
    items: Any = list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if origin is tuple and arguments and arguments[-1] is not ...:
        if len(items) != len(arguments):
            raise ValueError(f"{len(arguments)} values are needed, and there are {len(items)}")
        return tuple(from_data(one, item) for one, item in zip(arguments, items))
    make: Any = origin
    return make(from_data(arguments[0], item) for item in items) if arguments else make(items)


def _model(kind: Any, value: Any) -> Any:
    """An object of a class with fields, of a dict of their values."""
    for method in ("model_validate", "parse_obj"):
        if hasattr(kind, method):
            return getattr(kind, method)(value)
    if isinstance(value, kind if not hasattr(kind, "__total__") else ()):
        return value
    if hasattr(kind, "_fields") and isinstance(value, (list, tuple)):
        value = dict(zip(kind._fields, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if not isinstance(value, dict):
        return _unfit(kind, value)
    given: Dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    names = getattr(kind, "__dataclass_fields__", None) or getattr(kind, "_fields", None) or kind.__annotations__
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {', '.join(unknown)}; it has {', '.join(names)}")
    return kind(**{name: from_data(resolved_annotation(kind, name), item) for name, item in given.items()})


def _scalar(kind: Any, value: Any) -> Any:
    """What any other class or function makes of a value: a path, a date, a number, or the flow's own."""
    if isinstance(kind, type) and (kind.__module__, kind.__name__) in _BY_ISO and isinstance(value, str):
        return kind.fromisoformat(value)  # type: ignore[attr-defined]
    if not callable(kind):
        raise ValueError(f"{kind!r} is not a type")
    return kind(value)


def _unfit(kind: Any, value: Any) -> Any:
    raise ValueError(f"{value!r} is a {type(value).__name__}, not a {getattr(kind, '__name__', kind)}")
