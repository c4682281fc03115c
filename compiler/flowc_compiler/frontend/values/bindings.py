"""Which names a module or a class body binds, and to what, where that is certain: once, and to one expression."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

Bindings = dict[str, ast.expr | None]
"""Name to the expression that it is bound to; `None` where it is bound more than once or in another way."""

_MUTATORS = "append|extend|insert|remove|pop|popitem|clear|sort|reverse|update|setdefault|add|discard"


def bindings(body: Iterable[ast.stmt]) -> Bindings:
    """The names that statements bind."""
    found: Bindings = {}
    for statement in body:
        for name, value in _bound(statement):
            found[name] = None if name in found else value
    return found


def is_bound_once(name: str, body: Iterable[ast.stmt]) -> bool:
    """Whether one statement, and no other, binds a name."""
    return sum(bound == name for statement in body for bound, _ in _bound(statement)) == 1


def may_change(name: str, text: str) -> bool:
    """Whether source text has a statement that may give a name another value than its one assignment does.

    It looks for `global NAME`, `NAME[...] = `, and calls of methods that change a list, dict or set.
    """
    word = re.escape(name)
    return re.search(rf"\b{word}\b", text) is not None and any(
        re.search(pattern, text)
        for pattern in (
            rf"\bglobal\b[^\n#]*\b{word}\b",
            rf"(?<![\w.]){word}\s*(?:\[[^\n]*?\])+\s*(?:[-+*/|&^%@]|//|\*\*|<<|>>)?=(?!=)",
            rf"(?<![\w.]){word}(?:\[[^\n]*?\])*\s*\.\s*(?:{_MUTATORS})\s*\(",
            rf"\bdel\s+{word}\s*\[",
        )
    )


def _bound(statement: ast.stmt) -> list[tuple[str, ast.expr | None]]:
    match statement:
        case ast.Assign(targets=targets, value=value):
            return [pair for target in targets for pair in _target(target, value)]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return _target(target, value)
        case ast.AugAssign(target=target):
            return _target(target, None)
        case ast.Delete(targets=targets):
            return [pair for target in targets for pair in _target(target, None)]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [(name, None)]
        case ast.Import(names=names):
            return [(alias.asname or alias.name.partition(".")[0], None) for alias in names]
        case ast.ImportFrom(names=names):
            return [(alias.asname or alias.name, None) for alias in names if alias.name != "*"]
        case _:
            return [(name, None) for name in _inner(statement)]


def _target(target: ast.expr, value: ast.expr | None) -> list[tuple[str, ast.expr | None]]:
    if isinstance(target, ast.Name):
        return [(target.id, value)]
    if isinstance(target, ast.Tuple | ast.List):
        return [pair for item in target.elts for pair in _target(item, None)]
    if isinstance(target, ast.Starred):
        return _target(target.value, None)
    return []


def _inner(statement: ast.stmt) -> list[str]:
    """The names that are bound inside of `if`, `for`, `try`, `with`, ...: none of them is certain."""
    names: list[str] = []
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        match node:
            case ast.For(target=target) | ast.AsyncFor(target=target):
                names.extend(name for name, _ in _target(target, None))
            case ast.withitem(optional_vars=ast.expr() as target):
                names.extend(name for name, _ in _target(target, None))
            case ast.ExceptHandler(name=str(name)):
                names.append(name)
            case _:
                pass
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _COMPOUND):
                pending.append(child)
            elif isinstance(child, ast.stmt):
                names.extend(name for name, _ in _bound(child))
    return names


_COMPOUND = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match, ast.withitem,
    ast.ExceptHandler, ast.match_case,
)  # fmt: skip
