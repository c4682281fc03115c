"""What an attempt has printed, as it lies in the store: two files of bounded size, the beginning and the end.

A file begins with a line that names its log: `#flowc-log 1 <id>`, and in the second file how many bytes of records come
before it. Then come records, a line each: the time in UTC, the stream, the text:

    2026-11-29T12:41:38.123Z o what was printed

`o` and `e` are stdout and stderr. Where they are capital letters, the line goes on in the next record of its stream: it
was printed in pieces, or has no end. So the bytes of each stream are those that were printed, whatever they are.
"""

from __future__ import annotations

import os
import time
from collections import deque

from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Deque, Dict, List, Tuple

LOG = "output.log"
"""The file of an attempt with the beginning of its output."""
LOG_END = "output-end.log"
"""The file with the end, where the first one is full."""
LIMIT = 8 << 20
"""The most bytes of a log, half of them for each file, unless FLOWC_LOG_LIMIT says otherwise."""
STREAMS = {"stdout": b"o", "stderr": b"e"}
MAGIC = b"#flowc-log 1 "
PREFIX = len("2026-11-29T12:41:38.123Z o ")
"""What a record has before its text."""
_BLOCK = 1 << 16
"""Bytes of the end that are forgotten at once, where it becomes too long."""


def log_limit() -> int:
    """The most bytes of a log; 0 where none is to be kept."""
    given = os.environ.get(env_names.LOG_LIMIT, "")
    return int(given) if given.isdigit() else LIMIT


class TaskLog:
    """The output of an attempt, as it grows. `add` takes it, `changed` has what is to be written to the store."""

    def __init__(self, limit: int) -> None:
        self._half = max(limit // 2, 1)
        self._mark = MAGIC + os.urandom(6).hex().encode()
        self.head = bytearray()
        """The first file, once there is anything to be in it."""
        self._full = False
        self._blocks: Deque[bytearray] = deque()
        self._size = 0
        """Of the blocks together."""
        self._position = 0
        """Where the blocks begin among all records."""
        self._second = (-1, b"")
        self._pending: Dict[bytes, Tuple[float, bytearray]] = {}
        """Lines that have no end yet, by stream, with when they began."""
        self._written = {LOG: 0, LOG_END: 0}

    @property
    def is_begun(self) -> bool:
        """Whether anything was printed."""
        return bool(self.head or self._pending)

    @property
    def is_full(self) -> bool:
        """Whether the first file does not grow any more."""
        return self._full

    @property
    def length(self) -> int:
        """Bytes of all records so far: what grows with everything that is printed."""
        return self._position + self._size if self._full else len(self.head)

    def add(self, stream: bytes, data: bytes, now: float) -> None:
        """Take what was printed to `o` or `e` at a time."""
        end = data.find(b"\n") if stream in self._pending else -1
        if end >= 0:
            begun, piece = self._pending.pop(stream)
            self._keep(b"%s%s %s%s\n" % (self._time(begun), stream, piece, data[:end]))
            data = data[end + 1 :]
        end = data.rfind(b"\n")
        if end >= 0:
            prefix = b"%s%s " % (self._time(now), stream)
            self._keep(prefix + data[:end].replace(b"\n", b"\n" + prefix) + b"\n")
            data = data[end + 1 :]
        if data:
            begun, piece = self._pending.setdefault(stream, (now, bytearray()))
            piece += data
            if len(piece) >= _BLOCK:
                self.keep_pieces()

    @property
    def is_changed(self) -> bool:
        """Whether there is anything that the store does not have."""
        return bool(self._pending) or self._written != self.sizes()

    def changed(self) -> Dict[str, List[bytes]]:
        """The files that have become others since the last call of `written`, each as parts."""
        found: Dict[str, List[bytes]] = {}
        self.keep_pieces()
        if len(self.head) > self._written[LOG]:
            found[LOG] = [bytes(self.head)]
        if self._full and self.length > self._written[LOG_END]:
            head = b"%s %d\n" % (self._mark, self._position - self._header)
            found[LOG_END] = [head, *map(bytes, self._blocks)]
        return found

    def sizes(self) -> Dict[str, int]:
        """What `written` takes for the files as they are now."""
        return {LOG: len(self.head), LOG_END: self.length if self._full else 0}

    def written(self, sizes: Dict[str, int]) -> None:
        """The files have been written as they were when `sizes` gave this."""
        self._written = sizes

    @property
    def _header(self) -> int:
        return len(self._mark) + 1

    def keep_pieces(self) -> None:
        """Keep lines that have no end yet."""
        for stream, (begun, piece) in self._pending.items():
            self._keep(b"%s%s %s\n" % (self._time(begun), stream.upper(), piece))
        self._pending.clear()

    def _keep(self, records: bytes) -> None:
        if not self._full:
            if not self.head:
                self.head += self._mark + b"\n"
            if len(self.head) + len(records) <= max(self._half, self._header + PREFIX):
                self.head += records
                return
            self._full, self._position = True, len(self.head)
        if not self._blocks or len(self._blocks[-1]) >= _BLOCK:
            self._blocks.append(bytearray())
        self._blocks[-1] += records
        self._size += len(records)
        while self._size > self._half and len(self._blocks) > 1:
            gone = len(self._blocks.popleft())
            self._size -= gone
            self._position += gone

    def _time(self, now: float) -> bytes:
        second = int(now)
        if second != self._second[0]:
            self._second = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%s.%03dZ " % (self._second[1], int((now - second) * 1000))
