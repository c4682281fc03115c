"""Replacements of nodes, planned on a tree with metadata and made in one walk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper


class Replacements:
    """What is to change, by node of the original tree."""

    def __init__(self) -> None:
        self.fields: dict[cst.CSTNode, dict[str, Any]] = {}
        """Node to the fields that change."""
        self.statements: dict[cst.CSTNode, list[cst.BaseSmallStatement]] = {}
        """Statement to those that take its place, each in a line of its own."""
        self.aliases: dict[cst.CSTNode, dict[cst.ImportAlias, Sequence[cst.ImportAlias]]] = {}
        """`import` to its names, and the names that take the place of each."""

        self.nodes: dict[cst.CSTNode, cst.CSTNode] = {}
        """Node to the one that takes its place."""
        self.inserted: dict[cst.CSTNode, dict[str, int]] = {}
        """Block to the statements that it gets, each with the place of the one before which it stands."""
        self.removed: set[cst.CSTNode] = set()
        """Lines of comments that go."""

    def set_fields(self, node: cst.CSTNode, **fields: Any) -> None:
        """Change fields of a node."""
        self.fields.setdefault(node, {}).update(fields)

    def insert(self, block: cst.IndentedBlock, place: int, statement: str) -> None:
        """Put a statement into a block, once."""
        self.inserted.setdefault(block, {}).setdefault(statement, place)

    def split(self, node: cst.BaseSmallStatement, statements: Sequence[cst.BaseSmallStatement]) -> None:
        """Put several statements in the place of one."""
        self.statements[node] = list(statements)

    def extend_import(self, node: cst.Import, item: cst.ImportAlias, new: Sequence[cst.ImportAlias]) -> None:
        """Put several names in the place of one of an `import`; a name stands there once."""
        self.aliases.setdefault(node, {})[item] = new


def parents_in(root: cst.CSTNode) -> dict[cst.CSTNode, cst.CSTNode]:
    """All nodes below one, in the order of the file, each with its parent."""
    parents: dict[cst.CSTNode, cst.CSTNode] = {}
    pending = [(root, root)]
    while pending:
        node, parent = pending.pop()
        parents[node] = parent
        pending.extend((child, node) for child in reversed(node.children))
    del parents[root]
    return parents


def replace(wrapper: MetadataWrapper, replacements: Replacements) -> cst.Module:
    """The tree with all replacements made."""
    return wrapper.module.visit(_Replacer(replacements))


class _Replacer(cst.CSTTransformer):
    def __init__(self, replacements: Replacements) -> None:
        super().__init__()
        self._made = replacements

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        if original_node in self._made.removed:
            return cst.RemoveFromParent()
        if original_node in self._made.nodes:
            return self._made.nodes[original_node]
        fields = self._made.fields.get(original_node)
        if fields is not None:
            updated_node = updated_node.with_changes(**fields)
        if original_node in self._made.inserted:
            updated_node = _with_statements(updated_node, self._made.inserted[original_node])
        if isinstance(original_node, cst.Import) and original_node in self._made.aliases:
            return _with_aliases(original_node, self._made.aliases[original_node])
        if isinstance(original_node, cst.SimpleStatementLine):
            return self._lines(original_node, updated_node)
        return updated_node

    def _lines(self, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine) -> Any:
        statements: list[cst.BaseSmallStatement] = []
        for old, new in zip(original.body, updated.body, strict=True):
            statements += self._made.statements.get(old, [new])
        if len(statements) == len(updated.body):
            return updated
        lines = [cst.SimpleStatementLine([_alone(item)]) for item in statements]
        lines[0] = lines[0].with_changes(leading_lines=updated.leading_lines)
        lines[-1] = lines[-1].with_changes(trailing_whitespace=updated.trailing_whitespace)
        return cst.FlattenSentinel(lines)


def _with_statements(block: cst.IndentedBlock, statements: dict[str, int]) -> cst.IndentedBlock:
    body: list[cst.BaseStatement] = []
    for place in range(len(block.body) + 1):
        body += [cst.parse_statement(text) for text, before in statements.items() if before == place]
        body += block.body[place : place + 1]
    return block.with_changes(body=body)


def _alone(statement: cst.BaseSmallStatement) -> cst.BaseSmallStatement:
    return statement.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)


def _with_aliases(node: cst.Import, changed: dict[cst.ImportAlias, Sequence[cst.ImportAlias]]) -> cst.Import:
    found: dict[tuple[str, str | None], cst.ImportAlias] = {}
    for item in node.names:
        for new in changed.get(item, (item,)):
            key = (new.evaluated_name, new.evaluated_alias)
            found.setdefault(key, new.with_changes(comma=cst.MaybeSentinel.DEFAULT))
    return node.with_changes(names=list(found.values()))
