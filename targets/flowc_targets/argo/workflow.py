"""The object around the templates: a Workflow or a WorkflowTemplate, its arguments, and what holds for the run."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from flowc_targets.argo.cron import CRON_LIMIT
from flowc_targets.argo.events.event_parameters import TRIGGER, waits_for_events
from flowc_targets.argo.hooks import ON_EXIT
from flowc_targets.argo.kueue import queued
from flowc_targets.argo.labels import run_labels
from flowc_targets.argo.object_names import OBJECT_LIMIT, deployed_name, object_name
from flowc_targets.argo.parameter_values import default_value, defused, encode_value
from flowc_targets.argo.pod_templates import CODE_VOLUME, ORIGIN
from flowc_targets.argo.workflow_objects import (
    Parameter,
    Parameters,
    PodGC,
    Template,
    TTLStrategy,
    Workflow,
    WorkflowSpec,
)
from flowc_targets.argo.yaml_printer import documents
from flowc_targets.base.parameter_defaults import description
from flowc_targets.kubernetes.objects import (
    ConfigMapVolumeSource,
    LocalObjectReference,
    ObjectMeta,
    Volume,
    to_manifest,
)
from flowc_targets.package.project import deployment_name

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow
    from flowc_compiler.ir import Parameter as FlowParameter
    from flowc_targets.argo.options import ArgoOptions

ENTRYPOINT = "main"
"""The template of the whole flow."""


def wrap(flow: Flow, options: ArgoOptions, code: str, templates: tuple[Template, ...]) -> Workflow:
    """The Workflow or WorkflowTemplate with these templates, whose code is in the ConfigMap `code`.

    For a CronWorkflow it is the WorkflowTemplate of what it runs.
    """
    return _named(flow, options, _spec(flow, options, code, templates))


def _spec(flow: Flow, options: ArgoOptions, code: str, templates: tuple[Template, ...]) -> WorkflowSpec:
    arguments = [_argument(parameter, options) for parameter in flow.run_parameters]
    if options.kind != "workflow":
        about = "a run to go on from, by its id: argo-UID, or argo-UID/STEP to run STEP again"
        arguments.append(Parameter(name=ORIGIN, value=options.origin_run or "", description=about))
    if waits_for_events(flow, options):
        arguments.append(Parameter(name=TRIGGER, value=""))
    containers = [step.specs.container for step in flow.steps if step.specs.container]
    secrets = dict.fromkeys((*options.image_pull_secrets, *(name for c in containers for name in c.image_pull_secrets)))
    gc = PodGC(strategy=options.pod_gc, delete_delay_duration=options.pod_gc_delay) if options.pod_gc else None
    ttl = TTLStrategy(seconds_after_completion=options.ttl_seconds) if options.ttl_seconds is not None else None
    return WorkflowSpec(
        entrypoint=ENTRYPOINT,
        on_exit=ON_EXIT if flow.specs.exit_hooks else None,
        arguments=Parameters(parameters=tuple(arguments)) if arguments else None,
        service_account_name=options.service_account,
        image_pull_secrets=tuple(LocalObjectReference(name=name) for name in secrets),
        parallelism=options.parallelism,
        pod_metadata=queued(None, options.kueue_queue),
        pod_gc=gc,
        ttl_strategy=ttl,
        volumes=(Volume(name=CODE_VOLUME, config_map=ConfigMapVolumeSource(name=code)),),
        templates=templates,
    )


def _argument(parameter: FlowParameter, options: ArgoOptions) -> Parameter:
    given = options.parameters.get(parameter.name)
    missing = parameter.required and not parameter.has_default
    value = encode_value(given) if given is not None else None if missing else default_value(parameter)
    return Parameter(name=parameter.name, value=value, description=defused(description(parameter)) or None)


def _named(flow: Flow, options: ArgoOptions, spec: WorkflowSpec) -> Workflow:
    """The object around a spec. A Workflow's name tells its content: another flow is another object to apply."""
    template = options.kind != "workflow"
    labels = run_labels(flow)
    about = {"workflows.argoproj.io/title": flow.name}
    if flow.doc:
        about["workflows.argoproj.io/description"] = defused(flow.doc.strip().split("\n\n")[0])
    if template:
        spec = replace(spec, workflow_metadata=ObjectMeta(labels=labels, annotations=about))
        name = options.name or deployed_name(flow, CRON_LIMIT if options.kind == "cron" else OBJECT_LIMIT)
    else:
        digest = hashlib.sha256(documents([to_manifest(spec)]).encode()).hexdigest()
        name = options.name or object_name(deployment_name(flow), digest)
    generated = not template and options.through == "server" and options.name is None
    meta = ObjectMeta(
        name=None if generated else name,
        generate_name=f"{object_name(deployment_name(flow))}-" if generated else None,
        namespace=options.namespace,
        labels=labels,
        annotations=about,
    )
    return Workflow(kind="WorkflowTemplate" if template else "Workflow", metadata=meta, spec=spec)
