"""`flowc deployments`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowc_cli import deployment_places as places
from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place, fail
from flowc_cli.output import write, write_error
from flowc_targets.base.engine import EngineError

app = shared.command_app()


@app.command("deployments")
def deployments(
    flow: Annotated[str | None, typer.Argument(help="only those of this flow", show_default=False)] = None,
    target: shared.Engine = "argo",
    as_json: shared.Json = False,
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
) -> None:
    """List the flows that are deployed on an engine."""
    try:
        found = Place.here(target, server, namespace, user).deployments().deployments(flow)
    except EngineError as error:
        raise typer.Exit(fail(error)) from None
    if as_json:
        write(places.as_json(found))
    elif found:
        write(places.as_table(found))
    else:
        write_error("there are no deployments\n")
