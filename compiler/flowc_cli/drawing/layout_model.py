"""What a layout is made of: nodes of given sizes in nested groups, and edges; then rectangles and routes.

All lengths are pixels, x to the right and y down. Edges lead down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

ROOT = ""
"""The group that everything stands in; it has no border."""


class Size(NamedTuple):
    """Width and height."""

    width: float
    height: float


class Point(NamedTuple):
    """A point of the picture."""

    x: float
    y: float


class Rect(NamedTuple):
    """A rectangle by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float


class LayoutNode(NamedTuple):
    """A node, and the group that it stands in."""

    id: str
    group: str
    size: Size
    beside: float = 0
    """Free room at its right side, such as for an edge from the node to itself."""


class LayoutGroup(NamedTuple):
    """A group that is drawn as a box around its members; with a title where that has a size."""

    id: str
    parent: str
    title: Size = Size(0, 0)


class LayoutEdge(NamedTuple):
    """An edge between two nodes, in whatever groups they stand."""

    source: str
    target: str
    label: Size | None = None


class Graph(NamedTuple):
    """What is to be laid out: nodes in topological order, and groups, parents first."""

    nodes: Sequence[LayoutNode]
    groups: Sequence[LayoutGroup]
    edges: Sequence[LayoutEdge]


class GroupBox(NamedTuple):
    """Where a group stands, and the upper left corner of its title."""

    rect: Rect
    title: Point


class Route(NamedTuple):
    """An edge's way from point to point: straight down, or sideways between two rows, which is drawn as a curve."""

    points: tuple[Point, ...]
    label: Rect | None


class Layout(NamedTuple):
    """Where everything stands. Routes are in the order of the graph's edges."""

    size: Size
    nodes: Mapping[str, Rect]
    groups: Mapping[str, GroupBox]
    routes: Sequence[Route]
