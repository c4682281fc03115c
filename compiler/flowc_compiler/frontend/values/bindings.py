"""Which names a module or a class body binds, and to what, where that is certain: once, and to one expression."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import libcst as cst

Bindings = dict[str, cst.BaseExpression | None]
"""Name to the expression that it is bound to; `None` where it is bound more than once or in another way."""

_MUTATORS = "append|extend|insert|remove|pop|popitem|clear|sort|reverse|update|setdefault|add|discard"


def bindings(body: Iterable[cst.BaseStatement | cst.BaseSmallStatement]) -> Bindings:
    """The names that statements bind."""
    found: Bindings = {}
    for statement in body:
        for name, value in _bound(statement):
            found[name] = None if name in found else value
    return found


def is_bound_once(name: str, body: Iterable[cst.BaseStatement | cst.BaseSmallStatement]) -> bool:
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


def _bound(statement: cst.BaseStatement | cst.BaseSmallStatement) -> list[tuple[str, cst.BaseExpression | None]]:
    match statement:
        case cst.SimpleStatementLine(body=small):
            return [pair for item in small for pair in _bound(item)]
        case cst.Assign(targets=targets, value=value):
            return [pair for target in targets for pair in _target(target.target, value)]
        case cst.AnnAssign(target=target, value=cst.BaseExpression() as value):
            return _target(target, value)
        case cst.AugAssign(target=target):
            return _target(target, None)
        case cst.Del(target=target):
            return _target(target, None)
        case cst.FunctionDef(name=cst.Name(value=name)) | cst.ClassDef(name=cst.Name(value=name)):
            return [(name, None)]
        case cst.Import(names=names):
            return [(_imported(alias), None) for alias in names]
        case cst.ImportFrom(names=names) if not isinstance(names, cst.ImportStar):
            return [(alias.evaluated_alias or alias.evaluated_name, None) for alias in names]
        case _:
            return [(name, None) for name in _inner(statement)]


def _target(
    target: cst.BaseExpression, value: cst.BaseExpression | None
) -> list[tuple[str, cst.BaseExpression | None]]:
    if isinstance(target, cst.Name):
        return [(target.value, value)]
    if isinstance(target, cst.Tuple | cst.List):
        return [pair for item in target.elements for pair in _target(item.value, None)]
    return []


def _imported(alias: cst.ImportAlias) -> str:
    return alias.evaluated_alias or alias.evaluated_name.partition(".")[0]


def _inner(statement: cst.CSTNode) -> list[str]:
    """The names that are bound inside of `if`, `for`, `try`, `with`, ...: none of them is certain."""
    names: list[str] = []
    pending: list[cst.CSTNode] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.For):
            names.extend(name for name, _ in _target(node.target, None))
        elif isinstance(node, cst.AsName):
            names.extend(name for name, _ in _target(node.name, None))
        for child in _statements(node):
            if isinstance(child, cst.BaseSmallStatement | cst.FunctionDef | cst.ClassDef):
                names.extend(name for name, _ in _bound(child))
            else:
                pending.append(child)
    return names


def _statements(node: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """The statements and clauses in a statement, without its expressions."""
    kinds = (
        cst.BaseStatement, cst.BaseSmallStatement, cst.BaseSuite, cst.Else, cst.ExceptHandler, cst.Finally,
        cst.WithItem, cst.AsName, cst.MatchCase,
    )  # fmt: skip
    return [child for child in node.children if isinstance(child, kinds)]
