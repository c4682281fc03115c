"""Walks of syntax trees over the nodes that have a place in the file: they take half of the time of those of `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

_ATOMS = frozenset(
    {
        "arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "kwd_attrs", "level", "lineno",
        "module", "op", "ops", "rest", "simple", "str", "tag", "type_comment",
    }
)  # fmt: skip
"""Fields that have no nodes, or only contexts and operators."""
_ATOMS_OF: dict[type[ast.AST], frozenset[str]] = {
    ast.Constant: frozenset({"value"}),
    ast.MatchSingleton: frozenset({"value"}),
    ast.Global: frozenset({"names"}),
    ast.Nonlocal: frozenset({"names"}),
    ast.alias: frozenset({"name"}),
    ast.FunctionDef: frozenset({"name"}),
    ast.AsyncFunctionDef: frozenset({"name"}),
    ast.ClassDef: frozenset({"name"}),
    ast.ExceptHandler: frozenset({"name"}),
    ast.MatchAs: frozenset({"name"}),
    ast.MatchStar: frozenset({"name"}),
}


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of a class of nodes that have nodes."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        if kind.__name__ in ("TypeVar", "TypeVarTuple", "ParamSpec"):  # of Python 3.12 and newer
            found = tuple(name for name in kind._fields if name != "name")
        else:
            atoms = _ATOMS | _ATOMS_OF.get(kind, frozenset())
            found = tuple(name for name in kind._fields if name not in atoms)
        self[kind] = found
        return found


_FIELDS = _Fields()


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node, in the order of `ast.iter_child_nodes`, without contexts and operators."""
    found: list[Any] = []
    for name in _FIELDS[type(node)]:
        value = getattr(node, name, None)
        if type(value) is list:
            found += value
        elif value is not None:
            found.append(value)
    return [item for item in found if item is not None] if None in found else found


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it in the order of `ast.walk`, without contexts and operators."""
    nodes = [node]
    for each in nodes:  # it grows
        yield each
        nodes += children(each)
