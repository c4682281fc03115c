"""A layered layout of nested groups: each group is laid out by itself, and is a box in the group around it.

An edge that leaves a group passes a port on its lower border, and one that enters it a port on the upper one, so that
no edge runs through a box or a node that it has nothing to do with. Groups are laid out from the inside out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

from flowc_cli.drawing.layer_rows import Item, Link, place_lanes, rank_items, split_links
from flowc_cli.drawing.layout_model import (
    ROOT,
    Graph,
    GroupBox,
    Layout,
    LayoutGroup,
    Point,
    Rect,
    Route,
    Size,
)
from flowc_cli.drawing.row_coordinates import place_rows
from flowc_cli.drawing.row_order import order_rows

_PADDING = 14.0
_GAP = 30.0
"""Between two rows, at least."""
_WIDEST_GAP = 110.0
_SLOPE = 7.0
"""Pixels that a link may go sideways for each pixel of the gap."""
_LANE = 10.0
_LANES = 40
_BENDS_PER_ITEM = 6
_STRAIGHT = 2.5
"""What a way may go sideways and is drawn as if it did not."""

Side = Literal["entry", "exit"]


def lay_out(graph: Graph) -> Layout:
    """Place the nodes, groups and edges of a graph. Deterministic, and near to linear in nodes and edges."""
    groups = {spec.id: _Group(spec) for spec in (LayoutGroup(ROOT, ""), *graph.groups)}
    tree = _Tree(graph, groups)
    paths = [tree.add_edge(edge.source, edge.target, edge.label) for edge in graph.edges]
    for group in reversed(groups.values()):
        group.lay_out()
        if group.spec.id != ROOT:
            tree.box(group)
    return _absolute(graph, groups, tree, paths)


class _Segment(NamedTuple):
    """A part of an edge within one group."""

    group: str
    link: Link


@dataclass(eq=False)
class _Group:
    """One group on its way to a layout."""

    spec: LayoutGroup
    items: list[Item] = field(default_factory=list[Item])
    """Nodes and boxes by their first node, in topological order."""
    ports: dict[tuple[Side, str], Item] = field(default_factory=dict[tuple[Side, str], Item])
    """By the side and the node that their edges lead to or come from."""
    links: list[Link] = field(default_factory=list[Link])
    shared: dict[tuple[Side, str], Link] = field(default_factory=dict[tuple[Side, str], Link])
    """The links from and to ports, which several edges may share."""
    uses: list[tuple[Link, bool, tuple[Side, str]]] = field(default_factory=list[tuple[Link, bool, tuple[Side, str]]])
    """Links of the group around that end at a port, with whether that is their source."""
    size: Size = field(default_factory=lambda: Size(0, 0))
    title: Point = field(default_factory=lambda: Point(0, 0))
    tops: list[float] = field(default_factory=list[float])
    bottoms: list[float] = field(default_factory=list[float])

    def lay_out(self) -> None:
        """Place the items, and find the group's own size."""
        entries = [item for (side, _), item in self.ports.items() if side == "entry"]
        exits = [item for (side, _), item in self.ports.items() if side == "exit"]
        items = [*entries, *self.items, *exits]
        rank_items(items, self.links)
        rows = split_links(items, self.links, _BENDS_PER_ITEM * len(items) + 400)
        order_rows(rows)
        place_rows(rows)
        left = min((item.x - item.left for row in rows for item in row), default=0)
        right = max((item.x + item.right for row in rows for item in row), default=0)
        right = place_lanes(self.links, right, _LANE, _LANES)
        shift = _PADDING - left
        for row in rows:
            for item in row:
                item.x += shift
        for link in self.links:
            if link.lane is not None:
                link.lane += shift
        width = self._place_title(right - left + 2 * _PADDING, [item.x for item in entries])
        self.size = Size(width, self._stack(rows, bool(entries), bool(exits)))

    def _place_title(self, width: float, entries: list[float]) -> float:
        """Put the title beside the edges that come in; returns the width that the group needs."""
        title = self.spec.title
        if not title.width:
            return width
        before, behind = min(entries, default=width), max(entries, default=0.0)
        if not entries or before - 2 * 8 >= title.width:
            self.title = Point(10, 7)
            return max(width, title.width + 20)
        self.title = Point(behind + 8, 7)
        return max(width, behind + 8 + title.width + 10)

    def _stack(self, rows: list[list[Item]], enters: bool, leaves: bool) -> float:
        """Give the rows their place from top to bottom; returns the height of all."""
        head = _PADDING + (self.spec.title.height + 4 if self.spec.title.height else 0)
        y = 0.0
        for number, row in enumerate(rows):
            first = number == int(enters)
            port_row = (enters and number == 0) or (leaves and number == len(rows) - 1)
            if number:
                gap = _gap(row)
                least = head if first else _PADDING if port_row else _GAP
                y += max(gap, least)
            elif first:
                y = head
            height = max((item.height for item in row), default=0)
            self.tops.append(y)
            for item in row:
                item.y = y + (height - item.height) / 2
            y += height
            self.bottoms.append(y)
        return y if leaves else y + _PADDING

    def points(self, link: Link) -> list[Point]:
        """The way of a link, from the top down, within the group."""
        x = link.source.x + link.source_offset
        found = [Point(x, link.source.y + link.source.height), Point(x, self.bottoms[link.source.rank])]
        for upper, item in pairwise(link.chain):
            if item is link.target:
                if link.lane is not None and item.rank > upper.rank + 1:
                    found += [
                        Point(link.lane, self.tops[upper.rank + 1]),
                        Point(link.lane, self.bottoms[item.rank - 1]),
                    ]
                x = item.x + link.target_offset
                found += [Point(x, self.tops[item.rank]), Point(x, item.y)]
            else:
                found += [Point(item.x, self.tops[item.rank]), Point(item.x, self.bottoms[item.rank])]
        return found


