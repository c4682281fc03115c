"""How a failed task is reported: on stderr for a person, in `error.json` for the client."""

from __future__ import annotations

import os
import sys
import time
import traceback

from flowc.errors import FlowError, ProtocolError
from flowc.layout import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from flowc.layout import RunLayout
    from flowc.task import Task

_HERE = os.path.dirname(__file__)


def report_failure(error: BaseException, layout: RunLayout | None, task: Task) -> int:
    """Print and record why a task failed; returns its exit code."""
    protocol = isinstance(error, ProtocolError)
    text = failure_text(error)
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()
    if layout is not None:
        record = {
            "version": VERSION,
            "type": type(error).__name__,
            "message": str(error),
            "traceback": text,
            "created": time.time(),
        }
        try:
            layout.write_json(f"{layout.folder(task.step, task.path, task.attempt)}/error.json", record)
        except Exception as second:
            sys.stderr.write(f"flowc: the failure could not be recorded: {second}\n")
    return 2 if protocol else 1


def failure_text(error: BaseException) -> str:
    """The traceback from the user's first line on; for flowc's own errors beneath a step, down to the user's last."""
    if isinstance(error, ProtocolError) and not _frames(error.__traceback__):
        return f"flowc: {type(error).__name__}: {error}\n"
    if isinstance(error, SystemExit):
        return f"flowc: the step called sys.exit({error.code!r}); a task ends by returning\n"
    start = _first_user_frame(error.__traceback__)
    if start is None and isinstance(error, FlowError):
        return f"flowc: {type(error).__name__}: {error}\n"
    return "".join(traceback.format_exception(type(error), error, start or error.__traceback__))


def _frames(start: TracebackType | None) -> bool:
    return _first_user_frame(start) is not None


def _first_user_frame(start: TracebackType | None) -> TracebackType | None:
    """The first frame that is not flowc's."""
    while start is not None:
        if os.path.dirname(start.tb_frame.f_code.co_filename) != _HERE:
            return start
        start = start.tb_next
    return None
