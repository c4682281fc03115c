"""Texts of the command line and the environment as values of parameters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

from flowc_compiler.evaluate.operations import DEEPEST_TREE
from flowc_compiler.ir import Parameter

TRUE_WORDS = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS = frozenset({"0", "false", "f", "no", "n", "off"})


def constraint_violation(value: object, parameter: Parameter) -> str:
    """Why a value of the right type is none that a parameter takes, as the end of a sentence; empty where it is one."""
    text = str(value)
    if parameter.choices:
        known = [choice.casefold() for choice in parameter.choices] if parameter.any_case else parameter.choices
        if (text.casefold() if parameter.any_case else text) not in known:
            return f"is none of {', '.join(parameter.choices)}"
    if parameter.clamp or (parameter.minimum is None and parameter.maximum is None):
        return ""
    try:
        number = float(text)
    except (ValueError, OverflowError):
        return ""
    if parameter.minimum is not None and number < parameter.minimum:
        return f"is less than {parameter.minimum}"
    return f"is more than {parameter.maximum}" if parameter.maximum is not None and number > parameter.maximum else ""


def items_of(text: str, parameter: Parameter) -> list[str]:
    """The texts that a text holds: one, or those in a JSON list where a parameter takes several values."""
    if not parameter.takes_several:
        return [text]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list):
        return [item if isinstance(item, str) else json.dumps(item) for item in cast("list[object]", found)]
    return [text] if parameter.multiple else text.split()


def converted(text: str, parameter: Parameter) -> Any:
    """The value of a text, a list where a parameter takes several. Raises ValueError where it is none."""
    if not parameter.takes_several:
        return converted_item(text, parameter)
    return [converted_item(item, parameter) for item in items_of(text, parameter)]


def converted_item(text: str, parameter: Parameter) -> Any:
    """The value of one text, by the parameter's type. Raises ValueError where it is none."""
    match parameter.type:
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "bool":
            word = text.strip().lower()
            if word not in TRUE_WORDS | FALSE_WORDS:
                raise ValueError(f"{text!r} is neither true nor false")
            return word in TRUE_WORDS
        case "json":
            return read_json(text)
        case "str":
            return text


def read_json(text: str) -> Any:
    """The value of a text in JSON. Raises ValueError, also where it is nested too deeply or UTF-8 cannot hold it."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level: list[object] = [value]
    for _ in range(DEEPEST_TREE):
        level = [part for item in level for part in _parts(item)]
    if level:
        raise ValueError("it is nested too deeply")
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # half of a character is a UnicodeEncodeError
    return value


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[object, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()
