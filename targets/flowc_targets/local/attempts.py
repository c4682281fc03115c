"""Attempts of tasks: what is known of one while it runs, what follows a failure, and which attempts start together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowc.protocol.exit_codes import TIMEOUT, USER_ERROR, failure_kinds, is_retried
from flowc.shim.retry_decision import attempt_text, following_text
from flowc_compiler.ir import ParallelStep
from flowc_targets.base.process_pool import signal_name
from flowc_targets.local.schedule import TaskKey

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, StepSpecs, TimeoutSpec
    from flowc_targets.local.attempt_log import AttemptLog
    from flowc_targets.local.run_record import RunRecord
    from flowc_targets.local.task_output import TaskOutput

GANG_GRACE_SECONDS = 60.0
"""How long the members of a gang may take to end after one has failed."""


@dataclass(slots=True)
class Attempt:
    """An attempt of a task that runs."""

    key: TaskKey
    number: int
    """0 for the first attempt."""
    outputs: tuple[TaskOutput, TaskOutput]
    log: AttemptLog
    """What both outputs go into."""
    started: float
    """By the monotonic clock, as all times here."""
    deadline: float = float("inf")
    """When the next signal is due: at the timeout, and then after the grace period."""
    timed_out: bool = False
    gang_failed: bool = False
    """Whether it must end because a member of its gang has failed."""
    committed: dict[str, Any] | None = None
    """What its manifest says, of what follows, where it is known to be there; else the store is asked."""


@dataclass(order=True, slots=True)
class Retry:
    """Tasks that wait for their next attempt, and start together."""

    due: float
    keys: list[TaskKey] = field(compare=False)
    attempt: int = field(compare=False)


class Gangs:
    """The members of each gang that run, and those that have failed. Any other task is a gang of its own."""

    def __init__(self, flow: Flow) -> None:
        self._steps = frozenset(step.target for step in flow.steps if isinstance(step, ParallelStep))
        self._running: dict[TaskKey, int] = {}
        self._members: dict[TaskKey, list[TaskKey]] = {}
        self._failed: dict[TaskKey, Retry] = {}

    def started(self, key: TaskKey) -> None:
        """Count an attempt that has begun."""
        gang = self._gang(key)
        self._running[gang] = self._running.get(gang, 0) + 1
        self._members.setdefault(gang, []).append(key)

    def failed(self, key: TaskKey, retry: Retry) -> None:
        """Keep the retry of an attempt that has failed, until `ended` reports the last member of its gang."""
        waiting = self._failed.setdefault(self._gang(key), retry)
        if waiting is not retry:
            waiting.keys += retry.keys
            waiting.due = max(waiting.due, retry.due)
            waiting.attempt = max(waiting.attempt, retry.attempt)

    def ended(self, key: TaskKey) -> Retry | None:
        """Count an attempt that has ended. After the last of a gang, its failed members can start again."""
        gang = self._gang(key)
        self._running[gang] -= 1
        if self._running[gang]:
            return None
        del self._running[gang], self._members[gang]
        return self._failed.pop(gang, None)

    def members(self, key: TaskKey) -> frozenset[TaskKey]:
        """The members of a task's gang, itself included; empty for a task in no gang."""
        return frozenset(self._members[self._gang(key)]) if key.step in self._steps else frozenset()

    def first_failed(self, key: TaskKey, attempt: int, record: RunRecord) -> TaskKey:
        """The member of a task's gang whose recorded failure came first; else the task itself.

        The record of a member that ended because of a peer names that peer, so it is not the cause. A member that loses
        its connection to the peer raises an error of its own.
        """
        failures = [(record.failure(member, attempt), member) for member in self.members(key)]
        own = [(failure["created"], member) for failure, member in failures if failure and "peer" not in failure]
        return min(own, default=(0.0, key))[1]

    def _gang(self, key: TaskKey) -> TaskKey:
        return TaskKey(key.step, key.path[:-1]) if key.step in self._steps else key


def next_attempt(specs: StepSpecs, attempt: int, *, wait: bool) -> tuple[float, str]:
    """What follows a failed attempt: after how many seconds, and in words.

    As in Metaflow, attempts on this machine follow at once, unless the user wants to `wait` as `@retry` says. A
    fallback of `@catch` never waits.
    """
    retry = specs.retry
    if retry is None or attempt >= retry.limit:
        return 0.0, f"{'@catch' if specs.catch is not None else 'the foreach'} goes on without it"
    seconds = retry.wait_before(attempt + 1) if wait else 0.0
    return seconds, following_text(attempt, seconds)


def failed_attempt(specs: StepSpecs, attempt: int) -> str:
    """Which attempt has failed, in words: see `attempt_text`."""
    return attempt_text(attempt, specs.retry.limit) if specs.retry is not None else ""


def is_final(specs: StepSpecs, task: Attempt, code: int, *, timed_out: bool) -> bool:
    """Whether no attempt follows one that ended with an exit code: there was the last one, or `@retry` wants none.

    A step with `@catch` always gets its attempts: in them the shim stores the failure.
    """
    if task.number >= specs.retries:
        return True
    if specs.survives or task.gang_failed:
        return False
    kinds = (TIMEOUT,) if timed_out else failure_kinds(code or USER_ERROR)
    return not is_retried(kinds, specs.retry.on if specs.retry is not None else ())


def process_failure(task: Attempt, code: int, timeout: TimeoutSpec | None) -> tuple[str, str]:
    """The type and message of a failure that the task could not record itself."""
    if task.timed_out and task.gang_failed:
        waited = f"{GANG_GRACE_SECONDS:g} s"
        return "TaskKilled", f"the task went on for {waited} after another member of its gang had failed"
    # A task that ends itself at its timeout while C code keeps the interpreter's lock cannot record that.
    late = code == USER_ERROR and timeout is not None and time.monotonic() > task.started + timeout.seconds
    if timeout is not None and (task.timed_out or late):
        return "TimeoutException", f"the task ran longer than its timeout of {timeout.seconds} s"
    if code < 0:
        return "TaskKilled", f"the task was killed by {signal_name(-code)}"
    if code == 0:
        return "TaskVanished", "the task's process ended before the step did"
    return "TaskFailed", f"the task's process ended with exit code {code}"
