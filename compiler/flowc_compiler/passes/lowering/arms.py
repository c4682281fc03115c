"""The arms of branches in one region of a pipeline: where they are as those of a class flow, they are scopes.

The calls of a pipeline make any acyclic graph. A branch is structured when one join takes in all that it began, and no
join before that takes in steps of several of its arms. Then each of its targets leads into an arm, a scope of its own.
In any other branch the arms depend on each other; what is inside stands in the scope of the branch itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from flowc_compiler.passes.dominators import Frame, ancestor, common


@dataclass(eq=False)
class Vertex:
    """Steps with one way in and one way out, as a region's graph has them."""

    entry: str
    exit: str
    before: list[Vertex] = field(default_factory=list["Vertex"])
    after: list[Vertex] = field(default_factory=list["Vertex"])


@dataclass(frozen=True)
class Arm:
    """An arm of a structured branch: a scope."""

    id: str
    parent: str
    opener: str
    closer: str


@dataclass(frozen=True)
class Arms:
    """The scopes of a region's vertices."""

    scopes: dict[Vertex, str]
    arms: tuple[Arm, ...]
    """Parents before children."""
    closes: dict[Vertex, tuple[str, tuple[Vertex, ...]]]
    """For each vertex that joins: the step that it closes, and the vertices before it in the order of its arms."""


def find_arms(vertices: Sequence[Vertex], region: str) -> Arms:
    """The arms in a region. `vertices` are in topological order; the first leads to all, and all lead to the last."""
    above = _dominators(vertices)
    below = _dominators(vertices, backwards=True)
    broken = _unstructured(vertices, above, below)
    scopes: dict[Vertex, str] = {}
    arms: list[Arm] = []
    closes: dict[Vertex, tuple[str, tuple[Vertex, ...]]] = {}
    for vertex in vertices:
        opener = _parent(above[vertex])
        if opener is None:
            scopes[vertex] = region
            continue
        join = _parent(below[opener])
        if len(opener.after) > 1 and opener not in broken and vertex is not join:
            assert join is not None
            arm = Arm(f"{opener.exit}/{vertex.entry}", scopes[opener], opener.exit, join.entry)
            arms.append(arm)
            scopes[vertex] = arm.id
        else:
            scopes[vertex] = scopes[opener]
        if len(vertex.before) > 1:
            closes[vertex] = (opener.exit, _by_arm(vertex, opener, above))
    return Arms(scopes, tuple(arms), closes)


def _dominators(vertices: Sequence[Vertex], *, backwards: bool = False) -> dict[Vertex, Frame[Vertex]]:
    """Each vertex's frame in the tree of dominators, or of post-dominators."""
    frames: dict[Vertex, Frame[Vertex]] = {}
    for vertex in reversed(vertices) if backwards else vertices:
        around = [frames[other] for other in (vertex.after if backwards else vertex.before)]
        frames[vertex] = Frame(vertex, reduce(common, around) if around else None)
    return frames


def _unstructured(
    vertices: Sequence[Vertex], above: dict[Vertex, Frame[Vertex]], below: dict[Vertex, Frame[Vertex]]
) -> set[Vertex]:
    """The branches whose arms depend on each other, or are joined by more than one step, or further out only."""
    broken: set[Vertex] = set()
    for vertex in vertices:
        join = _parent(below[vertex]) if len(vertex.after) > 1 else None
        if join is not None and _parent(above[join]) is not vertex:
            broken.add(vertex)
        opener = _parent(above[vertex]) if len(vertex.before) > 1 else None
        if opener is not None and _parent(below[opener]) is not vertex:
            broken.add(opener)
    return broken


def _by_arm(join: Vertex, opener: Vertex, above: dict[Vertex, Frame[Vertex]]) -> tuple[Vertex, ...]:
    """The vertices before a join, in the order of the opener's arms."""
    order = {target: index for index, target in enumerate(opener.after)}
    depth = above[opener].depth + 1
    arms = {vertex: ancestor(above[vertex], depth).value for vertex in join.before}
    return tuple(sorted(join.before, key=lambda vertex: order.get(arms[vertex], len(order))))


def _parent(frame: Frame[Vertex]) -> Vertex | None:
    return frame.below.value if frame.below is not None else None
