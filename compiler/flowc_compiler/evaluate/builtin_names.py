"""The names of Python's builtin functions, and the values that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowc_compiler.evaluate.values import Builtin

PLAIN_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "all": all, "any": any, "ascii": ascii, "bin": bin, "bool": bool, "bytes": bytes, "chr": chr,
    "complex": complex, "divmod": divmod, "float": float, "format": format, "hash": hash, "hex": hex, "int": int,
    "max": max, "min": min, "oct": oct, "ord": ord, "pow": pow, "range": range, "repr": repr, "round": round,
    "slice": slice, "sorted": sorted, "str": str, "sum": sum,
}  # fmt: skip
STRUCTURAL_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "dict": dict, "frozenset": frozenset, "len": len, "list": list, "set": set, "tuple": tuple,
}  # fmt: skip
"""Functions that do not look at the entries of what they are given."""
LAZY_FUNCTIONS = frozenset({"enumerate", "filter", "iter", "map", "reversed", "zip"})
BUILTIN_TYPES: dict[str, type] = {
    item.__name__: item
    for item in (bool, bytes, complex, dict, float, frozenset, int, list, range, set, str, tuple)
}  # fmt: skip
_OBJECTS = frozenset({"callable", "getattr", "hasattr", "isinstance", "next", "print", "setattr", "type", "vars"})
BUILTINS = frozenset(
    {
        *PLAIN_FUNCTIONS,
        *STRUCTURAL_FUNCTIONS,
        *LAZY_FUNCTIONS,
        *_OBJECTS,
        "exit",
        "object",
        "quit",
        "NotImplemented",
        "__name__",
    }
)
"""The names that have a meaning where the file gives them none."""


def builtin(name: str) -> object:
    """A builtin as a value."""
    if name == "__name__":
        return "__main__"
    return Builtin(name, PLAIN_FUNCTIONS.get(name) or STRUCTURAL_FUNCTIONS.get(name) or (lambda: None))
