"""`flowc show`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from flowc.client import Run, Step, StoredValue, Task
from flowc.client.attempts import Attempt
from flowc.client.run_state import last_sign
from flowc.errors import CorruptArtifact, FlowError
from flowc_cli import shared_options as shared
from flowc_cli.output import write
from flowc_cli.stored_runs import (
    engine_of,
    find_run,
    find_task,
    report_failure,
    selected_steps,
    size_text,
    tasks_of,
)
from flowc_cli.value_texts import LARGE, details, json_value, summary
from flowc_compiler.diagnostics.terminal_text import visible_line

app = shared.command_app()

_SILENCE_SECONDS = 3600.0
"""A run of an engine of which the store hears nothing for that long may have ended without a trace."""
_SHOWN_TASKS = 20
"""How many tasks of a step are shown with their values."""
_SHOWN_ATTEMPTS = 20
"""How many attempts of a step are listed, of those that did not just succeed."""


@app.command("show")
def show(
    run: Annotated[
        str,
        typer.Argument(help="Flow, for its latest run, Flow/run-id, Flow/run-id/step or .../index", show_default=False),
    ],
    root: shared.Root = None,
    values: Annotated[bool, typer.Option("--values", help="also what artifacts hold; nothing is unpickled")] = False,
    as_json: shared.Json = False,
) -> None:
    """Show a run: its steps, tasks, and artifacts."""
    try:
        found, rest = find_run(run, root)
        steps = selected_steps(found, rest)
        chosen = rest[1] if len(rest) > 1 else None
        if as_json:
            write(json.dumps(_document(found, steps, chosen, values=values), indent=2, ensure_ascii=False) + "\n")
        else:
            write(_text(found, steps, chosen, values=values))
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None


def _tasks(step: Step, chosen: str | None) -> list[Task]:
    """The tasks of a step, or the one that was asked for. Raises RunNotFound."""
    return tasks_of(step) if chosen is None else [find_task(step, chosen)]


def _text(run: Run, steps: Sequence[Step], chosen: str | None, *, values: bool) -> str:
    lines = [f"{run.pathspec}  {run.status}  {_utc(run.created_seconds())}", f"root: {run.root}"]
    if not run.record and run.status in ("running", "lost"):
        lines += _where_to_ask(run)
    if run.user_tags:
        lines.append(f"tags: {_names(run.user_tags)}")
    if run.origin_pathspec is not None:
        lines.append(f"resumed from: {run.origin_pathspec}")
    reused = run.reused
    for step in steps:
        tasks = _tasks(step, chosen)
        done = sum(task.committed and not task.begun_again for task in tasks)
        retried = sum(task.current_attempt > 0 for task in tasks)
        count = "" if len(tasks) == 1 and tasks[0].index is None else f"  {done} of {len(tasks)} tasks"
        again = f", {retried} retried" if retried else ""
        if step.name in reused:
            again += f", {reused[step.name]} taken over" if count else "  taken over"
        lines.append(f"  {step.name}{count}{again}{'' if done == len(tasks) else '  not finished'}")
        if values:
            lines.extend(_values(tasks))
        elif tasks and tasks[0].committed and tasks[0].artifact_names:
            lines.append(f"    {_names(tasks[0].artifact_names)}")
        lines.extend(_attempts(tasks))
    return "\n".join(lines) + "\n"


def _values(tasks: Sequence[Task]) -> Iterator[str]:
    """What the artifacts of tasks hold."""
    several = len(tasks) > 1 or (tasks and tasks[0].index is not None)
    for number, task in enumerate(tasks):
        if number == _SHOWN_TASKS:
            yield f"    and {len(tasks) - number} more tasks: name one by its index, or see all with --json"
            return
        if several:
            yield f"    {task.id}"
        indent = "      " if several else "    "
        for name in task.artifact_names:
            stored = _stored(task, name)
            text = stored if isinstance(stored, str) else summary(stored)
            yield f"{indent}{visible_line(f'{name} = {text}')}"
            if not isinstance(stored, str):
                yield from (f"{indent}  {visible_line(line)}" for line in details(stored))


def _stored(task: Task, name: str) -> StoredValue | str:
    """A value as it is stored; why not where it is too large, or damaged."""
    ref = task.references[name]
    if ref["size"] > LARGE:
        return f"{ref.get('type', 'unknown')} of {size_text(ref['size'])}, which is too large to be shown"
    try:
        stored: StoredValue = task.value(name)
    except CorruptArtifact as error:
        return str(error)
    return stored


def _where_to_ask(run: Run) -> list[str]:
    """The store does not know of a pod that was killed, or could not start; its engine does."""
    sign = last_sign(run)
    if time.time() - sign < _SILENCE_SECONDS:
        return []
    where = f"`flowc status {run.pathspec} --target {engine_of(run)}`"
    return [f"nothing has begun or failed since {_utc(sign)}; {where} asks the engine"]


def _names(names: Iterable[str]) -> str:
    return visible_line(", ".join(sorted(names)))


def _attempts(tasks: Sequence[Task]) -> list[str]:
    """The attempts that have failed, were killed or still run, a line each. The first of a task goes without saying."""
    lines: list[str] = []
    for task in tasks:
        if len(lines) > _SHOWN_ATTEMPTS:
            return [*lines[:_SHOWN_ATTEMPTS], "    and more: see them with --json"]
        attempts = [] if task.current_attempt == 0 and task.committed else task.attempts
        for attempt in attempts:
            name = task.id if len(attempts) == 1 else f"{task.id} attempt {attempt.number}"
            if attempt.failure is not None:
                error = attempt.failure
                lines.append(f"    {name} {attempt.state}: {error.get('type')}: {error.get('message')}")
            elif attempt.state == "running":
                lines.append(f"    {name} running{_since(attempt)}")
        if not task.committed and task.artifact_names:
            lines.append(f"    {task.id} had, when it failed: {_names(task.artifact_names)}")
    return lines


def _since(attempt: Attempt) -> str:
    if attempt.started is None:
        return ""
    return f" since {_utc(attempt.started)}, on {attempt.host}"


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _document(run: Run, steps: Sequence[Step], chosen: str | None, *, values: bool) -> dict[str, Any]:
    return {
        "run": run.pathspec,
        "root": run.root,
        "status": run.status,
        "created_at": run.created_at.timestamp(),
        "tags": sorted(run.user_tags),
        "origin": run.origin_pathspec,
        "steps": {step.name: [_task_document(task, values=values) for task in _tasks(step, chosen)] for step in steps},
    }


def _task_document(task: Task, *, values: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "task": task.id,
        "attempt": task.attempt,
        "successful": task.committed and not task.begun_again,
    }
    if task.committed:
        if task.origin_run_id is not None:
            document["origin"] = task.origin_run_id
        document["artifacts"] = task.manifest["artifacts"]
        if task.failure is not None:
            document["exception"] = task.failure
    elif task.failure is not None:
        document["exception"] = task.failure
        document["artifacts"] = task.references
    if values:
        stored = {name: _stored(task, name) for name in task.artifact_names}
        document["values"] = {
            name: {"summary": found} if isinstance(found, str) else json_value(found) for name, found in stored.items()
        }
    document["attempts"] = [attempt._asdict() for attempt in task.attempts]
    return document
