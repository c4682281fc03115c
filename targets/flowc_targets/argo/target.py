"""The Argo target: check, lower, check what came out, print.

Here are the objects around the templates: a Workflow, or the WorkflowTemplate, CronWorkflow and Sensor that deploy a
flow.

For Argo Server, which has no API for ConfigMaps, a Workflow has its code in itself: an annotation of every pod, by
`podMetadata`, which the pod reads as files of a downward API volume. It needs no right beyond that to create the
Workflow, and nothing that is there before it. What it costs: each pod's object holds a copy, which every watcher of
pods gets with each change.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from flowc_compiler.ir.manifest_schema import CODE_FOLDER, CODE_VOLUME
from flowc_compiler.passes.contraction import contracted
from flowc_targets.argo.argo_checks import TARGET_NAME, check_flow, check_objects
from flowc_targets.argo.dag_templates import NOTHING, dag_templates, has_look_up
from flowc_targets.argo.embedded_code import with_embedded_code
from flowc_targets.argo.kueue import pod_metadata
from flowc_targets.argo.locks import concurrency_policy, lock_maps, run_locks, synchronization
from flowc_targets.argo.manifest_text import (
    CRON_LIMIT,
    OBJECT_LIMIT,
    TRIGGER,
    default_value,
    defused,
    deployed_name,
    encode_value,
    object_name,
)
from flowc_targets.argo.options import ArgoOptions
from flowc_targets.argo.patches import executor_patch
from flowc_targets.argo.pod_templates import ON_EXIT, PodTemplates
from flowc_targets.argo.shim_containers import configmap_env
from flowc_targets.argo.workflow_objects import (
    ENTRYPOINT,
    CronSpec,
    CronWorkflow,
    Parameter,
    PodGC,
    Template,
    TemplateRef,
    Workflow,
    WorkflowSpec,
)
from flowc_targets.base.engine import ORIGIN
from flowc_targets.base.parameter_defaults import choices, description
from flowc_targets.base.target import Capabilities, EmittedFile, TargetOptions
from flowc_targets.kubernetes.labels import VERSION, run_labels
from flowc_targets.kubernetes.objects import (
    LocalObjectReference,
    ObjectMeta,
    ProjectedVolumeSource,
    Volume,
    to_manifest,
)
from flowc_targets.kubernetes.package_maps import PROGRAM, Delivery, code_digest, package_maps
from flowc_targets.kubernetes.pod_security import pod_security
from flowc_targets.kubernetes.yaml_printer import documents
from flowc_targets.package.code_package import PodDefaults, package_files
from flowc_targets.package.project_names import deployment_name
from flowc_targets.package.stored_package import stored_runtime

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.ir import Parameter as FlowParameter
    from flowc_compiler.source import SourceFile
    from flowc_targets.argo.events.sensor_model import EventSource, Sensor
    from flowc_targets.base.deployments import DeploymentClient
    from flowc_targets.base.engine import Address, EngineClient, WaitingTask
    from flowc_targets.kubernetes.objects import ConfigMap
    from flowc_targets.kubernetes.package_maps import CodePlace, RuntimePlace

CAPABILITIES = Capabilities(
    step_kinds=frozenset({"linear", "branch", "foreach", "join", "parallel", "switch"}),
    kinds_of_output=("workflow", "template", "cron"),
)
"""What the Argo target can express."""


@dataclass(frozen=True, slots=True)
class ArgoTarget:
    """Argo Workflows 3.5 to 4.1."""

    name: str = TARGET_NAME
    capabilities: Capabilities = CAPABILITIES
    options_model: type[TargetOptions] = ArgoOptions

    def emit(
        self, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
    ) -> tuple[EmittedFile, ...]:
        """One YAML text: the ConfigMaps with the runtime and the code, then the Workflow, or what deploys the flow."""
        argo = options if isinstance(options, ArgoOptions) else ArgoOptions.model_validate(options.model_dump())
        check_flow(flow, argo, sink)
        if sink.failed:
            return ()
        files = package_files(flow, source, argo.include, sink, PodDefaults(argo.image, argo.env))
        return emit_package(flow, files, argo, sink)

    def client(self, address: Address) -> EngineClient:
        """A client of Argo Server: see EngineClient."""
        from flowc_targets.argo.server.argo_client import ArgoClient

        return ArgoClient(address)

    def release(self, address: Address, task: WaitingTask) -> str:
        """End the pause before a task: see Release."""
        from flowc_targets.argo.server.releasing import release

        return release(address, task)

    def deployments(self, address: Address) -> DeploymentClient:
        """The deployments in a namespace: see DeploymentClient."""
        from flowc_targets.argo.server.argo_deployments import ArgoDeployments

        return ArgoDeployments(address)


def emit_package(
    flow: Flow, files: dict[str, bytes], options: ArgoOptions, sink: DiagnosticSink
) -> tuple[EmittedFile, ...]:
    """The output for a checked flow and the given code: a pure function, so that tests can hold the code still."""
    flow = contracted(flow)
    header = f"Made by flowc from {PurePath(flow.file).name}, flow {flow.name}. Change that file, not this one."
    name = f"{object_name(deployment_name(flow))}.yaml"
    values = configmap_env(flow, options)
    if options.embeds_code:
        stored = (stored_runtime(),) if options.runtime == "store" else ()
        objects = _with_own_code(flow, files, values, options, sink)
        return (EmittedFile(name, documents([to_manifest(item) for item in objects], header), stored=stored),)
    code = object_name(deployment_name(flow), code_digest(files, values))
    places: tuple[RuntimePlace, CodePlace] = (options.runtime, "store" if options.code == "store" else "configmap")
    meta = ObjectMeta(namespace=options.namespace, labels=run_labels(flow))
    maps = package_maps(code, files, values, meta, places)
    workflow = build_workflow(flow, options, TARGET_NAME, sink, code, maps.delivery)
    check_objects(flow, workflow, maps, options, sink)
    locks = lock_maps(flow, deployed_name(flow, CRON_LIMIT), options.namespace)
    objects = (*locks, *((maps.code,) if maps.code is not None else ()), *deployed_objects(flow, options, workflow))
    head, own = documents([], header), documents([to_manifest(item) for item in objects])
    if not maps.runtime:
        return (EmittedFile(name, head + own, stored=maps.stored),)
    runtime = documents([to_manifest(item) for item in maps.runtime])
    shared = EmittedFile(f"{maps.runtime[0].metadata.name}.yaml", documents([], RUNTIME_HEADER) + runtime)
    apart = (EmittedFile(name, head + own), shared)
    return (EmittedFile(name, f"{head}{runtime}---\n{own}", apart, maps.stored),)


def _with_own_code(
    flow: Flow, files: dict[str, bytes], values: dict[str, str], options: ArgoOptions, sink: DiagnosticSink
) -> tuple[ConfigMap | Workflow | CronWorkflow | EventSource | Sensor, ...]:
    """The Workflow that has its code in itself, or what deploys such a flow."""
    name = object_name(deployment_name(flow), code_digest({**files, "carried": b""}, values))
    delivery = Delivery((f"{CODE_FOLDER}/{PROGRAM}",), ProjectedVolumeSource(sources=()))
    workflow = build_workflow(flow, options, TARGET_NAME, sink, name, delivery)
    workflow = with_embedded_code(flow, workflow, files, values, sink, options)
    check_objects(flow, workflow, None, options, sink)
    locks = lock_maps(flow, deployed_name(flow, CRON_LIMIT), options.namespace)
    return (*locks, *deployed_objects(flow, options, workflow))


RUNTIME_HEADER = "Made by flowc: what the pods of all flows run that this release of it compiled."

TARGET = ArgoTarget()
"""What the entry point names."""


TITLE = "workflows.argoproj.io/title"
"""The annotation with the flow's name."""


