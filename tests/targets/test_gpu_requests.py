"""Requests of GPUs and other devices that contradict each other, and tolerations that Kubernetes refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from tests.support import compiled, emitted, yaml_documents

FLOW = """
from flowc import FlowSpec, batch, kubernetes, resources, step


class F(FlowSpec):
    {decorators}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def codes_and_pod(folder: Path, decorators: str, **options: Any) -> tuple[list[str], dict[str, Any]]:
    """The codes of all diagnostics, and the container's limits and the pod's tolerations, node by node label."""
    sink = DiagnosticSink()
    try:
        compilation = compiled(folder, FLOW.format(decorators=decorators.replace("\n", "\n    ")), sink)
    except FlowcError:
        return [item.code for item in sink.diagnostics], {}
    files, sink = emitted(compilation, "argo", sink, **options)
    codes = [item.code for item in sink.diagnostics]
    if not files:
        return codes, {}
    workflow = next(item for item in yaml_documents(files[0].text) if item["kind"] == "Workflow")
    templates = cast("list[dict[str, Any]]", workflow["spec"]["templates"])
    leaf = max((item for item in templates if "container" in item), key=lambda item: "start" in item["name"])
    limits = leaf["container"].get("resources", {}).get("limits", {})
    return codes, {
        "limits": limits,
        "tolerated": [item.get("key") for item in leaf.get("tolerations", ())],
        "selector": leaf.get("nodeSelector", {}),
    }


GKE = "cloud.google.com/gke-accelerator"

RIGHT: list[tuple[str, dict[str, str], list[str]]] = [
    ("@resources(gpu=0)\n@kubernetes(gpu_type='a100', gpu=1)", {"nvidia.com/gpu": "1"}, ["nvidia.com/gpu"]),
    ("@kubernetes(gpu_type='a100')", {"nvidia.com/gpu": "1"}, ["nvidia.com/gpu"]),
    ("@resources(gpu=2)\n@kubernetes(gpu_type='a100')", {"nvidia.com/gpu": "2"}, ["nvidia.com/gpu"]),
    ("@kubernetes(gpu_type='a100', extended_resources={'nvidia.com/gpu': 4})",
     {"nvidia.com/gpu": "4"}, ["nvidia.com/gpu"]),
    ("@kubernetes(gpu=2, extended_resources={'nvidia.com/gpu': 2})", {"nvidia.com/gpu": "2"}, ["nvidia.com/gpu"]),
    ("@resources(gpu=1.0)", {"nvidia.com/gpu": "1"}, ["nvidia.com/gpu"]),
    ("@resources(gpu=' 2 ')", {"nvidia.com/gpu": "2"}, ["nvidia.com/gpu"]),
    ("@resources(gpu='a100:0')", {}, []),
    (f"@kubernetes(gpu_type='t4', node_selector={{'{GKE}': 'nvidia-tesla-t4'}})",
     {"nvidia.com/gpu": "1"}, ["nvidia.com/gpu"]),
    ("@kubernetes(gpu_type='a100', node_selector={'nvidia.com/gpu.product': 'NVIDIA-A100-SXM4-80GB'})",
     {"nvidia.com/gpu": "1"}, ["nvidia.com/gpu"]),
    ("@kubernetes(gpu_type='t4', node_selector={'pool': 'nvidia-l4'})", {"nvidia.com/gpu": "1"}, ["nvidia.com/gpu"]),
    ("@batch(trainium=2)", {"aws.amazon.com/neuron": "2"}, ["aws.amazon.com/neuron"]),
    ("@batch(inferentia=1, efa=1)",
     {"aws.amazon.com/neuron": "1", "vpc.amazonaws.com/efa": "1"}, ["aws.amazon.com/neuron", "vpc.amazonaws.com/efa"]),
    ("@batch(trainium=0)", {}, []),
    ("@kubernetes(extended_resources={'aws.amazon.com/neuroncore': 4})",
     {"aws.amazon.com/neuroncore": "4"}, ["aws.amazon.com/neuroncore", "aws.amazon.com/neuron"]),
    ("@kubernetes(extended_resources={'aws.amazon.com/neurondevice': '1'})",
     {"aws.amazon.com/neurondevice": "1"}, ["aws.amazon.com/neurondevice", "aws.amazon.com/neuron"]),
    ("@kubernetes(extended_resources={'habana.ai/gaudi': 8, 'hugepages-2Mi': '100Mi'})",
     {"habana.ai/gaudi": "8", "hugepages-2Mi": "100Mi"}, ["habana.ai/gaudi"]),
    ("@kubernetes(extended_resources={'aws.amazon.com/neuron': 1},"
     " tolerations=[{'key': 'aws.amazon.com/neuron', 'operator': 'Exists', 'effect': 'NoSchedule'}])",
     {"aws.amazon.com/neuron": "1"}, ["aws.amazon.com/neuron"]),
]  # fmt: skip


@pytest.mark.parametrize(("decorators", "limits", "tolerated"), RIGHT)
def test_devices_are_requested_and_their_taints_tolerated(
    tmp_path: Path, decorators: str, limits: dict[str, str], tolerated: list[str]
) -> None:
    codes, pod = codes_and_pod(tmp_path, decorators)
    assert codes == []
    assert pod["limits"] == limits
    assert pod["tolerated"] == tolerated


