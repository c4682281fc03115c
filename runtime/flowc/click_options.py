"""What click's arguments and types of a `Parameter` mean for its value, in the task that starts a run."""

from __future__ import annotations

import json
import os

from flowc.errors import ParameterError
from flowc.flow_parameters import JSONType
from flowc.type_conversion import convert_default, plain_value, type_of
from flowc.typed_values import from_data, from_text, is_structured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

    from flowc.flow_parameters import Declaration

_NAMED = (str, int, float, bool, list, dict, tuple)


def given(option: Declaration, text: str) -> Any:
    """The value of a text: of a JSON list of texts where the option takes several. Raises ParameterError."""
    kinds = _kinds(option)
    if not _takes_several(option):
        return _checked(option, kinds[0], _one(option, kinds[0], text), text)
    items = _items(option, text)
    if not option.field("multiple") and len(items) != len(kinds):
        raise ParameterError(f"parameter {option.name!r} takes {len(kinds)} values, and {text!r} has {len(items)}")
    if len(kinds) != len(items):
        kinds = kinds[:1] * len(items)
    return tuple(_checked(option, kind, _one(option, kind, item), item) for kind, item in zip(kinds, items))


def default(option: Declaration, value: Any) -> Any:
    """A default as a value of the declared type, as click makes it. Raises ParameterError."""
    if option.field("is_flag") and option.field("flag_value") is not None and value:
        return option.field("flag_value")  # click's rule: a default that is true means that the flag is set
    kinds = _kinds(option)
    if not _takes_several(option):
        return _checked(option, kinds[0], _of_default(option, kinds[0], value), value)
    items = list(value)
    kinds = kinds if len(kinds) == len(items) else kinds[:1] * len(items)
    return tuple(_checked(option, kind, _of_default(option, kind, item), item) for kind, item in zip(kinds, items))


def nothing(option: Declaration) -> Any:
    """The value where none is given and there is no default."""
    return () if _takes_several(option) else 0 if option.field("count") else None


def environment_text(option: Declaration) -> str | None:
    """The value of the first of the option's own variables that is set, as a text of the option."""
    names: Any = option.field("envvar")
    for name in (names,) if isinstance(names, str) else names:
        text = os.environ.get(name)
        if text:
            return json.dumps(text.split()) if _takes_several(option) else text
    return None


def called_back(option: Declaration, value: Any) -> Any:
    """What the option's callback returns. Raises ParameterError."""
    callback: Callable[..., Any] = option.field("callback")
    try:
        return callback(_Context(), option, value)
    except Exception as error:
        raise ParameterError(f"the callback of parameter {option.name!r} raised {_text(error)}") from error


class _Context:
    """What a callback gets for click's context: there is none of its attributes in a task."""

    params: Dict[str, Any] = {}  # noqa: RUF012 (class attributes are enough, as nothing is ever in it)
    obj = None
    resilient_parsing = False


def _takes_several(option: Declaration) -> bool:
    return bool(option.field("multiple")) or len(_kinds(option)) != 1


def _kinds(option: Declaration) -> List[Any]:
    """The type of each value: one, or as many as the option takes together."""
    declared, value = option.field("type"), option.field("default")
    several = bool(option.field("multiple")) or (option.field("nargs") or 1) != 1
    if isinstance(declared, tuple):
        return list(declared)  # pyright: ignore[reportUnknownArgumentType]
    if type(declared).__name__ == "Tuple" and hasattr(declared, "types"):
        return list(declared.types)
    if declared is None:
        declared = _inferred(option, value, several=several)
    return [declared] * (option.field("nargs") or 1)


def _inferred(option: Declaration, value: Any, *, several: bool) -> Any:
    """Metaflow's rule: the type of the default, else `str`; of what an option takes several of, that of the first."""
    if option.field("count"):
        return int
    if option.field("is_flag"):
        flag = option.field("flag_value")
        return bool if flag is None else _class(flag)
    if value is None or callable(value):
        return str
    if several:
        return _class(next(iter(value), ""))
    return _class(value)


def _class(value: Any) -> Any:
    return value.__class__


def _items(option: Declaration, text: str) -> List[str]:
    """The texts in a JSON list; any other text is one value, or its words where the option takes several at once."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, list):
        items: List[Any] = found  # pyright: ignore[reportUnknownVariableType]
        return [item if isinstance(item, str) else json.dumps(item) for item in items]
    return [text] if option.field("multiple") else text.split()


def _one(option: Declaration, kind: Any, text: str) -> Any:
    try:
        if _converts(kind):
            return kind.convert(text, option, None)
        if kind is JSONType or kind in _NAMED:
            return plain_value(type_of(kind, None), text)
        return from_text(kind, text)
    except Exception as error:
        raise ParameterError(
            f"parameter {option.name!r}: {text[:200]!r} is not a value of it: {_text(error)}"
        ) from error


def _of_default(option: Declaration, kind: Any, value: Any) -> Any:
    try:
        if _converts(kind):
            return kind.convert(value, option, None)
        if kind is JSONType or kind in _NAMED:
            return convert_default(option.name, type_of(kind, None), value)
        if isinstance(kind, type) and isinstance(value, kind):
            return value
        return from_text(kind, value) if isinstance(value, str) and is_structured(kind) else from_data(kind, value)
    except ParameterError:
        raise
    except Exception as error:
        raise ParameterError(
            f"parameter {option.name!r}: its default {value!r} is not a value of it: {_text(error)}"
        ) from error


def _converts(kind: Any) -> bool:
    """Whether a type is an object of click's, or of a class like one."""
    return not isinstance(kind, type) and callable(getattr(kind, "convert", None))


def _checked(option: Declaration, kind: Any, value: Any, source: Any) -> Any:
    """A value, which must be one of the choices where there are some. Raises ParameterError."""
    del kind
    choices: Tuple[Any, ...] = tuple(option.field("choices") or ())
    if choices and value not in choices and str(source) not in map(str, choices):
        known = ", ".join(map(str, choices))
        raise ParameterError(f"parameter {option.name!r}: {source!r} is not one of {known}")
    return value


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {getattr(error, 'message', None) or error}"
