"""Source files and the spans that point into them."""

from __future__ import annotations

import bisect
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Span(BaseModel):
    """A half-open stretch of one file: lines and columns count from 1, `end_column` is one past the last character."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

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

    def line_span(self, line: int) -> Span:
        """The span of one whole line without its indentation."""
        text = self.lines[line - 1]
        indent = len(text) - len(text.lstrip())
        return Span(file=self.name, line=line, column=indent + 1, end_line=line, end_column=len(text.rstrip()) + 1)
