"""Watching a run on an engine: a table of its steps on a terminal, elsewhere a line with the time for each change."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from flowc_cli.output import write_error
from flowc_cli.run_states import changed_tasks, ended_text, transitions
from flowc_compiler.diagnostics.terminal_text import visible
from flowc_targets.base.json_events import JsonEvents
from flowc_targets.base.live_table import LiveTable, StepProgress, has_table

if TYPE_CHECKING:
    from flowc_targets.base.engine import RunState, TaskState


class RunWatch:
    """Shows the states of one run as they come."""

    def __init__(self, *, quiet: bool = False) -> None:
        """`quiet` shows only what has failed."""
        self._quiet = quiet
        self._before: RunState | None = None
        self._steps: dict[str, StepProgress] = {}
        self._table: LiveTable | None = None

    @property
    def with_notes(self) -> bool:
        """Whether people read it, who want to know what else happens."""
        return not self._quiet

    def show(self, state: RunState) -> None:
        """Show what has changed since the last state: on a terminal what has failed, and the table."""
        lines = transitions(self._before, state)
        if self._quiet:
            lines = [line for line in lines if " failed" in line]
        self._before = state
        if self._table is None and not self._quiet and has_table():
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

    def ended(self, state: RunState) -> None:
        """Say how the run has ended."""
        if not self._quiet or state.phase != "succeeded":
            write_error(ended_text(state))

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


def chosen_watch(*, watch: bool, quiet: bool, log_format: str, as_json: bool) -> RunWatch | None:
    """What shows a run that is watched, by the options. Raises BadParameter for those that would have no effect."""
    import typer

    given = "--quiet" if quiet else "--log-format" if log_format == "json" else ""
    if given and not watch:
        raise typer.BadParameter("it is about --watch, which is not given", param_hint=given)
    if log_format == "json" and as_json:
        problem = "standard output has an object a line then: leave out --json"
        raise typer.BadParameter(problem, param_hint="--log-format")
    if not watch:
        return None
    return JsonWatch() if log_format == "json" else RunWatch(quiet=quiet)


class JsonWatch(RunWatch):
    """Writes the states of one run as they come as JSON, an object a line."""

    def __init__(self) -> None:
        super().__init__()
        self._events = JsonEvents()

    def show(self, state: RunState) -> None:
        """Write each task whose state has changed since the last one."""
        if not self._events.run:
            self._events.run = state.pathspec
            self._events.started(state.root)
        for task in changed_tasks(self._before, state):
            self._events.event("task", **_task_fields(task))
        self._before = state

    def ended(self, state: RunState) -> None:
        """Write the last line."""
        if not self._events.run:
            self.show(state)
        began, over = _seconds(state.created), _seconds(state.finished)
        failed = next((task for task in state.tasks if task.phase == "failed"), None)
        self._events.event(
            "run_finished",
            status="successful" if state.phase == "succeeded" else state.phase,
            tasks=state.done,
            seconds=round(over - began, 3) if began and over else None,
            error=state.message or None,
            failed=_task_fields(failed) if failed is not None else None,
        )


def _task_fields(task: TaskState) -> dict[str, Any]:
    return {"task": task.id, "phase": task.phase, "message": task.message or None, "attempts": task.attempts}


def _seconds(text: str) -> float:
    """A time in ISO 8601 in seconds since 1970; 0 for what is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


def _put(file: TextIO, text: str) -> None:
    file.write(text)
    file.flush()
