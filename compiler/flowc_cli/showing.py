"""The commands that look at runs: show and logs. Each returns its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from flowc.client import Run, RunNotFound, Step, Task
from flowc.errors import FlowError, StoreError
from flowc_cli.report import report
from flowc_compiler.diagnostics import DiagnosticSink

RUN_ERROR = 1


def show_run(pathspec: str, root: str | None, *, as_json: bool) -> int:
    """`flowc show`: the state of a run, its steps, and the artifacts of each; or all of its tasks as JSON."""
    try:
        run, rest = _find(pathspec, root)
        steps = [_step(run, rest[0])] if rest else _steps(run)
        if as_json:
            sys.stdout.write(json.dumps(_document(run, steps), indent=2) + "\n")
        else:
            sys.stdout.write(_text(run, steps))
    except FlowError as error:
        return _fail(error)
    return 0


def print_logs(pathspec: str, root: str | None, streams: Sequence[str]) -> int:
    """`flowc logs`: what the tasks of a run, a step or one task printed, each line behind its task's name."""
    try:
        run, rest = _find(pathspec, root)
        steps = [_step(run, rest[0])] if rest else _steps(run)
        printed = 0
        for step in steps:
            tasks = [_task(step, rest[1])] if len(rest) > 1 else _tasks(step)
            for task in tasks:
                printed += sys.stdout.write(_log(task, streams))
    except FlowError as error:
        return _fail(error)
    if not printed and not run.record:
        _tell_where_logs_are(run)
    return 0


def _tell_where_logs_are(run: Run) -> None:
    """Where what a run has printed is, if it is not a run of the local engine, which alone puts it into the store."""
    target = "argo" if run.id.startswith("argo-") else "airflow"
    where = f"`flowc logs {run.pathspec} --target {target}`"
    sys.stderr.write(f"flowc: an engine has run this, and keeps what its tasks print: {where}\n")


def _log(task: Task, streams: Sequence[str]) -> str:
    """All attempts of a task, the failed ones too; where there are several, each line says which."""
    lines: list[str] = []
    for attempt in range(task.attempt + 1):
        label = f"{task.id} attempt {attempt}" if task.attempt > 0 else task.id
        for stream in streams:
            lines.extend(f"[{label}] {line}\n" for line in task.log(stream, attempt).splitlines())
    return "".join(lines)


def _find(pathspec: str, root: str | None) -> tuple[Run, list[str]]:
    """The run that `Flow`, `Flow/run`, `Flow/run/step` or `Flow/run/step/index` is about, and the parts beyond it."""
    flow, *rest = [part for part in pathspec.split("/") if part] or [pathspec]
    if not rest or rest[0] == "latest":
        return Run.latest(flow, root=root), rest[1:]
    return Run(f"{flow}/{rest[0]}", root=root, _namespace_check=False), rest[1:]


def _steps(run: Run) -> list[Step]:
    """The first before the last: the client gives the newest first."""
    return list(run)[::-1]


def _tasks(step: Step) -> list[Task]:
    """In the order of their indices."""
    return list(step)[::-1]


def _step(run: Run, name: str) -> Step:
    if name not in run:
        known = ", ".join(step.name for step in _steps(run))
        raise RunNotFound(f"run {run.pathspec} has no step {name}; it has {known}")
    return run[name]


def _task(step: Step, index: str) -> Task:
    try:
        return step[index]
    except KeyError:
        raise RunNotFound(f"{step.pathspec} has no task {index}; it has {len(step)} tasks") from None


def _text(run: Run, steps: Sequence[Step]) -> str:
    created = run.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [f"{run.pathspec}  {run.status}  {created}", f"root: {run.root}"]
    if run.user_tags:
        lines.append(f"tags: {', '.join(sorted(run.user_tags))}")
    if run.origin_pathspec is not None:
        lines.append(f"resumed from: {run.origin_pathspec}")
    reused = run.reused
    for step in steps:
        tasks = _tasks(step)
        done = sum(task.committed for task in tasks)
        retried = sum(task.attempt > 0 for task in tasks)
        count = "" if len(tasks) == 1 and tasks[0].index is None else f"  {done} of {len(tasks)} tasks"
        again = f", {retried} retried" if retried else ""
        if step.name in reused:
            again += f", {reused[step.name]} taken over" if count else "  taken over"
        lines.append(f"  {step.name}{count}{again}{'' if done == len(tasks) else '  not finished'}")
        if tasks and tasks[0].committed and tasks[0].artifact_names:
            lines.append(f"    {', '.join(tasks[0].artifact_names)}")
        lines.extend(_failures(tasks))
    return "\n".join(lines) + "\n"


def _failures(tasks: Sequence[Task]) -> list[str]:
    lines: list[str] = []
    for task in tasks:
        error = task.failure
        if error is not None:
            lines.append(f"    {task.id} failed: {error.get('type')}: {error.get('message')}")
    return lines


def _document(run: Run, steps: Sequence[Step]) -> dict[str, Any]:
    return {
        "run": run.pathspec,
        "root": run.root,
        "status": run.status,
        "created_at": run.created_at.timestamp(),
        "tags": sorted(run.user_tags),
        "origin": run.origin_pathspec,
        "steps": {step.name: [_task_document(task) for task in _tasks(step)] for step in steps},
    }


def _task_document(task: Task) -> dict[str, Any]:
    document: dict[str, Any] = {"task": task.id, "attempt": task.attempt, "successful": task.committed}
    if task.committed:
        if task.origin_run_id is not None:
            document["origin"] = task.origin_run_id
        document["artifacts"] = task.manifest["artifacts"]
    elif task.failure is not None:
        document["exception"] = task.failure
    return document


def _fail(error: FlowError) -> int:
    sink = DiagnosticSink()
    if isinstance(error, StoreError):
        help_text = "see that the store can be reached from here, and that its keys are in the environment"
        if "s3" in str(error).lower():
            help_text += "; AWS_ENDPOINT_URL names an S3 server that is not Amazon's"
        sink.error("FC601", str(error), None, help=help_text)
    else:
        help_text = "name it as Flow, Flow/run-id or Flow/run-id/step, and its store with --root"
        sink.error("FC602", str(error), None, help=help_text)
    report(sink.diagnostics, sink.sources)
    return RUN_ERROR
