"""`flowc show`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from flowc.client import Run
from flowc.errors import FlowError
from flowc_cli import shared_options as shared
from flowc_cli.lenient_layout import damages_of
from flowc_cli.output import write
from flowc_cli.run_overview import overview, stored_value
from flowc_cli.run_tasks import RunTasks, StepRecord, TaskRecord, read_tasks
from flowc_cli.stored_runs import (
    ended_at,
    find_run,
    find_step,
    find_task,
    report_damages,
    report_failure,
    task_of,
    task_parts,
)
from flowc_cli.value_texts import json_value

app = shared.command_app()


@app.command("show")
def show(
    run: Annotated[
        str,
        typer.Argument(help="Flow, for its latest run, Flow/run-id, Flow/run-id/step or .../index", show_default=False),
    ],
    step: Annotated[
        str | None, typer.Argument(help="only this step, or one task with its attempts: step/index", show_default=False)
    ] = None,
    root: shared.Root = None,
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="only this step, or one task with its attempts: as STEP")
    ] = None,
    values: Annotated[bool, typer.Option("--values", help="also what artifacts hold; nothing is unpickled")] = False,
    why: Annotated[
        bool,
        typer.Option("--why", help="also why tasks ran that have a cache, and where others are from"),
    ] = False,
    as_json: shared.Json = False,
) -> None:
    """Show a run: its steps, tasks and attempts with their times, and its artifacts."""
    if step is not None and task is not None:
        raise typer.BadParameter("the task is given twice: as STEP, and with --task", param_hint="--task")
    hint, task = ("STEP", step) if task is None else ("--task", task)
    try:
        found, rest = find_run(run, root, lenient=True)
        if task is not None and rest:
            raise typer.BadParameter(f"the task is given twice: in {run}, and as {task}", param_hint=hint)
        rest = task_parts(task.split("/") if task is not None else rest, found)
        record = _selected(found, rest)
        if as_json:
            write(json.dumps(_document(record, part=bool(rest), values=values), indent=2, ensure_ascii=False) + "\n")
        else:
            write(overview(record, ended_at(found), part=bool(rest), values=values))
            if why:
                from flowc_cli.cache_reasons import cache_reasons

                write("".join(f"{line}\n" for line in cache_reasons(record)))
        exit_code = report_damages(found, root)
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    raise typer.Exit(exit_code)


def _selected(run: Run, rest: Sequence[str]) -> RunTasks:
    """The run with all of its tasks, or those of a step, or one. Raises FlowError."""
    step = find_step(run, rest[0]) if rest else None
    chosen = find_task(step, rest[1]).path if step is not None and len(rest) > 1 else None
    record = read_tasks(run, rest[:1] or None)
    if chosen is not None:
        steps = [replace(step, tasks=[task for task in step.tasks if task.path == chosen]) for step in record.steps]
        record = replace(record, steps=steps)
    return record


def _document(record: RunTasks, *, part: bool, values: bool) -> dict[str, Any]:
    run = record.run
    ended = ended_at(run)
    damages = damages_of(run)
    until = time.time() if record.status == "running" else ended
    return {
        "run": run.pathspec,
        "root": run.root,
        "status": record.status,
        "created_at": record.created,
        "ended_at": ended,
        "duration": max(0.0, until - record.created) if until is not None and record.created else None,
        "tags": sorted(run.user_tags),
        "origin": run.origin_pathspec,
        **({"damages": damages} if damages else {}),
        **({} if part else {"tasks": {"done": record.done, "expected": record.expected, "open": record.open}}),
        **({"waiting": _waiting(record)} if record.waiting else {}),
        "totals": {step.name: _totals(step) for step in record.steps},
        "steps": {
            step.name: [_task_document(run, task, values=values) for task in step.tasks]
            for step in record.steps
            if step.tasks
        },
    }


def _waiting(record: RunTasks) -> list[dict[str, Any]]:
    """The tasks that wait before they begin, and what for."""
    return [
        {"task": task.place, "since": task.since, "for": list(task.waits), "approval": task.question}
        for task in record.waiting
    ]


def _totals(step: StepRecord) -> dict[str, Any]:
    """How many tasks of a step there are, and its times in seconds."""
    states = {state: count for state, count in sorted(step.states.items()) if state != "successful"}
    return {
        "done": step.done,
        "expected": step.expected,
        "open": step.totals.open,
        **states,
        "started": step.started,
        "ended": step.ended,
    }


def _task_document(run: Run, record: TaskRecord, *, values: bool) -> dict[str, Any]:
    task = task_of(run, record)
    document: dict[str, Any] = {
        "task": task.id,
        "attempt": task.attempt,
        "successful": record.done,
        "state": record.state,
        "started": record.started,
        "ended": record.ended,
        "host": record.last.host,
    }
    if record.problem:
        document |= {"artifacts": {}, "problem": record.problem}
    elif record.committed is not None:
        if record.origin is not None:
            document["origin"] = record.origin
        if record.approval is not None:
            document["approval"] = record.approval
        if record.cached is not None:
            document["cached"] = record.cached
        document["artifacts"] = task.manifest["artifacts"]
        if not record.done and record.last.failure is not None:
            document["exception"] = record.last.failure
    elif record.last.failure is not None:
        document["exception"] = record.last.failure
        document["artifacts"] = task.references
    # What lies in the manifest costs no read.
    references = {} if record.problem else task.references
    names = [name for name, ref in sorted(references.items()) if values or "inline" in ref]
    stored = {name: stored_value(task, name) for name in names}
    document["values"] = {
        name: {"summary": found} if isinstance(found, str) else json_value(found) for name, found in stored.items()
    }
    document["attempts"] = [{**attempt._asdict(), "queued": record.queued(attempt)} for attempt in record.attempts]
    return document
