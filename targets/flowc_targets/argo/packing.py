"""Packing a graph into nested groups of a limited size, without making anything wait that need not.

A group starts when all is done that any of its nodes waits for, so that a group cut at random holds back what could run
at once. Two cuts hold nothing back: at a node that everything before leads to and everything after follows from, and
between parts that do not depend on each other. Only where neither is found, the order of the nodes is cut in pieces.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes 0..n-1 in a topological order, how many tasks each stands for, and the nodes that each waits for."""

    weights: Sequence[int]
    before: Sequence[tuple[int, ...]]


@dataclass(slots=True)
class Group:
    """Nodes and groups that make a DAG of their own."""

    members: list[int | Group] = field(default_factory=list["int | Group"])


def pack(graph: Graph, most: int) -> list[int | Group]:
    """What the outermost DAG holds, such that no DAG has over `most` tasks. A node that is larger stays as it is."""
    return _fit(graph, range(len(graph.weights)), most)


def topological(count: int, before: Sequence[set[int]]) -> list[int]:
    """The nodes of an acyclic graph, the lowest number first where there is a choice."""
    waiting = [len(names) for names in before]
    after: list[list[int]] = [[] for _ in range(count)]
    for node, names in enumerate(before):
        for name in names:
            after[name].append(node)
    ready = [node for node in range(count) if not waiting[node]]
    order: list[int] = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for follower in after[node]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, follower)
    return order


def _fit(graph: Graph, nodes: Sequence[int], most: int) -> list[int | Group]:
    """The nodes of a part as at most `most` tasks."""
    if sum(graph.weights[node] for node in nodes) <= most:
        return list(nodes)
    parts = _components(graph, nodes)
    if len(parts) == 1:
        parts = _series(graph, nodes)
        if len(parts) == 1:
            parts = [[node] for node in nodes]
    return _bins([_fit(graph, part, most) if len(part) > 1 else list(part) for part in parts], graph, most)


def _bins(parts: Iterable[list[int | Group]], graph: Graph, most: int) -> list[int | Group]:
    """Parts that follow each other or are independent, several to a group."""
    bins: list[Group] = []
    room = 0
    for part in parts:
        size = _size(part, graph)
        if not bins or size > room:
            bins.append(Group())
            room = most
        bins[-1].members += part
        room -= size
    if len(bins) == 1:
        return bins[0].members
    if len(bins) > most:
        return _bins(([group] for group in bins), graph, most)
    return [_unwrapped(group, graph) for group in bins]


def _unwrapped(group: Group, graph: Graph) -> int | Group:
    """What stands for a group in the DAG above: of a single task the task."""
    first, *others = group.members
    return group if others or _size([first], graph) > 1 else first


def _size(members: Iterable[int | Group], graph: Graph) -> int:
    return sum(1 if isinstance(member, Group) else graph.weights[member] for member in members)


def _components(graph: Graph, nodes: Sequence[int]) -> list[list[int]]:
    """The parts of which none depends on another."""
    inside = set(nodes)
    root = {node: node for node in nodes}
    for node in nodes:
        for name in graph.before[node]:
            if name in inside:
                root[find(root, node)] = find(root, name)
    parts: dict[int, list[int]] = {}
    for node in nodes:
        parts.setdefault(find(root, node), []).append(node)
    return list(parts.values())


def find(root: dict[int, int], node: int) -> int:
    """The one that stands for a node's set."""
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node


def _series(graph: Graph, nodes: Sequence[int]) -> list[list[int]]:
    """One connected part cut at the nodes that all others come before or after."""
    place: Mapping[int, int] = {node: position for position, node in enumerate(nodes)}
    before = [[place[name] for name in graph.before[node] if name in place] for node in nodes]
    last_source = max(position for position, names in enumerate(before) if not names)
    is_left = {name for names in before for name in names}
    first_sink = min(position for position in range(len(nodes)) if position not in is_left)
    over = [0] * (len(nodes) + 1)  # how many edges pass over a position, as differences
    for position, names in enumerate(before):
        for name in names:
            over[name + 1] += 1
            over[position] -= 1
    parts: list[list[int]] = []
    passing, begun = 0, 0
    for position in range(len(nodes)):
        passing += over[position]
        if not passing and last_source <= position <= first_sink:
            if begun < position:
                parts.append(list(nodes[begun:position]))
            parts.append([nodes[position]])
            begun = position + 1
    if begun < len(nodes):
        parts.append(list(nodes[begun:]))
    return parts
