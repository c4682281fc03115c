"""The process that keeps what a task prints, see `log_keeper`: it passes the output on, and stores it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

from flowc.protocol import env_names
from flowc.shim.log_keeper import ASK, SIZES, STORED, new_pipe
from flowc.store.task_log import LOG, LOG_END, STREAMS, TaskLog, log_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Dict, List

FIRST_WRITE = 5.0
"""Seconds after which the output of a task that still runs is written to the store for the first time."""
LONGEST_WAIT = 20.0
"""The most seconds between two writes, while there is anything new."""
STORE_SECONDS = 20.0
"""The most seconds that the keeper tries to reach the store at a time."""
_CHUNK = 1 << 16
_PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_MOST_IN_PIPE = 1 << 6
"""Reads until a pipe is empty, of which the largest that is allowed to anybody has 1 MiB."""


class LogKeeper:
    """The process that keeps the output of a child."""

    def __init__(self, child: int, descriptors: List[int], root: str, folder: str) -> None:
        """The descriptors are the ends of the pipes for stdout, stderr, requests, answers, and the task's life."""
        stdout, stderr, self._control, self._reply, _ = descriptors
        self._child = child
        self._root = os.path.abspath(root) if "://" not in root else root
        self._folder = folder
        self._log = TaskLog(log_limit())
        self._streams = {stdout: (STREAMS["stdout"], 1), stderr: (STREAMS["stderr"], 2)}
        self._wake, self._waker = new_pipe()
        self._poll = select.poll()
        self._interval = FIRST_WRITE
        self._due = time.monotonic() + FIRST_WRITE
        self._asked = False
        self._answer = memoryview(b"")
        self._offered: Dict[str, int] = {}
        """What the answer has, for when the task has stored it."""
        self._writing = False
        """Whether a thread is writing to the store."""
        self._problem: Exception | None = None

    def run(self) -> int:
        """Keep the child's output until it has ended; returns its exit code, or dies of the signal that it died of."""
        for descriptor in (*self._streams, self._control, self._reply, self._wake, self._waker):
            os.set_blocking(descriptor, False)
        for descriptor in (*self._streams, self._control, self._wake):
            self._poll.register(descriptor, select.POLLIN)
        sys.stderr = None  # the task itself says that it waits for the store
        self._listen_to_signals()
        while True:
            status = self._ended()
            if status is not None:
                break
            for descriptor, _ in self._poll.poll(self._timeout()):
                self._serve(descriptor)
            self._write_if_due()
            self._answer_if_asked()
        try:
            self._finish()
        except Exception as error:  # what is wrong with its log is not wrong with the task
            self._problem = error
        if self._problem is not None:
            text = f"flowc: what the task has printed is not in the store: {self._problem}\n"
            _passed_on(2, text.encode("utf-8", "backslashreplace"))
        return _as_exit_code(status)

    def _listen_to_signals(self) -> None:
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)  # a handler must stand for the wake-up to be written
        passes_on = os.getpid() in (1, os.getsid(0))

        def received(number: int, frame: FrameType | None) -> None:
            del frame
            self._due = min(self._due, time.monotonic() + 1)  # what becomes of this process nobody knows
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

    def _timeout(self) -> float:
        """Milliseconds until something may be due."""
        news = self._log.is_changed and not self._writing
        return max(0.0, min(60.0, self._due - time.monotonic()) if news else 60.0) * 1000

    def _serve(self, descriptor: int) -> None:
        if descriptor in self._streams:
            if not self._pump(descriptor):
                self._poll.unregister(descriptor)
        elif descriptor == self._wake:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, _CHUNK)
        elif descriptor == self._reply:
            self._send()
        else:
            self._listen()

    def _pump(self, descriptor: int) -> bool:
        """Take what the child has printed, and pass it on. False at the end of the stream."""
        letter, target = self._streams[descriptor]
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        if target >= 0 and not _passed_on(target, data):
            self._streams[descriptor] = letter, -1
        self._log.add(letter, data, time.time())
        return True

    def _listen(self) -> None:
        """Take requests of the task."""
        try:
            requests = os.read(self._control, _CHUNK)
        except BlockingIOError:
            return
        if not requests:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._control)
        self._asked = self._asked or ASK in requests
        if STORED in requests:
            self._log.written(self._offered)

    def _answer_if_asked(self) -> None:
        """Begin to answer with what is not in the store yet, unless a thread is writing it just now."""
        if not self._asked or self._writing:
            return
        self._asked = False
        self._drain()
        changed, self._offered = self._log.changed(), self._log.sizes()
        files = [b"".join(changed.get(name, ())) for name in (LOG, LOG_END)]
        self._answer = memoryview(SIZES.pack(*map(len, files)) + b"".join(files))
        self._due = time.monotonic() + LONGEST_WAIT
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

    def _drain(self) -> None:
        """Read what is in the pipes now. A process that the task left behind may hold the other ends."""
        for descriptor in self._streams:
            for _ in range(_MOST_IN_PIPE):
                if not _has_data(descriptor) or not self._pump(descriptor):
                    break

    def _write_if_due(self) -> None:
        """Have a thread write to the store: a server that does not answer must not hold up the task's output."""
        if self._writing or self._answer or time.monotonic() < self._due or not self._log.is_changed:
            return
        import threading

        self._interval = min(self._interval * 2, LONGEST_WAIT)
        self._writing = True
        threading.Thread(
            target=self._write_and_wake, args=(self._log.changed(), self._log.sizes()), daemon=True
        ).start()

    def _write_and_wake(self, files: Dict[str, List[bytes]], sizes: Dict[str, int]) -> None:
        self._write(files, sizes)
        self._due = time.monotonic() + self._interval
        self._writing = False
        with contextlib.suppress(OSError):
            os.write(self._waker, b"w")

    def _write(self, files: Dict[str, List[bytes]], sizes: Dict[str, int]) -> None:
        from flowc.store import open_store
        from flowc.store.retry import retry_seconds

        try:
            os.environ[env_names.STORE_RETRY_SECONDS] = f"{min(retry_seconds(), STORE_SECONDS):g}"
            store = open_store(self._root)
            for name, parts in files.items():
                store.write(f"{self._folder}/{name}", parts)
            self._log.written(sizes)
            self._problem = None
        except Exception as error:
            self._problem = error

    def _finish(self) -> None:
        """Store what is left after the end of the task."""
        self._drain()
        self._listen()  # it may just have said that it has stored all
        limit = time.monotonic() + 2 * STORE_SECONDS
        while self._writing and time.monotonic() < limit:
            time.sleep(0.01)
        if self._log.is_changed:
            self._write(self._log.changed(), self._log.sizes())


def _passed_on(target: int, data: bytes) -> bool:
    """Write to where the output goes; false where that is closed, or fails."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return False
    return True


def _has_data(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(event & select.POLLIN for _, event in poll.poll(0))


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
