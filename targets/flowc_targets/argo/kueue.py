"""Kueue: a LocalQueue admits the pods of a run, and those of a gang together or not at all.

Its "plain pods" integration goes by labels: the queue's name, and for a group its name and how many pods it has. The
pods of one attempt of a gang are a group, so that a gang that starts over is admitted anew.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from flowc_targets.argo.argo_expressions import InputParameter
from flowc_targets.argo.workflow_objects import Parameter, Template
from flowc_targets.kubernetes.objects import ObjectMeta

if TYPE_CHECKING:
    from flowc_targets.argo.argo_expressions import Value
    from flowc_targets.argo.options import ArgoOptions


QUEUE = "kueue.x-k8s.io/queue-name"
"""The label that names the LocalQueue."""
GROUP = "kueue.x-k8s.io/pod-group-name"
"""The label that the pods of a group share."""
TOTAL = "kueue.x-k8s.io/pod-group-total-count"
"""The annotation that says how many they are."""
_SIZE, _GANG = InputParameter("size"), InputParameter("gang")
"""Inputs of a member's template: how many members the gang has, and its index, as a foreach has several gangs."""


def pod_metadata(options: ArgoOptions) -> ObjectMeta | None:
    """The metadata of all pods of a run, with the queue that admits them."""
    labels = {**options.labels, **({QUEUE: options.kueue_queue} if options.kueue_queue is not None else {})}
    return ObjectMeta(labels=labels, annotations=options.annotations) if labels or options.annotations else None


def grouped(template: Template, step: str) -> Template:
    """The template of a gang's step, with the labels and the inputs of a group."""
    attempt = ".{{retries}}" if template.retry_strategy is not None else ""
    # Half of what a label's value may be long is the run's id; the step's name could be all of it.
    of_step = hashlib.sha256(step.encode()).hexdigest()[:8]
    group = f"{{{{workflow.uid}}}}.{of_step}.{_GANG}{attempt}"
    meta = template.metadata or ObjectMeta()
    labels, annotations = {**meta.labels, GROUP: group}, {**meta.annotations, TOTAL: str(_SIZE)}
    inputs = (*template.inputs, Parameter(name=_SIZE.name), Parameter(name=_GANG.name))
    return template.replace(metadata=meta.replace(labels=labels, annotations=annotations), inputs=inputs)


def group_arguments(template: Template, count: Value, index: Value) -> tuple[Parameter, ...]:
    """What a member's template is called with beside its index, where it has the labels of a group."""
    if not any(item.name == _SIZE.name for item in template.inputs):
        return ()
    return (Parameter(name=_SIZE.name, value=count), Parameter(name=_GANG.name, value=index))
