"""GPU types on the clouds: labels, taints and resources, by `gpu_cloud` and by profiles."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import AcceleratorSpec, Affinity, Placement, StepSpecs, as_kubernetes
from flowc_targets.base.options import TargetOptions
from flowc_targets.kubernetes.gpu import GPU_CLOUDS, GpuPlacement, place_gpu
from flowc_targets.kubernetes.pod import step_affinity

INSTANCE = "node.kubernetes.io/instance-type"
LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def placed(name: str | None, cloud: str = "gke", *, vendor: str = "nvidia", **profiles: Any) -> GpuPlacement:
    sink = DiagnosticSink()
    spec = AcceleratorSpec(count=2, type=name, vendor=vendor)
    found = place_gpu(spec, TargetOptions.model_validate({"gpu_cloud": cloud, "gpu": profiles}), "argo", sink)
    assert found is not None, [item.message for item in sink.diagnostics]
    return found


def keys(found: GpuPlacement) -> list[str | None]:
    return [item.key for item in found.tolerations]


@pytest.mark.parametrize(
    ("cloud", "name", "selector", "choices"),
    [
        ("gke", "t4", {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"}, {}),
        ("gke", "A100-80GB", {"cloud.google.com/gke-accelerator": "nvidia-a100-80gb"}, {}),
        ("gke", "nvidia-l4", {"cloud.google.com/gke-accelerator": "nvidia-l4"}, {}),
        ("eks", "a100", {}, {INSTANCE: ("p4d.24xlarge", "p4de.24xlarge")}),
        ("eks", "a100-80gb", {INSTANCE: "p4de.24xlarge"}, {}),
        ("eks", "p5.48xlarge", {INSTANCE: "p5.48xlarge"}, {}),
        ("eks", "h100", {}, {INSTANCE: ("p5.4xlarge", "p5.48xlarge")}),
        ("karpenter", "l4", {"karpenter.k8s.aws/instance-gpu-name": "l4"}, {}),
        ("eks-auto", "h200", {"eks.amazonaws.com/instance-gpu-name": "h200"}, {}),
        ("eks-auto", "a100-80gb",
         {"eks.amazonaws.com/instance-gpu-name": "a100", "eks.amazonaws.com/instance-gpu-memory": "81920"}, {}),
        ("aks", "h200", {INSTANCE: "Standard_ND96isr_H200_v5"}, {}),
        ("aks", "Standard_NC24ads_A100_v4", {INSTANCE: "Standard_NC24ads_A100_v4"}, {}),
        ("aks", "a100-40gb", {INSTANCE: "Standard_ND96asr_v4"}, {}),
        ("gfd", "t4", {"nvidia.com/gpu.product": "Tesla-T4"}, {}),
        ("gfd", "h200", {}, {"nvidia.com/gpu.product": ("NVIDIA-H200", "NVIDIA-H200-NVL")}),
    ],
)  # fmt: skip
def test_types(cloud: str, name: str, selector: dict[str, str], choices: dict[str, tuple[str, ...]]) -> None:
    found = placed(name, cloud)
    assert (found.selector, found.choices, found.resource, found.count) == (selector, choices, "nvidia.com/gpu", 2)
    assert keys(found) == ["nvidia.com/gpu", *(["sku"] if cloud == "aks" else [])]


def test_the_taint_that_aks_recommends_is_tolerated_by_gpus_of_any_type() -> None:
    sku = placed(None, "aks").tolerations[1]
    assert (sku.key, sku.operator, sku.value, sku.effect) == ("sku", "Equal", "gpu", "NoSchedule")
    assert keys(placed(None, vendor="amd")) == ["amd.com/gpu"]


@pytest.mark.parametrize(
    ("cloud", "name", "selector", "resource"),
    [
        ("gke", "a100-1g.5gb",
         {"cloud.google.com/gke-accelerator": "nvidia-tesla-a100", "cloud.google.com/gke-gpu-partition-size": "1g.5gb"},
         "nvidia.com/gpu"),
        ("gke", "1g.5gb", {"cloud.google.com/gke-gpu-partition-size": "1g.5gb"}, "nvidia.com/gpu"),
        ("eks", "a100-80gb-3g.40gb", {INSTANCE: "p4de.24xlarge"}, "nvidia.com/mig-3g.40gb"),
        ("gfd", "a30-mig-1g.6gb.me", {"nvidia.com/gpu.product": "NVIDIA-A30"}, "nvidia.com/mig-1g.6gb.me"),
        ("aks", "mig-2g.10gb", {}, "nvidia.com/mig-2g.10gb"),
    ],
)  # fmt: skip
def test_slices(cloud: str, name: str, selector: dict[str, str], resource: str) -> None:
    found = placed(name, cloud)
    assert (found.selector, found.resource) == (selector, resource)
    assert "nvidia.com/gpu" in keys(found)
    assert resource in keys(found)


def test_profiles_come_first() -> None:
    a100 = {
        "selector": {"gpu": "big", "zone": ["a", "b"]},
        "tolerations": [{"key": "team", "operator": "Exists"}],
        "resource": "example.com/gpu",
    }
    found = placed("a100", a100=a100)
    assert (found.selector, found.choices, found.resource) == ({"gpu": "big"}, {"zone": ("a", "b")}, "example.com/gpu")
    assert keys(found) == ["example.com/gpu", "team"]
    slice_ = placed("a100-1g.5gb", "gfd", a100=a100)
    assert (slice_.selector, slice_.resource) == ({"gpu": "big"}, "nvidia.com/mig-1g.5gb")
    assert keys(slice_) == ["nvidia.com/mig-1g.5gb", "nvidia.com/gpu", "team"]
    profiles: dict[str, Any] = {"a100": a100, "a100-1g.5gb": {"selector": {"mig": "1"}}}
    whole = placed("a100-1g.5gb", **profiles)
    assert (whole.selector, whole.resource) == ({"mig": "1"}, "nvidia.com/gpu")
    assert placed("mi300x", vendor="amd", mi300x={"selector": {"a": "b"}}).resource == "amd.com/gpu"


@pytest.mark.parametrize(("name", "vendor"), [("k80", "nvidia"), ("a100", "amd"), ("k80-1g.5gb", "nvidia")])
def test_what_is_not_known_is_reported(name: str, vendor: str) -> None:
    sink = DiagnosticSink()
    assert place_gpu(AcceleratorSpec(count=1, type=name, vendor=vendor), TargetOptions(), "argo", sink) is None
    (problem,) = sink.diagnostics
    assert problem.code == "FC501"
    assert "gke" in problem.message
    assert problem.help is not None
    assert "a100" in problem.help
    assert "aks, eks, eks-auto, gfd, gke, karpenter" in problem.help


@pytest.mark.parametrize("cloud", GPU_CLOUDS)
def test_every_label_is_one(cloud: str) -> None:
    for name in GPU_CLOUDS[cloud].types:
        found = placed(name, cloud)
        values = [*found.selector.values(), *(value for several in found.choices.values() for value in several)]
        assert values
        assert all(LABEL.fullmatch(value) for value in values)


def test_several_labels_join_the_affinity_of_the_step() -> None:
    terms: list[dict[str, Any]] = [
        {"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]} for zone in ("a", "b")
    ]
    own = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}},
        "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]},
    }
    gpu = placed("h100", "eks")
    wanted = {"key": INSTANCE, "operator": "In", "values": ["p5.4xlarge", "p5.48xlarge"]}
    specs = StepSpecs(placement=Placement(affinity=Affinity.model_validate(own)))
    both = [{"matchExpressions": [*term["matchExpressions"], wanted]} for term in terms]
    found = as_kubernetes(step_affinity(specs, gpu))
    assert found["podAffinity"] == own["podAffinity"]
    assert found["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] == {"nodeSelectorTerms": both}
    alone = as_kubernetes(step_affinity(StepSpecs(), gpu))
    only = {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}
    assert alone == {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": only}}
    assert step_affinity(StepSpecs(), placed("t4")) is None