def _gap(row: list[Item]) -> float:
    """The room above a row that its links need so as not to be too flat."""
    sideways = (abs(j.upper.x + j.upper_offset - j.lower.x - j.lower_offset) for item in row for j in item.above)
    return min(_WIDEST_GAP, max(sideways, default=0) / _SLOPE)


class _Tree:
    """Which groups stand in which, and what stands for a node in each of those around it."""

    def __init__(self, graph: Graph, groups: dict[str, _Group]) -> None:
        self._groups = groups
        self._node_group = {node.id: node.group for node in graph.nodes}
        self._boxes: dict[str, Item] = {}
        self._order: dict[int, int] = {}
        """Of each item of a group: which come first."""
        self.nodes: dict[str, Item] = {}
        for node in graph.nodes:
            width, height = node.size
            item = self.nodes[node.id] = Item("node", width / 2, width / 2 + node.beside, height)
            self._add_item(item, node.group)

    def _add_item(self, item: Item, group_id: str) -> None:
        """Put an item into its group, and the box of that group into the one around it if it is the first."""
        while True:
            self._order[id(item)] = len(self._order)
            self._groups[group_id].items.append(item)
            if group_id == ROOT or group_id in self._boxes:
                return
            item = self._boxes[group_id] = Item("node")
            group_id = self._groups[group_id].spec.parent

    def add_edge(self, source: str, target: str, label: Size | None) -> list[_Segment]:
        """Cut an edge into links, one in each group on its way."""
        out, into = self._around(source), self._around(target)
        while len(out) > 1 and len(into) > 1 and out[-2] == into[-2]:
            out.pop()
            into.pop()
        segments: list[_Segment] = []
        first, last = _End(self.nodes[source]), _End(self.nodes[target])
        for group_id in out[:-1]:
            segments.append(self._to_port(group_id, "exit", source, first))
            first = _End(self._boxes[group_id], group_id, ("exit", source))
        inner: list[_Segment] = []
        for group_id in into[:-1]:
            inner.append(self._to_port(group_id, "entry", target, last))
            last = _End(self._boxes[group_id], group_id, ("entry", target))
        segments.append(_Segment(out[-1], self._link(out[-1], first, last, label)))
        return [*segments, *reversed(inner)]

    def _around(self, node: str) -> list[str]:
        """The groups around a node, from the inside out."""
        found = [self._node_group[node]]
        while found[-1] != ROOT:
            found.append(self._groups[found[-1]].spec.parent)
        return found

    def _to_port(self, group_id: str, side: Side, node: str, end: _End) -> _Segment:
        """The link between what stands for a node in a group and the port for it."""
        group = self._groups[group_id]
        key = (side, node)
        if key not in group.shared:
            port = group.ports[key] = Item(side)
            ends = (_End(port), end) if side == "entry" else (end, _End(port))
            group.shared[key] = self._link(group_id, *ends, None)
        return _Segment(group_id, group.shared[key])

    def _link(self, group_id: str, first: _End, last: _End, label: Size | None) -> Link:
        # Where several ways lead into a box, one of them may come from below: it is laid out as if it led down.
        upward = self._order.get(id(first.item), -1) > self._order.get(id(last.item), len(self._order))
        upper, lower = (last, first) if upward else (first, last)
        link = Link(upper.item, lower.item, label=label, upward=upward)
        self._groups[group_id].links.append(link)
        for end, at_source in ((upper, True), (lower, False)):
            if end.box is not None:
                self._groups[end.box].uses.append((link, at_source, end.port))
        return link

    def box(self, group: _Group) -> None:
        """Give the box of a group that has been laid out its size, and the links to its ports their places."""
        box = self._boxes.get(group.spec.id)
        if box is None:
            return
        box.left = box.right = group.size.width / 2
        box.height = group.size.height
        for link, at_source, key in group.uses:
            offset = group.ports[key].x - box.left
            if at_source:
                link.source_offset = offset
            else:
                link.target_offset = offset

    def box_of(self, group_id: str) -> Item | None:
        """The box of a group; `None` where nothing stands in it."""
        return self._boxes.get(group_id)


