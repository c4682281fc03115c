"""The order of items within their rows, with few crossings: by barycenters, up and down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowc_cli.drawing.layer_rows import Item, Joint

_SWEEPS = 12
_LARGE = 4000
"""Joints from which on fewer sweeps are made."""


def order_rows(rows: list[list[Item]]) -> None:
    """Sort each row in place, and number its items. Where nothing else decides, items keep their order."""
    _number(rows)
    for row in rows[1:]:
        _sort(row, _above, _turn)
    joints = sum(len(item.below) for row in rows for item in row)
    best, least = [list(row) for row in rows], _crossings(rows)
    for sweep in range(_SWEEPS if joints < _LARGE else 4):
        if least == 0 and sweep > 0:
            break
        if sweep % 2 == 0:
            for row in rows[1:]:
                _sort(row, _above)
        else:
            for row in reversed(rows[:-1]):
                _sort(row, _below)
        found = _crossings(rows)
        if found < least:
            best, least = [list(row) for row in rows], found
    rows[:] = best
    _number(rows)


def _number(rows: Sequence[list[Item]]) -> None:
    for row in rows:
        for place, item in enumerate(row):
            item.place = place


def _sort(row: list[Item], neighbors: Callable[[Item], list[float]], turn: Callable[[Item], int] = lambda _: 0) -> None:
    """Sort a row by the mean place of the neighbors, and then by `turn`; what has none stays where it is."""
    keys: dict[int, tuple[float, int]] = {}
    for item in row:
        places = neighbors(item)
        keys[id(item)] = (sum(places) / len(places) if places else item.place, turn(item))
    row.sort(key=lambda item: keys[id(item)])
    for place, item in enumerate(row):
        item.place = place


def _turn(item: Item) -> int:
    """Which of the ways out of the item above leads here."""
    return item.above[0].turn if item.above else 0


def _above(item: Item) -> list[float]:
    return [joint.upper.place + _within(joint.upper, joint.upper_offset) for joint in item.above]


def _below(item: Item) -> list[float]:
    return [joint.lower.place + _within(joint.lower, joint.lower_offset) for joint in item.below]


def _within(item: Item, offset: float) -> float:
    """An offset within an item as a part of a place."""
    width = item.left + item.right
    return offset / width / 2 if width and offset else 0.0


def _crossings(rows: Sequence[list[Item]]) -> int:
    """The number of joints that cross, in the time that sorting them takes (Barth, Mutzel and Jünger, 2004)."""
    total = 0
    for row in rows[:-1]:
        joints = [joint for item in row for joint in item.below]
        if len(joints) < 2:
            continue
        joints.sort(key=_ends)
        places = sorted({_lower_end(joint) for joint in joints})
        number = {place: index for index, place in enumerate(places, 1)}
        tree = [0] * (len(places) + 1)
        for count, joint in enumerate(joints):
            at = index = number[_lower_end(joint)]
            before = 0
            while index:
                before += tree[index]
                index -= index & -index
            total += count - before
            while at < len(tree):
                tree[at] += 1
                at += at & -at
    return total


def _lower_end(joint: Joint) -> float:
    return joint.lower.place + _within(joint.lower, joint.lower_offset)


def _ends(joint: Joint) -> tuple[float, float]:
    return joint.upper.place + _within(joint.upper, joint.upper_offset), _lower_end(joint)
