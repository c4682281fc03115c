"""`flowc publish`."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from flowc.argo_events import ArgoEvent, ArgoEventException
from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place, fail
from flowc_cli.given_events import payload_fields
from flowc_cli.output import write, write_error
from flowc_targets.base.engine import EngineError

app = shared.command_app()


@app.command("publish")
def publish(
    event: Annotated[str, typer.Argument(help="the name in @trigger", show_default=False)],
    payload: shared.Payload = None,
    target: shared.Engine = "argo",
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="argo: the webhook; METAFLOW_ARGO_EVENTS_WEBHOOK_URL by default"),
    ] = None,
    server: shared.Server = None,
    user: shared.User = None,
) -> None:
    """Publish an event, which starts the deployed flows that wait for it.

    On Argo it is sent to the webhook of an EventSource of Argo Events. On Airflow it updates the asset of its name.
    """
    fields = payload_fields(payload)
    try:
        found = _published(event, fields, url) if target == "argo" else _updated(event, fields, target, server, user)
    except EngineError as error:
        raise typer.Exit(fail(error)) from None
    if target != "argo":
        write_error(f"event {event} published\n")
    write(f"{found}\n")


def _published(event: str, fields: dict[str, Any], url: str | None) -> str:
    """The id of an event that was sent to a webhook. Raises EngineError."""
    try:
        return str(ArgoEvent(event, url, fields).publish(ignore_errors=False))
    except ArgoEventException as error:
        help_ = "name the webhook of an EventSource that can be reached from here: --url http://HOST:PORT/PATH"
        raise EngineError.unusable(str(error), help_) from error


def _updated(event: str, fields: dict[str, Any], target: str, server: str | None, user: str | None) -> str:
    """The id of the event of an asset. Raises EngineError."""
    client = Place(target, server, None, user).client()
    if not hasattr(client, "publish"):
        raise EngineError("FC501", f"{target} has no events", "choose --target argo or airflow")
    return str(cast("Any", client).publish(event, fields))
