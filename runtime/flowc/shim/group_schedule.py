"""Which tasks of a pod group can run: the plan's graph, restricted to the group's steps and unfolded as it is walked.

As an engine does it, but for one pod: inner tasks come first, so that what has begun gets finished.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, Iterator, List, Tuple

    from flowc.protocol.plan import Plan, PlanGroup, PlanStep
    from flowc.store.run_layout import Document, Path

    TaskKey = Tuple[str, Path]


class GroupSchedule:
    """The tasks of a group that are ready, and those that wait for others."""

    def __init__(self, plan: Plan, group: PlanGroup, entries: Iterable[Path]) -> None:
        """`entries` are the index paths at which the group's first step begins; they are taken one by one."""
        self._plan = plan
        self._steps = frozenset(group.steps)
        self._entry = group.steps[0]
        self._entries = iter(entries)
        self._ready: List[TaskKey] = []
        self._waiting: Dict[TaskKey, int] = {}
        """How many inputs a join lacks, by its task."""
        self._held: Dict[TaskKey, Iterator[int]] = {}
        """The items of a bounded foreach that may not begin yet, by the task of its join."""
        self.exits: List[TaskKey] = []
        """The tasks that led out of the group, in order; of a foreach's items only those that a pod has begun with."""

    def next(self) -> TaskKey | None:
        """Take a task that can run; `None` where all wait for others, or are done."""
        while not self._ready:
            entry = next(self._entries, None)
            if entry is None:
                return None
            self._add(self._plan.step(self._entry), entry)
        return self._ready.pop()

    def finished(self, key: TaskKey, manifest: Document) -> None:
        """Make the tasks ready that waited for this one, which has committed `manifest`."""
        step, path = self._plan.step(key[0]), key[1]
        if step.fans_out:
            self._open(step, path, manifest["foreach"]["count"])
        elif step.kind != "switch":
            self._go_on(step, path)
        elif manifest["choice"] == step.name:
            self._ready.append((step.name, (*path[:-1], path[-1] + 1)))
        else:
            self._lead_to(manifest["choice"], step.foreach_path(path), key)

    def _go_on(self, step: PlanStep, path: Path) -> None:
        for name in reversed(step.next):
            self._lead_to(name, path, (step.name, path))
        if not step.next:
            self.exits.append((step.name, path))

    def _open(self, step: PlanStep, path: Path, count: int) -> None:
        first = step.next[0]
        if first not in self._steps:
            self.exits.append((step.name, path))
            return
        join = self._join(step)
        if not count:  # nobody would arrive at the join
            self._add_known(join, path, (step.name, path))
            return
        self._waiting[join, path] = count
        at_once = min(count, step.bound or count)
        if at_once < count:
            self._held[join, path] = iter(range(at_once, count))
        for index in reversed(range(at_once)):
            self._add(self._plan.step(first), (*path, index))

    def _join(self, opener: PlanStep) -> str:
        return next(step.name for step in self._plan.steps.values() if step.closes == opener.name)

    def _lead_to(self, name: str, path: Path, before: TaskKey) -> None:
        """A step at `path` may run, or has one more input if it is a join."""
        if name not in self._steps:
            self.exits.append(before)
            return
        step = self._plan.step(name)
        if step.kind == "join":
            self._arrive(step, path)
        else:
            self._add(step, path)

    def _arrive(self, join: PlanStep, path: Path) -> None:
        opener = self._plan.step(join.closes or "")
        place = path[:-1] if opener.fans_out else path
        key = (join.name, place)
        following = next(self._held.get(key, iter(())), None)
        if following is not None:
            self._add(self._plan.step(opener.next[0]), (*place, following))
        left = self._waiting.pop(key, len(join.arms)) - 1
        if left:
            self._waiting[key] = left
        else:
            self._held.pop(key, None)
            self._add(join, place)

    def _add_known(self, name: str, path: Path, before: TaskKey) -> None:
        if name in self._steps:
            self._add(self._plan.step(name), path)
        else:
            self.exits.append(before)

    def _add(self, step: PlanStep, path: Path) -> None:
        """Make a task ready. A synthetic step has none: what follows it goes on at once."""
        if step.synthetic:
            self._go_on(step, path)
        else:
            self._ready.append((step.name, (*path, 0) if step.loops else path))
