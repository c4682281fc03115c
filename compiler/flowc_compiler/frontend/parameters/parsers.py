"""Parsers of configs that flowc knows, so that it reads a config as the flow would and executes nothing of the flow."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst
import yaml


class ParseError(Exception):
    """The text is not of the parser's language; the message says where."""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ParseError(f"is not valid JSON: {error}") from None


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise ParseError(f"is not valid TOML: {error}") from None


def _yaml(text: str) -> Any:
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


def known_parser(node: cst.BaseExpression, module: cst.Module) -> Parser | None:
    """The parser that an expression names: a function of the table, or one that only calls such a function."""
    if isinstance(node, cst.SimpleString):
        name = node.evaluated_value
        return PARSERS.get(f"metaflow{name}" if name.startswith(".") else name) if isinstance(name, str) else None
    if isinstance(node, cst.Lambda):
        return _called(node.body, node.params, _aliases(module.body))
    aliases = _aliases(module.body)
    if isinstance(node, cst.Name):
        functions = [
            item for item in module.body if isinstance(item, cst.FunctionDef) and item.name.value == node.value
        ]
        if functions:
            return _of_function(functions[0], aliases) if len(functions) == 1 else None
    return PARSERS.get(_dotted(node, aliases))


def _of_function(function: cst.FunctionDef, aliases: dict[str, str]) -> Parser | None:
    """The parser of `def f(text): return parser(text)`, with imports and a docstring before the return."""
    if function.decorators or not isinstance(function.body, cst.IndentedBlock):
        return None
    aliases = aliases | _aliases(function.body.body)
    last = function.body.body[-1]
    if not isinstance(last, cst.SimpleStatementLine) or not all(map(_is_idle, function.body.body[:-1])):
        return None
    *before, returned = last.body
    if not isinstance(returned, cst.Return) or returned.value is None or not all(map(_is_idle_small, before)):
        return None
    return _called(returned.value, function.params, aliases)


def _called(body: cst.BaseExpression, params: cst.Parameters, aliases: dict[str, str]) -> Parser | None:
    """The parser that is called with the one parameter of a function, and nothing else."""
    if not isinstance(body, cst.Call) or len(params.params) != 1 or not body.args:
        return None
    first, *rest = body.args
    if not isinstance(first.value, cst.Name) or first.value.value != params.params[0].name.value or first.star:
        return None
    name = _dotted(body.func, aliases)
    if name == "yaml.load" and len(rest) == 1 and _dotted(rest[0].value, aliases).partition(".")[2] in _YAML_LOADERS:
        return _yaml
    return PARSERS.get(name) if not rest else None


def _is_idle(statement: cst.BaseStatement) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(map(_is_idle_small, statement.body))


def _is_idle_small(statement: cst.BaseSmallStatement) -> bool:
    """Whether a statement is an import, a docstring or `pass`."""
    if isinstance(statement, cst.Expr):
        return isinstance(statement.value, cst.SimpleString | cst.ConcatenatedString)
    return isinstance(statement, cst.Import | cst.ImportFrom | cst.Pass)


def _aliases(body: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> dict[str, str]:
    """What the import statements of a body bind, as dotted names; those in a `try` included."""
    found: dict[str, str] = {}
    for statement in body:
        if isinstance(statement, cst.Try):
            for handler in statement.handlers:
                found.update(_aliases(handler.body.body))
            found.update(_aliases(statement.body.body))
        elif isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                found.update(_imported(small))
    return found


def _imported(statement: cst.BaseSmallStatement) -> dict[str, str]:
    match statement:
        case cst.Import(names=names):
            return {alias.evaluated_alias: alias.evaluated_name for alias in names if alias.evaluated_alias}
        case cst.ImportFrom(module=cst.Name() | cst.Attribute() as module, names=names) if (
            not statement.relative and not isinstance(names, cst.ImportStar)
        ):
            root = _dotted(module, {})
            return {alias.evaluated_alias or alias.evaluated_name: f"{root}.{alias.evaluated_name}" for alias in names}
        case _:
            return {}


def _dotted(node: cst.BaseExpression, aliases: dict[str, str]) -> str:
    """`a.b.c` as text, its first name replaced by what it was imported as."""
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value, aliases)}.{node.attr.value}"
    return aliases.get(node.value, node.value) if isinstance(node, cst.Name) else ""
