"""What a failure says to `@retry`: `never` goes by the exception's classes, `on` by the kind of the failure."""

from __future__ import annotations

import builtins
import os
import sys

from flowc.current import running
from flowc.errors import FlowError
from flowc.protocol.exit_codes import FATAL, KILLED, TERMINATED, USER_ERROR, exit_code_of, failure_kinds, is_retried

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from flowc.protocol.plan import Plan
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState


def judged(error: BaseException, plan: Plan, name: str) -> Tuple[int, bool]:
    """The exit code of a task that ends with an exception, and whether no attempt follows whatever its number is.

    The code is FATAL for an exception that `never` names.
    """
    step = plan.steps.get(name)
    if step is not None and any(_is_named(error, never, plan.module) for never in step.never):
        return FATAL, True
    code = exit_code_of(error)
    if running.notice is not None and os.path.exists(running.notice) and code != FATAL:
        code = TERMINATED
    return code, not is_retried(failure_kinds(code), step.on if step is not None else ())


def was_lost_for_good(state: TaskState, task: Task) -> bool:
    """Whether the attempt before ended without a word, in a way that no attempt follows.

    Engines go on all the same where the step has `@catch`, so that the shim can store the failure.
    """
    if not state.step.on or task.attempt <= task.first:
        return False
    try:
        record = state.layout.failure(task.step, task.path, task.attempt - 1)
    except FlowError:
        return False
    # The engine may have recorded it. What the task itself records here is what another attempt was to follow.
    code = KILLED if record is None else record.get("code", USER_ERROR)
    return not is_retried(failure_kinds(code), state.step.on)


def attempt_text(number: int, retries: int, first: int = 0) -> str:
    """Which attempt has failed, by its number in the store: ` at attempt 0 of 0-1`; empty where it is the only one."""
    return f" at attempt {number} of {first}-{first + retries}" if 0 < retries >= number - first else ""


def following_text(number: int, seconds: float) -> str:
    """What follows an attempt that has failed: `attempt 1 begins in 10 s`."""
    return f"attempt {number + 1} begins" + (f" in {seconds:g} s" if seconds else "")


def _is_named(error: BaseException, name: str, module: str) -> bool:
    """Whether an exception is of the class that the flow's file has under a name.

    A name that is not there, such as one of the command line, stands for any class that is called so.
    """
    first, *rest = name.split(".")
    found: Any = getattr(sys.modules.get(module), first, None) or getattr(builtins, first, None)
    for part in rest:
        found = getattr(found, part, None)
    if isinstance(found, type):
        return isinstance(error, found)
    classes = type(error).__mro__
    return any(name in (cls.__name__, f"{cls.__module__}.{cls.__qualname__}") for cls in classes)
