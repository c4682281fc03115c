"""The layered layout: what is drawn does not overlap, and no edge runs through what it has nothing to do with."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest

from flowc_cli.drawing.layered_layout import lay_out
from flowc_cli.drawing.layout_model import (
    ROOT,
    Graph,
    Layout,
    LayoutEdge,
    LayoutGroup,
    LayoutNode,
    Point,
    Rect,
    Route,
    Size,
)


class Builder:
    """A random graph of the shapes that flows have: chains, branches and bodies, one in the other."""

    def __init__(self, seed: int, *, depth: int = 2, wild: int = 0) -> None:
        self.random = random.Random(seed)
        self.nodes: list[LayoutNode] = []
        self.groups: list[LayoutGroup] = []
        self.edges: list[LayoutEdge] = []
        last = self.chain(ROOT, depth)
        self.edge(last, self.node(ROOT))
        names = [node.id for node in self.nodes]
        for _ in range(wild):
            first, second = sorted(self.random.sample(range(len(names)), 2))
            self.edge(names[first], names[second])

    @property
    def graph(self) -> Graph:
        return Graph(self.nodes, self.groups, self.edges)

    def node(self, group: str) -> str:
        name = f"n{len(self.nodes)}"
        size = Size(self.random.choice([10, 60, 150]), self.random.choice([10, 30, 80]))
        beside = self.random.choice([0, 0, 0, 70])
        self.nodes.append(LayoutNode(name, group, size, beside))
        return name

    def edge(self, source: str, target: str) -> None:
        label = self.random.choice([None, None, Size(50, 20), Size(170, 50)])
        self.edges.append(LayoutEdge(source, target, label))

    def group(self, parent: str) -> str:
        name = f"g{len(self.groups)}"
        self.groups.append(LayoutGroup(name, parent, self.random.choice([Size(0, 0), Size(90, 16), Size(400, 16)])))
        return name

    def chain(self, group: str, depth: int) -> str:
        """Parts one after the other; returns the last node. Joins follow what they join."""
        last = self.node(group)
        for _ in range(self.random.randint(0, 3)):
            kind = self.random.choice(["node", "body", "branch", "skip"]) if depth else "node"
            if kind == "node":
                ends = [last]
            elif kind == "body":
                ends = [self.part(last, self.group(group), depth)]
            else:
                ends = [self.part(last, self.group(group), depth) for _ in range(self.random.randint(1, 4))]
                ends += [last] if kind == "skip" else []
            following = self.node(group)
            for end in ends:
                self.edge(end, following)
            last = following
        return last

    def part(self, opener: str, group: str, depth: int) -> str:
        first = len(self.nodes)
        last = self.chain(group, depth - 1)
        self.edge(opener, f"n{first}")
        return last


def corners(rect: Rect) -> tuple[float, float, float, float]:
    return rect.x, rect.y, rect.x + rect.width, rect.y + rect.height


def overlap(first: Rect, second: Rect) -> bool:
    left, top, right, bottom = corners(first)
    x, y, end_x, end_y = corners(second)
    return left < end_x - 0.6 and x < right - 0.6 and top < end_y - 0.6 and y < bottom - 0.6


def holds(outer: Rect, inner: Rect) -> bool:
    left, top, right, bottom = corners(outer)
    x, y, end_x, end_y = corners(inner)
    return left - 0.6 <= x and top - 0.6 <= y and end_x <= right + 0.6 and end_y <= bottom + 0.6


def along(route: Route) -> Iterator[Point]:
    """Points on the way that is drawn: curves as `svg_picture` has them."""
    for start, end in pairwise(route.points):
        for part in range(11):
            t = part / 10
            sideways = t * t * (3 - 2 * t)  # the cubic with both handles at half of the height
            down = 1.5 * t * (1 - t) + t**3 if start.x != end.x else t
            yield Point(start.x + (end.x - start.x) * sideways, start.y + (end.y - start.y) * down)


def within(point: Point, rect: Rect) -> bool:
    left, top, right, bottom = corners(rect)
    return left + 0.6 < point.x < right - 0.6 and top + 0.6 < point.y < bottom - 0.6


def around(graph: Graph, node: str) -> set[str]:
    parents = {group.id: group.parent for group in graph.groups}
    found = {next(item.group for item in graph.nodes if item.id == node)}
    while ROOT not in found:
        found |= {parents[group] for group in found if group != ROOT}
    return found


def problems(graph: Graph, layout: Layout) -> Iterator[str]:
    """What is wrong with a layout."""
    boxes = {name: box.rect for name, box in layout.groups.items()}
    boxes[ROOT] = Rect(0, 0, *layout.size)
    groups = {node.id: node.group for node in graph.nodes}
    parents = {group.id: group.parent for group in graph.groups}
    for node in graph.nodes:
        taken = layout.nodes[node.id]
        if not holds(boxes[node.group], taken._replace(width=taken.width + node.beside)):
            yield f"{node.id} sticks out of {node.group}"
    for name, parent in parents.items():
        if not holds(boxes[parent], boxes[name]):
            yield f"{name} sticks out of {parent}"
    things = [(name, groups[name], rect) for name, rect in layout.nodes.items()]
    things += [(name, parents[name], box.rect) for name, box in layout.groups.items()]
    for (first, in_first, one), (second, in_second, other) in combinations(things, 2):
        if in_first == in_second and overlap(one, other):
            yield f"{first} and {second} overlap"
    labels = [(edge, route.label) for edge, route in zip(graph.edges, layout.routes, strict=True) if route.label]
    for (_, one), (_, other) in combinations(labels, 2):
        if overlap(one, other):
            yield "two labels overlap"
    for edge, label in labels:
        shared = around(graph, edge.source) & around(graph, edge.target)
        for name, _, rect in things:
            if name not in shared and overlap(label, rect):
                yield f"{name} and the label of {edge.source} to {edge.target} overlap"
    for edge, route in zip(graph.edges, layout.routes, strict=True):
        ends = around(graph, edge.source) | around(graph, edge.target) | {edge.source, edge.target}
        points = list(along(route))
        for name, _, rect in things:
            if name not in ends and any(within(point, rect) for point in points):
                yield f"{edge.source} to {edge.target} runs through {name}"


@pytest.mark.parametrize("seed", range(24))
def test_nothing_overlaps(seed: int) -> None:
    graph = Builder(seed, depth=3 if seed % 8 == 0 else 2).graph
    assert list(problems(graph, lay_out(graph))) == []


@pytest.mark.parametrize("seed", range(8))
def test_edges_of_any_kind(seed: int) -> None:
    """Edges that no flow has: into the middle of boxes, and by more ways than one."""
    graph = Builder(seed, wild=12).graph
    assert list(problems(graph, lay_out(graph))) == []


@pytest.mark.parametrize("seed", range(5))
def test_edges_lead_down(seed: int) -> None:
    graph = Builder(seed).graph
    layout = lay_out(graph)
    for edge, route in zip(graph.edges, layout.routes, strict=True):
        assert all(first.y <= second.y for first, second in pairwise(route.points))
        source, target = layout.nodes[edge.source], layout.nodes[edge.target]
        assert route.points[0].y == source.y + source.height
        assert route.points[-1].y == target.y


def test_straight_chain() -> None:
    nodes = [LayoutNode(f"n{number}", ROOT, Size(40 + number, 20)) for number in range(9)]
    edges = [LayoutEdge(first.id, second.id) for first, second in pairwise(nodes)]
    layout = lay_out(Graph(nodes, [], edges))
    assert all(len(route.points) == 2 for route in layout.routes)


def test_arms_keep_their_order() -> None:
    nodes = [LayoutNode(name, ROOT, Size(40, 20)) for name in ("start", "c", "a", "b", "join")]
    sizes = [None, Size(30, 10), None]
    edges = [LayoutEdge("start", name, size) for name, size in zip("cab", sizes, strict=True)]
    edges += [LayoutEdge(name, "join") for name in "cab"]
    places = lay_out(Graph(nodes, [], edges)).nodes
    assert places["c"].x < places["a"].x < places["b"].x


@pytest.mark.parametrize("ways", ["from the first", "to the last", "both"])
def test_long_edges_take_lanes(ways: str) -> None:
    """A thousand edges past a thousand rows take neither a bend in each row nor much time."""
    nodes = [LayoutNode(f"n{number}", ROOT, Size(60, 20)) for number in range(1000)]
    edges = [LayoutEdge(first.id, second.id) for first, second in pairwise(nodes)]
    if ways != "to the last":
        edges += [LayoutEdge("n0", node.id) for node in nodes[2:]]
    if ways != "from the first":
        edges += [LayoutEdge(node.id, "n999") for node in nodes[:-2]]
    started = time.monotonic()
    layout = lay_out(Graph(nodes, [], edges))
    assert time.monotonic() - started < 20
    assert layout.size.width < 3000
    for route in layout.routes:
        for rect in (layout.nodes["n5"], layout.nodes["n500"]):
            inside = [point for point in along(route) if within(point, rect)]
            assert not inside
