"""Walks of syntax trees over the nodes that have a place in the file: they take half of the time of those of `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
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


def bound_names(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The names that statements bind, those in loops, conditions and so on included, without inner functions."""
    names: set[str] = set()
    for node in walk_scope(body):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.MatchStar(name=str(name)):
                names.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchMapping(rest=str(name)) | ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case _:
                pass
    return frozenset(names)


def unquoted(annotation: ast.expr) -> ast.expr:
    """An annotation that is written as text, as what the text says; itself where it is none, or cannot be parsed."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass
    return annotation


def walk_scope(body: Sequence[ast.AST]) -> Iterable[ast.AST]:
    """The nodes of statements, without what runs in a scope of its own."""
    pending: list[ast.AST] = list(body)[::-1]
    while pending:
        node = pending.pop()
        yield node
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                pending.extend(item for item in walk(node) if isinstance(item, ast.NamedExpr))
            case _:
                pending.extend(children(node)[::-1])
