"""`@trigger_on_finish`: Workflows of other flows that have succeeded, told by an EventSource of the flow's own.

It watches Workflows that have the labels of the other flow and, from the controller, of a success. Such a watch has one
event, ADD, when a Workflow comes to have them. When the EventSource starts, it has one for each Workflow that is there
already, too: the Sensor leaves out what ended long ago, and what was started for is not started for again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.argo.events import go_templates
from flowc_targets.argo.events.part import Part
from flowc_targets.argo.events.resets import resets
from flowc_targets.argo.events.sensor_model import (
    DataFilter,
    Dependency,
    EventSource,
    EventSourceSpec,
    Filters,
    PodTemplate,
    ResourceFilter,
    Selector,
    Source,
    Watch,
)
from flowc_targets.argo.labels import DEPLOYMENT, label_value
from flowc_targets.argo.object_names import OBJECT_LIMIT, deployed_name
from flowc_targets.kubernetes.event_names import upstream_deployment

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, TriggerOnFinishSpec
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.kubernetes.objects import ObjectMeta

PHASE = "workflows.argoproj.io/phase"
"""The controller's label."""
FRESH_SECONDS = 900
"""How long after its end a run still starts others: longer than an EventSource takes to be there again."""
_SUFFIX = "-finished"


def finish_part(flow: Flow, spec: TriggerOnFinishSpec) -> Part:
    """The share of `@trigger_on_finish`."""
    young = DataFilter(
        path="body.status.finishedAt",
        type="number",
        comparator="<",
        value=(str(FRESH_SECONDS),),
        template=go_templates.AGE,
    )
    source = source_name(flow)
    names = [f"run_{number}" for number in range(1, len(spec.flows) + 1)]
    records = [
        Source(
            dependency_name=name,
            data_template=go_templates.run_record(other.name, upstream_deployment(flow, other) or other.name),
        )
        for name, other in zip(names, spec.flows, strict=True)
    ]
    return Part(
        dependencies=tuple(
            Dependency(name=name, event_source_name=source, event_name=name, filters=Filters(data=(young,)))
            for name in names
        ),
        resets=resets(spec.options),
        values={},
        records=tuple(records),
        digest=lambda name, digits: Source(dependency_name=name, data_template=go_templates.digest_of_workflow(digits)),
    )


def finish_source(
    flow: Flow, options: ArgoOptions, spec: TriggerOnFinishSpec, meta: ObjectMeta, pod: PodTemplate | None
) -> EventSource:
    """The EventSource with a watch for each of the other flows."""
    watches = {
        f"run_{number}": Watch(
            namespace=options.namespace or "",
            filter=ResourceFilter(
                labels=(
                    Selector(key=DEPLOYMENT, value=label_value(upstream_deployment(flow, other) or other.name)),
                    Selector(key=PHASE, value="Succeeded"),
                )
            ),
        )
        for number, other in enumerate(spec.flows, 1)
    }
    return EventSource(
        metadata=meta, spec=EventSourceSpec(event_bus_name=options.event_bus, template=pod, resource=watches)
    )


def source_name(flow: Flow) -> str:
    """The name of the EventSource."""
    return deployed_name(flow, OBJECT_LIMIT - len(_SUFFIX)) + _SUFFIX