def build_workflow(
    flow: Flow, options: ArgoOptions, target: str, sink: DiagnosticSink, code: str, delivery: Delivery
) -> Workflow:
    """The Workflow of a flow whose code is in the ConfigMap `code`; for other kinds, the WorkflowTemplate.

    The name of that ends in the hash of the code, wherever that is.
    """
    pods = PodTemplates(flow, options, code, delivery)
    steps = pods.steps(target, sink)
    templates = dag_templates(flow, steps, full_crds=options.crds == "full")
    paused = any(task.template == NOTHING for template in templates for task in template.dag)
    templates += {template.name: template for template in steps.by_name.values()}.values()
    templates += [gate for gates in steps.gates.values() for gate in gates]
    if has_look_up(flow):
        templates.append(pods.look_up())
    if paused:
        templates.append(Template(name=NOTHING, suspend={"duration": "0"}))
    templates += pods.exit_hooks()
    labels = {**run_labels(flow), VERSION: code.rpartition("-")[2]}
    spec = _spec(flow, options, delivery.volume, tuple(templates)).patched(options.workflow_patch.get("spec") or {})
    return _named(flow, options, spec, labels)


def _spec(
    flow: Flow, options: ArgoOptions, volume: ProjectedVolumeSource | None, templates: tuple[Template, ...]
) -> WorkflowSpec:
    arguments = [_argument(parameter, options) for parameter in flow.run_parameters]
    if options.kind != "workflow":
        about = "a run to go on from, by its id: argo-UID, or argo-UID/STEP to run STEP again"
        arguments.append(Parameter(name=ORIGIN, value=options.origin_run or "", description=about))
    if options.starts_on_events(flow.specs):
        arguments.append(Parameter(name=TRIGGER, value=""))
    containers = [step.specs.container for step in flow.steps if step.specs.container]
    secrets = dict.fromkeys((*options.image_pull_secrets, *(name for c in containers for name in c.image_pull_secrets)))
    return WorkflowSpec(
        entrypoint=ENTRYPOINT,
        on_exit=ON_EXIT if flow.specs.hooks else None,
        active_deadline_seconds=flow.specs.deadline.seconds if flow.specs.deadline is not None else None,
        priority=options.workflow_priority,
        synchronization=synchronization(run_locks(flow, deployed_name(flow, CRON_LIMIT)), options),
        arguments=tuple(arguments),
        service_account_name=options.service_account,
        security_context=pod_security(options),
        pod_spec_patch=executor_patch(options),
        image_pull_secrets=tuple(LocalObjectReference(name=name) for name in secrets),
        parallelism=options.parallelism,
        pod_metadata=pod_metadata(options),
        pod_gc=_pod_gc(options),
        ttl_strategy=options.ttl_seconds,
        volumes=(Volume(name=CODE_VOLUME, projected=volume),) if volume is not None else (),
        templates=templates,
    )


