"""What pydantic says of a wrong value, in words for whoever has written that value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DOTTED_NAME = r"^[^\W\d]\w*(\.[^\W\d]\w*)+$"
"""The pattern of a function's name with its module."""
_CHOICES = re.compile(r"\^\((\w+(?:\|\w+)*)\)\$")
_TYPES = {"tuple_type": "this is not a list", "list_type": "this is not a list", "string_type": "this is not a text"}
_LONGEST = 80


def validation_message(problem: ErrorDetails) -> str:
    """What is wrong: without pydantic's prefix, and without patterns."""
    kind, message = problem["type"], str(problem["msg"]).removeprefix("Value error, ")
    if kind == "string_pattern_mismatch":
        pattern, value = str(problem.get("ctx", {}).get("pattern")), repr(problem["input"])[:_LONGEST]
        choices = _CHOICES.fullmatch(pattern)
        if choices is not None:
            return f"{value} is not one of {choices[1].replace('|', ', ')}"
        if pattern == DOTTED_NAME:
            return f"{value} is not a dotted name, such as company.alerts.page"
    return _TYPES.get(kind, message)
