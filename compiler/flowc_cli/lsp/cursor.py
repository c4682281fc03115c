"""What stands around a position of a text that need not be valid Python: names, calls and the function it is in.

Only the text before the position counts, and the rest of the name that it is in, as editors ask while one types.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\f\r]|\\\n)+)|(?P<newline>\n)|(?P<comment>\#[^\n]*)"""
    r"""|(?P<quote>[rRbBuUfFtT]{0,2}(?:'''|\"\"\"|'|\"))|(?P<name>[^\W\d]\w*)|(?P<number>\d\w*)|(?P<sign>.)"""
)
_DEF = re.compile(r"([ \t]*)(?:async\s+)?def\s+(\w+)\s*\(\s*(\w*)\s*(?:,\s*(\w+))?")
_CLASS = re.compile(r"([ \t]*)class\s+(\w+)")
_OUTER = re.compile(r"^(?:class|def|async|@)", re.MULTILINE)
_TEXT_END = re.compile(r"[\"'\n]")
_WORD_REST = re.compile(r"\w*")
_MOST = 200_000
"""Characters before the position that are looked at."""


class _Token(NamedTuple):
    kind: str
    """`name`, `number`, `sign` or `text`."""
    text: str
    start: int


class OpenCall(NamedTuple):
    """A call or bracket that is not closed before the position."""

    callee: tuple[str, ...]
    """The dotted name before the bracket; empty for a bracket that is no call."""
    bracket: str
    keyword: str
    """The argument that the position is in; empty for a positional one."""
    given: frozenset[str]
    """The names of the arguments before the position."""
    is_decorator: bool
    at_name: bool
    """Whether an argument begins at the position, so that its name may stand there."""


class Surroundings(NamedTuple):
    """The function and the class that a line is in; empty names where it is in none."""

    method: str = ""
    self_name: str = ""
    inputs_name: str = ""
    """The first two parameters of the function."""
    owner: str = ""
    """The name of the class."""


@dataclass(frozen=True)
class Cursor:
    """A position in a text."""

    word: str
    """The name, or the text in quotes, that the position is in."""
    prefix: str
    """The part of it before the position."""
    start: int
    """The offset where it begins."""
    owner: tuple[str, ...] | None
    """The dotted name before it, `("self",)` for `self.x`; `None` where no dot stands before it."""
    in_text: bool
    """Whether the position is between quotes."""
    in_comment: bool
    calls: tuple[OpenCall, ...]
    """What is open around it, the innermost last."""
    is_decorator: bool
    """Whether it is the name of a decorator."""
    keyword: str
    """`def` or `class` where that stands before the name."""
    indent: int
    """How far the statement that it is in is indented."""
    around: Surroundings

    @property
    def call(self) -> OpenCall | None:
        """The call or bracket that it is directly in."""
        return self.calls[-1] if self.calls else None


def cursor_at(text: str, offset: int) -> Cursor:
    """What stands around an offset of a text, whose lines end with a newline."""
    read = _Reader(text, _beginning(text, offset), offset)
    tokens, prefix, start = read.tokens, "", offset
    end = _WORD_REST.match(text, offset).end()  # type: ignore[union-attr]  # it matches nothing, too
    if read.text_start is not None:
        start, prefix = read.text_start, text[read.text_start : offset]
        closing = _TEXT_END.search(text, offset)
        end = closing.start() if closing is not None else len(text)
    elif tokens and tokens[-1].kind == "name" and tokens[-1].start + len(tokens[-1].text) == offset:
        _, prefix, start = tokens.pop()
    first = tokens[read.statement].start if read.statement < len(tokens) else start
    indent = first - (text.rfind("\n", 0, first) + 1)
    before = tokens[-1].text if tokens else ""
    return Cursor(
        word=text[start:end], prefix=prefix, start=start, owner=_owner(tokens), in_text=read.text_start is not None,
        in_comment=read.in_comment, calls=tuple(_open_call(tokens, number, read) for number in read.brackets),
        is_decorator=before == "@" and read.statement == len(tokens) - 1,
        keyword=before if before in {"def", "class"} else "", indent=indent, around=surroundings(text, first, indent),
    )  # fmt: skip


def surroundings(text: str, offset: int, indent: int) -> Surroundings:
    """The function and the class around a statement that begins at an offset and is indented so far."""
    found = Surroundings()
    end = text.rfind("\n", 0, offset)
    while end >= 0 and indent > 0:
        begin = text.rfind("\n", 0, end) + 1
        line = text[begin:end]
        end = begin - 1
        if "def" in line and (match := _DEF.match(line)) is not None and len(match[1]) < indent:
            found = Surroundings(match[2], match[3], match[4] or "")
            indent = len(match[1])
        elif "class" in line and (match := _CLASS.match(line)) is not None and len(match[1]) < indent:
            return found._replace(owner=match[2])
    return found


