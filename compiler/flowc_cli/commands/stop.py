"""`flowc stop`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place, with_client
from flowc_cli.output import write_error
from flowc_targets.base.engine import EngineClient

app = shared.command_app()


@app.command("stop")
def stop(
    name: Annotated[str, typer.Argument(help="the engine's name for a run, its id or Flow/id", show_default=False)],
    terminate: Annotated[bool, typer.Option("--terminate", help="at once, without exit hooks")] = False,
    target: shared.Engine = "argo",
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
) -> None:
    """End a run on an engine early; its exit hooks run."""

    def request_stop(client: EngineClient) -> int:
        state = client.stop(name, terminate=terminate)
        write_error(f"{state.pathspec} ({state.name}) {'terminates' if terminate else 'stops'}\n")
        return 0

    raise typer.Exit(with_client(Place.here(target, server, namespace, user), request_stop))
