"""Changes of deployments, and how a deployment is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any, cast

from flowc_cli.engine_connection import Place, fail
from flowc_cli.output import write, write_error
from flowc_cli.run_states import document, in_columns
from flowc_compiler.diagnostics.terminal_text import visible_line
from flowc_targets.base.deployments import Deployment, DeploymentClient
from flowc_targets.base.engine import EngineError, RunState


def change(place: Place, call: Callable[[DeploymentClient], Deployment], done: str, *, as_json: bool) -> int:
    """Print what became of a deployment: `done` says it. Returns the exit code."""
    try:
        found = call(place.deployments())
    except EngineError as error:
        return fail(error)
    show_one(found, done, as_json=as_json)
    return 0


def suspend_named(name: str, place: Place, *, suspended: bool, as_json: bool) -> int:
    """Suspend a deployment, or a run by its name in the store, or let it go on. Returns the exit code."""
    done = "suspended" if suspended else "active"
    if "/" not in name and not name.startswith("argo-"):
        where = replace(place, server=None) if place.target == "argo" else place
        return change(where, lambda there: there.suspend(name, suspended=suspended), done, as_json=as_json)
    try:
        client = place.client()
        if not hasattr(client, "suspend"):
            message = f"{place.target} cannot suspend a run"
            raise EngineError("FC501", message, "suspend its deployment, or end the run with `flowc stop`")
        state: RunState = cast("Any", client).suspend(name, suspended=suspended)
    except EngineError as error:
        return fail(error)
    write_error(f"{state.pathspec} ({state.name}) {'is suspended' if suspended else 'goes on'}\n")
    if as_json:
        sys.stdout.write(json.dumps(document(state), indent=2) + "\n")
    return 0


def show_one(found: Deployment, done: str, *, as_json: bool) -> None:
    """Print a deployment that a command has changed: its name to standard output, the rest to standard error."""
    where = f" in namespace {found.namespace}" if found.namespace else ""
    write_error(visible_line(f"{' and '.join(found.kinds)} {found.name} {done}{where}") + "\n")
    if found.note:
        write_error(visible_line(f"note: {found.note}") + "\n")
    if as_json:
        sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")
    else:
        write(f"{found.name}\n")


def as_json(found: Sequence[Deployment]) -> str:
    """Deployments for `--json`."""
    rows: list[dict[str, Any]] = [asdict(item) for item in found]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def as_table(found: Sequence[Deployment]) -> str:
    """A line per deployment, in columns."""
    rows = [("NAME", "FLOW", "KINDS", "SCHEDULE", "STATE", "VERSION", "CREATED")]
    rows += [
        (
            item.name,
            visible_line(item.flow),
            ", ".join(item.kinds),
            item.schedule,
            "" if item.suspended is None else "suspended" if item.suspended else "active",
            item.version,
            item.created,
        )
        for item in found
    ]
    return in_columns(rows)
