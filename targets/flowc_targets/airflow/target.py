"""The Airflow target: check, lower to the model of a DAG file, and of a ConfigMap if the code does not fit, print."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, cast

from flowc._version import __version__
from flowc.protocol.encodings import join_tags
from flowc.protocol.env_names import parameter_variable
from flowc_targets.airflow.airflow_checks import check
from flowc_targets.airflow.dag_model import Call, DagFile, Name, pod_defaults
from flowc_targets.airflow.dag_printer import print_file
from flowc_targets.airflow.options import LONGEST_PARAMETER, AirflowOptions
from flowc_targets.airflow.task_lowering import asset, lower_steps, markdown
from flowc_targets.base.parameter_defaults import choices, description, literal_default
from flowc_targets.base.target import Capabilities, EmittedFile, TargetOptions
from flowc_targets.kubernetes.labels import LABELS
from flowc_targets.kubernetes.pod import check_mounts
from flowc_targets.package.code_package import compressed_sizes, content_hash, largest_files, package_files, zip_files
from flowc_targets.package.project_names import deployment_name, event_name, finished_event, upstream_deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Parameter, ScheduleSpec
    from flowc_compiler.source import SourceFile
    from flowc_targets.airflow.dag_model import Expression
    from flowc_targets.base.engine import Address, EngineClient

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
        file = lower(flow, source, options, sink)
        check_code(flow, file, options, sink)
        name = dag_id(flow, options)
        dag = EmittedFile(f"{name}.py", print_file(file))
        return (dag,) if file.config_map is None else (dag, config_map_file(flow, file, options, name))

    def client(self, address: Address) -> EngineClient:
        """Return a client of Airflow's REST API: see EngineClient."""
        from flowc_targets.airflow.server.client import AirflowClient

        return AirflowClient(address)


TARGET = AirflowTarget()
"""The entry point."""


_JSON_TYPES = ("string", "object", "array", "number", "boolean", "null")
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}

MOST_IN_FILE = 800_000
"""Characters of base64 that a DAG file may carry: they become part of pods, and etcd limits objects to 1.5 MiB."""
MOST_IN_CONFIG_MAP = 1024 * 1024
"""Bytes of a code package that a ConfigMap may carry: Kubernetes limits its values to that."""
PACKAGE_FILE = "flow.pyz"
"""The key of the ConfigMap, and so the file in pods."""

_NAME_LENGTH = 63
_HASH_LENGTH = 10
FLOWC_TAG = "flowc"
"""The tag of all of flowc's DAGs: `flowc status` finds them by it."""


def lower(flow: Flow, source: SourceFile, options: AirflowOptions, sink: DiagnosticSink) -> DagFile:
    """Return the DAG file of a flow that passed `check`."""
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
        constants={**_constants(flow, options), **shared},
        dag=_dag(flow, options),
        body=body,
        code=code,
        config_map=config_map_name(dag_id(flow, options), code, options),
    )


def dag_id(flow: Flow, options: AirflowOptions) -> str:
    """Return the id of the DAG."""
    return options.dag_id or deployment_name(flow)


def _constants(flow: Flow, options: AirflowOptions) -> dict[str, Expression]:
    """Return what the operators read: see operators/dag_constants.py."""
    workers_own = options.operator == "local" and "python" not in options.model_fields_set
    return {
        "ROOT": options.root or "",
        "START": flow.start,
        "TAGS": tuple(join_tags((tag,)) for tag in options.tags),
        "PYTHON": None if workers_own else options.python,
        "ENVIRONMENT": {**options.env, **options.store_env},
        "PARAMETERS": {parameter_variable(parameter.name): parameter.name for parameter in flow.run_parameters},
    }


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
    arguments["default_args"] = defaults
    if flow.run_parameters:
        arguments["params"] = {parameter.name: _param(parameter) for parameter in flow.run_parameters}
    return arguments


def _start_date(schedule: ScheduleSpec | None) -> Expression:
    """Return the fixed day that schedules count from, in the schedule's time zone."""
    if schedule is not None and schedule.timezone is not None:
        return Call("pendulum.datetime", (2024, 1, 1), {"tz": schedule.timezone})
    return Call("datetime", (2024, 1, 1), {"tzinfo": Name("timezone.utc")})


def _schedule(flow: Flow) -> Expression:
    """Return what starts the DAG, other than users: a cron expression, or assets that must all be updated.

    Assets are Airflow's events: whoever updates the asset with an event's name starts the flows that wait for it.
    """
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


