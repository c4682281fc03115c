"""Text for a terminal that may come from anybody: what would be an instruction to the terminal is shown instead."""

from __future__ import annotations

import re

# C1 controls are escape codes in one character, bidirectional controls reorder what a reviewer sees, and half of a
# surrogate pair cannot be written at all. Line feeds and tabs are the text's own.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_SURROGATE = "\ud800"


def visible(text: str) -> str:
    """The text without control characters but line feeds and tabs. One character stands for one, so columns stay."""
    return _CONTROLS.sub(_picture, text)


def visible_line(text: str) -> str:
    """The same for what has to stay on its line, such as a name."""
    return visible(text).replace("\n", "\u240a").replace("\t", "\u2409")


def visible_json(text: str) -> str:
    """JSON of the same value, with its controls as JSON's own escapes.

    Half of a surrogate pair, which stands for a byte of a file's name that is not UTF-8, becomes `\ufffd`: many readers
    of JSON refuse it.
    """
    return _CONTROLS.sub(lambda found: f"\\u{0xFFFD if found[0] >= _SURROGATE else ord(found[0]):04x}", text)


def _picture(found: re.Match[str]) -> str:
    """As rustc does it: a picture of what has one, else the replacement character."""
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
