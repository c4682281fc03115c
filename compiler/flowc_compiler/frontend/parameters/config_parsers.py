"""Parsers of configs that flowc knows, so that it reads a config as the flow would and executes nothing of the flow."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Sequence
from typing import Any

from flowc_compiler.syntax.modules import FunctionNode
from flowc_compiler.syntax.served_imports import dotted


class ParseError(Exception):
    """The text is not of the parser's language; the message says where."""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ParseError(f"is not valid JSON: {error}") from None


def _toml(text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ParseError(f"is not valid TOML: {error}") from None


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ParseError(f"is not valid YAML: {' '.join(str(error).split())}") from None


Parser = Callable[[str], Any]
"""Text to the value of a config. Raises ParseError."""

PARSERS: dict[str, Parser] = {
    "json.loads": _json,
    "tomllib.loads": _toml,
    "tomli.loads": _toml,
    "toml.loads": _toml,
    "yaml.safe_load": _yaml,
    "yaml.full_load": _yaml,
    "metaflow._vendor.yaml.safe_load": _yaml,
}
"""Parsers by the dotted name of the function that a flow names, or calls in a function of its own."""

_YAML_LOADERS = frozenset({"SafeLoader", "FullLoader", "CSafeLoader", "CFullLoader"})


def known_parser(node: ast.expr, module: ast.Module) -> Parser | None:
    """The parser that an expression names: a function of the table, or one that only calls such a function."""
    if isinstance(node, ast.Constant):
        name = node.value
        return PARSERS.get(f"metaflow{name}" if name.startswith(".") else name) if isinstance(name, str) else None
    aliases = _aliases(module.body)
    if isinstance(node, ast.Lambda):
        return _called(node.body, node.args, aliases)
    if isinstance(node, ast.Name):
        functions = [item for item in module.body if isinstance(item, FunctionNode) and item.name == node.id]
        if functions:
            return _of_function(functions[0], aliases) if len(functions) == 1 else None
    return PARSERS.get(_full_name(node, aliases))


def _of_function(function: FunctionNode, aliases: dict[str, str]) -> Parser | None:
    """The parser of `def f(text): return parser(text)`, with imports and a docstring before the return."""
    *before, last = function.body
    if function.decorator_list or not isinstance(last, ast.Return) or last.value is None:
        return None
    if not all(map(_is_idle, before)):
        return None
    return _called(last.value, function.args, aliases | _aliases(before))


def _called(body: ast.expr, params: ast.arguments, aliases: dict[str, str]) -> Parser | None:
    """The parser that is called with the one parameter of a function, and nothing else."""
    if not isinstance(body, ast.Call) or not body.args or len(params.args) != 1:
        return None
    first, *rest = [*body.args, *(keyword.value for keyword in body.keywords)]
    if not isinstance(first, ast.Name) or first.id != params.args[0].arg:
        return None
    parser = _full_name(body.func, aliases)
    if parser == "yaml.load" and len(rest) == 1:
        return _yaml if _full_name(rest[0], aliases).partition(".")[2] in _YAML_LOADERS else None
    return PARSERS.get(parser) if not rest else None


def _is_idle(statement: ast.stmt) -> bool:
    """Whether a statement is an import, a docstring or `pass`."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str())) | ast.Import() | ast.ImportFrom() | ast.Pass():
            return True
        case _:
            return False


def _aliases(body: Sequence[ast.stmt]) -> dict[str, str]:
    """What the import statements of a body bind, as dotted names; those in a `try` included."""
    found: dict[str, str] = {}
    for statement in body:
        match statement:
            case ast.Try(handlers=handlers):
                for handler in handlers:
                    found.update(_aliases(handler.body))
                found.update(_aliases(statement.body))
            case ast.Import(names=names):
                found.update({alias.asname: alias.name for alias in names if alias.asname})
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in names})
            case _:
                pass
    return found


def _full_name(node: ast.expr, aliases: dict[str, str]) -> str:
    """`a.b.c` as text, its first name replaced by what it was imported as; empty for any other expression."""
    root, *rest = dotted(node) or ("",)
    return ".".join((aliases.get(root, root), *rest))
