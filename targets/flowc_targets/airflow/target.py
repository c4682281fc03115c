"""The Airflow target: check, lower to the model of a DAG file, and of ConfigMaps if the code does not fit, print."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from flowc._version import __version__
from flowc.protocol import env_names
from flowc.protocol.encodings import join_tags
from flowc.protocol.env_names import parameter_variable
from flowc_compiler.ir.manifest_schema import CODE_VOLUME
from flowc_targets.airflow.airflow_checks import check
from flowc_targets.airflow.dag_arguments import dag_arguments, dag_id, late_notice, trigger_events
from flowc_targets.airflow.dag_model import LATE, DagFile, client_object
from flowc_targets.airflow.dag_printer import print_beside, print_file
from flowc_targets.airflow.operator_sources import runtime_module
from flowc_targets.airflow.options import AirflowOptions
from flowc_targets.airflow.packaged_code import PackagedCode, config_map_files, package_code
from flowc_targets.airflow.task_lowering import lower_steps
from flowc_targets.base.target import Capabilities, EmittedFile, TargetOptions
from flowc_targets.kubernetes.objects import Volume
from flowc_targets.package.code_package import PodDefaults, package_files
from flowc_targets.package.project_names import event_name, event_parameters, finished_event, upstream_deployment

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.airflow.dag_model import Expression
    from flowc_targets.base.deployments import DeploymentClient
    from flowc_targets.base.engine import Address, EngineClient, WaitingTask

_CAPABILITIES = Capabilities(
    step_kinds=frozenset({"linear", "branch", "foreach", "join", "parallel", "switch"}),
    unbounded_loops=False,  # a DAG has a task for each iteration
)


@dataclass(frozen=True, slots=True)
class AirflowTarget:
    """The target for Airflow 2.11 and 3.x: a DAG file, and a ConfigMap if its code does not fit into that."""

    name: str = "airflow"
    capabilities: Capabilities = _CAPABILITIES
    options_model: type[TargetOptions] = AirflowOptions

    def emit(
        self, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
    ) -> tuple[EmittedFile, ...]:
        """Return the DAG file, and the manifest of the ConfigMap with its code, if any; or diagnostics in the sink."""
        assert isinstance(options, AirflowOptions), "options come from options_model"
        check(flow, options, sink)
        if sink.failed:
            return ()
        image = options.image if options.operator == "kubernetes" else None
        files = package_files(flow, source, options.include, sink, PodDefaults(image, options.env))
        code = package_code(flow, files, options, sink)
        _check_late_notices(flow, code, sink)
        file = lower(flow, code, options, sink)
        if sink.failed:
            return ()
        runtime = runtime_module(code.program, __version__, in_pods=options.in_pods)
        name = f"{dag_id(flow, options)}.py"
        beside = EmittedFile(name, print_beside(file, runtime.name))
        dag = EmittedFile(name, print_file(file), (beside, EmittedFile(f"{runtime.name}.py", runtime.text)))
        return (dag, *config_map_files(flow, file, code, options))

    def client(self, address: Address) -> EngineClient:
        """Return a client of Airflow's REST API: see EngineClient."""
        from flowc_targets.airflow.server.client import AirflowClient

        return AirflowClient(address)

    def release(self, address: Address, task: WaitingTask) -> str:
        """Answer the question that Airflow itself asks, from 3.1 on: see Release."""
        from flowc_targets.airflow.server.releasing import release

        return release(address, task)

    def deployments(self, address: Address) -> DeploymentClient:
        """Return the DAGs of an Airflow: see DeploymentClient."""
        from flowc_targets.airflow.server.airflow_deployments import AirflowDeployments

        return AirflowDeployments(address)


def _check_late_notices(flow: Flow, code: PackagedCode, sink: DiagnosticSink) -> None:
    """Report notices about a deadline that Airflow cannot send: it has the code of the file only."""
    late = next((spec for spec in flow.specs.notifications if "late" in spec.on), None)
    if late is not None and flow.specs.deadline is not None and code.maps is not None:
        message = "Airflow itself notifies of a missed deadline, and cannot read the code in ConfigMaps"
        help_ = "compile with --code file; or leave `late` out, and notify by the option on_failure_callback"
        sink.unsupported("FC501", "airflow", message, late.span, help=help_)


TARGET = AirflowTarget()
"""The entry point."""


def lower(flow: Flow, code: PackagedCode, options: AirflowOptions, sink: DiagnosticSink) -> DagFile:
    """Return the DAG file of a flow that passed `check`."""
    lowered = lower_steps(flow, options, sink)
    dag = dag_arguments(flow, options, lowered.callbacks)
    seconds = options.run_seconds(flow)
    late = {LATE: late_notice(seconds)} if "deadline" in dag and seconds is not None else {}
    return DagFile(
        operator=options.operator,
        version=__version__,
        source=PurePath(flow.file).name,
        flow=flow.name,
        source_hash=flow.source_hash,
        package=_package(flow, code, options),
        shared={**lowered.shared, **late},
        callbacks=lowered.callbacks,
        dag=dag,
        body=lowered.body,
        files=code.files,
        program=code.program,
    )


def _package(flow: Flow, code: PackagedCode, options: AirflowOptions) -> dict[str, Expression]:
    """Return the arguments of FlowPackage: see operators/flow_package.py."""
    workers_own = options.operator == "local" and "python" not in options.model_fields_set
    volume = Volume(name=CODE_VOLUME, projected=code.maps.delivery.volume) if code.maps is not None else None
    given: dict[str, Expression] = {
        "tags": tuple(join_tags((tag,)) for tag in options.tags),
        "python": None if workers_own else options.python,
        "environment": {**options.env, **options.store_env, **_timezone(flow)},
        "parameters": {parameter_variable(parameter.name): parameter.name for parameter in flow.run_parameters},
        "events": _events(flow),
        "volume": client_object(volume),
    }
    own: dict[str, Expression] = {
        "name": flow.name, "digest": code.digest, "root": options.root or "", "start": flow.start,
    }  # fmt: skip
    return own | {name: value for name, value in given.items() if value not in (None, (), {})}


def _events(flow: Flow) -> dict[str, Expression]:
    """Return what tasks do with the events of the assets that start the flow."""
    specs = flow.specs
    found: dict[str, Expression] = {}
    for event in trigger_events(flow):
        fields = event_parameters(flow, event)
        about: dict[str, Expression] = {
            "parameters": {parameter_variable(parameter): field for parameter, field in fields.items()},
            "filters": tuple((item.field, item.comparator, item.values) for item in event.filters),
        }
        found[event_name(flow, event)] = {name: value for name, value in about.items() if value not in ((), {})}
    for upstream in specs.trigger_on_finish.flows if specs.trigger_on_finish is not None else ():
        name = finished_event(upstream_deployment(flow, upstream) or upstream.name)
        found[name] = {"flow": upstream.name}
    return found


def _timezone(flow: Flow) -> dict[str, str]:
    schedule = flow.specs.schedule
    return {} if schedule is None or schedule.timezone is None else {env_names.TIMEZONE: schedule.timezone}