class _Reader:
    """Reads the tokens of a text from one offset up to another."""

    def __init__(self, text: str, begin: int, end: int) -> None:
        self._text = text
        self._end = end
        self.tokens: list[_Token] = []
        self.brackets: list[int] = []
        """The numbers of the tokens that are brackets and not closed."""
        self.statement = 0
        """The number of the first token of the last statement."""
        self.text_start: int | None = None
        """Where the text begins that the end is in, behind the quotes."""
        self.in_comment = False
        self._fresh = self._first_of_line = True
        """Whether the next token begins a statement, or a line."""
        while begin < end and self.text_start is None:
            begin = self._next(begin)
        if self._fresh:
            self.statement = len(self.tokens)

    def _next(self, begin: int) -> int:
        """Read the token at an offset. Returns where the next one begins."""
        match = _TOKEN.match(self._text, begin, self._end)
        assert match is not None, "any character is a sign"
        kind, found = match.lastgroup or "", match[0]
        if kind == "comment":
            self.in_comment = match.end() == self._end
        elif kind == "newline":
            self._first_of_line = True
            self._fresh = self._fresh or not self.brackets
        elif kind != "space":
            self._begin(found)
            if kind == "quote":
                return self._quoted(begin, match.end(), found.lstrip("rRbBuUfFtT"))
            self._add(_Token(kind, found, begin))
        return match.end()

    def _begin(self, found: str) -> None:
        """Note where a statement begins."""
        if self._first_of_line and found in {"def", "class", "@"}:  # what is open before it is a mistake there
            self.brackets.clear()
            self._fresh = True
        if self._fresh:
            self.statement = len(self.tokens)
        self._fresh = self._first_of_line = False

    def _add(self, token: _Token) -> None:
        if token.text in {"(", "[", "{"}:
            self.brackets.append(len(self.tokens))
        elif token.text in {")", "]", "}"} and self.brackets:
            self.brackets.pop()
        self.tokens.append(token)

    def _quoted(self, begin: int, start: int, quote: str) -> int:
        """Read a text in quotes, which may not end before the end."""
        closing = _closing(self._text, start, self._end, quote)
        if closing is None:
            self.text_start = start
            return self._end
        self.tokens.append(_Token("text", self._text[start:closing], begin))
        return closing if self._text.startswith("\n", closing) else closing + len(quote)


def _beginning(text: str, offset: int) -> int:
    """Where to start reading: with the text, or with a statement that is not indented."""
    if offset <= _MOST:
        return 0
    found = _OUTER.search(text, offset - _MOST, offset)
    return found.start() if found is not None else text.rfind("\n", 0, offset) + 1


def _closing(text: str, position: int, end: int, quote: str) -> int | None:
    """Where a text in quotes ends, if need be with its line; `None` where that is not before `end`."""
    while position < end:
        character = text[position]
        if character == "\\":
            position += 2
        elif text.startswith(quote, position, end) or (character == "\n" and len(quote) == 1):
            return position
        else:
            position += 1
    return None


def _owner(tokens: Sequence[_Token]) -> tuple[str, ...] | None:
    """The dotted name before the last dot; empty where something else stands there."""
    return _dotted(tokens[:-1]) if tokens and tokens[-1].text == "." else None


def _dotted(tokens: Sequence[_Token]) -> tuple[str, ...]:
    """The dotted name that tokens end with. An index counts as a part of its own: `inputs[0]` is `("inputs", "[]")`."""
    parts: list[str] = []
    number = len(tokens) - 1
    while number >= 0:
        if tokens[number].text == "]":
            while number >= 0 and tokens[number].text != "[":
                number -= 1
            number -= 1
            parts.append("[]")
            if number < 0 or tokens[number].kind != "name":
                return ()
            continue
        if tokens[number].kind != "name":
            return ()
        parts.append(tokens[number].text)
        dot = tokens[number - 1]
        if number < 2 or dot.text != "." or dot.start + 1 != tokens[number].start:  # a line may have ended with a dot
            break
        number -= 2
    return tuple(reversed(parts))


def _open_call(tokens: Sequence[_Token], opening: int, read: _Reader) -> OpenCall:
    """The bracket that the token of a number opens. `tokens` are without the name that the position is in."""
    if opening >= len(tokens):
        return OpenCall((), "(", "", frozenset(), is_decorator=False, at_name=False)
    bracket = tokens[opening].text
    callee = _dotted(tokens[:opening]) if bracket == "(" else ()
    given, keyword, depth, last = set[str](), "", 0, "("
    for number in range(opening + 1, len(tokens)):
        text = tokens[number].text
        if tokens[number].kind == "text":
            text = "''"
        depth += (text in {"(", "[", "{"}) - (text in {")", "]", "}"})
        if not depth and text == ",":
            keyword = ""
        elif not depth and text == "=" and tokens[number - 1].kind == "name":
            keyword = tokens[number - 1].text
            given.add(keyword)
        last = text
    head = opening - 2 * len(callee)
    is_decorator = bool(callee) and head >= 0 and tokens[head].text == "@" and head == read.statement
    return OpenCall(callee, bracket, keyword, frozenset(given), is_decorator, not depth and last in {"(", ","})
