"""GPU types to placement: what a step calls `a100` is a node label here, a taint there, a resource elsewhere.

Sources of the types that are built in, all read in 2026: the accelerator types of GKE's documentation and its label
`gke-gpu-partition-size`; for EKS the instance types in Karpenter's reference, whose labels and those of EKS Auto Mode
have EC2's names of GPUs; for AKS the VM sizes that Azure's provider for Karpenter lists; for `gfd` the products that
NVIDIA's GPU feature discovery, a part of its GPU operator, reads from the driver.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowc_compiler.ir import Toleration
from flowc_compiler.ir.specs import SLICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import AcceleratorSpec, StepSpecs
    from flowc_compiler.source import Span
    from flowc_targets.base.options import TargetOptions

NEURON = "aws.amazon.com/neuron"
"""The resource, and the taint, of AWS Inferentia and Trainium devices; the resource of their cores begins with it."""
Labels = dict[str, str | tuple[str, ...]]
"""Labels of nodes; several values are alternatives."""


@dataclass(frozen=True, slots=True)
class GpuCloud:
    """How one kind of cluster labels its nodes with GPUs of NVIDIA."""

    types: dict[str, Labels]
    """Labels by the name that flows use."""
    partition_label: str | None = None
    """The label that tells the size of MIG slices; where there is none a slice is a resource of its own."""
    tolerations: tuple[Toleration, ...] = ()
    """For taints that its GPU nodes commonly have beside that of the resource's name."""

    def labels(self, name: str) -> Labels | None:
        """The labels of a type, by its name or by a label's own value; `None` for one that is not known."""
        lowered = name.lower()
        if lowered in self.types:
            return self.types[lowered]
        for labels in self.types.values():
            for label, values in labels.items():
                exact = next((value for value in _alternatives(values) if value.lower() == lowered), None)
                if exact is not None and len(labels) == 1:
                    return {label: exact}
        return None


def _one(label: str, values: dict[str, str]) -> dict[str, Labels]:
    return {name: {label: value} for name, value in values.items()}


def _many(label: str, values: dict[str, tuple[str, ...]]) -> dict[str, Labels]:
    return {name: {label: several if several[1:] else several[0]} for name, several in values.items()}


def _sizes(families: str) -> tuple[str, ...]:
    """Instance types from families and their sizes: `g5: x 2x; p5: 48x` are g5.xlarge, g5.2xlarge and p5.48xlarge."""
    parts = (part.split(":") for part in families.split(";"))
    return tuple(
        f"{family.strip()}.{size if size == 'metal' else f'{size}large'}"
        for family, sizes in parts
        for size in sizes.split()
    )


_INSTANCE_TYPE = "node.kubernetes.io/instance-type"
_EIGHT = "x 2x 4x 8x 12x 16x 24x 48x"

