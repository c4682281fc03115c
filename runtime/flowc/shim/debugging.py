"""Debuggers in a task: what they need, what to say where that is missing, and looking at a failure where it is."""

from __future__ import annotations

import os
import sys

from flowc.errors import NoTerminal
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

WAY_OUT = (
    "`flowc try FILE STEP` runs one step with the terminal, and `flowc run --max-workers 1` gives it to each task; "
    "PYTHONBREAKPOINT=0 skips breakpoints"
)


TRIED_WAY_OUT = "run it in a terminal, or give a pipe with what to answer; PYTHONBREAKPOINT=0 skips breakpoints"
"""For a step that `flowc try` runs."""


def _way_out() -> str:
    return TRIED_WAY_OUT if os.environ.get(env_names.ROOT, "").startswith("layered://") else WAY_OUT


def has_input() -> bool:
    """Whether this process can be asked something: its standard input is there, and not the null device."""
    try:
        return os.fstat(0).st_rdev != os.stat(os.devnull).st_rdev
    except OSError:
        return False


def guard_breakpoints() -> None:
    """Let `breakpoint()` fail with a message where nobody can answer the debugger, which would end at once itself.

    Another debugger, by PYTHONBREAKPOINT or by its own hook, may need no terminal: it is left alone.
    """
    default = sys.breakpointhook is sys.__breakpointhook__ and not os.environ.get("PYTHONBREAKPOINT")
    if default and not has_input():
        sys.breakpointhook = _refuse


def _refuse(*arguments: object, **options: object) -> None:
    del arguments, options
    raise NoTerminal(f"breakpoint() needs a terminal, and this task has none: {_way_out()}")


def quit_text(error: BaseException) -> str:
    """The message about a debugger that has ended the task; empty for any other exception."""
    if type(error).__name__ != "BdbQuit":
        return ""
    if has_input():
        return "flowc: the debugger has ended the task\n"
    return f"flowc: the debugger needs a terminal, and this task has none: {_way_out()}\n"


def examine(error: BaseException) -> None:
    """Begin the debugger where an exception was raised, if FLOWC_POST_MORTEM asks for that and somebody can answer."""
    wanted = os.environ.get(env_names.POST_MORTEM) and not isinstance(error, (KeyboardInterrupt, SystemExit))
    if not wanted or type(error).__name__ == "BdbQuit" or not has_input():
        return
    from flowc.shim.failure_report import is_ours

    place: TracebackType | None = error.__traceback__
    while place is not None and is_ours(place.tb_frame.f_code.co_filename):
        place = place.tb_next
    if place is not None:
        import pdb

        sys.stderr.write("flowc: the debugger begins where that was raised: `u` and `d` move in the stack, `q` ends\n")
        sys.stderr.flush()
        pdb.post_mortem(place)
