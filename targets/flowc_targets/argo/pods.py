"""What a step asks of its pod, as fields of a template and of its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.argo.objects import EnvFrom, Meta, NameRef, PodToleration, Resources
from flowc_targets.base import asked
from flowc_targets.base.gpu import place_gpu

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Step, StepSpecs
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.base.gpu import GpuPlacement


def place(step: Step, options: ArgoOptions, target: str, sink: DiagnosticSink) -> GpuPlacement | None:
    """The placement of the step's GPUs, if it has any."""
    accelerator = step.specs.accelerator
    return place_gpu(accelerator, options, target, sink) if accelerator and accelerator.count else None


def node_selector(specs: StepSpecs, gpu: GpuPlacement | None) -> dict[str, str]:
    """The labels of nodes: those of the GPU's type, and those that the step names, which are stronger."""
    return {**(gpu.selector if gpu else {}), **(specs.placement.node_selector if specs.placement else {})}


def tolerations(specs: StepSpecs, gpu: GpuPlacement | None) -> tuple[PodToleration, ...]:
    """The step's tolerations, then those that its GPUs need, each once."""
    own = specs.placement.tolerations if specs.placement else ()
    wanted = dict.fromkeys((*own, *(gpu.tolerations if gpu else ())))
    return tuple(PodToleration(**item.model_dump()) for item in wanted)


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
