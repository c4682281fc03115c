"""GPU types to placement: what a step calls `a100` is a node label here, a taint there, a resource elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowc_compiler.ir import Toleration
from flowc_targets.kubernetes.gpu_types import GPU_CLOUDS

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import AcceleratorSpec, StepSpecs
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.kubernetes.gpu_types import GpuCloud, Labels

_SLICE = re.compile(r"(?:mig-|(?P<name>.+?)-(?:mig-)?)?(?P<partition>\d+g\.\d+gb(?:\.me)?)", re.IGNORECASE)
"""A slice of a GPU (MIG), such as `a100-1g.5gb`, `a100-80gb-1g.10gb` or `1g.5gb` of any type."""


@dataclass(frozen=True, slots=True)
class GpuPlacement:
    """Where a step with GPUs may run, and what it takes there."""

    resource: str
    count: int
    selector: dict[str, str]
    tolerations: tuple[Toleration, ...]
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Labels of which several values will do: a node selector cannot say that, affinity can."""


def step_gpu(specs: StepSpecs, options: TargetOptions, target: str, sink: DiagnosticSink) -> GpuPlacement | None:
    """The placement of the step's GPUs, if it has any, and if their type is known."""
    accelerator = specs.accelerator
    return place_gpu(accelerator, options, target, sink) if accelerator is not None and accelerator.count else None


def step_selector(specs: StepSpecs, gpu: GpuPlacement | None) -> dict[str, str]:
    """The labels of nodes: those of the GPU's type, and those that the step names, which are stronger."""
    return {**(gpu.selector if gpu else {}), **(specs.placement.node_selector if specs.placement else {})}


def step_tolerations(specs: StepSpecs, gpu: GpuPlacement | None) -> tuple[Toleration, ...]:
    """The step's tolerations, then those that its GPUs need, each once."""
    own = specs.placement.tolerations if specs.placement else ()
    return tuple(dict.fromkeys((*own, *(gpu.tolerations if gpu else ()))))


def place_gpu(spec: AcceleratorSpec, options: TargetOptions, target: str, sink: DiagnosticSink) -> GpuPlacement | None:
    """The placement of a step's GPUs, `None` with a diagnostic where its type is not known.

    The taint that GPU nodes commonly carry, the resource's own name, is always tolerated: only pods that ask for that
    resource get here.
    """
    cloud = GPU_CLOUDS[options.gpu_cloud]
    if spec.type is None:
        return _placement(spec, spec.resource, {}, cloud.tolerations)
    profile = options.gpu.get(spec.type)
    if profile is not None:
        return _placement(spec, profile.resource or spec.resource, profile.selector, profile.tolerations)
    name, partition = _parts(spec.type)
    profile = options.gpu.get(name) if name is not None else None
    labels: Labels | None = {} if name is None else profile.selector if profile is not None else cloud.labels(name)
    if labels is None or (spec.vendor != "nvidia" and profile is None):
        message = f"GPU type {spec.type!r} is not known on {options.gpu_cloud}"
        sink.unsupported("FC501", target, message, spec.span, help=_help(spec.type, cloud))
        return None
    tolerations = profile.tolerations if profile is not None else cloud.tolerations
    resource = profile.resource or spec.resource if profile is not None else spec.resource
    if partition is not None and cloud.partition_label is not None:
        labels = {**labels, cloud.partition_label: partition}
    elif partition is not None:
        resource = f"{spec.vendor}.com/mig-{partition}"
    return _placement(spec, resource, labels, tolerations)


def _parts(name: str) -> tuple[str | None, str | None]:
    """A type's name and its slice."""
    match = _SLICE.fullmatch(name)
    return (name, None) if match is None else (match["name"], match["partition"].lower())


def _placement(
    spec: AcceleratorSpec, resource: str, labels: Labels, tolerations: tuple[Toleration, ...]
) -> GpuPlacement:
    own = [Toleration(key=resource, operator="Exists", effect="NoSchedule")]
    if resource.startswith(f"{spec.vendor}.com/mig-"):
        own.append(Toleration(key=spec.resource, operator="Exists", effect="NoSchedule"))
    selector = {label: value for label, value in labels.items() if isinstance(value, str)}
    choices = {label: value for label, value in labels.items() if not isinstance(value, str)}
    return GpuPlacement(resource, spec.count, selector, tuple(dict.fromkeys((*own, *tolerations))), choices)


def _help(name: str, cloud: GpuCloud) -> str:
    others = ", ".join(sorted(GPU_CLOUDS))
    return (
        f"say how the cluster labels it in pyproject.toml: [tool.flowc.gpu.{name}] selector = {{...}}; "
        f"built in are {', '.join(cloud.types)}; gpu_cloud chooses between {others}"
    )
