"""Commands that look at runs: show, logs."""

from __future__ import annotations

from typing import Annotated

import typer

from flowc_cli.commands.arguments import Root


def show(
    run: Annotated[str, typer.Argument(help="Flow, for its latest run, or Flow/run-id", show_default=False)],
    root: Root = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show a run: its steps, tasks, and artifacts."""
    from flowc_cli.showing import show_run

    raise typer.Exit(show_run(run, root, as_json=json))


def logs(
    run: Annotated[str, typer.Argument(help="Flow, Flow/run-id, Flow/run-id/step or .../index", show_default=False)],
    root: Root = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="standard output only")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="standard error only")] = False,
) -> None:
    """Print the logs of a run's tasks."""
    from flowc_cli.showing import print_logs

    streams = [name for name, asked in (("stdout", stdout), ("stderr", stderr)) if asked]
    raise typer.Exit(print_logs(run, root, streams or ["stdout", "stderr"]))
