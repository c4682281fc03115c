"""Where the keys of a TOML file are: `tomllib` reads values, and no places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

Path = tuple[str, ...]
Places = dict[Path, tuple[int, int]]
"""Keys from the top to the offsets where the last of them starts and ends, where the text has it first."""

_MOST_PARTS = 16
"""No setting is deeper."""
_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_PART = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|("(?:[^"\\\n]|\\.)*")|('[^'\n]*'))[ \t]*(\.?)""")
_VALUE = re.compile(
    r'"""(?:[^\\"]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\d{4}-\d\d-\d\d[ ]\d\d:[^,\[\]{}#\s=]+"
    r"|[^,\[\]{}#\s=]+",
    re.DOTALL,
)


def key_places(text: str) -> Places:
    """The places of all keys of a TOML file that `tomllib` can read, in one pass. A table of an array counts as the
    first of its name.
    """
    places: Places = {}
    position = _skip(text, 0)
    table: Path = ()
    while position < len(text):
        if text[position] == "[":
            start = position + (2 if text.startswith("[[", position) else 1)
            table, position = _key(text, start, (), places)
            position = len(text) if (end := text.find("\n", position)) < 0 else end
        else:
            position = _pair(text, position, table, places)
        position = _skip(text, position)
    return places


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _key(text: str, position: int, above: Path, places: Places) -> tuple[Path, int]:
    """Read a key with dots. Returns the keys to it, and where it ends."""
    path = above
    for found in _parts(text, position):
        bare, double, single, _ = found.groups()
        name = bare or (
            json.loads(double, strict=False) if double and "\\U" not in double else (double or single)[1:-1]
        )
        path = (*path, str(name)) if len(path) < _MOST_PARTS else path
        group = 1 if bare else 2 if double else 3
        places.setdefault(path, found.span(group))
        position = found.end()
    return path, position


def _parts(text: str, position: int) -> Iterator[re.Match[str]]:
    while (found := _PART.match(text, position)) is not None:
        yield found
        position = found.end()
        if not found.group(4):
            return


def _pair(text: str, position: int, table: Path, places: Places) -> int:
    """Read a key, `=` and a value, with the keys of inline tables in it. Returns where the value ends."""
    path, after = _key(text, position, table, places)
    position = max(text.find("=", after), position) + 1
    open_: list[tuple[str, Path]] = []  # the brackets that are open, and the keys to them
    while position < len(text):
        position = _skip(text, position) if open_ else position
        character = text[position : position + 1]
        if character in {"[", "{"}:
            open_.append((character, open_[-1][1] if open_ and open_[-1][0] == "[" else path))
        elif character in {"]", "}"} and open_:
            open_.pop()
        elif character not in {" ", "\t", ","}:
            found = _VALUE.match(text, position)
            position = found.end() - 1 if found is not None else position
        following = _skip(text, position + 1) if open_ else position + 1
        if character in {"{", ","} and open_ and open_[-1][0] == "{" and text[following : following + 1] != "}":
            path, position = _key(text, following, open_[-1][1], places)
            position = max(text.find("=", position), position)
        position += 1
        if not open_ and character not in {" ", "\t"}:
            break
    return position
