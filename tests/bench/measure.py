"""Measuring whole processes: wall time, CPU time and peak memory, by what the kernel says when they end."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """What one command took, its finished child processes included. `peak_mb` is that of the largest process."""

    wall: float
    cpu: float
    peak_mb: float
    exit_code: int
    stderr: str


def run(command: Sequence[str | Path], folder: Path, env: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end."""
    errors = folder / "stderr.txt"
    with errors.open("w") as sink:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            # As users' Pythons do, it keeps what it has compiled of the modules.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=sink,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode, errors.read_text())


def repeat(command: Sequence[str | Path], folder: Path, times: int = 5, env: Mapping[str, str] | None = None) -> Usage:
    """Medians of `times` runs, after one that is not counted where there are several."""
    return repeat_in_turn([command], folder, times, env)[0]


def repeat_in_turn(
    commands: Sequence[Sequence[str | Path]], folder: Path, times: int = 5, env: Mapping[str, str] | None = None
) -> list[Usage]:
    """The same for commands that are compared: they take turns, so that a machine's slow spells meet them all."""
    if times > 1:
        for command in commands:
            run(command, folder, env)
    rounds = [[run(command, folder, env) for command in commands] for _ in range(times)]
    return [_median(list(runs)) for runs in zip(*rounds, strict=True)]


def _median(runs: list[Usage]) -> Usage:
    return Usage(
        statistics.median(item.wall for item in runs),
        statistics.median(item.cpu for item in runs),
        statistics.median(item.peak_mb for item in runs),
        max(item.exit_code for item in runs),
        runs[-1].stderr,
    )
