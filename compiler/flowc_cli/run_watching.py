"""Watching a run on an engine: a table of its steps on a terminal, elsewhere a line with the time for each change."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from flowc_cli.run_states import transitions
from flowc_compiler.diagnostics.terminal_text import visible
from flowc_targets.base.live_table import LiveTable, StepProgress, has_table

if TYPE_CHECKING:
    from flowc_targets.base.engine import RunState


class RunWatch:
    """Shows the states of one run as they come."""

    def __init__(self) -> None:
        self._before: RunState | None = None
        self._steps: dict[str, StepProgress] = {}
        self._table: LiveTable | None = None

    def show(self, state: RunState) -> None:
        """Show what has changed since the last state: on a terminal what has failed, and the table."""
        lines = transitions(self._before, state)
        self._before = state
        if self._table is None and has_table():
            self._table = LiveTable(visible(state.pathspec), lambda: list(self._steps.values()), _put)
        if self._table is None:
            stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            _put(sys.stderr, "".join(f"{stamp} {visible(line)}\n" for line in lines))
            return
        failures = [line for line in lines if " failed" in line or ", attempt " in line]
        self._table.write(sys.stderr, "".join(f"{visible(line)}\n" for line in failures))
        self._count(state)
        self._table.draw()

    def close(self) -> None:
        """The last table stays."""
        if self._table is not None:
            self._table.close()

    def _count(self, state: RunState) -> None:
        now, wall = time.monotonic(), time.time()
        counted: dict[str, StepProgress] = {}
        for task in state.tasks:
            step = counted.setdefault(task.step, StepProgress(visible(task.step)))
            step.total += task.phase != "skipped"
            step.done += task.phase == "succeeded"
            step.running += task.phase == "running"
            step.failed += task.phase == "failed"
            if task.phase != "pending" and (began := _seconds(task.started)):
                step.began = min(step.began if step.began is not None else now, now - max(0.0, wall - began))
        for name, step in counted.items():
            before = self._steps.get(name)
            same = before is not None and (before.done, before.failed) == (step.done, step.failed)
            step.changed = before.changed if before is not None and same else now
        self._steps = counted


def _seconds(text: str) -> float:
    """A time in ISO 8601 in seconds since 1970; 0 for what is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _put(file: TextIO, text: str) -> None:
    file.write(text)
    file.flush()
