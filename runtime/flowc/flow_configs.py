"""`Config`: values that were read when the flow was compiled, which steps, parameters and decorators may use."""

from __future__ import annotations

import re

from flowc.errors import ParameterError
from flowc.flow_parameters import Declaration, Parameter, merged
from flowc.generics import T_co
from flowc.shim.loaded_plan import config_entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Literal, Tuple, Union, overload

    from flowc.shim.task_state import TaskState

    Base = Dict[Any, Any]
else:
    Base = dict

__all__ = ["Config", "ConfigValue", "Delayed", "config_expr", "config_values", "is_unpacked", "resolve", "unpacked"]

_UNPACKED = "_flowc_unpacked_"
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_parsers: Dict[str, Any] = {}
"""The parser of each config, by name: some are the flow's own functions."""


class Delayed:
    """Something of a config that is named in a class body, where it has no value yet: `config.entry`.

    It has its value when it is resolved. `**config.entry` gives one odd key, which `unpacked` understands.
    """

    def __init__(self, expression: str, names: Dict[str, Any] | None = None, access: Tuple[Any, ...] = ()) -> None:
        self._flowc_expression = expression
        self._flowc_names = names
        self._flowc_access = access

    def __getattr__(self, name: str) -> Delayed:
        if name.startswith("__"):
            raise AttributeError(name)
        return Delayed(self._flowc_expression, self._flowc_names, (*self._flowc_access, name))

    def __getitem__(self, key: Any) -> Any:
        if is_unpacked(key):
            return self
        return Delayed(self._flowc_expression, self._flowc_names, (*self._flowc_access, key))

    def keys(self) -> Iterator[str]:
        """The one key of `**config.entry`."""
        return iter((_UNPACKED + str(id(self)),))

    def __repr__(self) -> str:
        return "config_expr(" + repr(self._flowc_expression) + ")" + "".join(f"[{key!r}]" for key in self._flowc_access)

    def _flowc_resolve(self) -> Any:  # named so that it hides no entry
        values = config_values()
        if self._flowc_names is None:
            if self._flowc_expression not in values:
                raise ParameterError(f"config {self._flowc_expression!r} is not known: the flow was not compiled")
            value = values[self._flowc_expression]
        else:
            try:
                value = eval(self._flowc_expression, self._flowc_names, values)  # noqa: S307 (an expression of the flow's own code)
            except Exception as error:
                raise ParameterError(
                    f"config_expr({self._flowc_expression!r}) raised {type(error).__name__}: {error}"
                ) from error
        for key in self._flowc_access:
            value = _entry(self, value, resolve(key))
        return value


def config_expr(expr: str) -> Any:
    """An expression of configs, which it knows by their names, for places where no config object is at hand."""
    import sys

    return Delayed(expr.strip(), sys._getframe(1).f_globals)  # pyright: ignore[reportPrivateUsage]


class Config(Parameter[T_co]):
    """A value read from a file, or given, when the flow is compiled. Steps read it as `self.<attribute>`.

    In the class body `config.entry` and `config["entry"]` stand for entries of the value.
    """

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: Config[Any],
            name: str,
            default: Union[str, Callable[[Any], Any], None] = None,
            default_value: Any = None,
            help: str | None = None,
            required: bool | None = None,
            parser: Union[str, Callable[[str], Any], None] = None,
            *,
            plain: Literal[True],
            show_default: bool = True,
        ) -> None: ...

        @overload
        def __init__(
            self: Config[ConfigValue],
            name: str,
            default: Union[str, Callable[[Any], Any], None] = None,
            default_value: Any = None,
            help: str | None = None,
            required: bool | None = None,
            parser: Union[str, Callable[[str], Any], None] = None,
            plain: Literal[False] = False,
            *,
            show_default: bool = True,
        ) -> None: ...

    def __init__(
        self,
        name: str,
        default: Any = None,
        default_value: Any = None,
        help: Any = None,
        required: Any = None,
        parser: Any = None,
        plain: Any = False,
        **other: Any,
    ) -> None:
        given = {"default": default, "default_value": default_value, "help": help, "required": required}
        fields = merged(f"Config {name!r}", {**given, "plain": plain}, other, ("show_default",))
        _parsers[name] = parser
        self._declare(_ConfigDeclaration(name, fields))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Delayed(self.name, None, (name,))

    def __getitem__(self, key: Any) -> Any:
        return Delayed(self.name)[key]

    def keys(self) -> Iterator[str]:
        """The one key of `**config`."""
        return Delayed(self.name).keys()

    if TYPE_CHECKING:

        @overload
        def __get__(self, flow: None, owner: type | None = None) -> Any: ...

        @overload
        def __get__(self, flow: object, owner: type | None = None) -> T_co: ...

    def __get__(self, flow: Any, owner: type | None = None) -> Any:
        if flow is None or flow.__dict__.get("_flowc") is not None:
            return super().__get__(flow, owner)
        return config_values().get(self.name)


class _ConfigDeclaration(Declaration):
    """What a config is: its value is a parameter of the run, as a plain dict."""

    kind = "Config"

    def value(self, flow_name: str, *, given: bool = True) -> Any:
        """The value that the compiler wrote down."""
        del flow_name, given
        value = config_values().get(self.name)
        return value.to_dict() if isinstance(value, ConfigValue) else value

    def read(self, state: TaskState) -> Any:
        """The value, whose entries are attributes unless the config is plain."""
        if self.fields["plain"]:
            return state.parameter(self.attribute)
        return state.derived(self.attribute, lambda value: ConfigValue(value) if isinstance(value, dict) else value)


