"""What a step asks of its pod, as fields of a template and of its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.argo.objects import EnvFrom, Meta, NameRef, PodToleration, Resources
from flowc_targets.base import asked
from flowc_targets.kubernetes.gpu import step_tolerations

if TYPE_CHECKING:
    from flowc_compiler.ir import StepSpecs
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.kubernetes.gpu import GpuPlacement


def tolerations(specs: StepSpecs, gpu: GpuPlacement | None) -> tuple[PodToleration, ...]:
    """The step's tolerations, then those that its GPUs need."""
    return tuple(PodToleration(**item.model_dump()) for item in step_tolerations(specs, gpu))


def metadata(specs: StepSpecs) -> Meta | None:
    """Labels and annotations of the pod."""
    spec = specs.container
    if spec is None or not (spec.labels or spec.annotations):
        return None
    return Meta(labels=dict(spec.labels), annotations=dict(spec.annotations))


def resources(specs: StepSpecs, options: ArgoOptions, gpu: GpuPlacement | None) -> Resources | None:
    """Requests as asked for, and limits for GPUs, as Metaflow does it: a step may use what its node has to spare."""
    extended = asked.extended(specs)
    requests = {**asked.requests(specs), **extended}
    limits = {**asked.limits(specs, options.qos), **extended}
    if gpu is not None:
        limits[gpu.resource] = str(gpu.count)
    return Resources(requests=requests, limits=limits) if requests or limits else None


def env_from(specs: StepSpecs, options: ArgoOptions) -> tuple[EnvFrom, ...]:
    """ConfigMaps, then Secrets, whose keys become variables: of the same name the last one counts."""
    secrets = dict.fromkeys((*options.env_from_secrets, *asked.secret_names(specs)))
    return (
        *(EnvFrom(config_map_ref=NameRef(name=name)) for name in asked.config_map_names(specs)),
        *(EnvFrom(secret_ref=NameRef(name=name)) for name in secrets),
    )
