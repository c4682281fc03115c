"""What a pod of several steps needs: sums of what runs at a time, the maximum of what follows one another."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.passes.pod_specs import in_series, one_of, pod_specs, side_by_side
from flowc_compiler.passes.scopes import Dominators, PostDominators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from flowc_compiler.ir import Flow, Step, StepSpecs

OPENERS = frozenset({"foreach", "parallel"})
"""The kinds of steps that open a foreach or a gang."""


class Regions:
    """What is between a step and the one that all ways from it lead to."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.dominators = Dominators(flow)
        self._after = PostDominators(flow)
        self.position = {step.name: number for number, step in enumerate(flow.steps)}
        self._order: list[str] = []
        """The steps in preorder of the dominator tree."""
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}
        """Of each step, where its part of the order begins and where it has ended."""
        self._number()

    def _number(self) -> None:
        children: dict[str, list[str]] = {step.name: [] for step in self._flow.steps}
        roots: list[str] = []
        for step in self._flow.steps:
            above = self.dominators.nearest(step.name)
            (roots if above is None else children[above]).append(step.name)
        pending = [(name, False) for name in reversed(roots)]
        while pending:
            name, done = pending.pop()
            if done:
                self._last[name] = len(self._order)
                continue
            self._first[name] = len(self._order)
            self._order.append(name)
            pending.append((name, True))
            pending += [(child, False) for child in reversed(children[name])]

    def next_of(self, name: str) -> str | None:
        """The step that may be in the pod of a step, with all that is between; `None` where none can be."""
        step = self._flow.by_name[name]
        after = self._after.nearest(name)
        if after is None or step.kind in OPENERS or self.dominators.nearest(after) != name:
            return None
        target = self._flow.by_name[after]
        fans_in = target.kind == "join" and self._flow.by_name[target.closes].kind in OPENERS
        return None if fans_in else after

    def end_of_body(self, name: str) -> str | None:
        """The join of a foreach that all arms of a switch in its body lead to, and nothing else does."""
        join = self._after.nearest(name)
        is_end = join is not None and self._flow.by_name[join].kind == "join" and self.dominators.nearest(join) == name
        return join if is_end and self._flow.by_name[name].kind == "switch" and self.next_of(name) is None else None

    def between(self, first: str, after: str) -> list[str]:
        """The steps between a step and the next of its chain, in topological order."""
        inner = [
            *self._order[self._first[first] + 1 : self._first[after]],
            *self._order[self._last[after] : self._last[first]],
        ]
        return sorted(inner, key=self.position.__getitem__)

    def running(self, counts: Callable[[Step], bool]) -> list[int]:
        """Running counts of the steps that count, in the tree's order."""
        return [0, *accumulate(int(counts(self._flow.by_name[name])) for name in self._order)]

    def total(self, running: list[int], first: str, after: str) -> int:
        """How many steps between two of a chain count."""
        before = running[self._first[after]] - running[self._first[first] + 1]
        return before + running[self._last[first]] - running[self._last[after]]


class Need(NamedTuple):
    """What a part of a group needs of its pod."""

    specs: StepSpecs
    workers: int


class Needs:
    """The needs of a group's parts, from its last step backwards."""

    def __init__(self, flow: Flow, tree: Regions, members: frozenset[str]) -> None:
        self._flow = flow
        self._tree = tree
        self._members = members
        self._rest: dict[str, Need | None] = {}
        """Of each step, what it and its chain need."""
        self._end: dict[str, str] = {}
        """Of each step, the last of its chain."""

    def of(self, steps: Sequence[str]) -> Need:
        """The need of the whole group, whose steps are in topological order."""
        for name in reversed(steps):
            after = self._tree.next_of(name)
            after = after if after in self._members else None
            self._end[name] = self._end[after] if after is not None else name
            rest = [self._own(name)]
            if after is not None:
                rest += [self._inner(name, after), self._rest[after]]
            elif (join := self._tree.end_of_body(name)) is not None and not self._members.isdisjoint(
                self._tree.between(name, join)
            ):
                rest.append(self._inner(name, join))
            self._rest[name] = _sum(rest, "series")
        whole = self._rest[steps[0]]
        assert whole is not None, "a group has a task"
        return whole

    def _own(self, name: str) -> Need | None:
        step = self._flow.by_name[name]
        if step.virtual:
            return None
        iterations: int | None = 1
        if step.kind == "switch" and step.recursive:
            iterations = step.specs.loop.max_iterations if step.specs.loop is not None else None
        return Need(pod_specs(step.specs, iterations), 1)

    def _inner(self, name: str, after: str) -> Need | None:
        """What is between a step and the next of its chain: arms side by side, or one of them."""
        step = self._flow.by_name[name]
        arms = [target for target in step.targets if target != after]
        way = "one" if step.kind == "switch" else "side"
        if all(self._flow.by_name[self._end[arm]].targets == (after,) for arm in arms):
            return _sum([self._rest[arm] for arm in arms], way)
        # Arms that depend on each other. As if all ran at once, or one after the other where no more than one can.
        inside = [self._flow.by_name[inner] for inner in self._tree.between(name, after)]
        once = way == "one" and not any(inner.kind == "branch" for inner in inside)
        return _sum([self._own(inner.name) for inner in inside], "series" if once else "side")


def _sum(needs: Iterable[Need | None], way: str) -> Need | None:
    """Several needs as one: in series, side by side, or of one of them."""
    some = [need for need in needs if need is not None]
    if not some:
        return None
    workers = [need.workers for need in some]
    together = {"series": in_series, "side": side_by_side, "one": one_of}[way]
    return Need(together([need.specs for need in some]), sum(workers) if way == "side" else max(workers))
