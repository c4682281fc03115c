"""The process that keeps what a task prints, see `log_keeper`: it passes the output on, and stores it."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time

from flowc.protocol import env_names
from flowc.shim.kept_output import CHUNK, LONGEST_WAIT, STORE_SECONDS, KeptOutput
from flowc.shim.log_keeper import ASK, SIZES, STORED, new_pipe
from flowc.shim.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Dict, List

    from flowc.store import Store

_PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


class LogKeeper:
    """The process that keeps the output of a child."""

    def __init__(self, child: int, descriptors: List[int], root: str, folder: str) -> None:
        """The descriptors are the ends of the pipes for stdout, stderr, requests, answers, and the task's life."""
        stdout, stderr, self._control, self._reply, _ = descriptors
        self._child = child
        self._root = os.path.abspath(root) if "://" not in root else root
        self._output = KeptOutput(stdout, stderr, folder, self._open_store, self._wake_up)
        self._wake, self._waker = new_pipe()
        self._poll = select.poll()
        self._asked = False
        self._answer = memoryview(b"")
        self._offered: Dict[str, int] = {}
        """What the answer has, for when the task has stored it."""

    def run(self) -> int:
        """Keep the child's output until it has ended; returns its exit code, or dies of the signal that it died of."""
        for descriptor in (self._control, self._reply, self._wake, self._waker):
            os.set_blocking(descriptor, False)
        for descriptor in (*self._output.streams, self._control, self._wake):
            self._poll.register(descriptor, select.POLLIN)
        sys.stderr = None  # the task itself says that it waits for the store
        self._listen_to_signals()
        while True:
            status = self._ended()
            if status is not None:
                break
            for descriptor, _ in self._poll.poll(min(60.0, self._output.timeout) * 1000):
                self._serve(descriptor)
            if not self._answer:
                self._output.write_if_due()
            self._answer_if_asked()
        self._output.drain()
        self._listen()  # it may just have said that it has stored all
        self._output.finish()
        return _as_exit_code(status)

    def _open_store(self) -> Store:
        from flowc.store import open_store
        from flowc.store.retry import retry_seconds

        os.environ[env_names.STORE_RETRY_SECONDS] = f"{min(retry_seconds(), STORE_SECONDS):g}"
        return open_store(self._root)

    def _wake_up(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._waker, b"w")

    def _listen_to_signals(self) -> None:
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)  # a handler must stand for the wake-up to be written
        passes_on = os.getpid() in (1, os.getsid(0))

        def received(number: int, frame: FrameType | None) -> None:
            del frame
            self._output.hurry()
            if passes_on:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._child, number)

        for name in _PASSED_ON:
            signal.signal(getattr(signal, name), received)

    def _ended(self) -> int | None:
        try:
            pid, status = os.waitpid(self._child, os.WNOHANG)
        except ChildProcessError:  # somebody ignores SIGCHLD for us
            return 1 << 8
        return status if pid else None

    def _serve(self, descriptor: int) -> None:
        if descriptor in self._output.streams:
            if not self._output.pump(descriptor):
                self._poll.unregister(descriptor)
        elif descriptor == self._wake:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, CHUNK)
        elif descriptor == self._reply:
            self._send()
        else:
            self._listen()

    def _listen(self) -> None:
        """Take requests of the task."""
        try:
            requests = os.read(self._control, CHUNK)
        except BlockingIOError:
            return
        if not requests:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._control)
        self._asked = self._asked or ASK in requests
        if STORED in requests:
            self._output.log.written(self._offered)

    def _answer_if_asked(self) -> None:
        """Begin to answer with what is not in the store yet, unless a thread is writing it just now."""
        if not self._asked or self._output.writing:
            return
        self._asked = False
        self._output.drain()
        files, self._offered = self._output.unstored(), self._output.log.sizes()
        self._answer = memoryview(SIZES.pack(*map(len, files)) + b"".join(files))
        self._output.due = time.monotonic() + LONGEST_WAIT
        self._poll.register(self._reply, select.POLLOUT)

    def _send(self) -> None:
        try:
            self._answer = self._answer[os.write(self._reply, self._answer) :]
        except BlockingIOError:
            return
        except OSError:
            self._answer = memoryview(b"")
        if not self._answer:
            self._poll.unregister(self._reply)


def _as_exit_code(status: int) -> int:
    """The exit code of a wait status. Where that is a signal, this process dies of it as well, if it can."""
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    number = os.WTERMSIG(status)
    if os.getpid() != 1:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number


def _ignore(number: int, frame: object) -> None:
    """A signal handler that does nothing."""
