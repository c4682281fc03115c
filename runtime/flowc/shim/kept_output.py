"""What a task prints: from its pipes to where this process prints, and into the task's log in the store.

The store is written to from time to time, by a thread: a server that does not answer must not hold up the output.
"""

from __future__ import annotations

import os
import select
import time

from flowc.store.task_log import LOG, LOG_END, STREAMS, TaskLog, log_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List

    from flowc.store import Store

FIRST_WRITE = 5.0
"""Seconds after which the output of a task that still runs is written to the store for the first time."""
LONGEST_WAIT = 20.0
"""The most seconds between two writes, while there is anything new."""
STORE_SECONDS = 20.0
"""The most seconds that a keeper tries to reach the store at a time."""
CHUNK = 1 << 16
_MOST_IN_PIPE = 1 << 6
"""Reads until a pipe is empty, of which the largest that is allowed to anybody has 1 MiB."""


class KeptOutput:
    """The output of one task, by the ends of its pipes that are read."""

    def __init__(
        self, stdout: int, stderr: int, folder: str, store: Callable[[], Store], wake: Callable[[], object]
    ) -> None:
        """`folder` is the attempt's in the store that `store` opens; `wake` is called by a thread that has written."""
        self.log = TaskLog(log_limit())
        self.streams = {stdout: (STREAMS["stdout"], 1), stderr: (STREAMS["stderr"], 2)}
        """By descriptor, the name of the stream in the log, and where it is passed on to."""
        self.due = time.monotonic() + FIRST_WRITE
        """When it is written next, if there is anything new."""
        self.writing = False
        """Whether a thread is writing to the store."""
        self.problem: Exception | None = None
        self._folder = folder
        self._store = store
        self._wake = wake
        self._interval = FIRST_WRITE
        for descriptor in self.streams:
            os.set_blocking(descriptor, False)

    @property
    def timeout(self) -> float:
        """Seconds until it has to be written; infinite where there is nothing new."""
        return max(0.0, self.due - time.monotonic()) if self.log.is_changed and not self.writing else float("inf")

    def hurry(self) -> None:
        """Let it be written soon: what becomes of this process nobody knows."""
        self.due = min(self.due, time.monotonic() + 1)

    def pump(self, descriptor: int) -> bool:
        """Take what the task has printed, and pass it on. False at the end of the stream."""
        letter, target = self.streams[descriptor]
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        if target >= 0 and not passed_on(target, data):
            self.streams[descriptor] = letter, -1
        self.log.add(letter, data, time.time())
        return True

    def drain(self) -> None:
        """Read what is in the pipes now. A process that the task left behind may hold the other ends."""
        for descriptor in self.streams:
            for _ in range(_MOST_IN_PIPE):
                if not _has_data(descriptor) or not self.pump(descriptor):
                    break

    def write_if_due(self) -> None:
        """Have a thread write what is new, if it is time for that."""
        if self.timeout > 0:
            return
        import threading

        self._interval = min(self._interval * 2, LONGEST_WAIT)
        self.writing = True
        threading.Thread(target=self._write_and_wake, args=(self.log.changed(), self.log.sizes()), daemon=True).start()

    def _write_and_wake(self, files: Dict[str, List[bytes]], sizes: Dict[str, int]) -> None:
        self._write(files, sizes)
        self.due = time.monotonic() + self._interval
        self.writing = False
        self._wake()

    def _write(self, files: Dict[str, List[bytes]], sizes: Dict[str, int]) -> None:
        try:
            store = self._store()
            for name, parts in files.items():
                store.write(f"{self._folder}/{name}", parts)
            self.log.written(sizes)
            self.problem = None
        except Exception as error:  # what is wrong with its log is not wrong with the task
            self.problem = error

    def finish(self) -> None:
        """Store what is left after the end of the task, and say so if that is impossible."""
        limit = time.monotonic() + 2 * STORE_SECONDS
        while self.writing and time.monotonic() < limit:
            time.sleep(0.01)
        if self.log.is_changed:
            self._write(self.log.changed(), self.log.sizes())
        if self.problem is not None:
            text = f"flowc: what the task has printed is not in the store: {self.problem}\n"
            passed_on(2, text.encode("utf-8", "backslashreplace"))

    def unstored(self) -> List[bytes]:
        """What the store has not of the log's two files."""
        changed = self.log.changed()
        return [b"".join(changed.get(name, ())) for name in (LOG, LOG_END)]


def passed_on(target: int, data: bytes) -> bool:
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
