"""`flowc suspend`."""

from __future__ import annotations

import typer

from flowc_cli import shared_options as shared
from flowc_cli.deployment_places import suspend_named
from flowc_cli.engine_connection import Place

app = shared.command_app()


@app.command("suspend")
def suspend(
    name: shared.DeploymentOrRun,
    target: shared.Engine = "argo",
    as_json: shared.Json = False,
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
) -> None:
    """Let a deployed flow start no more runs by itself, or a run on Argo no more pods."""
    raise typer.Exit(suspend_named(name, Place.here(target, server, namespace, user), suspended=True, as_json=as_json))
