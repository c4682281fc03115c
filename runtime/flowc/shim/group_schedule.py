"""Which tasks of a pod group can run: the plan's graph, restricted to the group's steps and unfolded as it is walked.

As an engine does it, but for one pod: inner tasks come first, so that what has begun gets finished.

A pod may find tasks that an earlier one has committed. Such a task is done unless what came before it was committed
later: then somebody has made the engine run that again, and it may have left other values.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, Iterator, List, Tuple

    from flowc.protocol.plan import Plan, PlanGroup, PlanStep
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

    TaskKey = Tuple[str, Path]


class GroupSchedule:
    """The tasks of a group that are ready, and those that wait for others."""

    def __init__(self, plan: Plan, group: PlanGroup, entries: Iterable[Path], since: float = 0.0) -> None:
        """`entries` are the index paths at which the group's first step begins; they are taken one by one. What comes
        before these was committed at the time `since`."""
        self._plan = plan
        self._since = since
        self._steps = frozenset(group.steps)
        self._entry = group.steps[0]
        self._entries = iter(entries)
        self._ready: List[Tuple[TaskKey, float]] = []
        self._waiting: Dict[TaskKey, Tuple[int, float]] = {}
        """How many inputs a join lacks, and when the last one was committed, by its task."""
        self._held: Dict[TaskKey, Iterator[int]] = {}
        """The items of a bounded foreach that may not begin yet, by the task of its join."""
        self.since = 0.0
        """When the last task was committed that comes before the one that was taken last."""
        self.exits: List[TaskKey] = []
        """The tasks that led out of the group, in order; of a foreach's items only those that a pod has begun with."""

    def next(self) -> TaskKey | None:
        """Take a task that can run; `None` where all wait for others, or are done."""
        while not self._ready:
            entry = next(self._entries, None)
            if entry is None:
                return None
            self._add(self._plan.step(self._entry), entry, self._since)
        key, self.since = self._ready.pop()
        return key

    def finished(self, key: TaskKey, manifest: Document) -> None:
        """Make the tasks ready that waited for this one, which has committed `manifest`."""
        step, path = self._plan.step(key[0]), key[1]
        at: float = manifest.get("created", 0.0)
        if step.fans_out:
            self._open(step, path, manifest["foreach"]["count"], at)
        elif step.kind != "switch":
            self._go_on(step, path, at)
        elif manifest["choice"] == step.name:
            self._ready.append(((step.name, (*path[:-1], path[-1] + 1)), at))
        else:
            self._lead_to(manifest["choice"], step.foreach_path(path), key, at)

    def _go_on(self, step: PlanStep, path: Path, at: float) -> None:
        for name in reversed(step.next):
            self._lead_to(name, path, (step.name, path), at)
        if not step.next:
            self.exits.append((step.name, path))

    def _open(self, step: PlanStep, path: Path, count: int, at: float) -> None:
        first = step.next[0]
        if first not in self._steps:
            self.exits.append((step.name, path))
            return
        join = self._join(step)
        if not count:  # nobody would arrive at the join
            self._add_known(join, path, (step.name, path), at)
            return
        self._waiting[join, path] = count, at
        at_once = min(count, step.bound or count)
        if at_once < count:
            self._held[join, path] = iter(range(at_once, count))
        for index in reversed(range(at_once)):
            self._add(self._plan.step(first), (*path, index), at)

    def _join(self, opener: PlanStep) -> str:
        return next(step.name for step in self._plan.steps.values() if step.closes == opener.name)

    def _lead_to(self, name: str, path: Path, before: TaskKey, at: float) -> None:
        """A step at `path` may run, or has one more input if it is a join."""
        if name not in self._steps:
            self.exits.append(before)
            return
        step = self._plan.step(name)
        if step.kind == "join":
            self._arrive(step, path, at)
        else:
            self._add(step, path, at)

    def _arrive(self, join: PlanStep, path: Path, at: float) -> None:
        opener = self._plan.step(join.closes or "")
        place = path[:-1] if opener.fans_out else path
        key = (join.name, place)
        following = next(self._held.get(key, iter(())), None)
        if following is not None:
            self._add(self._plan.step(opener.next[0]), (*place, following), self._waiting[key][1])
        left, last = self._waiting.pop(key, (len(join.arms), at))
        if left > 1:
            self._waiting[key] = left - 1, max(last, at)
        else:
            self._held.pop(key, None)
            self._add(join, place, max(last, at))

    def _add_known(self, name: str, path: Path, before: TaskKey, at: float) -> None:
        if name in self._steps:
            self._add(self._plan.step(name), path, at)
        else:
            self.exits.append(before)

    def _add(self, step: PlanStep, path: Path, at: float) -> None:
        """Make a task ready. A synthetic step has none: what follows it goes on at once."""
        if step.synthetic:
            self._go_on(step, path, at)
        else:
            self._ready.append(((step.name, (*path, 0) if step.loops else path), at))
