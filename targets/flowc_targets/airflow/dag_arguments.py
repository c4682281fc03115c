"""The arguments of a DAG: what starts it, its parameters, its limits and the defaults of its tasks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flowc.protocol import NOTIFY_FAILURE
from flowc_compiler.ir.schedules import merged_crons
from flowc_targets.airflow.dag_model import (
    COMBINED_SCHEDULE,
    LATE,
    LATE_NOTICE,
    SEVERAL_CRONS,
    Call,
    Name,
    pod_defaults,
    to_expression,
)
from flowc_targets.airflow.dag_printer import PACKAGE
from flowc_targets.airflow.documentation import documentation
from flowc_targets.airflow.options import LONGEST_PARAMETER, AirflowOptions
from flowc_targets.airflow.task_options import asset, finished_asset
from flowc_targets.base.parameter_defaults import choices, description, literal_default
from flowc_targets.package.project_names import deployment_name, event_name, event_parameters, upstream_deployment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow, Parameter, ScheduleSpec, TriggerEvent
    from flowc_targets.airflow.dag_model import Expression

_JSON_TYPES = ("string", "object", "array", "number", "boolean", "null")
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}

FLOWC_TAG = "flowc"
"""The tag of all of flowc's DAGs: `flowc status` finds them by it."""


def dag_id(flow: Flow, options: AirflowOptions) -> str:
    """Return the id of the DAG."""
    return options.dag_id or deployment_name(flow)


def trigger_events(flow: Flow) -> tuple[TriggerEvent, ...]:
    """Return the events that start the flow."""
    return flow.specs.trigger.events if flow.specs.trigger is not None else ()


def dag_arguments(flow: Flow, options: AirflowOptions, callbacks: Mapping[str, str]) -> dict[str, Expression]:
    """Return the arguments of the DAG, where `callbacks` are the names of what it calls by their dotted names."""
    given: dict[str, Expression | None] = {
        "owner": options.owner,
        "retries": options.retries,
        "pool": options.pool,
        "priority_weight": options.priority_weight,
        "queue": options.queue,
        "executor_config": to_expression(options.executor_config) if options.executor_config else None,
        "deferrable": options.deferrable if options.in_pods else None,
    }
    defaults: dict[str, Expression] = {"flow": Name(PACKAGE)}
    defaults.update({name: value for name, value in given.items() if value is not None})
    if options.operator == "kubernetes":
        defaults.update(pod_defaults(options))
    schedule = flow.specs.schedule
    arguments: dict[str, Expression] = {
        "dag_id": dag_id(flow, options),
        "schedule": _schedule(flow),
        "start_date": _start_date(schedule),
        "catchup": False,
    }
    if arguments["schedule"] is None:
        # Nothing starts it but users, who expect that it runs. Others follow the deployment's default.
        arguments["is_paused_upon_creation"] = False
    arguments["doc_md"] = documentation(flow)
    arguments["tags"] = (FLOWC_TAG, *(tag for tag in options.tags if tag != FLOWC_TAG))
    if options.max_active_tasks is not None:
        arguments["max_active_tasks"] = options.max_active_tasks
    limit = next((limit.runs for limit in flow.specs.run_limits), None)
    if (most := options.max_active_runs or limit) is not None:
        arguments["max_active_runs"] = most
    if (timeout := options.run_seconds(flow)) is not None:
        arguments["dagrun_timeout"] = Call("timedelta", kwargs={"seconds": timeout})
    for name, dotted in options.callbacks.items():
        arguments[name] = Name(callbacks[dotted])
    if timeout is not None and options.notifies_late(flow):
        if options.deadline_alerts:
            arguments["deadline"] = _deadline_alert(timeout)
        else:
            called, late = arguments.get("on_failure_callback"), late_notice(timeout)
            arguments["on_failure_callback"] = (called, late) if called is not None else late
    arguments["default_args"] = defaults
    if flow.run_parameters:
        filled = {name for event in trigger_events(flow) for name in event_parameters(flow, event)}
        arguments["params"] = {item.name: _param(item, filled=item.name in filled) for item in flow.run_parameters}
    return arguments


