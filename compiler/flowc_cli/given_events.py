"""The event that `flowc run` starts a run with, as the flow's `@trigger` takes it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import typer

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.ir import Flow
from flowc_targets.package.project_names import event_name, event_parameters


def payload_fields(payload: Sequence[str] | None) -> dict[str, Any]:
    """The fields of `--payload`: NAME=VALUE, a JSON object, or @FILE with one. Raises BadParameter."""
    fields: dict[str, Any] = {}
    for item in payload or ():
        if item.startswith(("{", "@")):
            given = _object(item)
        else:
            name, separator, value = item.partition("=")
            given = {name: value}
            if not separator or not name:
                raise _wrong(f"{item!r} is neither NAME=VALUE, nor a JSON object, nor @FILE")
        twice = next((name for name in given if name in fields), None)
        if twice is not None:
            raise _wrong(f"{twice} is given twice")
        fields |= given
    return fields


def _object(text: str) -> dict[str, Any]:
    """The JSON object that a text is, or that the file behind its `@` holds. Raises BadParameter."""
    where = f"the file {text[1:]}" if text.startswith("@") else repr(text)
    try:
        found = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise _wrong(f"{where} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise _wrong(f"{where} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise _wrong(f'{where} is no JSON object, such as {{"shop": "north"}}')
    return cast("dict[str, Any]", found)


def _wrong(problem: str) -> typer.BadParameter:
    return typer.BadParameter(problem, param_hint="--payload")


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    """The fields as an engine hands them to parameters: what is no text as JSON, and nulls not at all."""
    known = {name: value for name, value in fields.items() if value is not None}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in known.items()}


def given_event(
    name: str | None, payload: Sequence[str] | None, flow: Flow, sink: DiagnosticSink
) -> tuple[dict[str, str], str]:
    """The texts of the parameters that an event fills in, and what `current.trigger` shows of it.

    Collects FC504 for a payload without an event, and FC505 for an event that does not start the flow.
    """
    fields = _texts(payload_fields(payload))
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
