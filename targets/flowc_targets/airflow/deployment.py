"""What starts a deployed flow: its schedule is Airflow's; events are not written yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.airflow.hooks import check_hooks
from flowc_targets.airflow.python import Call, Name

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, ScheduleSpec
    from flowc_targets.airflow.python import Expression

NAME = "airflow"
LOCAL_DATE = "pendulum.datetime"
"""What makes a date in a time zone, which Airflow then takes for the schedule's."""


def start_date(schedule: ScheduleSpec | None) -> Expression:
    """The day that schedules count from, in the schedule's time zone. Fixed; without a schedule it means nothing."""
    if schedule is not None and schedule.timezone is not None:
        return Call(LOCAL_DATE, (2024, 1, 1), {"tz": schedule.timezone})
    return Call("datetime", (2024, 1, 1), {"tzinfo": Name("timezone.utc")})


def check_deployment(flow: Flow, sink: DiagnosticSink) -> None:
    """Report triggers, options of exit hooks, and a schedule of a flow that needs to be given a parameter."""
    specs = flow.specs
    for what, spec in (("@trigger", specs.trigger), ("@trigger_on_finish", specs.trigger_on_finish)):
        if spec is not None:
            sink.unsupported(
                "FC501", NAME, f"`{what}` is not written into a DAG yet", spec.span,
                help="remove it, and let a DAG of your own trigger this one (TriggerDagRunOperator, assets)",
            )  # fmt: skip
    check_hooks(flow, sink)
    if specs.schedule is None:
        return
    for parameter in flow.run_parameters:
        if parameter.required and not parameter.has_default:
            sink.unsupported(
                "FC501", NAME, f"a schedule cannot give the required parameter {parameter.name!r}", parameter.span,
                help="give it a default, or remove @schedule",
            )  # fmt: skip
