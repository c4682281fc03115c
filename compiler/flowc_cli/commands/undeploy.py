"""`flowc undeploy`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowc_cli import deployment_places as places
from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place

app = shared.command_app()


@app.command("undeploy")
def undeploy(
    name: Annotated[str, typer.Argument(help="the deployment, as `flowc deployments` lists it", show_default=False)],
    target: shared.Engine = "argo",
    dags_folder: shared.DagsFolder = None,
    as_json: shared.Json = False,
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
) -> None:
    """Remove a deployed flow from an engine. Its runs stay, and go on."""
    place = Place.here(target, server, namespace, user)
    done = "paused" if target == "airflow" else "removed"
    raise typer.Exit(places.change(place, lambda there: there.remove(name, dags_folder), done, as_json=as_json))
