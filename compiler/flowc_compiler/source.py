"""Source files and the spans that point into them."""

from __future__ import annotations

import ast
import bisect
import re
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of one file: lines and columns count from 1, `end_column` is one past the last character."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}  # models of the IR hold spans

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class SourceFile:
    """The text of one file, and the arithmetic from offsets to lines.

    `name` is the path as the user wrote it (it appears in diagnostics and in the IR); `path` is where it is.
    """

    def __init__(self, path: Path, text: str, name: str | None = None) -> None:
        self.path = path
        self.text = text
        self.name = name if name is not None else path.as_posix()

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends; `lines[0]` is line 1."""
        return self.text.split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.lines:
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def offset(self, line: int, column: int = 1) -> int:
        """The character offset of a line and column, both from 1."""
        return self._starts[line - 1] + column - 1

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset `start` up to `end`."""
        first = bisect.bisect_right(self._starts, start) - 1
        last = max(first, bisect.bisect_right(self._starts, end) - 1)
        return Span(
            file=self.name,
            line=first + 1,
            column=start - self._starts[first] + 1,
            end_line=last + 1,
            end_column=end - self._starts[last] + 1,
        )

    def node_span(self, node: ast.AST) -> Span:
        """The span of a node of the file's syntax tree, without parentheses around it.

        `ast` counts columns in bytes of UTF-8, from 0. A node without a place, such as `ast.arguments`, is at line 1.
        """
        line, column, end_line, end_column = self._place(node)
        return Span(file=self.name, line=line, column=column, end_line=end_line, end_column=end_column)

    def code(self, node: ast.AST) -> str:
        """The text of a node of the file's syntax tree, without parentheses around it."""
        line, column, end_line, end_column = self._place(node)
        return self.text[self.offset(line, column) : self.offset(end_line, end_column)]

    def head_span(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Span:
        """The span of `def name`, `async def name` or `class name`."""
        start, _, end = self._head(node)
        return self.span(start, end)

    def name_span(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.arg) -> Span:
        """The span of the name in `def name` and `class name`, and of a parameter's."""
        if isinstance(node, ast.arg):
            line, column, _, _ = self._place(node)
            start = self.offset(line, column)
            return self.span(start, start + len(node.arg))
        _, name, end = self._head(node)
        return self.span(name, end)

    def keyword_name(self, node: ast.AST, name: str | None) -> ast.AST:
        """A node where a keyword's name stands before its value, `node`, in a call; the value where no name does."""
        line, column, _, _ = self._place(node)
        end = self.offset(line, column)
        found = _KEYWORD.search(self.text, max(0, end - _LONGEST_KEYWORD), end)
        if name is None or found is None or found[1] != name:
            return node
        start = bisect.bisect_right(self._starts, found.start(1))
        before = self.text[self._starts[start - 1] : found.start(1)]
        place = len(before.encode())
        return ast.Name(
            id=name, lineno=start, col_offset=place, end_lineno=start, end_col_offset=place + len(name.encode())
        )

    def _head(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[int, int, int]:
        """The offsets where a definition starts (its decorators stand before), and of its name's start and end."""
        line, column, _, _ = self._place(node)
        start = self.offset(line, column)
        keywords = _HEAD.match(self.text, start)
        name = keywords.end() if keywords is not None else start
        return start, name, name + len(node.name)

    def _place(self, node: ast.AST) -> tuple[int, int, int, int]:
        """First line and column of a node, last line and column after its end, in characters from 1."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        end_line, end_column = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", column)
        return line, self._characters(line, column) + 1, end_line, self._characters(end_line, end_column) + 1

    def _characters(self, line: int, column: int) -> int:
        """How many characters the first `column` bytes of a line are."""
        text = self.lines[line - 1]
        if text.isascii():
            return column
        if len(text) < _LONG_LINE:
            return len(text.encode()[:column].decode(errors="replace"))
        ends = self._ends_in_bytes.get(line)
        if ends is None:
            ends = self._ends_in_bytes[line] = list(accumulate(len(character.encode()) for character in text))
        return bisect.bisect_right(ends, column)

    @cached_property
    def _ends_in_bytes(self) -> dict[int, list[int]]:
        """Where each character of a long line ends in UTF-8, by the line: many nodes may be on it."""
        return {}

    def line_span(self, line: int) -> Span:
        """The span of one whole line without its indentation; of one that has nothing else, its end."""
        text = self.lines[line - 1]
        indent = len(text) - len(text.lstrip())
        end = max(indent, len(text.rstrip()))
        return Span(file=self.name, line=line, column=indent + 1, end_line=line, end_column=end + 1)


_LONG_LINE = 1000
_LONGEST_KEYWORD = 400
_KEYWORD = re.compile(r"(\w+)\s*=[\s(]*\Z")
_HEAD = re.compile(r"(?:(?:async|def|class)\b(?:[ \t\f]|\\\n)*)+")
