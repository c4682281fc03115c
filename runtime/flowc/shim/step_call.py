"""Calling the code of a step: with its secrets, within its time, and with what `@catch` makes of a failure."""

from __future__ import annotations

import os
import sys

from flowc.errors import error_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict

    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState


def call_step(flow: object, code: Callable[[], None], state: TaskState, task: Task) -> Dict[str, str] | None:
    """Run a step's code; returns `type` and `message` of the failure that `@catch` took, if it did.

    `flow` is what gets the artifact of `@catch`, as an attribute.

    An attempt whose number is higher than what `@retry` allows is a fallback of a step with `@catch`: the code is not
    run, and what goes into the artifact says that attempts kept failing. Such an attempt is only made when the one
    before it had no chance to catch anything itself, since its process was killed or ended. So an engine needs to
    know nothing of `@catch`, but that it may retry more often; and a fallback that fails may be retried as well.
    """
    step = state.step
    attempt = task.attempt - task.first
    if step.catch is None:
        _call(code, state, task)
        return None
    from flowc.shim.failure_report import without_secrets
    from flowc.shim.retry_decision import judged, was_lost_for_good
    from flowc.shim.step_guards import FailureHandledByCatch, last_failure, store_failure

    fallback = attempt > step.retries or was_lost_for_good(state, task)
    try:
        if fallback:
            raise FailureHandledByCatch(attempt, last_failure(state, task))
        _call(code, state, task)
    except Exception as error:
        if not fallback and attempt < step.retries and not judged(error, state.plan, step.name)[1]:
            raise
        store_failure(flow, state, error)
        return {"type": type(error).__name__, "message": without_secrets(error_text(error))}
    if step.catch["var"] is not None:
        setattr(flow, step.catch["var"], None)
    return None


def _call(code: Callable[[], None], state: TaskState, task: Task) -> None:
    """Call the code. A process that it has forked does not leave it: only the task's own stores what it has set."""
    try:
        _call_within_limits(code, state, task)
    except BaseException as error:
        end_fork(task, error)
        raise
    end_fork(task)


def end_fork(task: Task, error: BaseException | None = None) -> None:
    """End a process that the user's code has forked, and that came to its end, as it would end where a program does.

    Does nothing in the task's own process.
    """
    if os.getpid() == task.pid:
        return
    code = 0
    try:
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
        elif error is not None:
            from flowc.shim.failure_report import failure_text

            code = 1
            sys.stderr.write(f"flowc: in a process that the step has forked:\n{failure_text(error)}")
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)


def _call_within_limits(code: Callable[[], None], state: TaskState, task: Task) -> None:
    step = state.step
    if step.secrets is not None:
        from flowc.shim.task_secrets import inject

        inject(step.name, step.secrets["sources"], step.secrets["allow_override"])
    if step.timeout is None:
        code()
        return
    from flowc.shim.failure_report import report_timeout
    from flowc.shim.step_guards import time_limit

    with time_limit(step.timeout, lambda error: report_timeout(error, state.layout.flow, task)):
        code()
