"""From the IR to the model of a DAG file."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING, cast

from flowc._version import __version__
from flowc.protocol.env_names import parameter_variable
from flowc_targets.airflow.code_config_map import config_map_name
from flowc_targets.airflow.dag_model import DagFile, DagParam
from flowc_targets.airflow.pod_arguments import pod_defaults
from flowc_targets.airflow.python_printer import Call, Name
from flowc_targets.airflow.task_lowering import asset, lower_steps, markdown
from flowc_targets.base.parameter_defaults import description, literal_default
from flowc_targets.kubernetes.event_names import event_name, finished_event, upstream_deployment
from flowc_targets.package.code_package import content_hash, package_files, zip_files
from flowc_targets.package.project import deployment_name

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Parameter, ScheduleSpec
    from flowc_compiler.source import SourceFile
    from flowc_targets.airflow.options import AirflowOptions
    from flowc_targets.airflow.python_printer import Expression

_JSON_TYPES = ("string", "object", "array", "number", "boolean", "null")
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}

FLOWC_TAG = "flowc"
"""The tag of all DAGs that flowc has made: `flowc status` finds them by it."""


def lower(flow: Flow, source: SourceFile, options: AirflowOptions, sink: DiagnosticSink) -> DagFile:
    """The DAG file of a flow that `check` found nothing wrong with."""
    files = package_files(flow, source, options.include, sink)
    code = zip_files(files)
    body, shared = lower_steps(flow, options, sink)
    return DagFile(
        operator=options.operator,
        version=__version__,
        source=PurePath(flow.file).name,
        flow=flow.name,
        source_hash=flow.source_hash,
        code_hash=content_hash(files),
        start=flow.start,
        root=options.root or "",
        tags=options.tags,
        env=options.env,
        python=_python(options),
        params=tuple(_param(parameter) for parameter in flow.run_parameters),
        dag=_dag(flow, options),
        shared=shared,
        body=body,
        code=code,
        config_map=config_map_name(dag_id(flow, options), code, options),
    )


def dag_id(flow: Flow, options: AirflowOptions) -> str:
    """The id of the DAG."""
    return options.dag_id or deployment_name(flow)


def _python(options: AirflowOptions) -> str | None:
    """The interpreter; for local processes the worker's own, unless one was asked for."""
    return None if options.operator == "local" and "python" not in options.model_fields_set else options.python


def _dag(flow: Flow, options: AirflowOptions) -> dict[str, Expression]:
    defaults: dict[str, Expression] = {"retries": 0}
    if options.pool is not None:
        defaults["pool"] = options.pool
    if options.operator == "kubernetes":
        defaults.update(pod_defaults(options))
    schedule = flow.specs.schedule
    arguments: dict[str, Expression] = {
        "dag_id": dag_id(flow, options),
        "schedule": _schedule(flow),
        "start_date": _start_date(schedule),
        "catchup": False,
        "is_paused_upon_creation": False,
    }
    if flow.doc:
        arguments["doc_md"] = markdown(flow.doc)
    arguments["tags"] = (FLOWC_TAG, *(tag for tag in options.tags if tag != FLOWC_TAG))
    if options.max_active_tasks is not None:
        arguments["max_active_tasks"] = options.max_active_tasks
    return {**arguments, "default_args": defaults}


def _start_date(schedule: ScheduleSpec | None) -> Expression:
    """The day that schedules count from, in the schedule's time zone. Fixed; without a schedule it means nothing."""
    if schedule is not None and schedule.timezone is not None:
        return Call("pendulum.datetime", (2024, 1, 1), {"tz": schedule.timezone})
    return Call("datetime", (2024, 1, 1), {"tzinfo": Name("timezone.utc")})


def _schedule(flow: Flow) -> Expression:
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


def _param(parameter: Parameter) -> DagParam:
    """One parameter. `null` stands for the default that the flow's class computes; a required one has none."""
    default = _expression(json.loads(json.dumps(literal_default(parameter))))
    needed = parameter.required and not parameter.has_default
    schema: dict[str, Expression] = {}
    if default is not None:
        schema["default"] = default
    elif not needed:
        schema["default"] = None
    if parameter.type == "json" or parameter.deferred_type:
        schema["type"] = _JSON_TYPES
    elif default is None and not needed:
        schema["type"] = ("null", _TYPES[parameter.type])
    else:
        schema["type"] = _TYPES[parameter.type]
    text = description(parameter)
    if text:
        schema["description"] = text
    return DagParam(key=parameter.name, variable=parameter_variable(parameter.name), schema=schema)


def _expression(value: object) -> Expression:
    """A JSON value as an expression: lists are tuples there."""
    if isinstance(value, list):
        return tuple(_expression(item) for item in cast("list[object]", value))
    if isinstance(value, dict):
        return {key: _expression(item) for key, item in cast("dict[str, object]", value).items()}
    assert value is None or isinstance(value, (str, int, float))
    return value
