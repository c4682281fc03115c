"""Paths made of `__file__`: known when the flow is compiled, and others in a task, which runs somewhere else.

Such a path is text that begins with a mark, so that what `os.path` makes of it has the mark, too. Files that the
compiler reads may be named so; a value of the run may not.
"""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import cast

MARK = "\0"
"""No path and hardly any other text has it."""
REASON = "it is made of `__file__`: where the file is when it runs is not known"


def located(path: Path) -> str:
    """The text that `__file__` stands for."""
    return MARK + path.absolute().as_posix()


def real_path(text: str) -> str | None:
    """The path of this machine that a text names; `None` for one that is not made of `__file__`."""
    return os.path.normpath(text.rpartition(MARK)[2]) if MARK in text else None


def absolute(path: str) -> str | None:
    """`os.path.abspath`, of a path that does not depend on the current folder; `None` for others."""
    if path.startswith(MARK):
        return MARK + os.path.normpath(path[len(MARK) :])
    return os.path.normpath(path) if path.startswith("/") else None


def is_located(value: object) -> bool:
    """Whether a value of plain data has such a path in it."""
    match value:
        case str():
            return MARK in value
        case list() | tuple() | set() | frozenset():
            return any(map(is_located, cast("list[object]", value)))
        case dict():
            entries = cast("dict[object, object]", value)
            return any(map(is_located, entries)) or any(map(is_located, entries.values()))
        case _:
            return False
