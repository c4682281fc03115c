"""Imports of a file as libcst has them: which names they bind, and a place for one more."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
from libcst.helpers import get_full_name_for_node

Line = cst.SimpleStatementLine | cst.BaseCompoundStatement


def dotted(name: str) -> cst.Name | cst.Attribute:
    """The expression `a.b.c`."""
    head, *rest = name.split(".")
    node: cst.Name | cst.Attribute = cst.Name(head)
    for part in rest:
        node = cst.Attribute(node, cst.Name(part))
    return node


def module_of(node: cst.ImportFrom) -> str | None:
    """The module that `from ... import` names; `None` for a relative one."""
    return get_full_name_for_node(node.module) if node.module is not None and not node.relative else None


def alias(name: str, bound: str) -> cst.ImportAlias:
    """`name`, or `name as bound` where that differs."""
    if name == bound:
        return cst.ImportAlias(dotted(name))
    return cst.ImportAlias(dotted(name), asname=cst.AsName(cst.Name(bound)))


def bound_name(item: cst.ImportAlias) -> str:
    """The name that an alias of `from ... import` binds."""
    return item.evaluated_alias or item.evaluated_name


def import_from(module: str, names: Sequence[tuple[str, str]]) -> cst.ImportFrom:
    """`from module import name as bound, ...`"""
    return cst.ImportFrom(dotted(module), [alias(*item) for item in names])


def add_import(module: cst.Module, source: str, name: str) -> cst.Module:
    """The file with `from source import name`: in an import of that module that it has, or in a new line."""
    for index, line in enumerate(module.body):
        small = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
        if (
            isinstance(small, cst.ImportFrom)
            and module_of(small) == source
            and not isinstance(small.names, cst.ImportStar)
        ):
            changed = line.with_deep_changes(small, names=_with_name(small.names, name))
            return module.with_changes(body=[*module.body[:index], changed, *module.body[index + 1 :]])
    place = _first_code(module.body)
    blank = [cst.EmptyLine(indent=False)] if place == 1 and not _is_import(module.body[0]) else []
    new = cst.SimpleStatementLine([import_from(source, [(name, name)])], leading_lines=blank)
    return module.with_changes(body=[*module.body[:place], new, *module.body[place:]])


def _is_import(line: Line) -> bool:
    return isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Import | cst.ImportFrom)


def _with_name(names: Sequence[cst.ImportAlias], name: str) -> Sequence[cst.ImportAlias]:
    """The names of an import with one more: where it belongs by the alphabet, if they are in its order, else last."""
    known = [item.evaluated_name for item in names]
    if name in known:
        return names
    place = next((index for index, other in enumerate(known) if other > name), len(known))
    if known != sorted(known):
        place = len(known)
    new = cst.ImportAlias(cst.Name(name))
    if place < len(names):
        pattern = names[place].comma
        comma = pattern if isinstance(pattern, cst.Comma) else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        return [*names[:place], new.with_changes(comma=comma), *names[place:]]
    last = names[-1]
    between = names[-2].comma if len(names) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return [*names[:-1], last.with_changes(comma=between), new.with_changes(comma=last.comma)]


def _first_code(body: Sequence[Line]) -> int:
    """The place behind the docstring and the imports at the top, where a new import goes."""
    place = 0
    for index, line in enumerate(body):
        match line:
            case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
                place = max(place, int(index == 0))
            case _ if _is_import(line):
                place = index + 1
            case _:
                break
    return place
