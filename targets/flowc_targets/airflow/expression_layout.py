"""How values are written in a DAG file, as ruff and black would lay them out.

An expression that fits on a line is on one. Any other has one item a line and a comma after the last, which formatters
leave alone at every line length. A text of several lines stands as it is between triple quotes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowc_targets.airflow.dag_model import Call, Name

if TYPE_CHECKING:
    from flowc_targets.airflow.dag_model import Expression

WIDTH = 88
"""The line length, the default of ruff and black."""
WIDEST = 120
"""A longer line length that people use: strings that fit into it stay whole, since formatters would join them."""
_INDENT = "    "
_WORD = re.compile("[^ ]+ *| +")
_CLOSING = re.compile(r'"{3,}|"+\Z')
"""What would end a literal too early."""
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text_block(text: str) -> str:
    """Return a literal of a line break and the text, whose lines stand as they are wherever Python allows it.

    It is raw where there are backslashes. What does not print is escaped: it could hide what the code does.
    """
    for quotes in ('"""', "'''"):
        if quotes not in text and not text.endswith((quotes[0], "\\")) and all(map(_stands, text)):
            return f"{'r' if chr(92) in text else ''}{quotes}\n{text}{quotes}"
    escaped = "".join(char if char in "\n\t" else _escaped(char, "") for char in text)
    return '"""\n' + _CLOSING.sub(lambda found: '\\"' * len(found[0]), escaped) + '"""'


def _stands(character: str) -> bool:
    return character in "\n\t" or character.isprintable()


def one_line(value: Expression) -> str:
    """Return an expression on one line, however long."""
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
    """Return the lines of an expression at an indentation, between `lead` and `tail` of the same statement."""
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
    """Return a string literal, in double quotes unless single ones need fewer escapes."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _parts_of(text: str, room: int) -> list[str]:
    """Split a text into its lines, and longer lines at words, into parts that fit into the room."""
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
    """Return the lines with their ends: only `\\n` ends one here, unlike in `str.splitlines`."""
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
    """Return the start and the end of a call or collection, and its items, each with the text before it."""
    if isinstance(value, Call):
        named = [(f"{key}=", item) for key, item in value.kwargs.items()]
        return f"{value.function}(", ")", [*(("", item) for item in value.args), *named]
    if isinstance(value, tuple):
        return "[", "]", [("", item) for item in value]
    return "{", "}", [(f"{quoted(key)}: ", item) for key, item in value.items()]
