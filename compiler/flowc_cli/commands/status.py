"""`flowc status`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import RUN_FAILED, Place, follow_run, with_client
from flowc_cli.output import write, write_error
from flowc_cli.run_states import document, listing, state_text
from flowc_cli.run_watching import JsonWatch, RunWatch, chosen_watch
from flowc_targets.base.engine import EngineClient, namespace_of

app = shared.command_app()


@app.command("status")
def status(
    name: Annotated[
        str | None,
        typer.Argument(help="the engine's name for a run, its id or Flow/id; else the latest", show_default=False),
    ] = None,
    target: shared.Engine = "argo",
    wait: shared.Wait = False,
    watch: shared.Watch = False,
    quiet: shared.Quiet = False,
    log_format: shared.LogFormat = "text",
    last: shared.Last = 20,
    as_json: shared.Json = False,
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
) -> None:
    """Show the state of a run on an engine, or list the latest runs."""
    place = Place.here(target, server, namespace, user)
    shown = chosen_watch(watch=watch, quiet=quiet, log_format=log_format, as_json=as_json)
    if name is None:
        raise typer.Exit(_list_runs(place, last, as_json=as_json))
    raise typer.Exit(_show_status(place, name, wait=wait, shown=shown, as_json=as_json))


def _list_runs(place: Place, limit: int, *, as_json: bool) -> int:
    """Print a line per run, the newest first. Returns the exit code."""

    def run(client: EngineClient) -> int:
        states = client.runs(limit)
        if as_json:
            write(json.dumps([document(state, tasks=False) for state in states], indent=2) + "\n")
        elif states:
            write(listing(states))
        else:
            namespace = namespace_of(client)
            elsewhere = f" in namespace {namespace}; -n names another" if namespace else ""
            write_error(f"there are no runs of flowc{elsewhere}\n")
        return 0

    return with_client(place, run)


def _show_status(place: Place, name: str, *, wait: bool, shown: RunWatch | None, as_json: bool) -> int:
    """Print a run and its tasks, at once or at its end. Returns the exit code."""

    def run(client: EngineClient) -> int:
        ended = wait or shown is not None
        state = follow_run(client, place.target, name, watch=shown) if ended else client.status(name)
        if isinstance(shown, JsonWatch):
            return RUN_FAILED if state.phase != "succeeded" else 0
        write(json.dumps(document(state), indent=2) + "\n" if as_json else state_text(state))
        return RUN_FAILED if ended and state.phase != "succeeded" else 0

    return with_client(place, run)
