"""Reading what attempts have printed: the records of a log, its lines, and the bytes of each stream."""

from __future__ import annotations

import contextlib
import time

from flowc.errors import MissingKey
from flowc.store.task_log import LOG, LOG_END, MAGIC, PREFIX, STREAMS, TaskLog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, Iterator, List, Tuple

    from flowc.store import Store

_NAMES = {b"o": "stdout", b"e": "stderr", b"O": "stdout", b"E": "stderr"}


class LogRecord:
    """A line, or a piece of one."""

    __slots__ = ("stream", "text", "time", "whole")

    def __init__(self, time: float, stream: str, text: bytes, *, whole: bool) -> None:
        self.time = time
        """When it was printed, in seconds since 1970; 0 where nothing says it."""
        self.stream = stream
        """`stdout` or `stderr`; empty for a gap."""
        self.text = text
        self.whole = whole
        """Whether a line ends with it."""


class StoredLog:
    """What the store has of an attempt's output."""

    def __init__(self, head: bytes, tail: bytes = b"") -> None:
        first, _, self._records = head.partition(b"\n")
        second, _, rest = tail.partition(b"\n")
        mark, _, position = second.rpartition(b" ")
        # What an earlier process has left that ran the attempt with the same number is not of this log.
        self._rest = rest if mark == first and position.isdigit() else b""
        self._position = int(position) if self._rest else len(self._records)
        self.mark = first
        """Another one where another process has begun the log anew."""

    @property
    def omitted(self) -> int:
        """Bytes that are in neither file."""
        return max(0, self._position - len(self._records))

    @property
    def length(self) -> int:
        """Where the last record ends, among all that were printed."""
        return self._position + len(self._rest)

    def records(self, since: int = 0) -> Iterator[LogRecord]:
        """The records behind a place that `length` was once; what is missing in between is a record without stream."""
        yield from _parsed(self._records[since:] if since < len(self._records) else b"")
        missing = self._position - max(since, len(self._records))
        if missing > 0:
            text = b"flowc: %d bytes of output are not kept here" % missing
            yield LogRecord(0.0, "", text, whole=True)
        yield from _parsed(self._rest[max(0, since - self._position) :])


def read_log(store: Store, folder: str) -> StoredLog | None:
    """The log of an attempt by its folder; `None` where it has none."""
    try:
        head = bytes(store.read(f"{folder}/{LOG}"))
    except MissingKey:
        return _older_log(store, folder)
    tail = b""
    if head.startswith(MAGIC):
        with contextlib.suppress(MissingKey):
            tail = bytes(store.read(f"{folder}/{LOG_END}"))
    return StoredLog(head, tail)


def _older_log(store: Store, folder: str) -> StoredLog | None:
    """A log as release 0.1.0 wrote it: a file for each stream, as it was printed."""
    log = TaskLog(1 << 62)
    found = False
    for stream, letter in STREAMS.items():
        try:
            data = bytes(store.read(f"{folder}/{stream}.log"))
        except MissingKey:
            continue
        found = True
        if data:
            log.add(letter, data, 0.0)
    log.keep_pieces()
    return StoredLog(bytes(log.head).replace(log.head.partition(b"\n")[0], MAGIC, 1)) if found else None


def whole_lines(records: Iterable[LogRecord]) -> Iterator[LogRecord]:
    """The lines of records: pieces are put together, where they belong to one line, at the time of the first."""
    pieces: Dict[str, Tuple[float, List[bytes]]] = {}
    for record in records:
        begun, texts = pieces.pop(record.stream, (record.time, []))
        texts.append(record.text)
        if record.whole:
            yield record if len(texts) == 1 else LogRecord(begun, record.stream, b"".join(texts), whole=True)
        else:
            pieces[record.stream] = begun, texts
    for stream, (begun, texts) in pieces.items():
        yield LogRecord(begun, stream, b"".join(texts), whole=False)


def stream_bytes(records: Iterable[LogRecord], stream: str) -> bytes:
    """What was printed to a stream; in a gap the line that says so."""
    parts = [record.text + (b"\n" if record.whole else b"") for record in records if record.stream in ("", stream)]
    return b"".join(parts)


def _parsed(data: bytes) -> Iterator[LogRecord]:
    lines = data.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    for line in lines:
        letter = line[PREFIX - 2 : PREFIX - 1]
        if letter in _NAMES and line[PREFIX - 3 : PREFIX - 2] == b" ":
            yield LogRecord(_seconds(line[: PREFIX - 3]), _NAMES[letter], line[PREFIX:], whole=letter.islower())
        else:
            yield LogRecord(0.0, "stdout", line, whole=True)


_known: Dict[bytes, float] = {}
"""The second that was parsed last: most records have that of the one before."""


def _seconds(text: bytes) -> float:
    """The time of a record, in seconds since 1970; 0 for what is none."""
    second = text[:19]
    if second not in _known:
        import calendar

        _known.clear()
        try:
            _known[second] = float(calendar.timegm(time.strptime(second.decode("ascii"), "%Y-%m-%dT%H:%M:%S")))
        except ValueError:
            _known[second] = 0.0
    milliseconds = text[20:23]
    return _known[second] + (int(milliseconds) / 1000 if milliseconds.isdigit() else 0.0)
