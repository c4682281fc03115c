"""Texts of the command line and the environment as values of parameters."""

from __future__ import annotations

import json
from typing import Any

from flowc_compiler.ir import Parameter

TRUE_WORDS = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS = frozenset({"0", "false", "f", "no", "n", "off"})


def converted(text: str, parameter: Parameter) -> Any:
    """The value that a text is of, by the parameter's type. Raises ValueError where it is none."""
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
            try:
                return json.loads(text)
            except RecursionError:
                raise ValueError("it is nested too deeply") from None
        case "str":
            return text
