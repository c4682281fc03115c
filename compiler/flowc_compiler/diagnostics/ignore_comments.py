"""Comments that ignore diagnostics, `# flowc: ignore[FC319]`: found by tokens, and what each of them covers.

A comment behind code covers its line; on the first or last line of a statement, the whole statement; and on that of a
`def` or `class`, its decorators too. One on a line of its own covers the statement, or the part of one, that follows.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

from flowc_compiler.source import SourceFile, Span

MARK = "flowc:"
_COMMENT = re.compile(
    r"#\s*flowc:\s*ignore\b(?:\s*\[(?P<listed>[^]\[]*)\]|(?P<loose>[\s:=(\[]*FC\d{3}\b(?:[\s,]+FC\d{3}\b)*[)\]]?))?"
)
_CODE = re.compile(r"[^\s,]+")
_BETWEEN = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})


class CommentText(NamedTuple):
    """The text of a comment that ignores something, in its parts."""

    start: int
    """Where `# flowc: ignore[...]` begins; what stands before is another comment's."""
    end: int
    codes: tuple[str, ...]
    listed: bool
    """Whether the codes are in brackets. Those of `# flowc: ignore FC319` do not count."""

    def with_codes(self, text: str, codes: tuple[str, ...]) -> str:
        """The text with other codes. Without codes it goes, and the reason behind it; other comments stay."""
        before, after = text[: self.start], text[self.end :]
        if codes:
            return f"{before}# flowc: ignore[{', '.join(codes)}]{after}"
        return f"{before}{after[after.index('#') :] if '#' in after else ''}".rstrip()


def parse_comment(text: str) -> CommentText | None:
    """What a comment ignores; `None` for any other comment."""
    found = _COMMENT.search(text)
    if found is None:
        return None
    if found["listed"] is not None and (codes := _CODE.findall(found["listed"])):
        return CommentText(found.start(), found.end(), tuple(codes), listed=True)
    loose = tuple(re.findall(r"FC\d{3}", found["loose"] or ""))
    return CommentText(found.start(), found.end(), loose, listed=False)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class IgnoreComment:
    """One comment."""

    span: Span
    """`# flowc: ignore[...]` itself."""
    codes: tuple[str, ...]
    listed: bool


_Place = tuple[Literal["line", "statement", "head"], int]
"""What a comment covers: a line; a statement; or a `def` or `class` with its decorators, by its number."""


class IgnoreComments:
    """The comments of one file that ignore something."""

    def __init__(self, source: SourceFile) -> None:
        self._places: dict[_Place, list[IgnoreComment]] = {}
        self._statements: dict[int, int] = {}
        """Line to the number of its statement."""
        self._heads: dict[int, int] = {}
        """The number of a statement to that of its head."""
        if MARK in source.text:
            self._read(source)

    @classmethod
    def of(cls, source: SourceFile) -> IgnoreComments:
        """The comments of a file, which is read once."""
        found = _READ.get(source)
        if found is None:
            found = _READ[source] = cls(source)
        return found

    def __iter__(self) -> Iterator[IgnoreComment]:
        """Iterate over all of them, in the order of the file."""
        found = [comment for comments in self._places.values() for comment in comments]
        return iter(sorted(found, key=lambda comment: (comment.span.line, comment.span.column)))

    def covering(self, span: Span) -> Iterator[IgnoreComment]:
        """The comments that cover a place of the file."""
        if not self._places:
            return
        number = self._statements.get(span.line, 0)
        places: dict[_Place, None] = {("line", span.line): None, ("line", span.end_line): None}
        places |= {("statement", number): None, ("head", self._heads.get(number, 0)): None}
        for place in places:
            yield from self._places.get(place, ())

    def _read(self, source: SourceFile) -> None:
        statement = _Statement()
        above: list[IgnoreComment] = []
        for token in _tokens(source):
            line = token.start[0]
            if token.type == tokenize.COMMENT:
                comment = _comment(source, token)
                if comment is not None:
                    alone = not source.lines[line - 1][: token.start[1]].strip()
                    (above if alone else statement.comments).append(comment)
            elif token.type == tokenize.NEWLINE:
                self._end(statement, line)
            elif token.type not in _BETWEEN:
                place: _Place = ("line", line)
                if not statement.is_open:
                    statement.begin(line, source.lines[line - 1])
                    place = ("head", statement.head) if statement.kind else ("statement", statement.number)
                self._put(above, place)
                above = []
        for comment in [*statement.comments, *above]:  # of a file that ends early, or of one behind its last statement
            self._put([comment], ("line", comment.span.line))

    def _end(self, statement: _Statement, last: int) -> None:
        self._statements |= dict.fromkeys(range(statement.first, last + 1), statement.number)
        if statement.kind:
            self._heads[statement.number] = statement.head
        whole: _Place = ("statement", statement.number)
        if statement.kind == "definition":
            whole = ("head", statement.head)
        for comment in statement.comments:
            line = comment.span.line
            self._put([comment], whole if line in {statement.first, last} else ("line", line))
        statement.comments = []
        statement.is_open = False

    def _put(self, comments: list[IgnoreComment], place: _Place) -> None:
        if comments:
            self._places.setdefault(place, []).extend(comments)


_READ: WeakKeyDictionary[SourceFile, IgnoreComments] = WeakKeyDictionary()


class _Statement:
    """The statement that is being read: of a compound one, its first line."""

    def __init__(self) -> None:
        self.number = 0
        self.head = 0
        """The number of the `def` or `class` that it is, or a decorator of."""
        self.kind: Literal["", "decorator", "definition"] = ""
        self.first = 0
        self.is_open = False
        self.comments: list[IgnoreComment] = []
        """Those behind its code."""

    def begin(self, line: int, text: str) -> None:
        """Take the first line of the next statement."""
        is_next = self.kind == "decorator"
        self.kind = "decorator" if text.lstrip().startswith("@") else "definition" if _DEFINITION.match(text) else ""
        self.number += 1
        self.head += bool(self.kind) and not is_next
        self.first = line
        self.is_open = True


_DEFINITION = re.compile(r"\s*(?:(?:async\s+)?def|class)\b")


def _tokens(source: SourceFile) -> Iterator[tokenize.TokenInfo]:
    """The tokens of a file; of one that is not valid Python, those up to there."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(source.text).readline)
    except (tokenize.TokenError, SyntaxError):
        return


def _comment(source: SourceFile, token: tokenize.TokenInfo) -> IgnoreComment | None:
    found = parse_comment(token.string)
    if found is None:
        return None
    start = source.offset(*token.start) + 1
    return IgnoreComment(source.span(start + found.start, start + found.end), found.codes, found.listed)