_GKE = {
    "a100": "nvidia-tesla-a100",
    "a100-40gb": "nvidia-tesla-a100",
    "a100-80gb": "nvidia-a100-80gb",
    "b200": "nvidia-b200",
    "gb200": "nvidia-gb200",
    "h100": "nvidia-h100-80gb",
    "h100-mega": "nvidia-h100-mega-80gb",
    "h200": "nvidia-h200-141gb",
    "l4": "nvidia-l4",
    "p100": "nvidia-tesla-p100",
    "p4": "nvidia-tesla-p4",
    "rtx-pro-6000": "nvidia-rtx-pro-6000",
    "t4": "nvidia-tesla-t4",
    "v100": "nvidia-tesla-v100",
}
_EKS = {
    "a100": "p4d: 24x; p4de: 24x",
    "a100-40gb": "p4d: 24x",
    "a100-80gb": "p4de: 24x",
    "a10g": f"g5: {_EIGHT}",
    "b200": "p6-b200: 48x",
    "b300": "p6-b300: 48x",
    "h100": "p5: 4x 48x",
    "h200": "p5e: 48x; p5en: 48x",
    "l4": f"g6: {_EIGHT}; gr6: 4x 8x",
    "l40s": f"g6e: {_EIGHT}",
    "rtx-pro-4500": "g7: 2x 4x 8x 12x 24x 48x",
    "rtx-pro-6000": "g7e: 2x 4x 8x 12x 24x 48x",
    "t4": "g4dn: x 2x 4x 8x 12x 16x metal",
    "t4g": "g5g: x 2x 4x 8x 16x metal",
    "v100": "p3: 2x 8x 16x; p3dn: 24x",
}
_AKS = {
    "a10": ("NV36ads_A10_v5", "NV36adms_A10_v5", "NV72ads_A10_v5"),
    "a100": (
        "NC24ads_A100_v4", "NC48ads_A100_v4", "NC96ads_A100_v4", "ND96asr_v4", "ND96amsr_A100_v4",
    ),
    "a100-40gb": ("ND96asr_v4",),
    "a100-80gb": ("NC24ads_A100_v4", "NC48ads_A100_v4", "NC96ads_A100_v4", "ND96amsr_A100_v4"),
    "gb200": ("ND128isr_NDR_GB200_v6",),
    "gb300": ("ND128isr_GB300_v6",),
    "h100": ("NC40ads_H100_v5", "NC80adis_H100_v5", "NCC40ads_H100_v5", "ND96isr_H100_v5"),
    "h200": ("ND96isr_H200_v5",),
    "t4": ("NC4as_T4_v3", "NC8as_T4_v3", "NC16as_T4_v3", "NC64as_T4_v3"),
    "v100": ("NC6s_v3", "NC12s_v3", "NC24s_v3", "NC24rs_v3", "ND40rs_v2"),
}  # fmt: skip
_GFD = {
    "a10": ("NVIDIA-A10",),
    "a100": ("NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-PCIE-40GB", "NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe"),
    "a100-40gb": ("NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-PCIE-40GB"),
    "a100-80gb": ("NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe"),
    "a10g": ("NVIDIA-A10G",),
    "a30": ("NVIDIA-A30",),
    "a40": ("NVIDIA-A40",),
    "b200": ("NVIDIA-B200",),
    "gb200": ("NVIDIA-GB200",),
    "gh200": ("NVIDIA-GH200-480GB",),
    "h100": ("NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe", "NVIDIA-H100-NVL"),
    "h200": ("NVIDIA-H200", "NVIDIA-H200-NVL"),
    "l4": ("NVIDIA-L4",),
    "l40": ("NVIDIA-L40",),
    "l40s": ("NVIDIA-L40S",),
    "p100": ("Tesla-P100-SXM2-16GB", "Tesla-P100-PCIE-16GB", "Tesla-P100-PCIE-12GB"),
    "p4": ("Tesla-P4",),
    "t4": ("Tesla-T4",),
    "v100": (
        "Tesla-V100-SXM2-16GB", "Tesla-V100-SXM2-32GB", "Tesla-V100-PCIE-16GB", "Tesla-V100-PCIE-32GB",
        "Tesla-V100S-PCIE-32GB",
    ),
}  # fmt: skip


def _karpenter(prefix: str) -> dict[str, Labels]:
    """Types by EC2's name of the GPU, and its memory in MiB where there are two sizes."""
    name, memory = f"{prefix}/instance-gpu-name", f"{prefix}/instance-gpu-memory"
    names = {key: "rtx-pro-server-6000" if key == "rtx-pro-6000" else key for key in _EKS if "gb" not in key}
    sizes: dict[str, Labels] = {
        "a100-40gb": {name: "a100", memory: "40960"},
        "a100-80gb": {name: "a100", memory: "81920"},
    }
    return {**_one(name, names), **sizes}


