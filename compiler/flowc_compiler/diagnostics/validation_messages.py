"""Pydantic's errors about values that people have written, in their words: what is wrong, and what to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from types import UnionType
from typing import TYPE_CHECKING, Any, NamedTuple, Union, cast, get_args, get_origin

from flowc_compiler.diagnostics.fix import suggest

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

DOTTED_NAME = r"^[^\W\d]\w*(\.[^\W\d]\w*)+$"
"""The pattern of a function's name with its module."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"\s*(\d{1,9})\s*([smhdw])[a-z]*\s*", re.IGNORECASE)
_SHOWN = 60
"""Characters of a value that a message repeats."""


class ValueProblem(NamedTuple):
    """What is wrong with a value."""

    message: str
    help: str
    """What to write; empty where the message says it."""


def value_problem(error: Mapping[str, Any], field: FieldInfo | None = None, mapping: str = "a table") -> ValueProblem:
    """The problem that an item of `ValidationError.errors()` is about; `field` is that of the whole option.

    `mapping` is what people call a dict where they have written the value.
    """
    kind, value = str(error["type"]), error.get("input")
    name = str(error["loc"][0]) if error.get("loc") else "NAME"
    if kind == "literal_error":
        return _none_of(value, re.findall(r"'([^']*)'", str(error["ctx"]["expected"])))
    if kind == "string_pattern_mismatch":
        return _unlike(value, str(error["ctx"]["pattern"]), field)
    if kind == "missing":
        return ValueProblem("it has to be given", "")
    if kind in _LENGTHS:
        return ValueProblem(_LENGTHS[kind].format(shown=_shown(value), **error["ctx"]), "")
    if kind == "finite_number" or (isinstance(value, float) and isnan(value)):
        return ValueProblem(f"{_shown(value)} is not a finite number", "write a number")
    if kind in _BOUNDS:
        what, key, help_text = _BOUNDS[kind]
        bound = f"{error['ctx'][key]:.15g}"
        return ValueProblem(f"{_shown(value)} is {what} {bound}", help_text.format(bound))
    if kind.startswith("int_"):
        return ValueProblem(f"{_shown(value)} is not a whole number", _number_help(name, value, field))
    known = next((item for start, item in _KINDS.items() if kind.startswith(start)), None)
    if known is not None:
        what, help_for = known
        help_text = help_for.format(name=name) if isinstance(help_for, str) else help_for(name, value)
        return ValueProblem(f"{_shown(value)} {what.format(mapping=mapping)}", help_text)
    return ValueProblem(str(error["msg"]).removeprefix("Value error, "), "")


def literal_kind_problem(annotation: object, value: object) -> str | None:
    """The kind of pydantic's error for a TOML value that it would convert: a text for a number, or `true` for 1."""
    kinds: dict[object, str] = {bool: "bool_type", int: "int_type", float: "float_type"}
    is_union = get_origin(annotation) in (Union, UnionType)
    arguments = cast("Sequence[object]", get_args(annotation) if is_union else ())
    kind = next((item for item in (annotation, *arguments) if item in kinds), None)
    if kind is None or value is None or str in arguments:
        return None
    right = isinstance(value, bool) if kind is bool else isinstance(value, int | float) and not isinstance(value, bool)
    return None if right else kinds[kind]


def _shown(value: object) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _none_of(value: object, choices: Sequence[str]) -> ValueProblem:
    listed = f"it may be {', '.join(choices)}"
    folded = {choice.lower(): choice for choice in choices}
    same = folded.get(str(value).lower())
    help_text = f"did you mean `{same}`?" if same else suggest(str(value), choices, listed).help
    return ValueProblem(f"{_shown(value)} is not one of {', '.join(choices)}", "" if help_text == listed else help_text)


def _unlike(value: object, pattern: str, field: FieldInfo | None) -> ValueProblem:
    choices = re.fullmatch(r"\^\(([\w|]+)\)\$", pattern)
    if choices is not None:
        return _none_of(value, choices[1].split("|"))
    if pattern == DOTTED_NAME:
        return ValueProblem(f"{_shown(value)} is not a dotted name, such as company.alerts.page", "")
    about = getattr(field, "description", None)
    return ValueProblem(f"{_shown(value)} is not of its form" + (f": {about}" if about else ""), "")


def _number_help(name: str, value: object, field: FieldInfo | None) -> str:
    about = f"{name} {getattr(field, 'description', None) or ''}"
    if "second" not in about and not name.startswith(("timeout", "ttl")):
        return "write a whole number, such as 3"
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return "write seconds, such as 3600"
    return f"it is in seconds: write {int(found[1]) * _SECONDS[found[2].lower()]}"


def _text_help(name: str, value: object) -> str:
    del name
    if isinstance(value, (bool, int, float)):
        return f'write "{str(value).lower() if isinstance(value, bool) else value}", in quotes'
    return 'write a text, such as "value"'


def _table_help(name: str, value: object) -> str:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    pairs = [item.partition("=") for item in items if isinstance(item, str) and re.match(r"[\w./-]+=[^=]", item)]
    if pairs and len(pairs) == len(items):
        inner = ", ".join(f'{_key(key.strip())} = "{text}"' for key, _, text in pairs)
        return f"write {name} = {{ {inner} }}"
    return f'write {name} = {{ NAME = "value" }}'


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


_KINDS: dict[str, tuple[str, str | Callable[[str, object], str]]] = {
    "string_type": ("is not a text", _text_help),
    "string_too_short": ("is empty", "write a text, or leave it out"),
    "bool_": ("is not true or false", "write {name} = true"),
    "float_": ("is not a number", "write {name} = 1.5"),
    "dict_type": ("is not {mapping}", _table_help),
    "mapping_type": ("is not {mapping}", _table_help),
    "model_type": ("is not {mapping}", _table_help),
    "tuple_type": ("is not a list", 'write {name} = ["value"]'),
    "list_type": ("is not a list", 'write {name} = ["value"]'),
}
"""By how pydantic's name of the error begins: the end of the message, and the help."""
_LENGTHS = {
    "too_short": "it needs at least {min_length}, and has {actual_length}",
    "too_long": "it has {actual_length}, and at most {max_length} are possible",
    "string_too_long": "{shown} has more than {max_length} characters",
}
_BOUNDS = {
    "greater_than_equal": ("less than", "ge", "write {} or more"),
    "greater_than": ("not more than", "gt", "write more than {}"),
    "less_than_equal": ("more than", "le", "write {} or less"),
    "less_than": ("not less than", "lt", "write less than {}"),
}
