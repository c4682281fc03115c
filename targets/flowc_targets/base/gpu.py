"""GPU types to placement: what a step calls `a100` is a node label here, a taint there, a resource elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc_compiler.ir import Toleration

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import AcceleratorSpec
    from flowc_targets.base.options import TargetOptions

GKE_LABEL = "cloud.google.com/gke-accelerator"
"""The node label of the built-in profiles."""

GKE_TYPES = {
    "a100": "nvidia-tesla-a100",
    "a100-80gb": "nvidia-a100-80gb",
    "b200": "nvidia-b200",
    "h100": "nvidia-h100-80gb",
    "h100-mega": "nvidia-h100-mega-80gb",
    "h200": "nvidia-h200-141gb",
    "l4": "nvidia-l4",
    "p100": "nvidia-tesla-p100",
    "p4": "nvidia-tesla-p4",
    "t4": "nvidia-tesla-t4",
    "v100": "nvidia-tesla-v100",
}
"""Short names of the built-in profiles; the label's own values are understood as well."""


@dataclass(frozen=True, slots=True)
class GpuPlacement:
    """Where a step with GPUs may run, and what it takes there."""

    resource: str
    count: int
    selector: dict[str, str]
    tolerations: tuple[Toleration, ...]


def place_gpu(spec: AcceleratorSpec, options: TargetOptions, target: str, sink: DiagnosticSink) -> GpuPlacement | None:
    """The placement of a step's GPUs, `None` with a diagnostic where its type is not known.

    The taint that GPU nodes commonly carry, the resource's own name, is always tolerated: only pods that ask for that
    resource get here.
    """
    profile = options.gpu.get(spec.type) if spec.type is not None else None
    resource = profile.resource if profile is not None and profile.resource else spec.resource
    own = Toleration(key=resource, operator="Exists", effect="NoSchedule")
    if spec.type is None:
        return GpuPlacement(resource, spec.count, {}, (own,))
    if profile is not None:
        extra = tuple(item for item in profile.tolerations if item != own)
        return GpuPlacement(resource, spec.count, dict(profile.selector), (own, *extra))
    label = _gke_value(spec.type)
    if label is None or spec.vendor != "nvidia":
        sink.unsupported("FC501", target, f"GPU type {spec.type!r} is not known", spec.span, help=_help(spec.type))
        return None
    return GpuPlacement(resource, spec.count, {GKE_LABEL: label}, (own,))


def _gke_value(name: str) -> str | None:
    lowered = name.lower()
    return lowered if lowered in GKE_TYPES.values() else GKE_TYPES.get(lowered)


def _help(name: str) -> str:
    return (
        f"say how the cluster labels it in pyproject.toml: [tool.flowc.gpu.{name}] selector = {{...}}; "
        f"built in are {', '.join(GKE_TYPES)}"
    )
