"""Conversion of text and defaults to the type of a parameter."""

from __future__ import annotations

from flowc.errors import ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TRUE = {"1", "true", "t", "yes", "y", "on"}
_FALSE = {"0", "false", "f", "no", "n", "off"}


def convert(name: str, type_name: str, text: str) -> Any:
    """Text to a value of a type: str, int, float, bool or json. Raises ParameterError."""
    try:
        return plain_value(type_name, text)
    except ValueError as error:
        raise ParameterError(f"parameter {name!r}: {text!r} is not a valid {type_name} ({error})") from None


def plain_value(type_name: str, text: str) -> Any:
    """Text to a value of a type: str, int, float, bool or json. Raises ValueError."""
    if type_name == "int":
        return int(text)
    if type_name == "float":
        return float(text)
    if type_name == "bool":
        return _bool(text)
    if type_name == "json":
        import json

        return json.loads(text)
    return text


def convert_default(name: str, type_name: str, value: Any) -> Any:
    """A default to the declared type, as Metaflow does: `int("3")`, `float(3)`. Raises ParameterError."""
    if isinstance(value, str) and type_name != "str":
        return convert(name, type_name, value)
    try:
        if type_name == "int" and type(value) is not int:
            return int(value)
        if type_name == "float" and type(value) is not float:
            return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ParameterError(
            f"parameter {name!r}: its default {value!r} is not a valid {type_name} ({error})"
        ) from None
    if type_name == "bool" and not isinstance(value, bool):
        raise ParameterError(f"parameter {name!r}: its default {value!r} is not a valid bool (write True or False)")
    return value


def type_of(declared: object, default: object) -> str:
    """The declared type, else the default's type, else str."""
    if getattr(declared, "name", None) == "JSON":
        return "json"
    kind = declared if declared is not None else type(default)
    if kind in (list, dict, tuple, set):
        return "json"
    return "bool" if kind is bool else "int" if kind is int else "float" if kind is float else "str"


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("use true or false")