def _param(parameter: Parameter) -> Call:
    """Lower a parameter. `null` means the default that the shim knows; a required one has no default."""
    literal = json.dumps(literal_default(parameter))
    default = _expression(json.loads(literal)) if len(literal) <= LONGEST_PARAMETER else None
    needed = parameter.required and not parameter.has_default
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


def _expression(value: object) -> Expression:
    """Return a JSON value as an expression, in which lists are tuples."""
    if isinstance(value, list):
        return tuple(_expression(item) for item in cast("list[object]", value))
    if isinstance(value, dict):
        return {key: _expression(item) for key, item in cast("dict[str, object]", value).items()}
    assert value is None or isinstance(value, (str, int, float))
    return value


def config_map_name(dag_id: str, code: bytes, options: AirflowOptions) -> str | None:
    """Return the name of the ConfigMap with the code, by its content; `None` if the code stays in the DAG file."""
    wanted = options.code == "configmap" or (options.code is None and encoded_size(code) > MOST_IN_FILE)
    if not options.in_pods or not wanted:
        return None
    digest = hashlib.sha256(code).hexdigest()[:_HASH_LENGTH]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", dag_id).lower()
    name = re.sub(r"[^a-z0-9]+", "-", words)[: _NAME_LENGTH - _HASH_LENGTH - 1].strip("-")
    return f"{name or 'flow'}-{digest}"


def encoded_size(code: bytes) -> int:
    """Return the number of characters that code has in base64."""
    return 4 * -(-len(code) // 3)


def config_map_file(flow: Flow, file: DagFile, options: AirflowOptions, dag_id: str) -> EmittedFile:
    """Return the manifest: an object for each namespace that the flow has pods in."""
    import yaml

    namespaces = dict.fromkeys(_namespaces(flow, options))
    objects = [_config_map(file, namespace) for namespace in namespaces]
    # Nearly all of it is one string, for which the printer in C is many times faster.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = str(yaml.dump_all(objects, Dumper=dumper, sort_keys=False, width=10**9))  # pyright: ignore[reportUnknownMemberType]
    head = (
        f"# Compiled by flowc {file.version} from {file.printable_source}: the code of DAG {dag_id}.\n"
        "# Before Airflow reads the DAG's file: kubectl apply --server-side -f <this file>\n"
    )
    return EmittedFile(f"{dag_id}.configmap.yaml", head + text)


def check_code(flow: Flow, file: DagFile, options: AirflowOptions, sink: DiagnosticSink) -> None:
    """Report a code package that is too large, one that moved to a ConfigMap, and a volume in the code's folder."""
    size, encoded = len(file.code), encoded_size(file.code)
    if file.config_map is None:
        if options.in_pods and encoded > MOST_IN_FILE:
            message = (
                f"the code package has {encoded:,} characters of base64, but a pod can carry only {MOST_IN_FILE:,}"
            )
            sink.unsupported(
                "FC503",
                "airflow",
                message,
                None,
                help=f"compile with --code configmap; {largest_files(compressed_sizes(file.code))}",
            )
        return
    if size > MOST_IN_CONFIG_MAP:
        message = f"the code package has {size:,} bytes, but a ConfigMap holds only {MOST_IN_CONFIG_MAP:,}"
        sink.unsupported("FC503", "airflow", message, None, help=largest_files(compressed_sizes(file.code)))
        return
    if options.code is None:
        sink.warning(
            "FC503",
            f"the code package is in the ConfigMap {file.config_map}: a pod can carry {MOST_IN_FILE:,} characters of "
            f"base64, and it has {encoded:,} (target airflow)",
            None,
            help="apply the manifest beside the DAG file before Airflow reads the DAG file",
        )
    for step in flow.steps:
        check_mounts(step, "airflow", sink)


def _namespaces(flow: Flow, options: AirflowOptions) -> Iterator[str | None]:
    """Yield the namespaces of pods; `None` is the default of kubectl and Airflow."""
    for step in flow.steps:
        if not step.virtual:
            own = step.specs.container.namespace if step.specs.container is not None else None
            yield own or options.namespace
    if flow.specs.exit_hooks:
        yield options.namespace


def _config_map(file: DagFile, namespace: str | None) -> dict[str, object]:
    metadata = {"name": file.config_map, **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, "labels": LABELS},
        "immutable": True,
        "binaryData": {PACKAGE_FILE: base64.b64encode(file.code).decode()},
    }