def _pod_gc(options: ArgoOptions) -> PodGC | None:
    """When finished pods are deleted: those that carry the code, by default when they have succeeded.

    A kubelet lists the pods of its node with their annotations in one message, which containerd limits to 16 MiB. With
    some ninety of these, finished ones among them, the node is not ready any more (seen with containerd 1.6).
    """
    strategy = options.pod_gc or ("OnPodSuccess" if options.embeds_code else None)
    return PodGC(strategy=strategy, delete_delay_duration=options.pod_gc_delay) if strategy is not None else None


def _argument(parameter: FlowParameter, options: ArgoOptions) -> Parameter:
    given = options.parameters.get(parameter.name)
    missing = parameter.required and not parameter.has_default
    value = encode_value(given) if given is not None else None if missing else default_value(parameter)
    about = defused(description(parameter)) or None
    return Parameter(name=parameter.name, value=value, description=about, enum=_enum(parameter, value))


def _enum(parameter: FlowParameter, value: str | None) -> tuple[str, ...] | None:
    """What Argo's form offers, and its server admits: the choices, and the value in the manifest."""
    allowed = choices(parameter)
    if not allowed or any(encode_value(choice) != choice for choice in allowed):
        return None
    return allowed if value is None or value in allowed else (value, *allowed)


def _named(flow: Flow, options: ArgoOptions, spec: WorkflowSpec, labels: dict[str, str]) -> Workflow:
    """The object around a spec. A Workflow's name holds the hash of its content: another flow is another object."""
    template = options.kind != "workflow"
    about = {TITLE: flow.name}
    if flow.doc:
        about["workflows.argoproj.io/description"] = defused(flow.doc.strip().split("\n\n")[0])
    if template:
        spec = spec.replace(workflow_metadata=ObjectMeta(labels=labels, annotations=about))
        name = options.name or deployed_name(flow, CRON_LIMIT if options.kind == "cron" else OBJECT_LIMIT)
    else:
        name = options.name or object_name(deployment_name(flow), _digest(spec))
    generated = not template and options.through == "server" and options.name is None
    meta = ObjectMeta(
        name=None if generated else name,
        generate_name=f"{object_name(deployment_name(flow))}-" if generated else None,
        namespace=options.namespace,
        labels=labels,
        annotations=about,
    ).patched(options.workflow_patch.get("metadata") or {})
    return Workflow(kind="WorkflowTemplate" if template else "Workflow", metadata=meta, spec=spec)


