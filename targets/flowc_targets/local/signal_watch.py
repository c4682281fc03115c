"""SIGINT, SIGTERM and SIGHUP as something that the engine's loop can wait for."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalWatch:
    """While it is entered, these signals make `descriptor` readable and are counted, not obeyed.

    SIGHUP stays ignored where it is, as under nohup. A shell ignores SIGINT for jobs in the background: they count it.
    Only the main thread of a program can do that: elsewhere nothing is installed.
    """

    def __init__(self) -> None:
        self.caught = 0
        self._installed = False
        self.descriptor, self._write = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._write, False)
        self._before: dict[int, Any] = {}
        self._wakeup = -1

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._installed = True
            self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
            for number in (
                one for one in _NUMBERS if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN
            ):
                self._before[number] = signal.signal(number, self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._installed:
            signal.set_wakeup_fd(self._wakeup)
            for number, handler in self._before.items():
                signal.signal(number, handler)
        os.close(self.descriptor)
        os.close(self._write)

    def drain(self) -> bool:
        """Empty the pipe. Always true: signals may come until the run ends."""
        try:
            while os.read(self.descriptor, 4096):
                pass
        except BlockingIOError:
            pass
        return True

    def _count(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.caught += 1
