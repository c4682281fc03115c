"""A step's affinity, with what the type of its GPUs requires of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_compiler.ir import Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm

if TYPE_CHECKING:
    from flowc_compiler.ir import StepSpecs
    from flowc_targets.kubernetes.gpu import GpuPlacement


def step_affinity(specs: StepSpecs, gpu: GpuPlacement | None) -> Affinity | None:
    """The affinity of a step's pod, `None` where it has none."""
    own = specs.placement.affinity if specs.placement is not None else None
    if gpu is None or not gpu.choices:
        return own
    wanted = tuple(
        NodeSelectorRequirement(key=label, operator="In", values=values) for label, values in gpu.choices.items()
    )
    return _requiring(own or Affinity(), wanted)


def _requiring(affinity: Affinity, wanted: tuple[NodeSelectorRequirement, ...]) -> Affinity:
    """Affinity to nodes that have these labels, too: of Kubernetes' terms one has to hold, so each gets them all."""
    node = affinity.node_affinity or NodeAffinity()
    required = node.required_during_scheduling_ignored_during_execution
    terms = required.node_selector_terms if required is not None else (NodeSelectorTerm(),)
    both = tuple(term.model_copy(update={"match_expressions": (*term.match_expressions, *wanted)}) for term in terms)
    update = {"required_during_scheduling_ignored_during_execution": NodeSelector(node_selector_terms=both)}
    return affinity.model_copy(update={"node_affinity": node.model_copy(update=update)})
