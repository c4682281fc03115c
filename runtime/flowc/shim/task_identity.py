"""Which task a process runs."""

from __future__ import annotations

import os
import sys

from flowc.protocol import env_names
from flowc.protocol.encodings import split_tags
from flowc.protocol.exit_codes import PROTOCOL_ERROR
from flowc.store.documents import wall_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from flowc.shim.log_keeper import LogLink
    from flowc.store.run_layout import Path


class Task:
    """Which task to run, and where its run lives.

    `first` is the attempt that its tries count from: not 0 where an engine starts over and goes on counting.
    """

    __slots__ = ("attempt", "first", "log", "outputs", "path", "pid", "root", "run", "started", "step", "tags")

    def __init__(
        self,
        step: str,
        path: Path,
        attempt: int,
        outputs: str | None = None,
        first: int = 0,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.step = step
        self.path = path
        self.attempt = attempt
        self.first = first
        self.outputs = outputs
        self.started = wall_time()
        self.pid = os.getpid()
        self.root = _required(env_names.ROOT, environment)
        self.run = _required(env_names.RUN_ID, environment)
        self.tags = tuple(split_tags(environment.get(env_names.TAGS, "")))
        self.log: LogLink | None = None
        """The way to the process that keeps what the task prints, if one does."""


def _required(variable: str, environment: Mapping[str, str]) -> str:
    value = environment.get(variable)
    if not value:
        print(f"flowc: the environment variable {variable} is not set", file=sys.stderr)
        raise SystemExit(PROTOCOL_ERROR)
    return value
