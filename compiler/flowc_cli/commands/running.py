"""Commands that run a flow on this machine: run, resume."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from flowc_cli.commands.arguments import (
    Branch,
    Configs,
    ConfigValues,
    File,
    FlowName,
    Production,
    With,
    reading_of,
    variables,
)


def run(
    context: typer.Context,
    file: File,
    param: Annotated[list[str] | None, typer.Option("-p", "--param", metavar="NAME=VALUE", help="a parameter")] = None,
    root: Annotated[
        str | None,
        typer.Option(
            help="the artifact store: s3://, gs://, az://, file:// or a path",
            envvar="FLOWC_RUN_ROOT",
            show_envvar=False,
        ),
    ] = None,
    max_workers: Annotated[
        int | None,
        typer.Option(min=1, help="tasks at a time", envvar=variables("MAX_WORKERS"), show_envvar=False),
    ] = None,
    max_num_splits: Annotated[
        int,
        typer.Option(
            min=0, help="the most items that a foreach may have", envvar=variables("MAX_NUM_SPLITS"), show_envvar=False
        ),
    ] = 100,
    run_id_file: Annotated[
        Path | None,
        typer.Option(help="file to write the run's id to", envvar=variables("RUN_ID_FILE"), show_envvar=False),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="a tag of the run", envvar=variables("TAGS"), show_envvar=False)
    ] = None,
    start_method: Annotated[Literal["fork", "spawn"], typer.Option(help="how task processes begin")] = "fork",
    flow: FlowName = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="a decorator for every step that has it not, such as retry:times=3",
            envvar=variables("DECOSPECS"),
            show_envvar=False,
        ),
    ] = None,
    config: Configs = None,
    config_value: ConfigValues = None,
    branch: Branch = None,
    production: Production = False,
) -> None:
    """Run a flow on this machine. Parameters are given with -p name=value, or as --name value."""
    from flowc_cli.running import RunRequest, run_file

    request = RunRequest(
        root=root,
        max_workers=max_workers,
        max_num_splits=max_num_splits,
        run_id_file=run_id_file,
        tags=tuple(tag or ()),
        start_method=start_method,
    )
    reading = reading_of(flow, with_, config, config_value, branch, production)
    raise typer.Exit(run_file(file, request, param or [], context.args, reading))


def resume(
    context: typer.Context,
    file: File,
    step: Annotated[
        str | None, typer.Argument(help="run this step again, with all that follows it", show_default=False)
    ] = None,
    origin_run_id: Annotated[
        str | None, typer.Option(help="the run to go on from; by default the latest", show_default=False)
    ] = None,
    param: Annotated[list[str] | None, typer.Option("-p", "--param", hidden=True)] = None,
    root: Annotated[
        str | None,
        typer.Option(
            help="the artifact store that the run is in",
            envvar=["FLOWC_RESUME_ROOT", "FLOWC_RUN_ROOT"],
            show_envvar=False,
        ),
    ] = None,
    max_workers: Annotated[
        int | None,
        typer.Option(min=1, help="tasks at a time", envvar=variables("MAX_WORKERS", "RESUME"), show_envvar=False),
    ] = None,
    max_num_splits: Annotated[
        int,
        typer.Option(
            min=0,
            help="the most items that a foreach may have",
            envvar=variables("MAX_NUM_SPLITS", "RESUME"),
            show_envvar=False,
        ),
    ] = 100,
    run_id_file: Annotated[
        Path | None,
        typer.Option(
            help="file to write the new run's id to", envvar=variables("RUN_ID_FILE", "RESUME"), show_envvar=False
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="a tag of the new run", envvar=variables("TAGS", "RESUME"), show_envvar=False),
    ] = None,
    start_method: Annotated[Literal["fork", "spawn"], typer.Option(help="how task processes begin")] = "fork",
    flow: FlowName = None,
    with_: With = None,
    branch: Branch = None,
    production: Production = False,
) -> None:
    """Go on from where a run ended.

    It is a new run, which takes over what has finished. Parameters are kept.
    """
    from flowc_cli.resuming import resume_file
    from flowc_cli.running import RunRequest

    request = RunRequest(
        root=root,
        max_workers=max_workers,
        max_num_splits=max_num_splits,
        run_id_file=run_id_file,
        tags=tuple(tag or ()),
        start_method=start_method,
    )
    reading = reading_of(flow, with_, None, None, branch, production)
    raise typer.Exit(resume_file(file, step, origin_run_id, request, param or [], context.args, reading))