@pytest.mark.parametrize(
    "decorators",
    ["@resources(gpu=0)\n@kubernetes(gpu_type='a100')", "@kubernetes(gpu=0, gpu_type='a100-1g.5gb')"],
)
def test_a_type_of_no_gpus_is_reported_and_no_gpu(tmp_path: Path, decorators: str) -> None:
    codes, pod = codes_and_pod(tmp_path, decorators)
    assert codes == ["FC410"]
    assert pod == {"limits": {}, "tolerated": [], "selector": {}}


WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("@kubernetes(gpu=1, extended_resources={'nvidia.com/gpu': 2})", "FC406", {}),
    ("@resources(gpu=0)\n@kubernetes(extended_resources={'nvidia.com/gpu': 2})", "FC406", {}),
    ("@kubernetes(gpu=1, gpu_vendor='amd', extended_resources={'amd.com/gpu': 2})", "FC406", {}),
    ("@kubernetes(gpu='a100-1g.5gb:2', extended_resources={'nvidia.com/mig-1g.5gb': 1})",
     "FC406", {"gpu_cloud": "gfd"}),
    (f"@kubernetes(gpu_type='a100', node_selector={{'{GKE}': 'nvidia-tesla-t4'}})", "FC406", {}),
    ("@kubernetes(gpu_type='h100', node_selector={'node.kubernetes.io/instance-type': 'g4dn.xlarge'})",
     "FC406", {"gpu_cloud": "eks"}),
    ("@kubernetes(gpu_type='h100', node_selector={'nvidia.com/gpu.product': 'Tesla-T4'})", "FC406", {}),
    ("@kubernetes(gpu_type='a100-1g.5gb', node_selector={'cloud.google.com/gke-gpu-partition-size': '2g.10gb'})",
     "FC406", {}),
    ("@kubernetes(gpu_type='big', node_selector={'gpu': 'small'})",
     "FC406", {"gpu": {"big": {"selector": {"gpu": "x"}}}}),
    ("@resources(gpu='a100-40gb-1g.7gb')", "FC404", {"gpu_cloud": "gfd"}),
    ("@resources(gpu='a100-5g.25gb')", "FC404", {}),
    ("@resources(gpu='h100-1g.5gb')", "FC404", {}),
    ("@resources(gpu='t4-1g.5gb')", "FC404", {}),
    ("@resources(gpu='9g.90gb')", "FC404", {}),
    ("@kubernetes(extended_resources={'nvidia.com/mig-9g.5gb': 1})", "FC404", {}),
    *((f"@resources(gpu={value})", "FC404", {})
      for value in ("0.5", "'0.5'", "-1", "'-1'", "'a100:0.5'", "'a100:-1'", "':2'", "'a100:'", "'a100:x'", "''",
                    "True", "'1e999'", "'nan'", "[1]")),
    *((f"@kubernetes(extended_resources={{'{name}': {amount}}})", "FC404", {})
      for name, amount in (("nvidia.com/gpu", "0.5"), ("nvidia.com/gpu", "'half'"), ("nvidia.com/gpu", "-1"),
                           ("gpu", "1"), ("cpu", "1"), ("memory", "'1Gi'"), ("kubernetes.io/x", "1"), ("a b/c", "1"))),
    ("@batch(inferentia=1, trainium=2)", "FC404", {}),
    *((f"@kubernetes(tolerations=[{toleration}])", "FC404", {})
      for toleration in (
          {"key": "a", "operator": "Exists", "value": "b"},
          {"key": "a", "operator": "Exists", "effect": "Never"},
          {"key": "a", "operator": "Sometimes"},
          {"key": "a", "value": "b", "tolerationSeconds": 5},
          {"key": "a", "value": "b", "effect": "NoSchedule", "toleration_seconds": 5},
          {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": "soon"},
          {"operator": "Equal", "value": "b"},
          {"value": "b"},
          {"effect": "NoSchedule"},
          {},
          {"key": "a b", "operator": "Exists"},
          {"key": "a", "value": "b c"},
          {"key": "a", "value": "b" * 64},
          {"key": "a", "operater": "Exists"},
      )),
]  # fmt: skip


@pytest.mark.parametrize(("decorators", "code", "options"), WRONG)
def test_contradictions_are_reported(tmp_path: Path, decorators: str, code: str, options: dict[str, Any]) -> None:
    codes, pod = codes_and_pod(tmp_path, decorators, **options)
    assert codes == [code]
    assert not pod


@pytest.mark.parametrize(
    "toleration",
    [
        {"operator": "Exists"},
        {"key": "", "operator": "Exists", "effect": ""},
        {"key": "a"},
        {"key": "a", "operator": "", "value": "b"},
        {"key": "example.com/a", "operator": "Equal", "value": ""},
        {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 0},
        {"key": "a", "effect": "PreferNoSchedule", "operator": "Exists", "toleration_seconds": None},
    ],
)
def test_tolerations_that_kubernetes_takes(tmp_path: Path, toleration: dict[str, Any]) -> None:
    codes, pod = codes_and_pod(tmp_path, f"@kubernetes(gpu=1, tolerations=[{toleration}])")
    assert codes == []
    assert pod["limits"] == {"nvidia.com/gpu": "1"}


def test_tolerations_of_profiles_are_checked_as_well() -> None:
    from flowc_targets.base.options import TargetOptions

    with pytest.raises(ValueError, match="takes no value"):
        TargetOptions.model_validate(
            {"gpu": {"x": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}}}
        )
