"""What the store has of the tasks of a group: what is committed, what has failed, and what its pod writes down."""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from flowc.errors import StoreError
from flowc.protocol import env_names
from flowc.protocol.exit_codes import OK, TIMED_OUT, USER_ERROR
from flowc.shim.group_schedule import GroupSchedule
from flowc.shim.task_inputs import predecessor
from flowc.store.documents import ERROR_RECORD, MANIFEST
from flowc.store.run_layout import PAGE, RunLayout, index_text, place_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Set, Tuple

    from flowc.protocol.plan import Plan, PlanGroup, PlanStep
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

    TaskKey = Tuple[str, Path]


FILES_OF_TASK = 3
"""Files in a task's folder: its record, its manifest, its log."""


class Attempt:
    """An attempt that runs, or is about to."""

    __slots__ = ("deadline", "first", "key", "number", "pid", "timed_out", "worker")

    def __init__(self, key: TaskKey, number: int, first: int) -> None:
        self.key = key
        self.number = number
        self.first = first
        """The attempt that its tries count from."""
        self.pid = 0
        self.deadline = float("inf")
        """When it is killed, by the monotonic clock."""
        self.timed_out = False
        self.worker = 0
        """Which of the pod's workers runs it."""

    @property
    def name(self) -> str:
        """The task, for messages."""
        return place_text(*self.key)

    def kill(self, number: int) -> None:
        """Send a signal to its processes."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


class GroupRecords:
    """What is on record of the tasks of one group."""

    def __init__(self, plan: Plan, group: PlanGroup, layout: RunLayout, path: Path, *, again: bool) -> None:
        self.plan = plan
        self.group = group
        self.layout = layout
        self.path = path
        self.again = again
        self.anew = False
        """Whether nothing counts that is committed already."""
        self._opener: Document | None = None
        self._listed: Dict[str, Dict[str, Dict[int, Set[str]]]] = {}
        """Of a step, the files of attempts by the index of the task."""

    def schedule(self) -> GroupSchedule:
        """The tasks of the group, from the first."""
        return GroupSchedule(self.plan, self.group, self._entries())

    def _entries(self) -> Iterable[Path]:
        """The index paths of the group's first tasks: of a batch, those of its items. Raises MissingInput."""
        outer, items = self._items()
        return (self.path,) if items is None else ((*outer, index) for index in items)

    def _items(self) -> Tuple[Path, range | None]:
        """Of a batch, the index path of its opener, and its items; other groups have none. Raises MissingInput."""
        group = self.group
        if group.opener is None or group.items_per_task is None:
            return self.path, None
        outer, first = self.path[:-1], self.path[-1] * group.items_per_task
        count: int = self.opener_manifest()["foreach"]["count"]
        return outer, range(first, min(first + group.items_per_task, count))

    def opener_manifest(self) -> Document:
        """What the step has committed that opened the foreach of a batch. Raises MissingInput."""
        assert self.group.opener is not None
        if self._opener is None:
            self._opener = self.layout.manifest(self.group.opener, self.path[:-1])
        return self._opener

    def files(self, key: TaskKey) -> Dict[int, Set[str]]:
        """The attempts of a task that this pod has not begun, with the names of their files.

        Those of a step are listed at once, where that costs fewer requests than a list for each task.
        """
        step, path = key
        if step not in self._listed:
            start = self._common_start(self.plan.step(step))
            if start is None:
                return self.layout.attempts(step, path)
            self._listed[step] = self.layout.attempts_from(step, start)
        return self._listed[step].get(index_text(path), {})

    def _common_start(self, step: PlanStep) -> str | None:
        """What the indexes of a step's tasks in this pod begin with, if few others do."""
        if not self.layout.store.remote:
            return None
        outer, items = self._items()
        head = f"{index_text(outer)}." if outer else ""
        if items is None:
            return head if step.depth > len(outer) else None
        first, last = str(items[0]), str(items[-1])
        digits = os.path.commonprefix([first, last]) if len(first) == len(last) else ""  # noqa: RUF071 (digits it is)
        count: int = self.opener_manifest()["foreach"]["count"]
        cheap = len(items) > 1 and beginning_with(digits, count) * FILES_OF_TASK <= len(items) * PAGE
        return head + digits if cheap else None

    def is_done(self) -> bool:
        """Whether all tasks of the group are."""
        schedule = self.schedule()
        while (key := schedule.next()) is not None:
            manifest = self.done(schedule, key, self.files(key))
            if manifest is None:
                return False
            schedule.finished(key, manifest)
        return True

    def done(self, schedule: GroupSchedule, key: TaskKey, files: Dict[int, Set[str]]) -> Document | None:
        """What a task has committed; `None` where it has to run: it has committed nothing, or one before it has since.

        `files` has the names of the files of its attempts.
        """
        committed = [number for number, names in files.items() if MANIFEST in names]
        if not committed or self.anew:
            return None
        manifest = self.layout.manifest(*key, max(committed))
        since = schedule.since or self._entry_since(key)
        return manifest if manifest.get("created", since) >= since else None

    def _entry_since(self, key: TaskKey) -> float:
        """When the last task was committed that leads into the group: at `key`, unless it is a batch."""
        plan, layout, step = self.plan, self.layout, self.plan.step(key[0])
        if self.group.opener is not None:
            return float(self.opener_manifest()["created"])
        if plan.is_first(step):
            return 0.0
        if step.kind != "join":
            return float(predecessor(layout, plan, step, key[1])["created"])
        from flowc.shim.join import input_states
        from flowc.shim.task_state import TaskState

        opener = layout.manifest(step.closes or "", key[1])
        count = opener["foreach"]["count"] if step.closes_kind != "branch" else 0
        states = input_states(TaskState(layout, plan, step, key[1]), count)
        return max(float(manifest["created"]) for manifest in (opener, *(state.manifest for state in states)))

    def first_attempt(self, key: TaskKey, files: Dict[int, Set[str]]) -> Attempt:
        """The attempt to begin with in this pod."""
        number = max(files, default=-1) + 1
        if any(MANIFEST in names for names in files.values()):  # it runs anew
            return Attempt(key, number, number)
        failures = sum(self._has_failed(key, attempt, names) for attempt, names in files.items())
        if failures > self.further(key) and not self.again:  # somebody wants what has failed to be tried again
            failures = 0
        return Attempt(key, number, number - failures)

    def _has_failed(self, key: TaskKey, attempt: int, names: Set[str]) -> bool:
        """Whether an attempt of an earlier pod counts as one that has failed."""
        if ERROR_RECORD not in names:
            return self.further(key) > 0
        record = self.layout.failure(*key, attempt) or {}
        return not record.get("lost")

    def further(self, key: TaskKey) -> int:
        """How many attempts a step has after the first."""
        return self.plan.step(key[0]).further

    def is_committed(self, attempt: Attempt) -> bool:
        """Whether an attempt is, or its task by another run."""
        step, path = attempt.key
        key = f"{self.layout.folder(step, path, attempt.number)}/{MANIFEST}"
        # One that was taken over from another run may have that run's number.
        taken = bool(os.environ.get(env_names.ORIGIN_RUN_ID))
        return self.layout.store.found_at_last(
            lambda: self.layout.store.exists(key) or (taken and self.layout.latest(step, path) is not None), bool
        )

    def recorded_failure(self, attempt: Attempt, code: int) -> str:
        """What the attempt has recorded of its failure, in words; what it could not record itself is, here."""
        step, path = attempt.key
        recorded = self.layout.failure(step, path, attempt.number) if code > 0 and not attempt.timed_out else None
        if recorded is not None:
            return ": ".join(filter(None, (recorded["type"], recorded["message"])))
        kind, message = _silent_failure(attempt, code, self.plan.step(step))
        self.record(attempt, kind, message, code=TIMED_OUT if attempt.timed_out else code or USER_ERROR)
        return message

    def record(self, attempt: Attempt, kind: str, message: str, **more: Any) -> None:
        """Record the end of an attempt; `lost` where the task itself has not failed."""
        try:
            self.layout.record_failure(*attempt.key, attempt.number, kind, message, **more)
        except StoreError as error:
            say(f"the failure of task {attempt.name} could not be recorded: {error}")


def beginning_with(digits: str, count: int) -> int:
    """How many of the numbers from 0 to `count`, without that, begin with these digits."""
    if digits in ("", "0"):
        return count if not digits else 1
    low, width, found = int(digits), 1, 0
    while low < count:
        found += min(low + width, count) - low
        low, width = low * 10, width * 10
    return found


def _silent_failure(attempt: Attempt, code: int, step: PlanStep) -> Tuple[str, str]:
    """The type and the message of a failure that the task has not recorded."""
    if attempt.timed_out:
        return "TimeoutException", f"the task ran longer than its timeout of {step.timeout} s"
    if code < 0:
        return "TaskKilled", f"the task was killed by {signal.Signals(-code).name}"
    if code == OK:
        return "TaskVanished", "the task's process ended before the step did"
    return "TaskFailed", f"the task's process ended with exit code {code}"


def say(text: str) -> None:
    """Print a line for people."""
    sys.stderr.write(f"flowc: {text}\n")
    sys.stderr.flush()
