"""How wide text is in a sans-serif font, to be on the safe side whichever one there is.

Widths are those of DejaVu Sans, which is wider than the other fonts that systems show by default (Arial, Segoe UI,
Roboto, San Francisco), in parts of the font's size.
"""

from __future__ import annotations

import unicodedata

_WIDTHS = {
    **dict.fromkeys("ijl'|", 0.3),
    **dict.fromkeys(" !,.:;/\\fI()[]{}t-r`", 0.42),
    **dict.fromkeys('"*^?sczxvykJ_', 0.56),
    **dict.fromkeys("mwMW@%", 0.95),
    **dict.fromkeys("#+<=>~&ABCDEFGHKLNOPQRSTUVXYZ", 0.74),
}
_OTHER = 0.63


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text in pixels, at most."""
    width = sum(map(_width, text)) if not text.isascii() else sum(_WIDTHS.get(char, _OTHER) for char in text)
    return width * size * (1.08 if bold else 1.0)


def _width(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    return 1.05 if unicodedata.east_asian_width(char) in "WF" else _WIDTHS.get(char, 0.74)


def shortened(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Text of a line, with an ellipsis in place of what does not fit."""
    if text_width(text, size, bold=bold) <= width:
        return text
    room = width - text_width("…", size, bold=bold)
    kept = ""
    used = 0.0
    for char in text:
        used += text_width(char, size, bold=bold)
        if used > room:
            break
        kept += char
    return kept.rstrip() + "…"
