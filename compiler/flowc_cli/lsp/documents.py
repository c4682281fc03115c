"""The documents that an editor has open, and positions in them.

A position counts lines from 0 and characters in units of the encoding that client and server have agreed on. Lines end
where the protocol and Python have it, which is not where `str.splitlines` does.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lsprotocol import types
from pygls import uris

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.source import Span

Encoding = Literal["utf-8", "utf-16", "utf-32"]
"""What a character of a position is: a byte, two bytes, or a code point."""
_LINE_END = re.compile(r"\r\n|\r|\n")


def path_of(uri: str) -> Path | None:
    """The file of a document; `None` for one that is no file, such as an untitled one."""
    path = uris.to_fs_path(uri) if uri.startswith("file:") else None
    return Path(os.path.normpath(path)) if path is not None else None


def uri_of(path: str | Path) -> str:
    """The URI of a file."""
    return uris.from_fs_path(os.path.abspath(path)) or ""  # noqa: PTH100 (no object is wanted)


def _width(character: str, encoding: Encoding) -> int:
    """The units of a character."""
    code = ord(character)
    if encoding == "utf-8":
        return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
    return 1 + (code > 0xFFFF) if encoding == "utf-16" else 1


def to_units(line: str, column: int, encoding: Encoding) -> int:
    """The units of the first `column` characters of a line."""
    return min(column, len(line)) if line.isascii() else sum(_width(item, encoding) for item in line[:column])


def to_column(line: str, units: int, encoding: Encoding) -> int:
    """How many characters of a line the first units are: all of them where there are fewer."""
    if line.isascii():
        return min(units, len(line))
    for column, character in enumerate(line):
        if units <= 0:
            return column
        units -= _width(character, encoding)
    return len(line)


def span_range(span: Span | None, lines: Sequence[str], encoding: Encoding) -> types.Range:
    """The range of a span in a file with these lines; of no span, the first line."""
    if span is None:
        return types.Range(types.Position(0, 0), types.Position(0, to_units(lines[0], len(lines[0]), encoding)))

    def position(line: int, column: int) -> types.Position:
        if line > len(lines):  # a mistake at the end of a file reaches beyond it
            line, column = len(lines), len(lines[-1]) + 1
        return types.Position(line - 1, to_units(lines[line - 1], column - 1, encoding))

    return types.Range(position(span.line, span.column), position(span.end_line, span.end_column))


@dataclass(frozen=True)
class Document:
    """One version of an open document."""

    uri: str
    path: Path
    """Where it is, or would be."""
    version: int
    text: str
    encoding: Encoding

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return _LINE_END.split(self.text)

    @cached_property
    def _starts(self) -> list[int]:
        """The offset of each line in the text."""
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    @cached_property
    def plain(self) -> str:
        """The text as Python reads it: each line ends with a newline."""
        return "\n".join(self.lines)

    def changed(self, version: int, changes: Sequence[types.TextDocumentContentChangeEvent]) -> Document:
        """The next version, with changes of ranges and of the whole made one after the other."""
        found = self
        for change in changes:
            text = change.text
            if isinstance(change, types.TextDocumentContentChangePartial):
                start, end = found._offset(change.range.start), found._offset(change.range.end)
                text = f"{found.text[:start]}{change.text}{found.text[max(start, end) :]}"
            found = Document(self.uri, self.path, version, text, self.encoding)
        return found

    def _offset(self, position: types.Position) -> int:
        """The offset in the text; what is behind the end of a line or of the text is its end."""
        if position.line >= len(self.lines):
            return len(self.text)
        line = max(position.line, 0)
        return self._starts[line] + to_column(self.lines[line], position.character, self.encoding)

    def place(self, position: types.Position) -> tuple[int, int]:
        """Line and column of a position, in characters from 0."""
        line = min(max(position.line, 0), len(self.lines) - 1)
        if line < position.line:
            return line, len(self.lines[line])
        return line, to_column(self.lines[line], position.character, self.encoding)

    def position(self, line: int, column: int) -> types.Position:
        """The position of a line and column, in characters from 0."""
        return types.Position(line, to_units(self.lines[line], column, self.encoding))

    def range(self, span: Span | None) -> types.Range:
        """The range of a span."""
        return span_range(span, self.lines, self.encoding)
