"""The command that runs a manifest for Argo on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    manifest: Annotated[str, typer.Argument(help="the YAML for Argo, or - for standard input", show_default=False)],
    root: Annotated[str | None, typer.Option(help="the artifact store, instead of the manifest's")] = None,
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", help="value of an argument, as name=value, as in `argo submit`")
    ] = None,
    python: Annotated[
        str | None, typer.Option(help="the interpreter that stands for a container's python3; by default flowc's own")
    ] = None,
    max_workers: Annotated[
        int | None, typer.Option(min=1, help="most pods at a time; members of a gang always run together")
    ] = None,
    env: Annotated[list[str] | None, typer.Option("--env", help="variable of all pods, as name=value")] = None,
    backoff: Annotated[
        float, typer.Option(min=0, help="by how much waits between attempts are multiplied; 0 does not wait")
    ] = 1.0,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="a new Python for every pod; by default they are forked from one")
    ] = False,
    output: Annotated[
        bool, typer.Option("--output", help="show what every pod prints, not only those that fail")
    ] = False,
    report: Annotated[bool, typer.Option("--report", help="count nodes by template, type and phase")] = False,
    nodes: Annotated[
        str | None, typer.Option(help="file for the nodes as JSON, as in a Workflow's status; - for standard output")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="folder in which the pods' folders and logs stay")] = None,
    name: Annotated[str | None, typer.Option(help="name of the Workflow, on which its nodes' ids depend")] = None,
    uid: Annotated[
        str | None, typer.Option(help="uid of the Workflow, and so of the run; by default a new one")
    ] = None,
) -> None:
    """Run a manifest on this machine as Argo would.

    The exit code is 0 when it succeeds, 1 when it fails, 2 when it is refused.
    """
    import os
    import sys

    from flowc_cli.simulating import pairs, simulate_manifest
    from flowc_targets.simulate import SimulateOptions

    try:
        options = SimulateOptions(
            root=str(Path(root).absolute()) if root is not None and "://" not in root else root,
            parameters=pairs(param),
            python=python or sys.executable,
            max_workers=max_workers or os.cpu_count() or 1,
            fork=not fresh,
            backoff=backoff,
            env=pairs(env),
            uid=uid,
            name=name,
            keep=keep,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.Exit(simulate_manifest(manifest, options, output=output, report=report, nodes=nodes))
