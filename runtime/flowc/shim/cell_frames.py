"""Tracebacks of a flow of a notebook's cells: the last line of its file says which lines are of which cell."""

from __future__ import annotations

import linecache
import re
from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Sequence, Tuple

SUFFIX = "_cells"
"""Ends the names of such files, but for a number."""
_MARK = "# cells: "
_FRAME = re.compile(rf'File "([^"\n]*{SUFFIX}\d*\.py)", line (\d+)')


def cell_marks(places: Sequence[Tuple[int, int]]) -> str:
    """The last line of a file whose lines have these places: a cell and the line there, (0, 0) for none."""
    marks: List[str] = []
    expected = (-1, 0)
    for number, (cell, line) in enumerate(places, 1):
        if (cell, line) != expected:
            marks.append(f"{number}={cell}:{line}")
        expected = (cell, line + 1 if cell else 0)
    return _MARK + " ".join(marks)


def name_cells(text: str) -> str:
    """A traceback with cells in the place of lines of such files, as IPython writes them."""
    return _FRAME.sub(_as_cell, text) if SUFFIX in text else text


def _as_cell(found: re.Match[str]) -> str:
    last = (linecache.getlines(found[1]) or [""])[-1]
    if not last.startswith(_MARK):
        return found[0]
    marks = [tuple(map(int, re.split("[=:]", item))) for item in last[len(_MARK) :].split()]
    number = int(found[2])
    start, cell, line = marks[bisect_right(marks, (number, 1 << 60)) - 1]
    return f"Cell In[{cell}], line {line + number - start}" if cell else found[0]