def late_notice(seconds: int) -> Call:
    """Return the callback that sends the notices of a run that takes longer than its deadline."""
    return Call(LATE_NOTICE, (Name(PACKAGE), NOTIFY_FAILURE, seconds))


def _deadline_alert(seconds: int) -> Call:
    """Return the alert, which imports its callback from the DAG file itself."""
    arguments: dict[str, Expression] = {
        "reference": Name("DeadlineReference.DAGRUN_QUEUED_AT"),
        "interval": Call("timedelta", kwargs={"seconds": seconds}),
        "callback": Call("SyncCallback", (Name(f'f"{{__name__}}.{LATE}"'),)),
    }
    return Call("DeadlineAlert", kwargs=arguments)


def _start_date(schedule: ScheduleSpec | None) -> Expression:
    """Return the fixed day that schedules count from, in the schedule's time zone."""
    if schedule is not None and schedule.timezone is not None:
        return Call("pendulum.datetime", (2024, 1, 1), {"tz": schedule.timezone})
    return Call("datetime", (2024, 1, 1), {"tzinfo": Name("timezone.utc")})


def _schedule(flow: Flow) -> Expression:
    """Return what starts the DAG, other than users: a cron expression, assets that must all be updated, or both.

    Assets are Airflow's events: whoever updates the asset with an event's name starts the flows that wait for it.
    """
    specs = flow.specs
    events = trigger_events(flow)
    flows = specs.trigger_on_finish.flows if specs.trigger_on_finish is not None else ()
    found = [
        *(asset(event_name(flow, event)) for event in events),
        *(finished_asset(upstream_deployment(flow, item) or item.name) for item in flows),
    ]
    assets = tuple({item.args: item for item in found}.values())
    if specs.schedule is None:
        return assets or None
    timezone = specs.schedule.timezone or "UTC"
    cron, *others = merged_crons(specs.schedule.crons)
    if others:
        return Call(SEVERAL_CRONS, ((cron, *others), timezone, assets))
    return Call(COMBINED_SCHEDULE, (cron, timezone, assets)) if assets else cron


def _param(parameter: Parameter, *, filled: bool) -> Call:
    """Lower a parameter. `null` means the default that the shim knows; a required one has no default.

    One that an event fills in has `null`, too: Airflow takes no DAG that starts by itself with a param without a value.
    """
    literal = json.dumps(literal_default(parameter))
    default = to_expression(json.loads(literal)) if len(literal) <= LONGEST_PARAMETER else None
    needed = parameter.required and not parameter.has_default and not filled
    schema: dict[str, Expression] = {}
    if default is not None:
        schema["default"] = default
    elif not needed:
        schema["default"] = None
    optional = default is None and not needed
    if parameter.takes_several:
        schema["type"] = ("null", "array") if optional else "array"
    elif parameter.type == "json" or parameter.deferred_type:
        schema["type"] = _JSON_TYPES
    elif optional:
        schema["type"] = ("null", _TYPES[parameter.type])
    else:
        schema["type"] = _TYPES[parameter.type]
    schema.update(_limits(parameter, optional=optional))
    text = description(parameter)
    if text:
        schema["description"] = text
    return Call("Param", kwargs=schema)


def _limits(parameter: Parameter, *, optional: bool) -> dict[str, Expression]:
    """Return what the schema says of the values: the choices, and the range of a number."""
    if allowed := choices(parameter):
        values = (choice if parameter.type == "str" else json.loads(choice) for choice in allowed)
        return {"enum": (*values, *((None,) if optional else ()))}
    limits: dict[str, Expression] = {}
    if parameter.takes_several or parameter.clamp:
        return limits
    if parameter.minimum is not None:
        limits["minimum"] = parameter.minimum
    if parameter.maximum is not None:
        limits["maximum"] = parameter.maximum
    return limits
