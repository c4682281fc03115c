"""A task's output: from its pipe to the reporter, line by line, and to its log."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import struct
import termios
from typing import TYPE_CHECKING

from flowc.store.task_log import STREAMS

if TYPE_CHECKING:
    from flowc_targets.local.attempt_log import AttemptLog
    from flowc_targets.local.run_report import Reporter, Stream

CHUNK = 1 << 16
LONGEST_LINE = 1 << 20
"""A line that grows longer than this is shown in pieces."""


DESCRIPTORS = 3
"""What a task takes of this process: two pipes and a log."""
SPARE_DESCRIPTORS = 28
"""What the rest of this process opens: signals, servers, the store's connections, uploads."""


def workers_that_fit(wanted: int) -> int:
    """How many tasks may run at a time by the number of files that this process may open, at most `wanted`.

    Raises the limit where that is allowed and necessary.
    """
    needed = wanted * DESCRIPTORS + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and needed > soft:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, soft), hard))
            soft = max(allowed, soft)
        return max(1, min(wanted, (soft - SPARE_DESCRIPTORS) // DESCRIPTORS))
    return wanted


class TaskOutput:
    """The read end of one of a task's pipes."""

    def __init__(self, stream: Stream, prefix: str, log: AttemptLog, reporter: Reporter) -> None:
        self.stream: Stream = stream
        self.log = log
        self._prefix = prefix
        self._reporter = reporter
        self._pending = bytearray()
        self.due = float("inf")
        """When `flush_due` wants to be called, by the monotonic clock."""
        self.descriptor, self.write_end = os.pipe()
        os.set_blocking(self.descriptor, False)

    def close_write_end(self) -> None:
        """Close our copy of the end that the task has."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def pump(self) -> bool:
        """Read what is in the pipe; false at its end."""
        try:
            data = os.read(self.descriptor, CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        self.log.add(STREAMS[self.stream], data)
        self._pending += data
        end = self._pending.rfind(b"\n") + 1
        if not end and len(self._pending) > LONGEST_LINE:
            end = len(self._pending)
        if end:
            self._show(bytes(self._pending[:end]))
            del self._pending[:end]
        return True

    def flush_due(self) -> None:
        """Show what has waited long enough: here nothing waits."""

    def release(self, shown_elsewhere: str = "") -> None:
        """Show what was held back, without what is shown elsewhere: here nothing is held back."""

    def finish(self) -> None:
        """Read what is in the pipe now and close it: a process that the task left behind may hold the other end."""
        waiting = struct.unpack("i", fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4)))[0]
        for _ in range(-(-waiting // CHUNK)):
            self.pump()
        if self._pending:
            self._show(bytes(self._pending))
            self._pending.clear()
        os.close(self.descriptor)
        self.close_write_end()

    def _show(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace").removesuffix("\n")
        # A progress bar redraws its line with carriage returns: show its last state.
        lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
        self._show_lines(lines)

    def _show_lines(self, lines: list[str]) -> None:
        self._reporter.lines(self.stream, self._prefix, lines)
