"""What ZenML makes of a value in a configuration for the annotation of a parameter: pydantic, which it asks, converts.

YAML 1.1 reads `3e-4` as text, for one, which a `float` takes. The rules are those of pydantic's lax mode,
https://docs.pydantic.dev/latest/concepts/conversion_table/. A value that they don't take stays what it is, and is
reported by the checks of types.
"""

from __future__ import annotations

import ast
import re
from typing import Any, cast

from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import unquoted

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})
_WHOLE = re.compile(r"\s*([+-]?\d+(?:_\d+)*)(?:\.0*)?\s*")
_LISTS = frozenset({"List", "Sequence", "list"})
_DICTS = frozenset({"Dict", "Mapping", "dict"})
_DEEPEST = 20


def lax_value(value: object, annotation: ast.expr | None, depth: int = 0) -> object:
    """The value as a parameter with that annotation gets it; unchanged where there is nothing to convert."""
    if depth > _DEEPEST:
        return value
    match annotation and unquoted(annotation):
        case ast.Name(id="float" | "int" | "bool" as kind):
            return _CONVERSIONS[kind](value)
        case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
            return None if value is None else lax_value(value, left, depth + 1)
        case ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=None), right=right):
            return None if value is None else lax_value(value, right, depth + 1)
        case ast.Subscript(value=outer, slice=inner):
            return _of_generic(value, dotted(outer)[-1:], inner, depth)
        case _:
            return value


def _of_generic(value: object, name: tuple[str, ...], inner: ast.expr, depth: int) -> object:
    unchanged, parts = value, inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == ("Annotated",) and parts:
        return lax_value(value, parts[0], depth + 1)
    if name == ("Optional",):
        return None if value is None else lax_value(value, inner, depth + 1)
    if name and name[0] in _LISTS and isinstance(value, list):
        return [lax_value(item, inner, depth + 1) for item in cast("list[object]", value)]
    if name and name[0] in _DICTS and isinstance(value, dict) and len(parts) == 2:
        entries = cast("dict[object, object]", value)
        return {
            lax_value(key, parts[0], depth + 1): lax_value(item, parts[1], depth + 1) for key, item in entries.items()
        }
    return unchanged


def _float(value: Any) -> object:
    if isinstance(value, str | int) and not (isinstance(value, str) and len(value) > 400):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return value
    return value


def _int(value: Any) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    match = _WHOLE.fullmatch(value) if isinstance(value, str) and len(value) <= 400 else None
    return int(match[1]) if match is not None else value


def _bool(value: Any) -> object:
    text = value.lower() if isinstance(value, str) else None
    if text in _TRUE or (isinstance(value, int | float) and value == 1):
        return True
    if text in _FALSE or (isinstance(value, int | float) and value == 0):
        return False
    return value


_CONVERSIONS = {"float": _float, "int": _int, "bool": _bool}
