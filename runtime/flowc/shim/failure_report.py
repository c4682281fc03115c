"""How a failed task is reported: on stderr for a person, in `error.json` for the client."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback

from flowc.errors import ContainerFailed, FlowError, PeerFailed, error_text
from flowc.protocol.exit_codes import exit_code_of
from flowc.shim.cell_frames import name_cells
from flowc.shim.debugging import has_input, quit_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Set, Tuple

    from flowc.shim.task_identity import Task
    from flowc.store.run_layout import RunLayout

_FAULTS = os.path.join("flowc-faults", "sitecustomize.py")
"""What lets faults happen in a test."""
_FLOWC = os.path.dirname(os.path.dirname((lambda: 0).__code__.co_filename))
"""The folder of the package, whose frames are left out of tracebacks; kept bytecode was made elsewhere."""


def report_failure(
    error: BaseException, layout: RunLayout | None, task: Task, where: str = "", known: Tuple[int, bool] | None = None
) -> int:
    """Print and record why a task failed; returns its exit code. `where` comes before the error's own text.

    `known` is the exit code, and whether `@retry` wants no other attempt.
    """
    code, last = known or (exit_code_of(error), False)
    text = where + failure_text(error)
    _print(text)
    if layout is not None:
        more: Dict[str, Any] = {"module": str(type(error).__module__), "code": code}
        if isinstance(error, ContainerFailed) and error.exit_code is not None:
            more["exit_code"] = error.exit_code
        if last:
            more["last"] = True
        if isinstance(error, PeerFailed):
            more["peer"] = error.peer
        try:
            name, message = type(error).__name__, without_secrets(error_text(error))
            layout.record_failure(task.step, task.path, task.attempt, name, message, text, **more)
        except Exception as second:
            _print(f"flowc: the failure could not be recorded: {second}\n")
    return code


def report_timeout(error: BaseException, flow: str, task: Task) -> int:
    """The same from another thread, while the step's code still runs, and may hold locks of the task's own store."""
    import threading

    from flowc.store import open_store
    from flowc.store.run_layout import RunLayout

    now = sys._current_frames()  # pyright: ignore[reportPrivateUsage] (it is documented)
    frames = traceback.extract_stack(now[threading.main_thread().ident or 0])
    calls = [number for number, frame in enumerate(frames) if is_ours(frame.filename)]
    code = traceback.format_list(frames[calls[-1] + 1 :] if calls else frames)
    where = name_cells("".join(["Where the step's code still was (most recent call last):\n", *code]))
    return report_failure(error, RunLayout(open_store(task.root), flow, task.run), task, where)


def _print(text: str) -> None:
    """To stderr, after what the step has printed. It may have closed or replaced either: then to the descriptor."""
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BaseException:  # also for a character that its encoding has not
        with contextlib.suppress(OSError):
            os.write(2, text.encode("utf-8", "backslashreplace"))


def failure_text(error: BaseException) -> str:
    """The traceback as far as it is the user's; flowc's own errors outside of user code need none.

    The exception and all that it has in it is the user's, and may itself raise.
    """
    try:
        if isinstance(error, SystemExit):
            text = f"flowc: the step called sys.exit({error.code!r}); a task ends by returning\n"
        else:
            ended = quit_text(error)
            text = ended if ended and has_input() else _traceback_text(error) + ended
    except BaseException as second:
        text = f"{type(error).__name__}: {error_text(error)}\nflowc: no traceback: {type(second).__name__}\n"
    return without_secrets(text)


def without_secrets(text: str) -> str:
    """A text of an exception without the values that `@secrets` has fetched: records and notifications go far."""
    module: Any = sys.modules.get("flowc.shim.task_secrets")
    found: str = text if module is None else module.hide(text)
    return found


def _traceback_text(error: BaseException) -> str:
    report = traceback.TracebackException.from_exception(error)
    if any(not is_ours(frame.filename) for frame in report.stack):
        _keep_user_frames(report)
        return name_cells("".join(report.format()))
    if isinstance(error, FlowError) or not report.stack or type(error).__name__ == "InjectedFailure":
        return f"flowc: {type(error).__name__}: {error}\n"
    places = ", ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in report.stack[:-6:-1])
    return (
        f"flowc: {type(error).__name__}: {error_text(error)}\n"
        f"flowc: raised by flowc itself, at {places}: report that, unless the step has changed something of Python\n"
    )


def _keep_user_frames(report: traceback.TracebackException) -> None:
    """Take flowc's frames out, along the chain of causes and of the exceptions of a group."""
    seen: Set[int] = set()
    waiting: List[traceback.TracebackException | None] = [report]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        kept = [frame for frame in one.stack if not is_ours(frame.filename)]
        one.stack = traceback.StackSummary.from_list(kept)
        waiting += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]


def is_ours(filename: str) -> bool:
    """Whether a file of code is flowc's, or Python's that imports others."""
    return filename.startswith((_FLOWC, "<frozen importlib")) or filename.endswith(_FAULTS)
