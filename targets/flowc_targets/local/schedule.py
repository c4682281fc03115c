"""Which tasks can run: the flow's graph, unfolded by the widths of its foreach steps as they become known."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.ir import ForeachStep, JoinStep, ParallelStep, SwitchStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.ir import Flow, Step

Path = tuple[int, ...]


class TaskKey(NamedTuple):
    """A task of a run."""

    step: str
    path: Path


@dataclass(slots=True)
class _Span:
    """Tasks that differ in their last index only: `path + (at,)` up to `end`; one task when `end` is `None`."""

    step: str
    path: Path
    at: int = 0
    end: int | None = None
    tail: Path = ()
    """What follows the last index: the first iteration, where the step is a recursive switch."""
    gate: TaskKey | None = None
    """The join of the foreach that the tasks begin the items of, where that bounds how many items are open."""


def real_parents(flow: Flow, step: Step) -> tuple[str, ...]:
    """The steps with tasks that come before a step: for a virtual one those before that."""
    found = dict.fromkeys(step.parents)
    waiting = deque(found)
    while waiting:
        parent = flow.by_name[waiting.popleft()]
        new = [name for name in parent.parents if name not in found] if parent.virtual else []
        found.update(dict.fromkeys(new))
        waiting += new
    return tuple(name for name in found if not flow.by_name[name].virtual)


class Schedule:
    """The tasks that are ready, and those that wait for others. Its size depends on what is open, not on the past."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._ready: deque[_Span] = deque()
        self._waiting: dict[TaskKey, int] = {}
        self._joins = {step.closes: step for step in flow.steps if isinstance(step, JoinStep)}
        self.bounded = True
        """Whether `@foreach_options` holds tasks back; not while tasks are taken over from a resumed run."""
        self._bounds = _bounds(flow)
        self._open_items: dict[TaskKey, int] = {}
        self._held: dict[TaskKey, list[_Span]] = {}
        """Tasks that wait because the most items of their foreach are open, by its join."""
        self._virtual = frozenset(step.name for step in flow.steps if step.virtual)
        self._together = frozenset(step.target for step in flow.steps if isinstance(step, ParallelStep))
        self.known = 0
        """How many tasks the run has, as far as is known."""
        self.known_of = Counter[str]()
        """The same for each step."""
        self._lead_to(flow.start, ())

    @property
    def has_ready(self) -> bool:
        """Whether a task can be started now."""
        return bool(self._ready)

    @property
    def width(self) -> int:
        """How many of the next tasks have to start together: the members of a gang."""
        span = self._ready[0]
        return span.end - span.at if span.end is not None and span.step in self._together else 1

    def pop(self) -> TaskKey:
        """Take a task that is ready. Inner tasks come first, so that what has begun gets finished."""
        # A fan-out is one span with a range, not a list of tasks: a million items take no more memory than one.
        span = self._ready[0]
        if span.gate is not None:
            self._open_items[span.gate] = self._open_items.get(span.gate, 0) + 1
        key = TaskKey(span.step, span.path)
        if span.end is not None:
            key = TaskKey(span.step, (*span.path, span.at, *span.tail))
            span.at += 1
        if span.at == span.end or span.end is None:
            self._ready.popleft()
        self._hold_back()
        return key

    def put_back(self, keys: Sequence[TaskKey]) -> None:
        """Make tasks ready again that were taken but not started. They come first, in this order."""
        spans: list[_Span] = []
        for key in keys:
            gate = self._gate(key)
            if gate is not None:
                self._open_items[gate] -= 1
            if gate is not None or self._begins(key.step) or not key.path:
                spans.append(_Span(key.step, key.path, gate=gate))
                continue
            # Neighbors become one range again, or putting back a wide fan-out would make a span for each of its tasks.
            last = spans[-1] if spans else None
            if last is not None and (last.step, last.path, last.end) == (key.step, key.path[:-1], key.path[-1]):
                last.end = key.path[-1] + 1
            else:
                spans.append(_Span(key.step, key.path[:-1], key.path[-1], key.path[-1] + 1))
        self._ready.extendleft(reversed(spans))
        self._hold_back()

    def finished(self, key: TaskKey, *, count: int | None = None, choice: str | None = None) -> None:
        """Make the tasks ready that waited for this one.

        `count` is the width where it opens a foreach or gang, `choice` the step where it is a switch.
        """
        step = self._flow.by_name[key.step]
        if isinstance(step, ForeachStep | ParallelStep):
            assert count is not None
            self._open(step, key.path, count)
        elif isinstance(step, SwitchStep):
            assert choice is not None
            self._choose(step, key.path, choice)
        else:
            for name in step.targets:
                self._lead_to(name, key.path)
        self._hold_back()

    def _hold_back(self) -> None:
        """Hold tasks back until the first one that is ready may start."""
        while self.bounded and self._ready and (gate := self._ready[0].gate) is not None:
            if self._open_items.get(gate, 0) < self._bounds[gate.step]:
                return
            self._held.setdefault(gate, []).append(self._ready.popleft())

    def _gate(self, key: TaskKey) -> TaskKey | None:
        """The foreach with a bound that a task begins an item of, by its join."""
        begins = self._begins(key.step)
        if not self._bounds or (begins and key.path[-1]):
            return None
        parents = (self._flow.by_name[name] for name in self._flow.by_name[key.step].parents)
        opener = next((parent for parent in parents if isinstance(parent, ForeachStep)), None)
        if opener is None or self._joins[opener.name].name not in self._bounds:
            return None
        return TaskKey(self._joins[opener.name].name, key.path[: -1 - len(begins)])

    def _choose(self, step: SwitchStep, path: Path, choice: str) -> None:
        """Go on to the step that a switch has chosen; itself is the next iteration."""
        if not step.recursive:
            self._lead_to(choice, path)
        elif choice == step.name:
            self._add(_Span(step.name, (*path[:-1], path[-1] + 1)))
        else:
            self._lead_to(choice, path[:-1])

    def _lead_to(self, name: str, path: Path) -> None:
        """A step at `path` may start, or, if it is a join, has one more input."""
        target = self._flow.by_name[name]
        if isinstance(target, JoinStep):
            self._arrive(target, path)
        else:
            self._add(_Span(name, (*path, *self._begins(name))))

    def _open(self, step: ForeachStep | ParallelStep, path: Path, count: int) -> None:
        join = self._joins[step.name]
        # Nobody would ever arrive at the join of an empty foreach, so it is ready at once.
        if count == 0:
            self._add(_Span(join.name, path))
            return
        self._waiting[TaskKey(join.name, path)] = count
        if step.target in self._virtual:
            for index in range(count):
                self._add(_Span(step.target, (*path, index)))
            return
        self.known += count
        self.known_of[step.target] += count
        gate = TaskKey(join.name, path) if join.name in self._bounds else None
        self._ready.appendleft(_Span(step.target, path, 0, count, self._begins(step.target), gate))

    def _begins(self, name: str) -> Path:
        """The end of the path of a step's first task: the iteration, for a loop."""
        step = self._flow.by_name[name]
        return (0,) if isinstance(step, SwitchStep) and step.recursive else ()

    def _arrive(self, join: JoinStep, path: Path) -> None:
        opener = self._flow.by_name[join.closes]
        fanned_out = isinstance(opener, ForeachStep | ParallelStep)
        key = TaskKey(join.name, path[:-1] if fanned_out else path)
        if key in self._open_items:
            self._open_items[key] -= 1
            self._ready.extendleft(reversed(self._held.pop(key, [])))
        # How many a foreach has was noted when it opened; a branch has as many arms as the graph says. The count is
        # kept only while someone is under way, so that what has ended takes no memory.
        remaining = self._waiting.pop(key, len(join.arms)) - 1
        if remaining:
            self._waiting[key] = remaining
        else:
            self._open_items.pop(key, None)
            self._add(_Span(join.name, key.path))

    def _add(self, span: _Span) -> None:
        """Make a task ready. A virtual step has no task: the steps after it go on at once."""
        if span.step in self._virtual:
            for name in self._flow.by_name[span.step].targets:
                self._lead_to(name, span.path)
            return
        self.known += 1
        self.known_of[span.step] += 1
        self._ready.appendleft(span)


def _bounds(flow: Flow) -> dict[str, int]:
    """Join to the most items of its foreach that may be open, where `@foreach_options` says so."""
    bounds: dict[str, int] = {}
    for step in flow.steps:
        if isinstance(step, JoinStep):
            options = flow.by_name[step.closes].specs.foreach
            if options is not None and options.parallelism is not None:
                bounds[step.name] = options.parallelism
    return bounds
