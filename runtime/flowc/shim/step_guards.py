"""`@catch`: a failed step goes on, with its failure as an artifact. See `flowc.shim.step_call` for when."""

from __future__ import annotations

import sys

from flowc.errors import ExceptionWrapper, FlowError
from flowc.shim.task_state import Transition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flowc.shim.task_state import TaskState


class FailureHandledByCatch(FlowError):  # noqa: N818 (Metaflow's name)
    """Every attempt of the step's code ended without an exception that could be caught: it was killed, or exited."""

    headline = "Task execution failed but @catch handled it"

    def __init__(self, attempts: int) -> None:
        super().__init__(
            f"Task execution kept failing over {attempts} attempts. Your code did not raise an exception. "
            "Something in the execution environment caused the failure."
        )


def store_failure(flow: object, state: TaskState, error: Exception) -> None:
    """Let the task succeed: artifacts that were set stay, the failure joins them, and the step leads on as compiled."""
    from flowc.shim.failure_report import failure_text

    step = state.step
    assert step.catch is not None
    text = failure_text(error)
    if step.catch["print_exception"]:
        lines = "".join(f">  {line}\n" for line in text.splitlines())
        sys.stdout.write(f"@catch caught an exception from {state.name}\n{lines}")
        sys.stdout.flush()
    if step.catch["var"] is not None:
        setattr(flow, step.catch["var"], ExceptionWrapper(error, text))
    state.transition = Transition(step.next) if step.next else None
