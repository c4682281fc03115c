"""What happens in a run as JSON, an object a line, for programs: `--log-format json` of every command."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from flowc_compiler.diagnostics.terminal_text import visible_json

LogFormat = Literal["text", "json"]
LOG_VERSION = 1
"""Of the lines; raised when a field changes its meaning."""


class JsonEvents:
    """Writes the events of one run to stdout."""

    def __init__(self, run: str = "") -> None:
        self.run = run
        """`Flow/run-id`."""

    def event(self, event: str, **fields: Any) -> None:
        """Write one, with the time."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        document = {"time": stamp, "event": event, "run": self.run, **fields}
        put(sys.stdout, visible_json(json.dumps(document, ensure_ascii=False)) + "\n")

    def started(self, root: str | None) -> None:
        """The first event."""
        self.event("run_started", version=LOG_VERSION, root=root)


def put(file: TextIO | None, text: str) -> Exception | None:
    """Write to a stream; one that is closed or fails gets nothing from then on. Returns what happened."""
    if file is None:
        return None
    try:
        try:
            file.write(text)
            file.flush()
        except UnicodeEncodeError:
            file.write(text.encode("ascii", "backslashreplace").decode())
            file.flush()
    except (OSError, ValueError) as error:
        discard(file)
        return error
    return None


def discard(file: TextIO) -> None:
    """Let what is written to a stream from now on go nowhere, and what it still holds."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)
