"""What an attempt has printed, as rows: both streams in the order in which they came, with times, and bounded."""

from __future__ import annotations

from collections.abc import Sequence

from flowc.client.log_records import LogRecord
from flowc_cli.reporting.run_view import LogRow

LOG_BYTES = 64 << 10
"""Of the log of an attempt, its end."""


def log_rows(
    lines: Sequence[LogRecord], started: float | None, most: int = LOG_BYTES
) -> tuple[tuple[LogRow, ...], int]:
    """The rows of the last `most` bytes, and how many lines of the beginning are left out."""
    first, left = len(lines), most
    while first and left > 0:
        first -= 1
        left -= len(lines[first].text) + 1
    rows: list[LogRow] = []
    for line in lines[first:]:
        text = line.text[-most:].decode("utf-8", "replace")
        seconds = round(line.time - started, 1) if line.time and started is not None else None
        last = rows[-1] if rows else None
        if last is not None and last.stream == line.stream and last.seconds == seconds:
            rows[-1] = last._replace(text=f"{last.text}\n{text}")
        else:
            rows.append(LogRow(seconds, line.stream, text))
    return tuple(rows), first


def without_traceback(lines: Sequence[LogRecord], traceback: str) -> list[LogRecord]:
    """The lines without those of a traceback at the end of the errors, which is shown by itself."""
    wanted = traceback.rstrip("\n").split("\n")
    errors = [place for place, line in enumerate(lines) if line.stream == "stderr"][-len(wanted) :]
    if [lines[place].text.decode("utf-8", "replace") for place in errors] != wanted:
        return list(lines)
    gone = set(errors)
    return [line for place, line in enumerate(lines) if place not in gone]
