"""Topological order, which finds loops and steps that are never reached, and the dominators that follow from it.

In an acyclic graph taken in topological order, the immediate dominator of a step is the lowest common ancestor of its
parents in the tree so far. Each frame keeps a jump pointer of skewed length, so that an ancestor is found in a number
of hops that is logarithmic in the depth, and the whole pass stays linear but for that factor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import Generic, TypeVar

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, Step


def order_steps(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Put the steps in topological order, those that are ready together in the order of the file (Kahn; linear).

    The steps of a pipeline are lowered in topological order, region by region, and keep it. Collects FC204 (loop),
    FC205 (unreached), FC213 (the end goes on); then returns `None`.
    """
    reached = _reached(flow)
    _check_start_and_end(flow, sink)
    for step in flow.steps:
        if step.name not in reached:
            sink.error(
                "FC205", f"step `{step.name}` is never reached", step.span,
                help=f"lead to it with `self.next(self.{step.name})`, or remove it",
            )  # fmt: skip
    waiting = {step.name: len(step.parents) for step in flow.steps}
    ordered: list[Step] = []
    ready = [flow.by_name[name] for name, parents in waiting.items() if parents == 0]
    for step in ready:
        ordered.append(step)
        for target in step.targets:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(flow.by_name[target])
    if len(ordered) < len(flow.steps):
        _report_loop(flow, {name for name, parents in waiting.items() if parents > 0}, sink)
    if sink.failed and (len(ordered) < len(flow.steps) or len(reached) < len(flow.steps)):
        return None
    if flow.frontend == "pipeline":
        return flow
    return flow.model_copy(update={"steps": tuple(ordered)})


def _reached(flow: Flow) -> set[str]:
    reached = {flow.start}
    pending = [flow.start]
    while pending:
        for target in flow.by_name[pending.pop()].targets:
            if target not in reached:
                reached.add(target)
                pending.append(target)
    return reached


def _check_start_and_end(flow: Flow, sink: DiagnosticSink) -> None:
    end = flow.by_name[flow.end]
    if end.targets:
        sink.error("FC213", f"the step `{end.name}` calls `self.next`", end.next_span, help="remove its `self.next`")


def _report_loop(flow: Flow, stuck: set[str], sink: DiagnosticSink) -> None:
    """Name one loop, at its last step in the file: walk back among stuck steps until one comes again."""
    name = next(step.name for step in flow.steps if step.name in stuck)
    path: dict[str, None] = {}
    while name not in path:
        path[name] = None
        name = next(parent for parent in flow.by_name[name].parents if parent in stuck)
    names = list(path)
    loop = names[names.index(name) :][::-1]
    position = {step.name: number for number, step in enumerate(flow.steps)}
    turn = max(range(len(loop)), key=lambda number: position[loop[number]])
    loop = loop[turn + 1 :] + loop[: turn + 1]
    closing = flow.by_name[loop[-1]]
    sink.error(
        "FC204",
        f"the steps {' -> '.join([*loop, loop[0]])} form a loop",
        closing.next_span or closing.span,
        help="a flow runs each step once: use a foreach, or a Python loop inside of one step",
    )


T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Frame(Generic[T]):
    """A node of a tree that grows at its leaves."""

    value: T
    below: Frame[T] | None
    depth: int = field(init=False)
    jump: Frame[T] = field(init=False, repr=False)
    """Some ancestor, or the frame itself at the root."""

    def __post_init__(self) -> None:
        below = self.below
        if below is None:
            self.depth, self.jump = 0, self
            return
        self.depth = below.depth + 1
        # Two jumps of equal length make one of twice that; otherwise a new one begins.
        equal = below.depth - below.jump.depth == below.jump.depth - below.jump.jump.depth
        self.jump = below.jump.jump if equal else below


def ancestor(frame: Frame[T], depth: int) -> Frame[T]:
    """The ancestor at a depth no greater than the frame's own."""
    while frame.depth > depth:
        # A jump that would go past the depth is not taken: the frame just below has shorter ones.
        frame = frame.jump if frame.jump.depth >= depth else _below(frame)
    return frame


def common(first: Frame[T], second: Frame[T]) -> Frame[T]:
    """The lowest common ancestor of two frames of one tree."""
    depth = min(first.depth, second.depth)
    first, second = ancestor(first, depth), ancestor(second, depth)
    while first is not second:
        if first.jump is not second.jump:  # frames of one depth have jumps of one depth
            first, second = first.jump, second.jump
        else:
            first, second = _below(first), _below(second)
    return first


class PostDominators:
    """Which steps every way from a step to the end goes through. Edges from a step to itself do not count."""

    def __init__(self, flow: Flow) -> None:
        """The steps of the flow must be in topological order."""
        root: Frame[str | None] = Frame(None, None)
        self._frames: dict[str, Frame[str | None]] = {}
        for step in reversed(flow.steps):
            # In reverse topological order every follower has its frame already. What all ways from a step have in
            # common is what the ways from its followers have in common: their lowest common ancestor.
            followers = [self._frames[target] for target in step.targets]
            meet = reduce(common, followers) if followers else root
            self._frames[step.name] = Frame(step.name, meet)

    def nearest(self, step: str) -> str | None:
        """The first of them; `None` where there is none."""
        return _below(self._frames[step]).value

    def passes(self, step: str, through: str) -> bool:
        """Whether every way from `step` goes through another."""
        frame, target = self._frames[step], self._frames[through]
        return frame.depth >= target.depth and ancestor(frame, target.depth) is target


class Dominators:
    """Which steps every way from the start to a step goes through."""

    def __init__(self, flow: Flow) -> None:
        """The steps of the flow must be in topological order."""
        self._frames: dict[str, Frame[str]] = {}
        for step in flow.steps:
            leading = [self._frames[parent] for parent in step.parents]
            self._frames[step.name] = Frame(step.name, reduce(common, leading) if leading else None)

    def nearest(self, step: str) -> str | None:
        """The last of them; `None` for the start."""
        below = self._frames[step].below
        return below.value if below is not None else None

    def first_after(self, opener: str, step: str) -> str:
        """Of the steps behind `opener` that every way from it to `step` goes through, the first."""
        return ancestor(self._frames[step], self._frames[opener].depth + 1).value


def _below(frame: Frame[T]) -> Frame[T]:
    assert frame.below is not None, "the frames are of different trees"
    return frame.below
