"""The Airflow target: check, lower to the model of a DAG file, and of ConfigMaps if the code does not fit, print."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from flowc._version import __version__
from flowc.protocol import NOTIFY_FAILURE, env_names
from flowc.protocol.encodings import join_tags
from flowc.protocol.env_names import parameter_variable
from flowc_compiler.ir.manifest_schema import CODE_VOLUME
from flowc_compiler.ir.schedules import merged_crons
from flowc_targets.airflow.airflow_checks import check
from flowc_targets.airflow.dag_model import (
    COMBINED_SCHEDULE,
    LATE,
    LATE_NOTICE,
    SEVERAL_CRONS,
    Call,
    DagFile,
    Name,
    client_object,
    pod_defaults,
    to_expression,
)
from flowc_targets.airflow.dag_printer import PACKAGE, print_beside, print_file
from flowc_targets.airflow.documentation import documentation
from flowc_targets.airflow.operator_sources import runtime_module
from flowc_targets.airflow.options import LONGEST_PARAMETER, AirflowOptions
from flowc_targets.airflow.task_lowering import lower_steps
from flowc_targets.airflow.task_options import asset, finished_asset
from flowc_targets.base.parameter_defaults import choices, description, literal_default
from flowc_targets.base.target import Capabilities, EmittedFile, TargetOptions
from flowc_targets.kubernetes.labels import ENGINE, run_labels
from flowc_targets.kubernetes.objects import ObjectMeta, Volume, to_manifest
from flowc_targets.kubernetes.package_maps import code_digest, package_maps, split_package
from flowc_targets.kubernetes.pod_checks import check_mounts
from flowc_targets.kubernetes.yaml_printer import documents
from flowc_targets.package.code_package import compressed_sizes, largest_files, package_files, zip_files
from flowc_targets.package.project_names import (
    deployment_name,
    event_name,
    event_parameters,
    finished_event,
    upstream_deployment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Parameter, ScheduleSpec, TriggerEvent
    from flowc_compiler.source import SourceFile
    from flowc_targets.airflow.dag_model import Expression
    from flowc_targets.base.deployments import DeploymentClient
    from flowc_targets.base.engine import Address, EngineClient, WaitingTask
    from flowc_targets.kubernetes.objects import ConfigMap, Plain
    from flowc_targets.kubernetes.package_maps import PackageMaps

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
        files = package_files(flow, source, options.include, sink, image)
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


_JSON_TYPES = ("string", "object", "array", "number", "boolean", "null")
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}

MOST_IN_FILE = 800_000
"""Characters of base64 that a DAG file may carry: they become part of pods, and etcd limits objects to 1.5 MiB."""
MOST_IN_CONFIG_MAP = 1024 * 1024
"""Bytes of a code package that a ConfigMap may carry: Kubernetes limits its values to that."""

_NAME_LENGTH = 63
_HASH_LENGTH = 10
FLOWC_TAG = "flowc"
"""The tag of all of flowc's DAGs: `flowc status` finds them by it."""


@dataclass(frozen=True, slots=True)
class PackagedCode:
    """The code of a flow, as its DAG file has it, or as ConfigMaps do."""

    files: Mapping[str, bytes]
    """The flow's own files, by their place in the code package."""
    program: bytes
    """The zip with the shim."""
    digest: str
    """The hash of the files."""
    maps: PackageMaps | None
    """The ConfigMaps for pods without a namespace; `None` if the code is in the DAG file."""


def package_code(flow: Flow, files: Mapping[str, bytes], options: AirflowOptions, sink: DiagnosticSink) -> PackagedCode:
    """Return the code for the files of a package, and report what is too large, and what moved to a ConfigMap."""
    own, program = split_package(files)
    code = PackagedCode(own, zip_files(program), code_digest(files, {})[:_HASH_LENGTH], None)
    most = MOST_IN_FILE // 2 if any(step.specs.command is not None for step in flow.steps) else MOST_IN_FILE
    if not options.in_pods or (options.code != "configmap" and not _exceeds_file(files, options, sink, most)):
        return code
    name = config_map_name(dag_id(flow, options), code.digest)
    maps = package_maps(name, files, {}, ObjectMeta(labels={**run_labels(flow), ENGINE: "airflow"}))
    size = sum(maps.sizes.values())
    if size > MOST_IN_CONFIG_MAP:
        message = f"the code has {size:,} bytes, but a ConfigMap holds only {MOST_IN_CONFIG_MAP:,}"
        sink.unsupported("FC503", "airflow", message, flow.span, help=largest_files(maps.sizes))
    elif options.code is None:
        message = f"the code is in ConfigMaps: it has more than the {most:,} characters of base64 that a pod can"
        help_ = "apply the manifest beside the DAG file before Airflow reads the DAG file"
        sink.warning("FC503", f"{message} carry (target airflow)", None, help=help_)
    for step in flow.steps:
        check_mounts(step, "airflow", sink)
    return replace(code, maps=maps)


