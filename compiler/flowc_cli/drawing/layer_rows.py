"""The rows of one group: items by rank, links cut into joints between neighboring rows, and bends where they pass rows.

After Sugiyama, Tagawa and Toda (1981), "Methods for Visual Understanding of Hierarchical System Structures": ranks,
order within ranks, coordinates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from flowc_cli.drawing.layout_model import Size


@dataclass(eq=False, slots=True)
class Item:
    """What takes room in a row: a node, a box, a label, a bend of a link, or a port on the border of the group."""

    kind: Literal["node", "label", "bend", "entry", "exit"]
    left: float = 0
    """How far it reaches to the left of its anchor `x`."""
    right: float = 0
    height: float = 0
    rank: int = 0
    place: int = 0
    """Its number in its row."""
    x: float = 0
    y: float = 0
    """The upper edge."""
    above: list[Joint] = field(default_factory=list["Joint"])
    below: list[Joint] = field(default_factory=list["Joint"])


@dataclass(eq=False, slots=True)
class Joint:
    """A part of a link between neighboring rows; it starts and ends at some distance from the anchors."""

    upper: Item
    lower: Item
    upper_offset: float
    lower_offset: float
    turn: int = 0
    """Its number among those that begin at its upper end."""

    @property
    def weight(self) -> float:
        """How much it matters that it is straight."""
        bends = (self.upper.kind in _PASSING) + (self.lower.kind in _PASSING)
        return (1.0, 2.0, 8.0)[bends]


_PASSING = frozenset({"bend", "label"})
_MOST_FAR = 8
"""Of how many long links of one item each has bends of its own."""


@dataclass(eq=False, slots=True)
class Link:
    """An edge of one group, from an item to one further down."""

    source: Item
    target: Item
    source_offset: float = 0
    target_offset: float = 0
    label: Size | None = None
    upward: bool = False
    """Whether the edge leads from the target to the source."""
    chain: list[Item] = field(default_factory=list[Item])
    """The items from the source to the target, in which rows without an item are passed by a lane."""
    label_item: Item | None = None
    lane: float | None = None
    """The x of the lane that it takes at the side of the group, behind its label."""

    @property
    def least(self) -> int:
        """The number of rows that it spans at least."""
        return 1 if self.label is None else 2

    @property
    def head_rank(self) -> int:
        """The row behind which a lane may begin: that of the source, or of the label."""
        return self.source.rank + (self.label is not None)


def rank_items(items: Sequence[Item], links: Sequence[Link]) -> None:
    """Give each item its row, as high as its links allow, or as low where that makes links shorter.

    Links lead from earlier to later items. Ports are the first and the last row.
    """
    into: dict[int, list[Link]] = {id(item): [] for item in items}
    out: dict[int, list[Link]] = {id(item): [] for item in items}
    for link in links:
        into[id(link.target)].append(link)
        out[id(link.source)].append(link)
    first = int(any(item.kind == "entry" for item in items))
    for item in items:
        least = 0 if item.kind == "entry" else first
        item.rank = max((link.source.rank + link.least for link in into[id(item)]), default=least)
        item.rank = max(item.rank, least)
    for item in reversed(items):
        ways = out[id(item)]
        if len(ways) > len(into[id(item)]) and item.kind == "node":
            item.rank = min(link.target.rank - link.least for link in ways)
    last = max((item.rank for item in items), default=0)
    exits = [item for item in items if item.kind == "exit"]
    inside = max((item.rank for item in items if item.kind != "exit"), default=0)
    for item in exits:
        item.rank = max(last, inside + 1)


def split_links(items: Sequence[Item], links: Sequence[Link], most_bends: int) -> list[list[Item]]:
    """The rows, with labels and with bends where links pass. The longest links take lanes if there were too many."""
    rows: list[list[Item]] = [[] for _ in range(max((item.rank for item in items), default=0) + 1)]
    for item in items:
        rows[item.rank].append(item)
    laned = _with_lanes(links, most_bends)
    for link in links:
        link.chain = [link.source]
        if link.label is not None:
            half = link.label.width / 2
            link.label_item = Item("label", half, half, link.label.height, link.head_rank)
            rows[link.head_rank].append(link.label_item)
            _join(link.source, link.label_item, link.source_offset, 0)
            link.chain.append(link.label_item)
        if id(link) not in laned:
            _bend(link, rows)
        link.chain.append(link.target)
    return rows


def _with_lanes(links: Sequence[Link], most_bends: int) -> set[int]:
    """The links that take lanes, by `id`: many long ones of one item, which would be many bends in a row."""
    far = [link for link in links if _bends(link) > 1]
    ends = Counter((side, id(end)) for link in far for side, end in enumerate((link.source, link.target)))
    found = {id(link) for link in far if ends[0, id(link.source)] > _MOST_FAR or ends[1, id(link.target)] > _MOST_FAR}
    rest = [link for link in far if id(link) not in found]
    total = sum(map(_bends, rest))
    for link in sorted(rest, key=_bends, reverse=True):
        if total <= most_bends:
            break
        total -= _bends(link)
        found.add(id(link))
    return found


def _bends(link: Link) -> int:
    return link.target.rank - link.head_rank - 1


def _bend(link: Link, rows: list[list[Item]]) -> None:
    """Put a bend into each row that a link passes."""
    upper, offset = (link.source, link.source_offset) if link.label_item is None else (link.label_item, 0.0)
    for rank in range(upper.rank + 1, link.target.rank):
        bend = Item("bend", rank=rank)
        rows[rank].append(bend)
        link.chain.append(bend)
        _join(upper, bend, offset, 0)
        upper, offset = bend, 0
    _join(upper, link.target, offset, link.target_offset)


def _join(upper: Item, lower: Item, upper_offset: float, lower_offset: float) -> None:
    joint = Joint(upper, lower, upper_offset, lower_offset, len(upper.below))
    upper.below.append(joint)
    lower.above.append(joint)


def place_lanes(links: Sequence[Link], start: float, distance: float, most: int) -> float:
    """Give links without bends a lane each, from `start` to the right; returns how far they reach.

    Links from one item share a lane, or those to one item, so that each stands for as many as possible.
    """
    bundles: dict[int, list[Link]] = {}
    waiting = [link for link in links if _bends(link) > 0 and link.target.rank > link.chain[-2].rank + 1]
    uses = Counter(id(end) for link in waiting for end in (link.source, link.target))
    for link in waiting:
        end = link.source if uses[id(link.source)] >= uses[id(link.target)] else link.target
        bundles.setdefault(id(end), []).append(link)
    free: list[int] = []
    for bundle in sorted(bundles.values(), key=lambda bundle: min(link.head_rank for link in bundle)):
        top = min(link.head_rank for link in bundle)
        lane = next((number for number, until in enumerate(free) if until <= top), len(free))
        if lane == len(free) and lane < most:
            free.append(0)
        lane = min(lane, most - 1)
        free[lane] = max(free[lane], *(link.target.rank for link in bundle))
        for link in bundle:
            link.lane = start + distance * (lane + 1)
    return start + distance * len(free)
