"""A printer of plain trees as YAML that 1.1 and 1.2 readers, PyYAML and Go's, understand alike.

Strings that are not plainly strings are double-quoted: kubectl reads YAML 1.1, where `n`, `on`, `1_000` and `12:30:45`
are booleans and numbers. What fits on a line is written on one, and text of several lines as they are, where a literal
block can hold it. PyYAML's own printer is many times slower, and quotes less.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_targets.kubernetes.objects import Plain

WIDTH = 120
"""The longest line that collections are folded into; one long scalar may be longer."""

_PLAIN = re.compile(r"(?:--)?[A-Za-z_/](?:[A-Za-z0-9_./-]|:(?=[A-Za-z0-9_/]))*", re.ASCII)
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"})
_UNPRINTABLE = re.compile("[\x7f-\xa0\xad\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_NOT_IN_BLOCKS = re.compile(rf"[\x00-\x08\x0b-\x1f]|{_UNPRINTABLE.pattern}")


def documents(trees: list[Plain], header: str = "") -> str:
    """Several documents as one text, `header` as a comment above the first."""
    comment = "".join(f"# {line}\n" for line in header.splitlines())
    return comment + "---\n".join("".join(f"{line}\n" for line in _block(tree, 0)) for tree in trees)


def scalar(value: str | int | bool) -> str:
    """One scalar, quoted where it could be taken for something else."""
    return _string(value) if isinstance(value, str) else json.dumps(value)


@lru_cache(maxsize=2**16)
def _string(value: str) -> str:
    """Cached, as a manifest repeats its keys, and names of tasks where they are depended on."""
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return _UNPRINTABLE.sub(_escape, json.dumps(value, ensure_ascii=False))


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def _flow(tree: Plain, room: int) -> str | None:
    """The tree on one line, `None` where that would be longer than `room`.

    It gives up at the first part that does not fit, so that a large tree costs no more than a line.
    """
    if not isinstance(tree, dict | list):
        text = scalar(tree)
        return text if len(text) <= room else None
    parts: list[str] = []
    if isinstance(tree, dict):
        for key, item in tree.items():
            lead = _string(key)
            room -= len(lead) + 4  # the key's `: ` and two characters of punctuation
            inner = _string(item) if item.__class__ is str else _flow(item, room)
            if inner is None or len(inner) > room:
                return None
            parts.append(f"{lead}: {inner}")
            room -= len(inner)
        return f"{{{', '.join(parts)}}}"
    for item in tree:
        room -= 2
        inner = _flow(item, room)
        if inner is None:
            return None
        parts.append(inner)
        room -= len(inner)
    return f"[{', '.join(parts)}]"


def _block(tree: Plain, indent: int) -> Iterator[str]:
    """The lines of a tree, the outermost collection spread out unless it is empty."""
    pad = " " * indent
    if not tree and isinstance(tree, dict | list):
        yield f"{pad}{_flow(tree, 2)}"
    elif isinstance(tree, dict):
        for key, item in tree.items():
            lead = f"{pad}{scalar(key)}:"
            if item.__class__ is str and "\n" in item and _fits_block(item):
                yield from _literal(f"{lead} |", item, indent + 2)
                continue
            text = _inline(item, WIDTH - len(lead) - 1)
            if text is not None:
                yield f"{lead} {text}"
            else:
                yield lead
                yield from _block(item, indent if isinstance(item, list) else indent + 2)
    elif isinstance(tree, list):
        for item in tree:
            text = _inline(item, WIDTH - indent - 2)
            if text is not None:
                yield f"{pad}- {text}"
            else:
                first, *rest = _block(item, indent + 2)
                yield f"{pad}- {first[indent + 2 :]}"
                yield from rest
    else:
        yield pad + scalar(tree)


def _fits_block(text: str) -> bool:
    """Whether a literal block holds a text exactly, for every reader: one line at least that is not blank."""
    return not text.isspace() and _NOT_IN_BLOCKS.search(text) is None


def _literal(lead: str, text: str, indent: int) -> Iterator[str]:
    """The lines of a literal block. Where the text begins with a blank, it says how far it is indented."""
    kept = text.rstrip("\n")
    end = "" if len(text) == len(kept) + 1 else "-" if text == kept else "+"
    yield f"{lead}{2 if text[0].isspace() else ''}{end}"
    pad = " " * indent
    for line in (text[:-1] if end == "+" else kept).split("\n"):
        yield pad + line if line else ""


def _inline(item: Plain, room: int) -> str | None:
    """A scalar always stands on its key's line, however long."""
    return scalar(item) if isinstance(item, str | int) else _flow(item, room)
