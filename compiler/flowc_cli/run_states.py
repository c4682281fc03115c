"""The state of runs on an engine, as text and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flowc_compiler.diagnostics.terminal_text import visible_line
from flowc_targets.base.engine import Phase, RunState, TaskState

_SHOWN_FAILURES = 20
"""How many failed tasks of a step are listed one by one."""


def document(state: RunState, *, tasks: bool = True) -> dict[str, Any]:
    """A run for `--json`: its state, and with `tasks` the state of each task."""
    found: dict[str, Any] = {"run": state.pathspec, **asdict(state)}
    found["tasks"] = [{"task": task.id, **asdict(task)} for task in state.tasks]
    if not tasks:
        del found["tasks"], found["root"]
    return found


def listing(states: Sequence[RunState]) -> str:
    """A line per run, in columns."""
    rows = [("NAME", "RUN", "PHASE", "PROGRESS", "CREATED", "")]
    rows += [
        (state.name, state.pathspec, state.phase, _progress(state), state.created, visible_line(state.message))
        for state in states
    ]
    return in_columns(rows)


def in_columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text, the first of which are heads, in columns as wide as they must be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    lines = ("  ".join(row) for row in cells)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _progress(state: RunState) -> str:
    """Empty where the engine does not count the tasks of runs in a list."""
    return f"{state.done}/{state.total}" if state.total else ""


def state_text(state: RunState) -> str:
    """A run, with a line per step and a line per failed task."""
    in_namespace = f" in {state.namespace}" if state.namespace else ""
    lines = [f"{state.pathspec}  {state.phase}  {state.created}", f"name: {state.name}{in_namespace}"]
    if state.root:
        lines.append(f"root: {state.root}")
    if state.message:
        lines.append(f"message: {state.message}")
    lines.append(f"tasks: {state.done} of {state.total} done")
    steps: dict[str, list[TaskState]] = {}
    for task in state.tasks:
        steps.setdefault(task.step, []).append(task)
    for step, tasks in steps.items():
        lines.append(f"  {step}  {_counted(tasks)}")
        failed = [task for task in tasks if task.phase == "failed"]
        lines += [f"    {_failure(task)}" for task in failed[:_SHOWN_FAILURES]]
        if len(failed) > _SHOWN_FAILURES:
            lines.append(f"    and {len(failed) - _SHOWN_FAILURES} more")
        waiting: dict[str, list[TaskState]] = {}
        for task in tasks:
            if reason := _reason(task):
                waiting.setdefault(reason, []).append(task)
        for reason, same in waiting.items():  # often of many tasks
            more = f" and {len(same) - 1} more" if len(same) > 1 else ""
            lines.append(f"    {same[0].id}{more} pending{reason}")
    return "\n".join(lines) + "\n"


def changed_tasks(before: RunState | None, after: RunState) -> list[TaskState]:
    """The tasks whose state has changed between two states of a run."""
    old = {task.id: _shown(task) for task in before.tasks} if before is not None else {}
    return [task for task in after.tasks if old.get(task.id) != _shown(task)]


def transitions(before: RunState | None, after: RunState) -> list[str]:
    """The tasks whose state has changed between two states of a run, a line each."""
    lines: list[str] = []
    for task in changed_tasks(before, after):
        again = f", attempt {task.attempts - 1}" if task.attempts > 1 else ""
        lines.append(_failure(task) if task.phase == "failed" else f"{task.id} {task.phase}{again}{_reason(task)}")
    return lines


def _shown(task: TaskState) -> tuple[str, int, str]:
    return task.phase, task.attempts, _reason(task)


def _reason(task: TaskState) -> str:
    """Why a task still waits, as its engine reports it."""
    return f": {task.message}" if task.phase == "pending" and task.message else ""


def ended_text(state: RunState) -> str:
    """How a run has ended: one line, and one per failed task."""
    about = f": {state.message}" if state.message else ""
    lines = [f"{state.pathspec} ({state.name}) {state.phase}, {state.done} of {state.total} tasks done{about}"]
    failed = [task for task in state.tasks if task.phase == "failed"]
    lines += [f"  {_failure(task)}" for task in failed[:_SHOWN_FAILURES]]
    return "\n".join(lines) + "\n"


def _counted(tasks: Sequence[TaskState]) -> str:
    if len(tasks) == 1 and tasks[0].index is None:
        again = f", {tasks[0].attempts} attempts" if tasks[0].attempts > 1 else ""
        return tasks[0].phase + again
    phases = Counter(task.phase for task in tasks)
    names: tuple[Phase, ...] = ("running", "pending", "failed", "skipped")
    retried = sum(task.attempts > 1 for task in tasks)
    parts = [
        f"{phases['succeeded']} of {len(tasks)} tasks",
        *(f"{phases[name]} {name}" for name in names if phases[name]),
    ]
    return ", ".join([*parts, *([f"{retried} retried"] if retried else [])])


def _failure(task: TaskState) -> str:
    code = f" with exit code {task.exit_code}" if task.exit_code is not None else ""
    again = f" after {task.attempts} attempts" if task.attempts > 1 else ""
    about = f": {task.message}" if task.message else ""
    return f"{task.id} failed{code}{again}{about} ({task.kind} {task.name})"