GPU_CLOUDS: dict[str, GpuCloud] = {
    "gke": GpuCloud(
        _one("cloud.google.com/gke-accelerator", _GKE), partition_label="cloud.google.com/gke-gpu-partition-size"
    ),
    "eks": GpuCloud(_many(_INSTANCE_TYPE, {name: _sizes(families) for name, families in _EKS.items()})),
    "eks-auto": GpuCloud(_karpenter("eks.amazonaws.com")),
    "karpenter": GpuCloud(_karpenter("karpenter.k8s.aws")),
    "aks": GpuCloud(
        _many(_INSTANCE_TYPE, {name: tuple(f"Standard_{size}" for size in sizes) for name, sizes in _AKS.items()}),
        tolerations=(Toleration.model_construct(key="sku", operator="Equal", value="gpu", effect="NoSchedule"),),
    ),
    "gfd": GpuCloud(_many("nvidia.com/gpu.product", _GFD)),
}
"""The kinds of clusters, by the option `gpu_cloud`."""

_A100_40GB = "1g.5gb 1g.10gb 2g.10gb 3g.20gb 4g.20gb 7g.40gb"
_80GB = "1g.10gb 1g.20gb 2g.20gb 3g.40gb 4g.40gb 7g.80gb"
_H100 = f"{_80GB} 1g.12gb 1g.24gb 2g.24gb 3g.47gb 4g.47gb 7g.94gb 3g.48gb 4g.48gb 7g.96gb"
_H200 = "1g.18gb 1g.35gb 2g.35gb 3g.71gb 4g.71gb 7g.141gb"
_GH200 = "1g.12gb 1g.24gb 2g.24gb 3g.48gb 4g.48gb 7g.96gb 1g.18gb 1g.36gb 2g.36gb 3g.72gb 4g.72gb 7g.144gb"
_SLICES: dict[str, frozenset[str]] = {
    name: frozenset(slices.split())
    for name, slices in {
        "a100": f"{_A100_40GB} {_80GB}",
        "a100-40gb": _A100_40GB,
        "a100-80gb": _80GB,
        "a30": "1g.6gb 2g.12gb 4g.24gb",
        "gh200": _GH200,
        "h100": _H100,
        "h100-mega": _80GB,
        "h200": _H200,
        **dict.fromkeys(("a10", "a10g", "a40", "l4", "l40", "l40s", "p100", "p4", "t4", "t4g", "v100"), ""),
    }.items()
}
"""The slices (MIG) of NVIDIA's MIG User Guide, without extensions such as `.me`; of types that are not here any size
may exist, since it depends on the board and its driver.
"""
_SLICE_SIZES = frozenset("12347")
"""Into how many of its parts for computing a GPU is divided."""


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
    """The placement of the step's GPUs, if it has any, and if their type is known.

    Collects FC406 where the step's own selectors and resources contradict it.
    """
    accelerator = specs.accelerator
    gpu = place_gpu(accelerator, options, target, sink) if accelerator is not None and accelerator.count else None
    if accelerator is not None and gpu is not None:
        for problem in _contradictions(specs, accelerator, gpu):
            sink.error("FC406", problem, accelerator.span, help="keep one of the two")
    if specs.resources is not None:
        for name in specs.resources.extended:
            _check_slice(name, specs.resources.span, sink)
    return gpu


def _check_slice(resource: str, span: Span | None, sink: DiagnosticSink) -> None:
    """Collect FC404 for an extended resource that is a slice no GPU has."""
    found = SLICE.fullmatch(resource.removeprefix("nvidia.com/")) if resource.startswith("nvidia.com/mig-") else None
    if found is not None and (why := slice_problem(None, found["partition"])) is not None:
        sink.error("FC404", why, span, help="choose a slice that GPUs have")


def _contradictions(specs: StepSpecs, spec: AcceleratorSpec, gpu: GpuPlacement) -> Iterator[str]:
    """What the step says of its nodes, or of a resource, that no node with its GPUs can meet."""
    extended = specs.resources.extended.get(gpu.resource) if specs.resources is not None else None
    if extended is not None and extended != str(gpu.count):
        yield f"the step requests {gpu.count} of {gpu.resource}, and {extended} in `extended_resources`"
    if spec.type is None or specs.placement is None:
        return
    for label, value in specs.placement.node_selector.items():
        wanted = _alternatives(gpu.choices.get(label) or gpu.selector.get(label))
        if (wanted and value not in wanted) or (not wanted and _is_other_type(spec.type, label, value)):
            yield f"`node_selector` wants nodes with {label}={value}, which have no GPUs of type {spec.type}"


