"""Commands that look at runs: show, logs."""

from __future__ import annotations

from typing import Annotated

import typer

from flowc_cli.commands.arguments import Root, Server, User
from flowc_cli.commands.engines import Namespace


def show(
    run: Annotated[str, typer.Argument(help="Flow, for its latest run, or Flow/run-id", show_default=False)],
    root: Root = None,
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show a run: its steps, tasks, and artifacts."""
    from flowc_cli.showing import show_run

    raise typer.Exit(show_run(run, root, as_json=json))


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
    root: Root = None,
    stdout: Annotated[bool, typer.Option("--stdout", help="standard output only")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="standard error only")] = False,
    target: Annotated[
        str | None, typer.Option("-t", "--target", help="ask this engine for what its pods print, not the store")
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="with --target: until the run has ended")] = False,
    server: Server = None,
    user: User = None,
    namespace: Namespace = None,
) -> None:
    """Print the logs of a run's tasks.

    What the store has, or with --target what an engine has.
    """
    streams = [name for name, asked in (("stdout", stdout), ("stderr", stderr)) if asked]
    of_store, of_engine = root is not None or bool(streams), bool(step or follow or server or user or namespace)
    if target is None and not of_engine:
        from flowc_cli.showing import print_logs

        raise typer.Exit(print_logs(run, root, streams or ["stdout", "stderr"]))
    from flowc_cli.engines import Place, print_engine_logs, refuse_mixed_logs

    if target is None or of_store:
        raise typer.Exit(refuse_mixed_logs(target))
    raise typer.Exit(print_engine_logs(Place(target, server, namespace, user), run, step, follow=follow))
