"""From the IR to the model of a DAG file."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from flowc._version import __version__
from flowc_targets.airflow.code_config_map import config_map_name
from flowc_targets.airflow.dag_model import DagFile
from flowc_targets.airflow.deployment import schedule_of, start_date
from flowc_targets.airflow.params import dag_param
from flowc_targets.airflow.pods import pod_defaults
from flowc_targets.airflow.task_lowering import lower_steps, markdown
from flowc_targets.package.code_package import content_hash, package_files, zip_files
from flowc_targets.package.project import deployment_name

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.airflow.options import AirflowOptions
    from flowc_targets.airflow.python_printer import Expression

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
        params=tuple(dag_param(parameter) for parameter in flow.run_parameters),
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
        "schedule": schedule_of(flow),
        "start_date": start_date(schedule),
        "catchup": False,
        "is_paused_upon_creation": False,
    }
    if flow.doc:
        arguments["doc_md"] = markdown(flow.doc)
    arguments["tags"] = (FLOWC_TAG, *(tag for tag in options.tags if tag != FLOWC_TAG))
    if options.max_active_tasks is not None:
        arguments["max_active_tasks"] = options.max_active_tasks
    return {**arguments, "default_args": defaults}
