"""Tasks that start together: the members of a gang, first and when they are tried again; every other task by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowc_compiler.ir import ParallelStep
from flowc_targets.local.schedule import TaskKey

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow
    from flowc_targets.local.run_record import RunRecord


@dataclass(order=True, slots=True)
class Retry:
    """Tasks that wait for their next attempt, and start together."""

    due: float
    keys: list[TaskKey] = field(compare=False)
    attempt: int = field(compare=False)


class Gangs:
    """Who runs of each gang, and who of it has failed. A task that is no member is a gang of its own."""

    def __init__(self, flow: Flow) -> None:
        self._steps = frozenset(step.target for step in flow.steps if isinstance(step, ParallelStep))
        self._running: dict[TaskKey, int] = {}
        self._members: dict[TaskKey, list[TaskKey]] = {}
        self._failed: dict[TaskKey, Retry] = {}

    def started(self, key: TaskKey) -> None:
        """An attempt of a task has begun."""
        gang = self._gang(key)
        self._running[gang] = self._running.get(gang, 0) + 1
        self._members.setdefault(gang, []).append(key)

    def failed(self, key: TaskKey, retry: Retry) -> None:
        """An attempt has failed, and is to be tried again. Its end is still to be told."""
        waiting = self._failed.setdefault(self._gang(key), retry)
        if waiting is not retry:
            waiting.keys += retry.keys
            waiting.due = max(waiting.due, retry.due)
            waiting.attempt = max(waiting.attempt, retry.attempt)

    def ended(self, key: TaskKey) -> Retry | None:
        """An attempt has ended. With the last of a gang, those of it that failed can start again."""
        gang = self._gang(key)
        self._running[gang] -= 1
        if self._running[gang]:
            return None
        del self._running[gang], self._members[gang]
        return self._failed.pop(gang, None)

    def others(self, key: TaskKey) -> frozenset[TaskKey]:
        """The members of a task's gang, itself included; none for a task that is no member."""
        return frozenset(self._members[self._gang(key)]) if key.step in self._steps else frozenset()

    def culprit(self, key: TaskKey, attempt: int, record: RunRecord) -> TaskKey:
        """The member whose failure came first, of those that this one's gang has recorded; else the task itself.

        A member that is told of a peer's failure says so; one that loses its connection to the peer raises that.
        """
        if key.step not in self._steps:
            return key
        failures = [(record.failure(member, attempt), member) for member in self._members[self._gang(key)]]
        own = [(failure["created"], member) for failure, member in failures if failure and "peer" not in failure]
        return min(own, default=(0.0, key))[1]

    def _gang(self, key: TaskKey) -> TaskKey:
        return TaskKey(key.step, key.path[:-1]) if key.step in self._steps else key