def _exceeds_file(files: Mapping[str, bytes], options: AirflowOptions, sink: DiagnosticSink, most: int) -> bool:
    """Whether no pod can carry the code in its environment; an error where that is requested."""
    # What is short enough uncompressed need not be compressed to know.
    if encoded_size(sum(map(len, files.values()))) <= most:
        return False
    package = zip_files(files)
    encoded = encoded_size(len(package))
    if encoded > most and options.code == "file":
        message = f"the code package has {encoded:,} characters of base64, but a pod can carry only {most:,}"
        help_ = f"compile with --code configmap; {largest_files(compressed_sizes(package))}"
        sink.unsupported("FC503", "airflow", message, None, help=help_)
    return encoded > most and options.code != "file"


def lower(flow: Flow, code: PackagedCode, options: AirflowOptions, sink: DiagnosticSink) -> DagFile:
    """Return the DAG file of a flow that passed `check`."""
    lowered = lower_steps(flow, options, sink)
    dag = _dag(flow, options, lowered.callbacks)
    seconds = options.run_seconds(flow)
    late = {LATE: _late_notice(seconds)} if "deadline" in dag and seconds is not None else {}
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


def dag_id(flow: Flow, options: AirflowOptions) -> str:
    """Return the id of the DAG."""
    return options.dag_id or deployment_name(flow)


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


def _trigger_events(flow: Flow) -> tuple[TriggerEvent, ...]:
    return flow.specs.trigger.events if flow.specs.trigger is not None else ()


def _events(flow: Flow) -> dict[str, Expression]:
    """Return what tasks do with the events of the assets that start the flow."""
    specs = flow.specs
    found: dict[str, Expression] = {}
    for event in _trigger_events(flow):
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


def _dag(flow: Flow, options: AirflowOptions, callbacks: Mapping[str, str]) -> dict[str, Expression]:
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
            called, late = arguments.get("on_failure_callback"), _late_notice(timeout)
            arguments["on_failure_callback"] = (called, late) if called is not None else late
    arguments["default_args"] = defaults
    if flow.run_parameters:
        filled = {name for event in _trigger_events(flow) for name in event_parameters(flow, event)}
        arguments["params"] = {item.name: _param(item, filled=item.name in filled) for item in flow.run_parameters}
    return arguments


def _late_notice(seconds: int) -> Call:
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
    events = _trigger_events(flow)
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


def config_map_name(dag_id: str, digest: str) -> str:
    """Return the name of the ConfigMap with the code, by its content."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", dag_id).lower()
    name = re.sub(r"[^a-z0-9]+", "-", words)[: _NAME_LENGTH - _HASH_LENGTH - 1].strip("-")
    return f"{name or 'flow'}-{digest}"


def encoded_size(size: int) -> int:
    """Return the number of characters that so many bytes have in base64."""
    return 4 * -(-size // 3)


def config_map_files(flow: Flow, file: DagFile, code: PackagedCode, options: AirflowOptions) -> tuple[EmittedFile, ...]:
    """Return the manifest of the ConfigMaps, if any: one package's for each namespace that has pods of the flow."""
    if code.maps is None:
        return ()
    name = dag_id(flow, options)
    namespaces = tuple(dict.fromkeys(_namespaces(flow, options)))
    assert code.maps.code is not None
    runtime = documents([_manifest(item, namespace) for namespace in namespaces for item in code.maps.runtime])
    own = documents([_manifest(code.maps.code, namespace) for namespace in namespaces])
    first = "Before Airflow reads the DAG's file: kubectl apply --server-side -f <this file>"
    head = documents(
        [], f"Compiled by flowc {file.version} from {file.printable_source}: the code of DAG {name}.\n{first}"
    )
    shared = documents([], f"Compiled by flowc {file.version}: what the pods of all its flows run.\n{first}")
    places = "-".join(namespace for namespace in namespaces if namespace)
    runtime_name = "-".join(filter(None, (code.maps.runtime[0].metadata.name, places)))
    whole = f"{name}.configmap.yaml"
    apart = (EmittedFile(whole, head + own), EmittedFile(f"{runtime_name}.yaml", shared + runtime))
    return (EmittedFile(whole, f"{head}{runtime}---\n{own}", apart),)


def _manifest(config: ConfigMap, namespace: str | None) -> Plain:
    return to_manifest(config.replace(metadata=config.metadata.replace(namespace=namespace)))


def _namespaces(flow: Flow, options: AirflowOptions) -> Iterator[str | None]:
    """Yield the namespaces of pods; `None` is the default of kubectl and Airflow."""
    for step in flow.steps:
        if not step.virtual:
            own = step.specs.container.namespace if step.specs.container is not None else None
            yield own or options.namespace
    if flow.specs.hooks:
        yield options.namespace
