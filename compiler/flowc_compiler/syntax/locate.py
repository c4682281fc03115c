"""Where syntax nodes stand, at the price of what is asked for.

libcst computes positions by printing the whole tree, which costs more than parsing it. Yet a node prints exactly as it
stands in the file, so a node whose text occurs once in the stretch where it must be is found by a text search. Only an
ambiguous node makes the locator pay for all positions, once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.parsing import collector_paused

if TYPE_CHECKING:
    from libcst.metadata import CodeRange

_DEF = re.compile(r"^([ \t]+)(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
_TOP_LEVEL = re.compile(r"^[A-Za-z_@]", re.MULTILINE)


class Locator:
    """Spans of the nodes of one module."""

    def __init__(self, source: SourceFile, module: cst.Module) -> None:
        self.source = source
        self.module = module
        self._classes: dict[cst.ClassDef, int] = {}
        self._functions: dict[cst.FunctionDef, tuple[int, int, int]] = {}
        """Method to the offsets where its decorators may begin, of its `def`, and where the next method's `def` is."""

    def class_name(self, node: cst.ClassDef) -> Span:
        """The span of a class's name."""
        start = self._classes.get(node)
        return self.anywhere(node.name) if start is None else self.source.span(start, start + len(node.name.value))

    def add_class(self, node: cst.ClassDef) -> None:
        """Find the methods of a top-level class by their `def` lines, when those are unambiguous."""
        text = self.source.text
        heads = list(re.finditer(rf"^class[ \t]+{node.name.value}\b", text, re.MULTILINE))
        methods = [item for item in node.body.body if isinstance(item, cst.FunctionDef)]
        if len(heads) != 1:
            return
        self._classes[node] = heads[0].end() - len(node.name.value)
        if not methods:
            return
        following = _TOP_LEVEL.search(text, heads[0].end())
        end = following.start() if following else len(text)
        found = list(_DEF.finditer(text, heads[0].end(), end))
        indent = min((match[1] for match in found), key=len, default="")
        found = [match for match in found if match[1] == indent]
        if [match[2] for match in found] != [method.name.value for method in methods]:
            return
        bounds = [heads[0].end(), *(match.end(1) for match in found), end]
        for position, method in enumerate(methods):
            self._functions[method] = (bounds[position], bounds[position + 1], bounds[position + 2])

    def text_of(self, function: cst.FunctionDef) -> str:
        """The source from a function's `def` on: to the next method's `def` where that is known, else its own code."""
        bounds = self._functions.get(function)
        return self.source.text[bounds[1] : bounds[2]] if bounds else self.module.code_for_node(function)

    def function(self, node: cst.FunctionDef) -> Span:
        """The span of `def name`."""
        bounds = self._functions.get(node)
        if bounds is None:
            return self.anywhere(node.name)
        head = _NAME.match(self.source.text, bounds[1])
        assert head is not None
        return self.source.span(bounds[1], head.end())

    def inside(self, node: cst.CSTNode, function: cst.FunctionDef) -> Span:
        """The span of a node in a function's body."""
        bounds = self._functions.get(function)
        return self._search(node, bounds[1], bounds[2]) if bounds else self.anywhere(node)

    def decorator(self, node: cst.Decorator, function: cst.FunctionDef) -> Span:
        """The span of a decorator of a function, without the `@`."""
        bounds = self._functions.get(function)
        if bounds is None:
            return self.anywhere(node.decorator)
        return self._search(node.decorator, bounds[0], bounds[1], prefix="@")

    def anywhere(self, node: cst.CSTNode) -> Span:
        """The span of any node, from libcst's own positions."""
        return self._from_range(self._positions[node])

    def unique(self, node: cst.CSTNode) -> Span:
        """The span of a node by its text in the whole file, where that occurs once."""
        return self._search(node, 0, len(self.source.text))

    def _search(self, node: cst.CSTNode, start: int, end: int, prefix: str = "") -> Span:
        code = prefix + self.module.code_for_node(node)
        text = self.source.text
        at = text.find(code, start, end)
        if at < 0 or text.find(code, at + 1, end) >= 0:
            return self.anywhere(node)
        return self.source.span(at + len(prefix), at + len(code))

    @cached_property
    def _positions(self) -> Mapping[cst.CSTNode, CodeRange]:
        from libcst.metadata import MetadataWrapper, PositionProvider

        with collector_paused():
            wrapper = MetadataWrapper(self.module, unsafe_skip_copy=True)
            return wrapper.resolve(PositionProvider)

    def _from_range(self, code: CodeRange) -> Span:
        start, end = code.start, code.end
        return Span(
            file=self.source.name,
            line=start.line,
            column=start.column + 1,
            end_line=end.line,
            end_column=end.column + 1,
        )


_NAME = re.compile(r"(?:async[ \t]+)?def[ \t]+\w+")
