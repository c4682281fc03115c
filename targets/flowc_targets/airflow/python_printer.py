"""A printer of Python expressions, laid out as ruff and black would.

What fits on a line stands on one; everything else is spread out, one item a line with a comma after the last, which
formatters leave alone at any line length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

WIDTH = 88
"""The line length, the default of ruff and black."""

WIDEST = 120
"""Formatters join the parts of a string that fits on a line: strings are split only where they fit on none."""

_INDENT = "    "
_WORD = re.compile("[^ ]+ *| +")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True, slots=True)
class Name:
    """Source text that is written as it stands: a name, or an expression around one."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call with positional and keyword arguments."""

    function: str
    args: tuple[Expression, ...] = ()
    kwargs: Mapping[str, Expression] = field(default_factory=dict[str, "Expression"])


Expression: TypeAlias = (
    'str | int | float | bool | Name | Call | tuple["Expression", ...] | Mapping[str, "Expression"] | None'
)
"""What can be printed: literals, lists (given as tuples), dicts with string keys, names and calls."""


def one_line(value: Expression) -> str:
    """An expression on one line, however long."""
    match value:
        case float():
            return repr(value).replace("e+", "e")
        case None | bool() | int():
            return repr(value)
        case str():
            return quoted(value)
        case Name(text):
            return text
        case _:
            opening, closing, items = _parts(value)
            return f"{opening}{', '.join(lead + one_line(item) for lead, item in items)}{closing}"


def layout(value: Expression, indent: int, lead: str = "", tail: str = "") -> list[str]:
    """The lines of an expression at an indentation, after `lead` and before `tail`, both of the same statement."""
    pad = _INDENT * indent
    flat = one_line(value)
    if len(pad) + len(lead) + len(flat) + len(tail) <= WIDTH:
        return [f"{pad}{lead}{flat}{tail}"]
    match value:
        case str() if len(pad) + len(lead) + len(flat) + len(tail) > WIDEST:
            inner = pad + _INDENT
            whole = len(inner) + len(flat) <= WIDEST
            parts = [value] if whole else _parts_of(value, WIDTH - len(inner))
            if not whole and len(parts) == 1:
                return [f"{pad}{lead}{flat}{tail}"]
            return [f"{pad}{lead}(", *(inner + quoted(part) for part in parts), f"{pad}){tail}"]
        case Call() | tuple() | Mapping():
            opening, closing, items = _parts(value)
            if not items:
                return [f"{pad}{lead}{flat}{tail}"]
            lines = [f"{pad}{lead}{opening}"]
            for key, item in items:
                lines += layout(item, indent + 1, key, ",")
            return [*lines, f"{pad}{closing}{tail}"]
        case _:
            return [f"{pad}{lead}{flat}{tail}"]


def quoted(text: str) -> str:
    """A string literal: double quotes unless single ones need fewer escapes; what cannot be seen is escaped."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _parts_of(text: str, room: int) -> list[str]:
    """The lines of a text, and where they are longer than there is room for, as many words as there is for."""
    parts: list[str] = []
    for line in _lines(text):
        part = ""
        for word in _WORD.findall(line):
            if part and len(quoted(part + word)) > room:
                parts.append(part)
                part = ""
            part += word
        parts.append(part)
    return parts


def _lines(text: str) -> list[str]:
    """The lines with their ends: only `\\n` ends one here, unlike in `str.splitlines`."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _escaped(character: str, quote: str) -> str:
    if character == quote:
        return f"\\{quote}"
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _parts(
    value: Call | tuple[Expression, ...] | Mapping[str, Expression],
) -> tuple[str, str, list[tuple[str, Expression]]]:
    """How a call or collection opens and closes, and its items, each with what stands before it."""
    if isinstance(value, Call):
        named = [(f"{key}=", item) for key, item in value.kwargs.items()]
        return f"{value.function}(", ")", [*(("", item) for item in value.args), *named]
    if isinstance(value, tuple):
        return "[", "]", [("", item) for item in value]
    return "{", "}", [(f"{quoted(key)}: ", item) for key, item in value.items()]
