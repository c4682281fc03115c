"""`@timeout`: an exception in the step's code when its time is over, so that `@catch` and `finally` see it.

Code that does not come back to Python, or that swallows the exception, is ended by the engine a little later.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager

from flowc.errors import FlowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Generator


class TimeoutException(FlowError):  # noqa: N818 (Metaflow's name)
    """The step ran longer than its `@timeout`."""

    headline = "@timeout"


@contextmanager
def time_limit(seconds: float) -> Generator[None, None, None]:
    """Raise TimeoutException in the block when it has run that long. Outside of the main thread nothing is raised."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expired(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TimeoutException(f"the task ran longer than its timeout of {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