class _End(NamedTuple):
    """An end of a link: an item, and where that is the box of a group, the port."""

    item: Item
    box: str | None = None
    port: tuple[Side, str] = ("entry", "")


def _absolute(graph: Graph, groups: dict[str, _Group], tree: _Tree, paths: list[list[_Segment]]) -> Layout:
    """What stands where in the whole picture."""
    origins = {ROOT: Point(0, 0)}
    boxes: dict[str, GroupBox] = {}
    for spec in graph.groups:
        item, group, around = tree.box_of(spec.id), groups[spec.id], origins.get(spec.parent)
        if item is None or around is None:
            continue
        x, y = around.x + item.x - item.left, around.y + item.y
        origins[spec.id] = Point(x, y)
        title = Point(x + group.title.x, y + group.title.y)
        boxes[spec.id] = GroupBox(Rect(x, y, *group.size), title)
    nodes: dict[str, Rect] = {}
    for node in graph.nodes:
        item, (x, y) = tree.nodes[node.id], origins[node.group]
        nodes[node.id] = Rect(x + item.x - item.left, y + item.y, *node.size)
    routes = [_route(path, groups, origins) for path in paths]
    return Layout(groups[ROOT].size, nodes, boxes, routes)


def _route(path: list[_Segment], groups: dict[str, _Group], origins: dict[str, Point]) -> Route:
    points: list[Point] = []
    label: Rect | None = None
    for group_id, link in path:
        left, top = origins[group_id]
        found = groups[group_id].points(link)
        points += (Point(left + x, top + y) for x, y in (reversed(found) if link.upward else found))
        item = link.label_item
        if item is not None:
            label = Rect(left + item.x - item.left, top + item.y, item.left + item.right, item.height)
    return Route(_without_repeats(points), label)


def _without_repeats(points: list[Point]) -> tuple[Point, ...]:
    """Points without those that lie on a straight way between two others, and without steps of a pixel or two."""
    found: list[Point] = []
    for x, y in points:
        point = Point(found[-1].x if found and abs(found[-1].x - x) < _STRAIGHT else x, y)
        if found and point == found[-1]:
            continue
        if len(found) > 1 and found[-2].x == found[-1].x == point.x:
            found.pop()
        found.append(point)
    return tuple(found)
