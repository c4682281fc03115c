"""The Sensor of a flow with `@trigger` or `@trigger_on_finish`: it makes Workflows of the flow's WorkflowTemplate.

A Workflow is named after what it is made for: the ids of the events, the uids of the Workflows that have ended. So the
Sensor may try again and the bus may deliver twice: the API server makes one Workflow, and refuses the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.argo.events import go_templates
from flowc_targets.argo.events.byevent import event_part
from flowc_targets.argo.events.byfinish import finish_part, finish_source, source_name
from flowc_targets.argo.events.event_parameters import TRIGGER
from flowc_targets.argo.events.sensor_model import (
    Backoff,
    EventSource,
    K8sTrigger,
    Mapping,
    PodTemplate,
    Resource,
    Sensor,
    SensorSpec,
    Source,
    Trigger,
    TriggeredSpec,
    TriggeredWorkflow,
    TriggerTemplate,
)
from flowc_targets.argo.object_names import OBJECT_LIMIT, deployed_name
from flowc_targets.argo.workflow_objects import Parameter, Parameters
from flowc_targets.kubernetes.objects import LocalObjectReference, ObjectMeta

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow
    from flowc_targets.argo.events.part import Part
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.argo.workflow_objects import Workflow

_RETRIES = Backoff(steps=5, duration="1s", factor=2)
_DIGITS, _ALL_DIGITS = 10, 40
"""Hexadecimal digits of what a Workflow is named after: of one event, and of all together."""


def event_objects(flow: Flow, options: ArgoOptions, template: Workflow) -> tuple[EventSource | Sensor, ...]:
    """The Sensor, and the EventSource where other flows are waited for; nothing for a flow without triggers."""
    events, finished = flow.specs.trigger, flow.specs.trigger_on_finish
    arguments = template.spec.arguments.parameters if template.spec.arguments is not None else ()
    parts: dict[str, Part] = {}
    if events is not None:
        parts["events"] = event_part(flow, options, events, {item.name: item.value for item in arguments})
    if finished is not None:
        parts["finished"] = finish_part(flow, finished)
    if not parts:
        return ()
    account = options.event_service_account
    pod = PodTemplate(service_account_name=account) if account is not None else None
    sensor = Sensor(
        metadata=_meta(deployed_name(flow), template),
        spec=SensorSpec(
            event_bus_name=options.event_bus,
            template=pod,
            dependencies=tuple(item for part in parts.values() for item in part.dependencies),
            triggers=tuple(_trigger(flow, name, part, template) for name, part in parts.items()),
        ),
    )
    if finished is None:
        return (sensor,)
    return (finish_source(flow, options, finished, _meta(source_name(flow), template), pod), sensor)


def _meta(name: str, template: Workflow) -> ObjectMeta:
    about = template.metadata
    return ObjectMeta(name=name, namespace=about.namespace, labels=about.labels)


def _trigger(flow: Flow, name: str, part: Part, template: Workflow) -> Trigger:
    names = [dependency.name for dependency in part.dependencies]
    return Trigger(
        template=TriggerTemplate(
            name=name,
            conditions=" && ".join(names),
            conditions_reset=part.resets,
            k8s=K8sTrigger(source=Resource(resource=_workflow(flow, part, template)), parameters=_mappings(part)),
        ),
        retry_strategy=_RETRIES,
    )


def _workflow(flow: Flow, part: Part, template: Workflow) -> TriggeredWorkflow:
    """The Workflow, before the events' values are put into it."""
    values = tuple(Parameter(name=name, value=source.value) for name, source in part.values.items())
    digits = _digits(part) * len(part.dependencies)
    return TriggeredWorkflow(
        metadata=ObjectMeta(
            name=deployed_name(flow, OBJECT_LIMIT - 1 - digits) + "-", namespace=template.metadata.namespace
        ),
        spec=TriggeredSpec(
            arguments=Parameters(parameters=(*values, Parameter(name=TRIGGER, value=""))),
            workflow_template_ref=LocalObjectReference(name=template.metadata.name or ""),
        ),
    )


def _mappings(part: Part) -> tuple[Mapping, ...]:
    """What of the events goes where: into the name, the parameters, and what `current.trigger` reads."""
    found: list[Mapping] = []
    for dependency in part.dependencies:
        found.append(Mapping(src=part.digest(dependency.name, _digits(part)), dest="metadata.name", operation="append"))
    for number, source in enumerate(part.values.values()):
        found.append(Mapping(src=source, dest=_argument(number)))
    record = _argument(len(part.values))
    for source in part.records:
        context = Source(
            dependency_name=source.dependency_name, context_template=go_templates.CONTEXT_RECORD, value=".,"
        )
        found += [Mapping(src=item, dest=record, operation="append") for item in (source, context)]
    return tuple(found)


def _argument(number: int) -> str:
    return f"spec.arguments.parameters.{number}.value"


def _digits(part: Part) -> int:
    """How many digits each event has in the name of the Workflow."""
    return max(2, min(_DIGITS, _ALL_DIGITS // len(part.dependencies)))
