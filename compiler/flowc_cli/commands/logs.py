"""`flowc logs`."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from flowc.errors import FlowError
from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place, fail, with_client
from flowc_cli.output import write, write_error
from flowc_cli.stored_logs import LogSelection, follow_logs, read_logs
from flowc_cli.stored_runs import (
    engine_of,
    engine_pathspec,
    find_run,
    report_damages,
    report_failure,
    task_parts,
    wait_for_run,
)
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
    step: Annotated[str | None, typer.Argument(help="only this step, or step/index", show_default=False)] = None,
    root: shared.Root = None,
    step_: Annotated[
        str | None, typer.Option("--step", metavar="NAME", help="only this step, or step/index: as STEP")
    ] = None,
    attempt: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="only this attempt of each task; the first one is 0")
    ] = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="standard output only")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="standard error only")] = False,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="until the run has ended")] = False,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", help="before each line when it was printed, in UTC")
    ] = False,
    tail: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="only the last lines of each attempt; of all with --target")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("-t", "--target", metavar="NAME", help=shared.TARGET_HELP),
    ] = None,
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
) -> None:
    """Print the logs of a run's tasks.

    They come from the store, whichever engine runs the tasks, also when their pods are gone; or with --target from the
    engine itself.
    """
    if step is not None and step_ is not None:
        raise typer.BadParameter("the step is given twice: as STEP, and with --step", param_hint="--step")
    step = step if step is not None else step_
    streams = frozenset(name for name, chosen in (("stdout", stdout), ("stderr", stderr)) if chosen)
    if target is None and not (server or user or namespace):
        selection = LogSelection(streams or frozenset({"stdout", "stderr"}), attempt, tail)
        raise typer.Exit(_print_stored_logs(run, step, root, selection, follow=follow, timestamps=timestamps))
    if target is None or root is not None or streams or timestamps or attempt is not None:
        raise typer.Exit(_refuse_mixed_options(target))
    raise typer.Exit(
        _print_engine_logs(Place.here(target, server, namespace, user), run, step, follow=follow, tail=tail)
    )


def _print_stored_logs(
    pathspec: str, step: str | None, root: str | None, selection: LogSelection, *, follow: bool, timestamps: bool
) -> int:
    """Print what the tasks of a run, a step or one task printed, each line behind its task's name."""
    printed = 0
    try:
        run, rest = wait_for_run(pathspec, root) if follow else find_run(pathspec, root, lenient=True)
        if step is not None and rest:
            raise typer.BadParameter(f"the step is given twice: in {pathspec}, and as {step}", param_hint="STEP")
        rest = task_parts(step.split("/") if step is not None else rest, run)
        lines = follow_logs(run, rest, selection) if follow else read_logs(run, rest, selection)
        for line in lines:
            write(line.text(timestamps=timestamps))
            printed += 1
            if follow:
                sys.stdout.flush()
        if not printed and selection.attempt is not None:
            write_error(f"flowc: no attempt {selection.attempt} has printed anything\n")
        if not printed and not run.record and selection.is_all:
            where = engine_of(run)
            if where not in ("simulate", ""):  # whose pods are processes of this machine, and long gone
                _say_where_logs_are(engine_pathspec(run), where)
        return report_damages(run, root)
    except FlowError as error:
        return report_failure(error)


def _say_where_logs_are(run: str, target: str) -> None:
    """Name the engine's command: with FLOWC_LOG_LIMIT=0, or of a pod that ran no task, the store has no output."""
    command = f"`flowc logs {run} --target {target}`"
    write_error(f"flowc: the store has nothing that this run has printed; its engine may: {command}\n")


def _print_engine_logs(place: Place, name: str, step: str | None, *, follow: bool, tail: int | None) -> int:
    """Print the logs of a run on an engine, each line behind its task's name."""

    def run(client: EngineClient) -> int:
        found = (f"[{line.task}] {line.text}\n" for line in client.logs(name, step, follow=follow))
        for text in found if tail is None else _last(found, tail):
            write(text)
            sys.stdout.flush()
        return 0

    return with_client(place, run)


def _last(lines: Iterable[str], count: int) -> Iterator[str]:
    yield from deque(lines, maxlen=min(count, sys.maxsize))


def _refuse_mixed_options(target: str | None) -> int:
    """Report FC504 for options that are about the store and the engine at once. Returns the exit code."""
    if target is None:
        message = "--server, --user and --namespace need a --target"
        help_ = "add --target argo; or leave them out: the store has the logs of every engine's runs"
    else:
        message = "--root, --stdout, --stderr, --timestamps and --attempt read the store, and --target reads an engine"
        help_ = "leave out --target, or the others: an engine does not separate streams and attempts"
    return fail(EngineError("FC504", message, help_))
