"""What keeps triggers from being written as a Sensor, reported at the decorator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from flowc_compiler.ir.schedules import ScheduleError, to_crontab
from flowc_targets.package.project_names import check_upstream_flows, event_name, event_parameters

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, TriggerEvent, TriggerOnFinishSpec, TriggerSpec
    from flowc_targets.argo.options import ArgoOptions

_TOKEN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DOTTED = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)
_GO_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)


def check_triggers(flow: Flow, options: ArgoOptions, target: str, sink: DiagnosticSink) -> None:
    """Report triggers of a template or CronWorkflow that Argo Events could not act on."""
    events, finished = flow.specs.trigger, flow.specs.trigger_on_finish
    if events is not None:
        _check_events(flow, events, options, target, sink)
        _check_resets("trigger", events, target, sink)
    if finished is not None:
        _check_finished(flow, finished, options, target, sink)
        _check_resets("trigger_on_finish", finished, target, sink)
    _check_filled_in(flow, options, sink)


def _check_events(flow: Flow, spec: TriggerSpec, options: ArgoOptions, target: str, sink: DiagnosticSink) -> None:
    if options.event_source is None:
        sink.error(
            "FC502", "`@trigger` needs the name of the EventSource that its events come from", spec.span,
            help="give --set event_source=NAME, of an EventSource of Argo Events in the same namespace",
        )  # fmt: skip
    if not _GO_NAMES.fullmatch(options.payload_path):
        message = f"option event_payload: {options.event_payload!r} is not a path of names"
        sink.error("FC505", message, None, help="write it with dots, such as body.payload")
    filled: set[str] = set()
    for event in spec.events:
        _check_event(flow, spec, event, options, target, sink)
        twice = filled & set(event.parameters)
        filled |= set(event.parameters)
        if twice:
            message = f"parameter `{min(twice)}` is filled in by two events of `@trigger`"
            sink.error("FC404", message, spec.span, help="take it from one of them: both have to come")


def _check_event(
    flow: Flow, spec: TriggerSpec, event: TriggerEvent, options: ArgoOptions, target: str, sink: DiagnosticSink
) -> None:
    name = event_name(flow, event)
    if options.event_name is None and not _TOKEN.fullmatch(name):
        sink.unsupported(
            "FC501", target, f"{name!r} cannot be the name of an event of an EventSource", spec.span,
            help="use letters, digits, - and _; or give --set event_name=NAME of one event that carries all of them, "
            "and publish this name as `name` in its payload, as Metaflow does",
        )  # fmt: skip
    elif not _DOTTED.fullmatch(name):
        message = f"the event name {name!r} has characters other than letters, digits, -, _ and dots"
        sink.unsupported("FC501", target, message, spec.span, help="rename it")
    for parameter, key in event_parameters(flow, event).items():
        if not _TOKEN.fullmatch(key):
            message = f"the field {key!r} for parameter `{parameter}` has characters other than letters, digits, -, _"
            sink.unsupported("FC501", target, message, spec.span, help="name a field at the top of the payload")
    for item in event.filters:
        if not _TOKEN.fullmatch(item.field):
            message = f"the field {item.field!r} of a filter has characters other than letters, digits, -, _"
            sink.unsupported("FC501", target, message, spec.span, help="name a field at the top of the payload")


def _check_finished(
    flow: Flow, spec: TriggerOnFinishSpec, options: ArgoOptions, target: str, sink: DiagnosticSink
) -> None:
    if options.namespace is None:
        sink.error(
            "FC502", "`@trigger_on_finish` needs the namespace, to watch the Workflows in it", spec.span,
            help="give --namespace NAME",
        )  # fmt: skip
    check_upstream_flows(flow, target, sink)


def _check_filled_in(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """A run that events start has nobody else to give it a value."""
    events, finished = flow.specs.trigger, flow.specs.trigger_on_finish
    given = {name for event in (events.events if events is not None else ()) for name in event_parameters(flow, event)}
    for parameter in flow.run_parameters:
        if not parameter.required or parameter.has_default or parameter.name in options.parameters:
            continue
        if finished is not None or parameter.name not in given:
            what = "a flow that finishes" if parameter.name in given or events is None else "no event"
            fills = "fills in nothing" if what == "a flow that finishes" else "fills it in"
            sink.error(
                "FC304", f"parameter {parameter.name!r} is required, and {what} {fills}", parameter.span,
                help="give it a default, a value with --set 'parameters={...}', or a field of an event",
            )  # fmt: skip


def _check_resets(decorator: str, spec: TriggerSpec | TriggerOnFinishSpec, target: str, sink: DiagnosticSink) -> None:
    """Report options that are no reset."""
    reset = spec.options.get("reset_at")
    others = sorted(set(spec.options) - {"reset_at"})
    if others:
        sink.unsupported(
            "FC501", target, f"options of `@{decorator}`: {', '.join(others)}", spec.span,
            help='give options={"reset_at": {"cron": ..., "timezone": ...}}, or none',
        )  # fmt: skip
    elif reset is not None and (problem := _reset_problem(reset)) is not None:
        sink.error(
            "FC404", f"`reset_at` of `@{decorator}`: {problem}", spec.span,
            help='write {"cron": "0 5 * * *", "timezone": "Europe/Berlin"}',
        )  # fmt: skip


def _reset_problem(reset: object) -> str | None:
    if not isinstance(reset, dict):
        return "it must be a dict of cron and timezone"
    fields = cast("dict[object, object]", reset)
    texts = all(isinstance(item, str) for item in fields.values())
    if "cron" not in fields or set(fields) - {"cron", "timezone"} or not texts:
        return "it must be a dict of cron and timezone, both strings"
    try:
        to_crontab(str(fields["cron"]))
    except ScheduleError as error:
        return str(error)
    return None
