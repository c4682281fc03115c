"""Coordinates of items: links as straight as the order of the rows allows.

Of a row, each item wishes to stand below (or above) what it is linked with. The nearest positions that keep the order
and the distances are an isotonic regression, which pooling adjacent violators solves exactly in linear time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from flowc_cli.drawing.layer_rows import Item

_SWEEPS = 8
_DISTANCES = {"node": 28.0, "label": 14.0, "bend": 14.0, "entry": 10.0, "exit": 10.0}


def place_rows(rows: Sequence[list[Item]]) -> None:
    """Set `x` of every item."""
    for row in rows:
        _spread(row)
    for _ in range(_SWEEPS):
        for row in rows[1:]:
            _align(row, above=True, below=False)
        for row in reversed(rows[:-1]):
            _align(row, above=False, below=True)
    for _ in range(2):
        for row in rows:
            _align(row, above=True, below=True)
        for row in reversed(rows):
            _align(row, above=True, below=True)
    for row in rows:
        for item in row:
            item.x = float(round(item.x))


def _distance(left: Item, right: Item) -> float:
    """How far the anchors of two neighbors are apart at least."""
    between = max(_DISTANCES[left.kind], _DISTANCES[right.kind])
    if left.kind != right.kind:
        between = (_DISTANCES[left.kind] + _DISTANCES[right.kind]) / 2
    return left.right + between + right.left


def _spread(row: Sequence[Item]) -> None:
    """Put the items of a row side by side, around 0."""
    x = 0.0
    for left, right in pairwise(row):
        left.x = x
        x += _distance(left, right)
    if row:
        row[-1].x = x
    for item in row:
        item.x -= x / 2


def _align(row: Sequence[Item], *, above: bool, below: bool) -> None:
    """Move the items of a row to where their links are straight, as near as the others allow."""
    means: list[float] = []
    weights: list[float] = []
    counts: list[int] = []
    shifts: list[float] = []
    shift = 0.0
    before: Item | None = None
    for item in row:
        if before is not None:
            shift += _distance(before, item)
        before = item
        shifts.append(shift)
        wish, weight = _wish(item, above=above, below=below)
        mean, count = wish - shift, 1
        while means and means[-1] > mean:
            other = weights.pop()
            mean = (means.pop() * other + mean * weight) / (other + weight)
            weight += other
            count += counts.pop()
        means.append(mean)
        weights.append(weight)
        counts.append(count)
    position = 0
    for mean, count in zip(means, counts, strict=True):
        for number in range(position, position + count):
            row[number].x = mean + shifts[number]
        position += count


def _wish(item: Item, *, above: bool, below: bool) -> tuple[float, float]:
    """Where an item wishes to stand, and how much."""
    total = weight = 0.0
    for joint in item.above if above else ():
        total += joint.weight * (joint.upper.x + joint.upper_offset - joint.lower_offset)
        weight += joint.weight
    for joint in item.below if below else ():
        total += joint.weight * (joint.lower.x + joint.lower_offset - joint.upper_offset)
        weight += joint.weight
    return (total / weight, weight) if weight else (item.x, 0.1)
