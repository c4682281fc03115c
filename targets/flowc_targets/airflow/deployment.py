"""What starts a deployed flow: its schedule, or assets, which are what Airflow has for events.

Whoever updates the asset of an event's name starts the flows that wait for it; each flow's last step updates one of its
own, which `@trigger_on_finish` waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.airflow.python_printer import Call, Name
from flowc_targets.kubernetes.event_names import check_upstream_flows, event_name, finished_event, upstream_deployment

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, ScheduleSpec
    from flowc_targets.airflow.python_printer import Expression

NAME = "airflow"
LOCAL_DATE = "pendulum.datetime"
"""What makes a date in a time zone, which Airflow then takes for the schedule's."""


def start_date(schedule: ScheduleSpec | None) -> Expression:
    """The day that schedules count from, in the schedule's time zone. Fixed; without a schedule it means nothing."""
    if schedule is not None and schedule.timezone is not None:
        return Call(LOCAL_DATE, (2024, 1, 1), {"tz": schedule.timezone})
    return Call("datetime", (2024, 1, 1), {"tzinfo": Name("timezone.utc")})


def schedule_of(flow: Flow) -> Expression:
    """What starts the DAG: a cron expression, the assets that all have to be updated, or nobody but its users."""
    specs = flow.specs
    if specs.schedule is not None:
        return specs.schedule.cron
    events = specs.trigger.events if specs.trigger is not None else ()
    flows = specs.trigger_on_finish.flows if specs.trigger_on_finish is not None else ()
    names = [
        *(event_name(flow, event) for event in events),
        *(finished_event(upstream_deployment(flow, item) or item.name) for item in flows),
    ]
    return tuple(asset(name) for name in dict.fromkeys(names)) or None


def asset(name: str) -> Call:
    """An asset, which Airflow 2 calls a dataset."""
    return Call("Asset", (name,))


def check_deployment(flow: Flow, sink: DiagnosticSink) -> None:
    """Report triggers, options of exit hooks, and a schedule of a flow that needs to be given a parameter."""
    specs = flow.specs
    _check_triggers(flow, sink)
    if specs.schedule is None:
        return
    for parameter in flow.run_parameters:
        if parameter.required and not parameter.has_default:
            sink.unsupported(
                "FC501", NAME, f"a schedule cannot give the required parameter {parameter.name!r}", parameter.span,
                help="give it a default, or remove @schedule",
            )  # fmt: skip


def _check_triggers(flow: Flow, sink: DiagnosticSink) -> None:
    """Report what assets cannot express."""
    specs = flow.specs
    check_upstream_flows(flow, NAME, sink)
    for what, spec in (("@trigger", specs.trigger), ("@trigger_on_finish", specs.trigger_on_finish)):
        if spec is not None and specs.schedule is not None:
            sink.unsupported(
                "FC501", NAME, f"a DAG waits for its schedule or for assets, and this flow has @schedule and {what}",
                spec.span, help="keep one of them, or let a DAG with the schedule update the asset",
            )  # fmt: skip
        if spec is not None and spec.options:
            sink.unsupported(
                "FC501", NAME, f"options of {what} ({', '.join(spec.options)}) mean nothing to assets", spec.span,
                help="remove `options`",
            )  # fmt: skip
    for event in specs.trigger.events if specs.trigger is not None else ():
        if event.parameters:
            assert specs.trigger is not None
            sink.unsupported(
                "FC501", NAME, f"parameters from the payload of event {event.name!r} are not taken", specs.trigger.span,
                help="remove `parameters`, and read what the event is about in the first step",
            )  # fmt: skip
