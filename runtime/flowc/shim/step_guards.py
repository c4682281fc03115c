"""What few steps have around their code: `@catch` and `@timeout`. See `flowc.shim.step_call`."""

from __future__ import annotations

import _thread
import faulthandler
import os
import signal
import sys
import threading
from contextlib import contextmanager

from flowc.errors import ExceptionWrapper, FlowError, TimeoutException
from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.protocol.exit_codes import TIMED_OUT
from flowc.shim.task_state import Transition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Callable, Generator

    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState
    from flowc.store.documents import Document


class FailureHandledByCatch(FlowError):  # noqa: N818 (Metaflow's name)
    """Every attempt of the step's code ended without an exception that could be caught: it was killed, or exited."""

    headline = "Task execution failed but @catch handled it"

    def __init__(self, attempts: int, failure: Document | None = None) -> None:
        """`failure` is what is on record of the last attempt: an exit or a value that cannot be stored, for example."""
        kept = f"Task execution kept failing over {attempts} attempt{'s' * (attempts != 1)}."
        if failure is None:
            cause = "Your code did not raise an exception. Something in the execution environment caused the failure."
        elif failure["type"] == "SystemExit":
            cause = f"The last one called sys.exit({failure['message']})."
        else:
            cause = f"The last one: {failure['type']}: {failure['message']}"
        super().__init__(f"{kept} {cause}")


def last_failure(state: TaskState, task: Task) -> Document | None:
    """What is on record of the last attempt that ran the step's code; `None` where nothing is, or it cannot be read."""
    last = min(task.attempt - 1, task.first + state.step.retries)
    try:
        return state.layout.failure(task.step, task.path, last)
    except FlowError:
        return None


def store_failure(flow: object, state: TaskState, error: Exception) -> None:
    """Let the task succeed: artifacts that were set stay, the failure joins them, and the step leads on as compiled."""
    from flowc.shim.failure_report import failure_text

    step = state.step
    assert step.catch is not None
    text = failure_text(error)
    if step.catch["print_exception"]:
        lines = "".join(f">  {line}\n" for line in text.splitlines())
        shown = f"@catch caught an exception from {state.name}\n{lines}"
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        sys.stdout.write(shown.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    if step.catch["var"] is not None:
        setattr(flow, step.catch["var"], ExceptionWrapper(error, text))
    state.transition = Transition(step.leads) if step.leads else None


@contextmanager
def time_limit(seconds: float, record: Callable[[BaseException], object]) -> Generator[None, None, None]:
    """Raise TimeoutException in the block when it has run that long. Outside of the main thread nothing is raised.

    A block that goes on all the same, since it catches the exception or waits in C code, ends the process: a fifth of
    the grace period later it is recorded as a failure of the task by `record`.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expired(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TimeoutException(f"the task ran longer than its timeout of {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    stop = _end_process(seconds, record)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        stop()


def _end_process(seconds: float, record: Callable[[BaseException], object]) -> Callable[[], None]:
    """End this process some time after a timeout, unless the function that is returned is called before.

    A thread records why. C code that keeps the interpreter's lock lets no thread run: then faulthandler, which needs
    no lock, prints where the code is, and ends the process with exit code 1, too.
    """
    bound = float(os.environ.get(env_names.TIMEOUT_GRACE) or TIMEOUT_GRACE_SECONDS) / 5
    block_over = _thread.allocate_lock()
    block_over.acquire()

    def watch() -> None:
        if block_over.acquire(timeout=min(seconds + bound, _thread.TIMEOUT_MAX)):
            return
        text = f"the task ran longer than its timeout of {seconds:g} s, and went on for {bound:g} s more"
        try:
            record(TimeoutException(text))
        finally:
            os._exit(TIMED_OUT)

    def stop() -> None:
        faulthandler.cancel_dump_traceback_later()
        block_over.release()

    # A thread that `threading` does not list: the step's code sees none but its own.
    _thread.start_new_thread(watch, ())
    faulthandler.dump_traceback_later(min(seconds + bound * 1.5, _thread.TIMEOUT_MAX), exit=True, file=2)
    return stop
