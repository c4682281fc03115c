"""The event that `flowc run` starts a run with, as the flow's `@trigger` takes it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence

import typer

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.ir import Flow
from flowc_targets.package.project_names import event_name, event_parameters


def payload_fields(payload: Sequence[str] | None) -> dict[str, str]:
    """The fields of `--payload NAME=VALUE`. Raises BadParameter."""
    fields: dict[str, str] = {}
    for item in payload or ():
        name, separator, value = item.partition("=")
        if not separator or not name or name in fields:
            problem = f"{name} is given twice" if name in fields else f"{item!r} is not NAME=VALUE"
            raise typer.BadParameter(problem, param_hint="--payload")
        fields[name] = value
    return fields


def given_event(
    name: str | None, payload: Sequence[str] | None, flow: Flow, sink: DiagnosticSink
) -> tuple[dict[str, str], str]:
    """The texts of the parameters that an event fills in, and what `current.trigger` shows of it.

    Collects FC504 for a payload without an event, and FC505 for an event that does not start the flow.
    """
    fields = payload_fields(payload)
    if name is None:
        if fields:
            sink.error("FC504", "--payload is of an event", None, help="name it: --event NAME")
        return {}, ""
    spec = flow.specs.trigger
    events = {event_name(flow, event): event for event in (spec.events if spec is not None else ())}
    event = events.get(name)
    if event is None:
        known = f"its events are {', '.join(events)}" if events else "put @trigger(event=...) above it"
        sink.error("FC505", f"flow {flow.name} does not wait for event {name!r}", None,
                   help=suggest(name, list(events), known).help)  # fmt: skip
        return {}, ""
    for item in event.filters:
        if not item.passes(fields.get(item.field)):
            listed = " or ".join(one if isinstance(one, str) else f"{one:.15g}" for one in item.values)
            wanted = f"{item.field} {item.comparator} {listed}"
            message = f"the event does not pass the filter of @trigger: {wanted}"
            sink.error("FC505", message, spec.span if spec is not None else None, help="give another --payload")
    values = {parameter: fields[key] for parameter, key in event_parameters(flow, event).items() if key in fields}
    facts = {"name": name, "type": "event", "timestamp": time.time(), "id": fields.get("id")}
    return values, f"{base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()}.,"
