"""What all trials have in common: an attempt, how it ended, and the limits of a process that tries one."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SECONDS = 2.0
"""Of the processor, for a check from its start to its end."""
MEGABYTES = 300
"""Of resident memory, at the most."""
WITH_FLOWC = 100
"""Megabytes of a process that has imported flowc and what tries it."""
STOPPED_AFTER = 20
"""Seconds of the processor at which the kernel ends a process."""
_LARGEST = 3 << 30
"""Bytes of its address space."""


class Attempt(NamedTuple):
    """One thing that was tried."""

    name: str
    """Finds it again, in the trial of the same seed."""
    problem: str | None = None
    """What is wrong, on one line; `None` where all is well."""
    files: dict[str, bytes] = {}  # noqa: RUF012 - never changed
    """What fails, by path: the frame keeps it."""
    counts: dict[str, int] = {}  # noqa: RUF012 - never changed
    """What was done, and how often: the frame adds these up."""


@dataclass(frozen=True)
class Choice:
    """What of a trial to try."""

    count: int
    """How many attempts; a trial with a table takes that many random rows of it."""
    seed: int
    names: tuple[str, ...] = ()
    """Only attempts whose names begin with one of these; all without."""
    slowdown: float = 1
    """How many times as long as flowc promises a busy machine may take: what goes wrong takes all it gets."""

    def allows(self, name: str) -> bool:
        """Whether an attempt of this name is to be made."""
        return not self.names or name.startswith(self.names)


Trial = Callable[[Choice], Iterator[Attempt]]
"""Makes the attempts one by one: the same ones for the same choice."""


class Outcome(NamedTuple):
    """What a process took, and how it ended."""

    code: int
    seconds: float
    megabytes: float
    output: str

    @property
    def problem(self) -> str | None:
        """What is wrong with it; `None` for a check that stayed within its limits and ended well."""
        if self.code not in (0, 2):
            return f"exit code {self.code}"
        if "Traceback (most recent call last)" in self.output:
            return "a traceback"
        if self.seconds > SECONDS:
            return f"{self.seconds:.1f} s"
        return f"{self.megabytes:.0f} MB" if self.megabytes > MEGABYTES else None

    def slowed(self, slowdown: float) -> Outcome:
        """How it would have ended on a machine that is not that much slower."""
        return self._replace(seconds=self.seconds / slowdown)

    @property
    def last(self) -> str:
        """The last line of its output."""
        return (self.output.strip().splitlines()[-1:] or [""])[0]


def in_a_process(execute: Callable[[], object], folder: Path) -> Outcome:
    """Call it in a forked process, which is in the folder, has the limits, and writes into a file beside the folder."""
    output = folder.with_name(f"{folder.name}.output")
    surplus = _surplus()
    started = os.fork()
    if not started:
        try:
            limit(folder, output)
            resource.setrlimit(resource.RLIMIT_CPU, (STOPPED_AFTER, STOPPED_AFTER))
            execute()
        finally:
            os._exit(99)  # what does well ends the process itself
    _, status, usage = os.wait4(started, 0)
    text = output.read_text(errors="replace") if output.exists() else ""
    output.unlink(missing_ok=True)
    return Outcome(
        os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024 - surplus, text
    )


def _surplus() -> float:
    """The megabytes of this process, which a fork of it has from the start, beyond those of one with flowc alone."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return max(0.0, pages * os.sysconf("SC_PAGESIZE") / (1 << 20) - WITH_FLOWC)


def limit(folder: Path, output: Path) -> None:
    """Put this process into the folder, let it write into the file, and limit its memory."""
    os.chdir(folder)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    # pytest's own lead elsewhere.
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", buffering=1, closefd=False)
    resource.setrlimit(resource.RLIMIT_AS, (_LARGEST, _LARGEST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
