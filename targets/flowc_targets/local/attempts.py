"""One attempt of a task while it runs, and what is said of one that has failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc.store.run_layout import index_text
from flowc_targets.local.signal_watch import signal_name

if TYPE_CHECKING:
    from flowc_compiler.ir import StepSpecs
    from flowc_targets.local.schedule import TaskKey
    from flowc_targets.local.task_output import TaskOutput

PATIENCE = 60.0
"""Seconds that the members of a gang have to end after one has failed."""


@dataclass(slots=True)
class Attempt:
    """An attempt of a task that runs."""

    key: TaskKey
    attempt: int
    outputs: tuple[TaskOutput, TaskOutput]
    pid: int = 0
    deadline: float = float("inf")
    """When the next signal is due: at the timeout, and then after the grace period."""
    timed_out: bool = False
    left_behind: bool = False
    """Whether it is to end because a member of its gang has failed."""


def next_attempt(specs: StepSpecs, attempt: int) -> tuple[float, str]:
    """What follows a failed attempt: after how many seconds, and in words. A fallback of `@catch` need not wait."""
    retry = specs.retry
    if retry is None or attempt >= retry.limit:
        return 0.0, "@catch goes on without it"
    seconds = retry.backoff_seconds * float(retry.backoff_factor) ** attempt
    wait = f" in {seconds:g} s" if seconds else ""
    return seconds, f"attempt {attempt + 2} of {retry.limit + 1}{wait}"


def process_failure(task: Attempt, code: int, timeout: int) -> tuple[str, str]:
    """The type and message of a failure that the task could not record itself."""
    if task.timed_out and task.left_behind:
        return "TaskKilled", f"the task went on for {PATIENCE:g} s after another member of its gang had failed"
    if task.timed_out:
        return "TaskTimeout", f"the task ran longer than its timeout of {timeout} s"
    if code < 0:
        return "TaskKilled", f"the task was killed by {signal_name(-code)}"
    if code == 0:
        return "TaskVanished", "the task's process ended before the step did"
    return "TaskFailed", f"the task's process ended with exit code {code}"


def task_name(key: TaskKey) -> str:
    """A task as messages call it."""
    return f"{key.step}[{index_text(key.path)}]" if key.path else key.step
