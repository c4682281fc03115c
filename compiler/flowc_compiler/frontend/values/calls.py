"""Calls in the text of a `config_expr` that have a value without executing anything of the user's."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, cast

from flowc_compiler.frontend.values.literals import NotLiteralError, Scope, evaluate

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "bool": bool, "dict": dict, "float": float, "int": int, "len": len, "list": list, "max": max,
    "min": min, "round": round, "sorted": sorted, "str": str, "sum": sum, "tuple": tuple,
}  # fmt: skip
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        {"capitalize", "endswith", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "split",
         "startswith", "strip", "title", "upper"}
    ),
    dict: frozenset({"get", "keys", "values", "items", "to_dict"}),
}  # fmt: skip


def call_value(node: ast.Call, scope: Scope) -> object:
    """The value of `int(x)`, `x.lower()`, `x.get("key", 0)` and the like. Raises NotLiteralError."""
    function = _function(node, scope)
    positional: list[object] = []
    keywords: dict[str, object] = {}
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            raise NotLiteralError(arg)
        positional.append(evaluate(arg, scope))
    for keyword in node.keywords:
        if keyword.arg is None:
            raise NotLiteralError(keyword)
        keywords[keyword.arg] = evaluate(keyword.value, scope)
    try:
        return function(*positional, **keywords)
    except Exception as error:
        raise NotLiteralError(node, f"the expression fails: {error}", wrong=True) from None


def _function(node: ast.Call, scope: Scope) -> Callable[..., Any]:
    match node.func:
        case ast.Name(id=name) if name in _FUNCTIONS:
            return _FUNCTIONS[name]
        case ast.Attribute(value=owner, attr=method):
            value = evaluate(owner, scope)
            kind = dict if isinstance(value, dict) else cast("type", type(value))
            if method in _METHODS.get(kind, ()):
                return _method(cast("dict[object, object] | str", value), method)
        case _:
            pass
    raise NotLiteralError(node)


def _method(value: dict[object, object] | str, name: str) -> Callable[..., Any]:
    if isinstance(value, dict):
        mapping = value
        if name == "to_dict":
            return lambda: dict(mapping)
        if name in {"keys", "values", "items"}:
            return lambda: list(getattr(mapping, name)())
    return cast("Callable[..., Any]", getattr(value, name))