def _is_other_type(name: str, label: str, value: str) -> bool:
    """Whether a label is known, on any kind of cluster, as one of nodes with GPUs of another type only."""
    base = (_parts(name)[0] or "").lower()
    types = [(kind, labels) for cloud in GPU_CLOUDS.values() for kind, labels in cloud.types.items()]
    if all(kind != base for kind, _ in types):
        return False  # a name of this cluster's own
    known = {kind for kind, labels in types if value in _alternatives(labels.get(label))}
    return bool(known) and not any(f"{kind}-".startswith(f"{base}-") or base.startswith(f"{kind}-") for kind in known)


def _alternatives(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def device_tolerations(specs: StepSpecs) -> tuple[Toleration, ...]:
    """Tolerations of the taints of nodes with the step's extended resources, which have the resource's name.

    These are the tolerations of Kubernetes' own admission plugin ExtendedResourceToleration, which few clusters enable.
    The nodes of AWS Neuron have the taint of the device, whether devices or their cores are requested.
    """
    extended = specs.resources.extended if specs.resources is not None else {}
    names = [name for name, amount in extended.items() if "/" in name and amount.strip("0")]
    if any(name.startswith(NEURON) for name in names):
        names.append(NEURON)
    return tuple(
        Toleration.model_construct(key=name, operator="Exists", effect="NoSchedule") for name in dict.fromkeys(names)
    )


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
    if partition is not None and (problem := slice_problem(name, partition)) is not None:
        sink.error("FC404", problem, spec.span, help="choose a slice that the GPU has, or leave it out for a whole one")
        return None
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
    match = SLICE.fullmatch(name)
    return (name, None) if match is None else (match["name"], match["partition"].lower().replace("+", "."))


def slice_problem(name: str | None, partition: str) -> str | None:
    """Why there is no such slice of a type of GPUs, or of any; `None` where there may be one."""
    size = re.split(r"(?<=gb)\b", partition)[0]
    known = _SLICES.get(name.lower()) if name is not None else None
    if known is not None and not known:
        return f"GPUs of type {name} have no slices"
    if known is not None and size not in known:
        return f"GPUs of type {name} have no slices of {partition}: they have {', '.join(sorted(known))}"
    if size.partition("g.")[0] not in _SLICE_SIZES:
        return f"there are no slices of {partition}: a slice has 1, 2, 3, 4 or 7 parts of a GPU"
    return None


def _placement(
    spec: AcceleratorSpec, resource: str, labels: Labels, tolerations: tuple[Toleration, ...]
) -> GpuPlacement:
    # Not validated: what is written here is right, and building a validator takes longer than all of this.
    own = [Toleration.model_construct(key=resource, operator="Exists", effect="NoSchedule")]
    if resource.startswith(f"{spec.vendor}.com/mig-"):
        own.append(Toleration.model_construct(key=spec.resource, operator="Exists", effect="NoSchedule"))
    selector = {label: value for label, value in labels.items() if isinstance(value, str)}
    choices = {label: value for label, value in labels.items() if not isinstance(value, str)}
    return GpuPlacement(resource, spec.count, selector, tuple(dict.fromkeys((*own, *tolerations))), choices)


def _help(name: str, cloud: GpuCloud) -> str:
    others = ", ".join(sorted(GPU_CLOUDS))
    return (
        f"say how the cluster labels it in pyproject.toml: [tool.flowc.gpu.{name}] selector = {{...}}; "
        f"built in are {', '.join(cloud.types)}; gpu_cloud chooses between {others}"
    )
