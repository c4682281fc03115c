"""Calling the code of a step: with its secrets, within its time, and with what `@catch` makes of a failure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from flowc.shim.task_runner import Task
    from flowc.shim.task_state import TaskState


def call_step(flow: object, code: Callable[[], None], state: TaskState, task: Task) -> bool:
    """Run a step's code; returns whether it failed and `@catch` took the failure.

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
        return False
    from flowc.shim.step_guards import FailureHandledByCatch, store_failure

    try:
        if attempt > step.retries:
            raise FailureHandledByCatch(attempt)
        _call(code, state, task)
    except Exception as error:
        if attempt < step.retries:
            raise
        store_failure(flow, state, error)
        return True
    if step.catch["var"] is not None:
        setattr(flow, step.catch["var"], None)
    return False


def _call(code: Callable[[], None], state: TaskState, task: Task) -> None:
    step = state.step
    if step.secrets is not None:
        from flowc.shim.step_guards import inject

        inject(step.secrets["sources"], step.secrets["allow_override"])
    if step.timeout is None:
        code()
        return
    from flowc.shim.failure_report import report_timeout
    from flowc.shim.step_guards import time_limit

    with time_limit(step.timeout, lambda error: report_timeout(error, state.layout.flow, task)):
        code()