def _digest(spec: WorkflowSpec) -> str:
    return hashlib.sha256(documents([to_manifest(spec)]).encode()).hexdigest()


def deployed_objects(
    flow: Flow, options: ArgoOptions, workflow: Workflow
) -> tuple[Workflow | CronWorkflow | EventSource | Sensor, ...]:
    """The objects of the chosen kind. `workflow` is the Workflow, or the WorkflowTemplate of the other kinds.

    A CronWorkflow holds the spec itself, unless events start runs, too: then both refer to the WorkflowTemplate.
    """
    events: tuple[EventSource | Sensor, ...] = ()
    if options.starts_on_events(flow.specs):
        from flowc_targets.argo.events.sensor import event_objects

        events = event_objects(flow, options, workflow)
    if options.kind != "cron":
        return (workflow, *events)
    cron = _cron_workflow(flow, options, workflow, refer=bool(events))
    return (workflow, cron, *events) if events else (cron,)


def _cron_workflow(flow: Flow, options: ArgoOptions, template: Workflow, *, refer: bool) -> CronWorkflow:
    """The CronWorkflow that runs what a WorkflowTemplate has: a copy of it, or the template itself with `refer`."""
    times = options.schedule_of(flow.specs)
    assert times is not None, "check_flow has reported a missing schedule"
    crons, timezone = times
    plural = options.argo_version != "3.5"
    reference = TemplateRef(workflow_template_ref=LocalObjectReference(name=template.metadata.name or ""))
    spec = CronSpec(
        schedule=None if plural else crons[0],
        schedules=crons if plural else (),
        timezone=timezone or "UTC",
        concurrency_policy=concurrency_policy(flow, options),
        starting_deadline_seconds=options.starting_deadline_seconds,
        successful_jobs_history_limit=options.successful_history,
        failed_jobs_history_limit=options.failed_history,
        suspend=options.suspend or None,
        workflow_metadata=None if refer else template.spec.workflow_metadata,
        workflow_spec=reference if refer else template.spec.replace(workflow_metadata=None),
    )
    # The version is that of the code, which only the template has then.
    labels = {key: value for key, value in template.metadata.labels.items() if not refer or key != VERSION}
    return CronWorkflow(metadata=template.metadata.replace(labels=labels), spec=spec)
