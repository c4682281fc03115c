"""What a task reads, as it reads it: the trace by which a cached result is found again.

A read is a tuple: what kind it is, and its name. Its value is looked up afterwards, by `flowc.shim.cache_inputs`: what
a task starts from does not change while it runs.
"""

from __future__ import annotations

import contextlib
import json
import os

from flowc.current import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

    Read = Tuple[Any, ...]
    """`(kind, name)`; an input of a join has its number before the name."""

_SAME_EVERYWHERE = frozenset(
    {"card", "checkpoint", "flow_name", "is_parallel", "is_running_flow", "parallel", "tempdir"}
)
"""Facts of `current` that the step's code and place in the flow decide, and those that are only written to. Checkpoints
of the task's own attempts are how far it has come, and not what it makes."""
KNOWN_FACTS = frozenset(
    {
        "branch_name", "is_production", "is_user_branch", "namespace", "origin_run_id", "parameter_names", "pathspec",
        "project_flow_name", "project_name", "retry_count", "run_id", "scheduled_time", "step_name", "tags", "task_id",
        "trigger", "username",
    }
)  # fmt: skip
"""Facts of `current` whose values are known without the user's code."""
_MOST_BYTES = 60_000
"""What a pipe holds for certain; beyond it, reads of forked processes may be lost."""


class ReadTrace:
    """The reads of one task, its threads' and those of processes that it forks."""

    def __init__(self) -> None:
        self._reads: Dict[Read, None] = {}
        self.untraced = ""
        """What the task has read that has no value to compare; such a task is not cached."""
        self._pid = os.getpid()
        self._pipe = os.pipe()
        for descriptor in self._pipe:
            os.set_blocking(descriptor, False)

    def note(self, *read: Any) -> None:
        """Note a read."""
        if read not in self._reads:
            self._reads[read] = None
            if os.getpid() != self._pid:
                self._send(read)

    def fact(self, name: str) -> None:
        """Note a read of a fact of `current`."""
        if name in KNOWN_FACTS:
            self.note("fact", name)
        elif name not in _SAME_EVERYWHERE:
            self.give_up(f"current.{name}")

    def give_up(self, what: str) -> None:
        """Note a read of what has no value to compare."""
        self.untraced = self.untraced or what
        if os.getpid() != self._pid:
            self._send(("untraced", what))

    def _send(self, read: Read) -> None:
        """Let the task know what a process that it has forked reads."""
        with contextlib.suppress(OSError):  # a full pipe says that some are missing
            os.write(self._pipe[1], json.dumps(read).encode() + b"\n")

    def end(self) -> List[Read]:
        """The reads; the trace is over then."""
        data = b""
        try:
            with contextlib.suppress(BlockingIOError):
                while chunk := os.read(self._pipe[0], 1 << 16):
                    data += chunk
            for descriptor in self._pipe:
                os.close(descriptor)
        except OSError:  # the step has closed what is not its own
            self.untraced = self.untraced or "what it has read is not known, since it has closed flowc's own files"
        if len(data) > _MOST_BYTES:
            self.untraced = self.untraced or "what its forked processes have read is not known"
        for line in data.splitlines():
            with contextlib.suppress(ValueError):
                kind, *rest = json.loads(line)
                if kind == "untraced":
                    self.untraced = self.untraced or str(rest[0])
                else:
                    self._reads[(kind, *rest)] = None
        return list(self._reads)


def begin_trace() -> None:
    """Trace what is read from here on."""
    running.trace = ReadTrace()


def end_trace() -> ReadTrace | None:
    """Stop; returns the trace, if there was one."""
    trace, running.trace = running.trace, None
    return trace


def by_artifact(reads: List[Read], count: int) -> List[List[Any]]:
    """The reads in a fixed order, with those of a join's inputs together: `None` stands for the numbers of all."""
    numbers: Dict[str, List[int]] = {}
    found: List[List[Any]] = []
    for kind, *rest in reads:
        if kind == "input":
            numbers.setdefault(rest[1], []).append(rest[0])
        else:
            found.append([kind, *rest])
    for name, which in numbers.items():
        found.append(["inputs", name, None if len(which) == count else sorted(which)])
    return sorted(found, key=json.dumps)
