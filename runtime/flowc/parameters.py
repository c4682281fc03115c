"""Parameters: their declaration in a flow, and how the text of a value becomes the value."""

from __future__ import annotations

import os

from flowc.errors import ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USE_DEFAULT = "flowc:default"
"""The value of a variable that asks for the default, for engines that must pass every parameter."""
ENCODED = "b64:"
"""Starts a value in URL-safe base64, for engines that would change the text on its way."""
_TRUE = {"1", "true", "t", "yes", "y", "on"}
_FALSE = {"0", "false", "f", "no", "n", "off"}


class _JSONType:
    """The type of parameters that are given as JSON."""

    name = "JSON"

    def __repr__(self) -> str:
        return "JSON"


JSONType = _JSONType()
"""`Parameter("p", type=JSONType)`."""
_UNSET: Any = object()


class Parameter:
    """A value that is chosen when a run starts, and that every step reads as `self.<attribute>`."""

    def __init__(
        self,
        name: str,
        *,
        default: Any = _UNSET,
        type: Any = None,
        help: str | None = None,
        required: bool | None = None,
        show_default: bool = True,
        separator: str | None = None,
        **other: Any,
    ) -> None:
        del show_default
        if other:
            raise TypeError(f"Parameter {name!r} has unknown arguments: {', '.join(sorted(other))}")
        self.name = name
        self.attribute = name
        self.has_default = default is not _UNSET
        self.default = default if self.has_default else None
        self.help = help
        self.required = bool(required) if required is not None else False
        self.separator = separator
        self.type_name = _type_name(type, self.default)

    def __set_name__(self, owner: type, name: str) -> None:
        self.attribute = name

    def __get__(self, flow: Any, owner: type | None = None) -> Any:
        if flow is None:
            return self
        state = flow.__dict__.get("_flowc")
        return self.default if state is None else state.parameter(self.attribute)

    def __set__(self, flow: Any, value: Any) -> None:
        raise AttributeError(
            f"cannot set {self.attribute!r}: flow level attributes and Parameters are not modifiable; "
            "assign to another name"
        )

    def __repr__(self) -> str:
        return f"Parameter({self.name!r})"

    def value(self, flow_name: str) -> Any:
        """The value for this run, from the environment or the default. Only the start task asks."""
        raw = os.environ.get(variable_name(self.name), USE_DEFAULT)
        if raw == USE_DEFAULT:
            value = self._default_value(flow_name)
        else:
            value = convert(self.name, self.type_name, decode_value(self.name, raw))
        if self.separator and isinstance(value, str) and value:
            return value.split(self.separator)
        return value

    def _default_value(self, flow_name: str) -> Any:
        if not self.has_default or (self.required and self.default is None):
            if self.required:
                raise ParameterError(f"parameter {self.name!r} is required: give it as -p {self.name}=...")
            return None
        value = self.default
        if callable(value):
            value = _call(value, flow_name, self.name)
        if isinstance(value, str) and self.type_name != "str":
            return convert(self.name, self.type_name, value)
        if self.type_name == "float" and type(value) is int:
            return float(value)
        return value


def variable_name(parameter: str) -> str:
    """The environment variable that carries a parameter."""
    return "FLOWC_PARAM_" + parameter.upper().replace("-", "_")


def decode_value(name: str, raw: str) -> str:
    """The text of a value as the user gave it."""
    if not raw.startswith(ENCODED):
        return raw
    import base64

    try:
        return base64.b64decode(raw[len(ENCODED) :].encode(), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise ParameterError(f"the value of parameter {name!r} is not valid base64: {error}") from None


def convert(name: str, type_name: str, text: str) -> Any:
    """Text to a value of a type: str, int, float, bool or json. Raises ParameterError."""
    try:
        if type_name == "int":
            return int(text)
        if type_name == "float":
            return float(text)
        if type_name == "bool":
            return _bool(text)
        if type_name == "json":
            import json

            return json.loads(text)
    except ValueError as error:
        raise ParameterError(f"parameter {name!r}: {text!r} is not a valid {type_name} ({error})") from None
    return text


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("use true or false")


def _type_name(declared: object, default: object) -> str:
    """The declared type, else that of the default, else str."""
    if isinstance(declared, _JSONType):
        return "json"
    kind = declared if declared is not None else type(default)
    if kind is bool:
        return "bool"
    if kind in (list, dict):
        return "json"
    return "int" if kind is int else "float" if kind is float else "str"


def _call(function: Any, flow_name: str, parameter: str) -> Any:
    """Evaluate a default that is a function; one that takes an argument gets what Metaflow passes."""
    code = getattr(function, "__code__", None)
    takes_context = code is not None and code.co_argcount - len(function.__defaults__ or ()) == 1
    try:
        return function(_Context(flow_name, parameter)) if takes_context else function()
    except Exception as error:
        raise ParameterError(
            f"the default of parameter {parameter!r} raised {type(error).__name__}: {error}"
        ) from error


class _Context:
    """The argument of a default that is a function of one argument."""

    def __init__(self, flow_name: str, parameter_name: str) -> None:
        from flowc.current import current

        self.flow_name = flow_name
        self.parameter_name = parameter_name
        self.user_name = current.username