def config_values() -> Dict[str, Any]:
    """The values of the flow's configs by name."""
    entries = config_entries() or {}
    return {name: _value(name, entry) for name, entry in entries.items()}


def resolve(value: Any) -> Any:
    """A value with what is delayed in it replaced; mappings of configs become dicts."""
    if isinstance(value, Config):
        value = Delayed(value.name)
    if isinstance(value, Delayed):
        value = value._flowc_resolve()  # pyright: ignore[reportPrivateUsage]
        return value.to_dict() if isinstance(value, ConfigValue) else value
    kind = type(value).__name__ if type(value).__module__ == "builtins" else ""
    if kind == "dict":
        return {resolve(key): resolve(item) for key, item in value.items()}
    return value.__class__([resolve(item) for item in value]) if kind in ("list", "tuple", "set") else value


def is_unpacked(key: object) -> bool:
    """Whether a keyword comes from `**config`."""
    return isinstance(key, str) and key.startswith(_UNPACKED)


def unpacked(fields: Dict[str, Any]) -> Dict[str, Any]:
    """Keyword arguments, with the entries of `**config` in place of its key."""
    if not any(map(is_unpacked, fields)):
        return fields
    found: Dict[str, Any] = {}
    for key, value in fields.items():
        found.update(resolve(value) if is_unpacked(key) else {key: value})
    return found


def _entry(delayed: Delayed, value: Any, key: Any) -> Any:
    """`value[key]`, or an attribute, of what an expression gave."""
    try:
        return value[key]
    except (KeyError, IndexError, TypeError):
        if isinstance(key, str) and _IDENTIFIER.fullmatch(key) and hasattr(value, key):
            return getattr(value, key)
        raise ParameterError(f"{delayed!r}: there is no entry {key!r}") from None


def _value(name: str, entry: Dict[str, Any]) -> Any:
    value: Any
    if "text" in entry:
        value = _parse(name, entry["text"], entry["plain"])
    elif "literal" in entry:
        import ast

        value = ast.literal_eval(entry["literal"])
    else:
        value = entry["value"]
    return value if entry["plain"] or not isinstance(value, dict) else ConfigValue(value)


def _parse(name: str, text: str, plain: bool) -> Any:
    """What the flow's own parser makes of the text of a config."""
    from collections.abc import Mapping

    try:
        value = load_parser(_parsers[name])(text)
    except Exception as error:
        raise ParameterError(f"the parser of config {name!r} raised {type(error).__name__}: {error}") from error
    if plain or value is None:
        return value
    if not isinstance(value, Mapping):
        raise ParameterError(f"the parser of config {name!r} returned a {type(value).__name__}, not a mapping")
    return ConfigValue(value).to_dict()


def load_parser(parser: Any) -> Callable[[Any], Any]:
    """A parser: a function, or the dotted name of one. Raises ImportError, AttributeError and ValueError."""
    if not isinstance(parser, str):
        function: Callable[[Any], Any] = parser
        return function
    from importlib import import_module

    module, dot, name = parser.rpartition(".")
    if not dot or not module:
        raise ValueError(f"{parser!r} is not the name of a function in a module, such as 'json.loads'")
    found: Callable[[Any], Any] = getattr(import_module(module), name)
    return found


class ConfigValue(Base):
    """The value of a config: `value.entry`, `value["entry"]`, and what else reads a dict."""

    def __init__(self, data: Any) -> None:
        super().__init__({key: _wrapped(item) for key, item in data.items()})

    @classmethod
    def fromkeys(cls, iterable: Iterable[Any], value: Any = None) -> ConfigValue:
        """One value for each key."""
        return cls(dict.fromkeys(iterable, value))

    def to_dict(self) -> Dict[Any, Any]:
        """The value as plain dicts."""
        return {key: _plain(item) for key, item in self.items()}

    def copy(self) -> ConfigValue:
        """The same value."""
        return ConfigValue(self)

    __copy__ = copy

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __dir__(self) -> List[str]:
        return [*dir(type(self)), *(key for key in self if isinstance(key, str) and key.isidentifier())]

    def __reduce__(self) -> Tuple[type[ConfigValue], Tuple[Dict[Any, Any]]]:
        return ConfigValue, (self.to_dict(),)

    def _immutable(self, *_: Any, **__: Any) -> Any:
        raise TypeError("ConfigValue is immutable")

    __setattr__ = __delattr__ = _immutable
    if not TYPE_CHECKING:
        clear = pop = popitem = setdefault = update = _immutable
        __setitem__ = __delitem__ = __ior__ = _immutable


def is_mapping(value: object) -> bool:
    """Whether a value has keys."""
    from collections.abc import Mapping

    return isinstance(value, Mapping)


def is_collection(value: object) -> bool:
    """Whether a value has items that are looked into: a list, tuple or set."""
    return isinstance(value, (list, tuple, set))


def _wrapped(value: Any) -> Any:
    if isinstance(value, ConfigValue):
        return value
    return ConfigValue(value) if is_mapping(value) else _each(value, _wrapped)


def _plain(value: Any) -> Any:
    return {key: _plain(item) for key, item in value.items()} if is_mapping(value) else _each(value, _plain)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    return type(value)([change(item) for item in value]) if is_collection(value) else value
