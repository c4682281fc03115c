"""What bounds texts of TOML before they are read: Python's reader takes the square of the parts of a dotted key."""

from __future__ import annotations

import re

MOST_PARTS = 100
"""Parts of a key, such as the three of `a.b.c`."""
_WORD = re.compile(r"""("(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?|[A-Za-z0-9_-]+)|[ \t]+|.""", re.DOTALL)


def check_keys(text: str) -> None:
    """Raise ValueError for a key with too many parts; a text in quotes is taken for a key where dots are around it."""
    if text.count(".") < MOST_PARTS:
        return
    dots, is_after_dot = 0, False
    for found in _WORD.finditer(text):
        word = found[0]
        if word == ".":
            dots, is_after_dot = dots + 1, True
        elif word[0] not in " \t":
            dots, is_after_dot = dots if found[1] and is_after_dot else 0, False
        if dots >= MOST_PARTS:
            line = text.count("\n", 0, found.start()) + 1
            raise ValueError(f"a key has more than {MOST_PARTS} parts (at line {line})")
