"""Kueue: a LocalQueue admits the pods of a run, and those of a gang together or not at all.

Kueue's "plain pods" integration goes by labels: the queue's name, and for a group its name and how many pods it has.
The pods of one attempt of a gang are a group, so that a gang that starts over is admitted anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from flowc_targets.argo.workflow_objects import Parameter, Parameters, Template
from flowc_targets.kubernetes.objects import ObjectMeta

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Step

QUEUE = "kueue.x-k8s.io/queue-name"
"""The label that names the LocalQueue."""
GROUP = "kueue.x-k8s.io/pod-group-name"
"""The label that the pods of a group share."""
TOTAL = "kueue.x-k8s.io/pod-group-total-count"
"""The annotation that says how many they are."""
SIZE_INPUT = "size"
"""An input of a member's template: how many members the gang has."""
GANG_INPUT = "gang"
"""Another: the index of the gang, of which there are several in a foreach."""


def queued(pod_metadata: ObjectMeta | None, queue: str | None) -> ObjectMeta | None:
    """The metadata of all pods of a run, with the queue that admits them."""
    if queue is None:
        return pod_metadata
    meta = pod_metadata or ObjectMeta()
    return replace(meta, labels={**meta.labels, QUEUE: queue})


def grouped(flow: Flow, step: Step, leaf: Template, queue: str | None) -> Template:
    """The template of a step, with the labels of a group where it is a gang's."""
    if queue is None or not any(flow.by_name[parent].kind == "parallel" for parent in step.parents):
        return leaf
    attempt = ".{{retries}}" if leaf.retry_strategy is not None else ""
    # Half of what a label's value may be long is the run's id; the step's name could be all of it.
    of_step = hashlib.sha256(step.name.encode()).hexdigest()[:8]
    group = f"{{{{workflow.uid}}}}.{of_step}.{{{{inputs.parameters.{GANG_INPUT}}}}}{attempt}"
    meta = leaf.metadata or ObjectMeta()
    inputs = leaf.inputs.parameters if leaf.inputs is not None else ()
    return replace(
        leaf,
        metadata=replace(
            meta,
            labels={**meta.labels, GROUP: group},
            annotations={**meta.annotations, TOTAL: f"{{{{inputs.parameters.{SIZE_INPUT}}}}}"},
        ),
        inputs=Parameters(parameters=(*inputs, Parameter(name=SIZE_INPUT), Parameter(name=GANG_INPUT))),
    )


def group_arguments(leaf: Template, count: str, index: str) -> tuple[Parameter, ...]:
    """What a member's template is called with beside its index, where it has labels of a group."""
    inputs = leaf.inputs.parameters if leaf.inputs is not None else ()
    if not any(item.name == SIZE_INPUT for item in inputs):
        return ()
    return (Parameter(name=SIZE_INPUT, value=count), Parameter(name=GANG_INPUT, value=index))
