"""Where the lines of an older text of a document are in the current one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile


class LineMap:
    """Lines by their numbers, from 0: those before and behind the part that was edited are the same in both texts."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self._old, self._new = old, new
        self._same = old is new or old == new
        self._head = self._tail = 0
        if not self._same:
            self._head = _equal(old, new)
            self._tail = min(_equal(old[::-1], new[::-1]), min(len(old), len(new)) - self._head)

    def to_new(self, line: int) -> int:
        """The current number of a line of the old text; of one that was edited, the nearest."""
        return self._moved(line, self._old, self._new)

    def to_old(self, line: int) -> int:
        """The number in the old text of a line of the current one."""
        return self._moved(line, self._new, self._old)

    def _moved(self, line: int, source: Sequence[str], target: Sequence[str]) -> int:
        if self._same or line < self._head:
            return line
        if line >= len(source) - self._tail:
            return line + len(target) - len(source)
        return min(line, max(len(target) - self._tail - 1, self._head), len(target) - 1)


def _equal(first: Sequence[str], second: Sequence[str]) -> int:
    """How many lines are equal from the start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
