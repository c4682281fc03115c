"""`flowc logs`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from flowc.client import Run, Task
from flowc.errors import FlowError
from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place, fail, with_client
from flowc_cli.output import write, write_error
from flowc_cli.stored_runs import engine_of, find_run, find_task, report_failure, selected_steps, tasks_of
from flowc_targets.base.engine import EngineClient, EngineError

app = shared.command_app()


@app.command("logs")
def logs(
    run: Annotated[
        str,
        typer.Argument(
            help="Flow, Flow/run-id, Flow/run-id/step or .../index; with --target the engine's name for a run",
            show_default=False,
        ),
    ],
    step: Annotated[
        str | None, typer.Argument(help="with --target: only this step, or step/index", show_default=False)
    ] = None,
    root: shared.Root = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="standard output only")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="standard error only")] = False,
    target: Annotated[
        str | None,
        typer.Option("-t", "--target", metavar="NAME", help=shared.TARGET_HELP),
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="with --target: until the run has ended")] = False,
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
) -> None:
    """Print the logs of a run's tasks.

    They come from the store, or with --target from an engine.
    """
    streams = [name for name, chosen in (("stdout", stdout), ("stderr", stderr)) if chosen]
    of_store, of_engine = root is not None or bool(streams), bool(step or follow or server or user or namespace)
    if target is None and not of_engine:
        raise typer.Exit(_print_stored_logs(run, root, streams or ["stdout", "stderr"]))
    if target is None or of_store:
        raise typer.Exit(_refuse_mixed_options(target))
    raise typer.Exit(_print_engine_logs(Place(target, server, namespace, user), run, step, follow=follow))


def _print_stored_logs(pathspec: str, root: str | None, streams: Sequence[str]) -> int:
    """Print what the tasks of a run, a step or one task printed, each line behind its task's name."""
    try:
        run, rest = find_run(pathspec, root)
        printed = 0
        for step in selected_steps(run, rest):
            for task in [find_task(step, rest[1])] if len(rest) > 1 else tasks_of(step):
                text = _log(task, streams)
                write(text)
                printed += len(text)
    except FlowError as error:
        return report_failure(error)
    if not printed and not run.record:
        _print_where_logs_are(run)
    return 0


def _print_where_logs_are(run: Run) -> None:
    """Point to the logs of an engine's run. Only the local engine puts logs into the store."""
    where = f"`flowc logs {run.pathspec} --target {engine_of(run)}`"
    write_error(f"flowc: this run's logs are with its engine: {where}\n")


def _log(task: Task, streams: Sequence[str]) -> str:
    """All attempts of a task, the failed ones too; where there are several, each line says which."""
    lines: list[str] = []
    for attempt in range(task.attempt + 1):
        label = f"{task.id} attempt {attempt}" if task.attempt > 0 else task.id
        for stream in streams:
            lines.extend(f"[{label}] {line}\n" for line in task.log(stream, attempt).splitlines())
    return "".join(lines)


def _print_engine_logs(place: Place, name: str, step: str | None, *, follow: bool) -> int:
    """Print the logs of a run on an engine, each line behind its task's name."""

    def run(client: EngineClient) -> int:
        for line in client.logs(name, step, follow=follow):
            write(f"[{line.task}] {line.text}\n")
            sys.stdout.flush()
        return 0

    return with_client(place, run)


def _refuse_mixed_options(target: str | None) -> int:
    """Report FC504 for options that are about the store and the engine at once. Returns the exit code."""
    if target is None:
        message = "STEP, --follow, --server and --namespace need a --target"
        help_ = "add --target argo; the store has the logs of a step under Flow/run-id/step"
    else:
        message = "--root, --stdout and --stderr read the store, and --target reads an engine"
        help_ = "leave out --target, or the others: an engine does not separate the streams"
    return fail(EngineError("FC504", message, help_))
