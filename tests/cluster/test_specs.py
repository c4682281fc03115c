"""Everything that a pod can have, asked for in a flow, and read back from the pods of the real Argo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import NAMESPACE, Cluster, Submitted

pytestmark = pytest.mark.cluster

FLOW = Path(__file__).parent / "flows" / "specs.py"
PROFILE = 'gpu={lab = {selector = {"flowc.test/pool" = ["gpu", "none"]}}}'
NAME = "flowc-specs"
OBJECTS = f"""
{{apiVersion: v1, kind: Secret, metadata: {{name: {NAME}}}, stringData: {{TOKEN: hush}}}}
---
{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {NAME}}}, data: {{MODE: fast}}}}
---
{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: {NAME}}}, spec: {{accessModes: [ReadWriteMany],
  storageClassName: "", volumeName: {NAME}, resources: {{requests: {{storage: 1Mi}}}}}}}}
---
{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {NAME}}}, spec: {{accessModes: [ReadWriteMany],
  capacity: {{storage: 1Mi}}, persistentVolumeReclaimPolicy: Retain, storageClassName: "",
  claimRef: {{namespace: {NAMESPACE}, name: {NAME}}},
  hostPath: {{path: /var/lib/flowc-cluster/shared/{NAME}, type: DirectoryOrCreate}}}}}}
---
{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: {NAME}}}, value: 7}}
"""
"""What the flow's steps name."""

GPU_TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


@pytest.fixture(scope="module")
def submitted(cluster: Cluster) -> Iterator[Submitted]:
    cluster.kubectl("apply", "-f", "-", text=OBJECTS)
    submitted = cluster.apply(cluster.compile(FLOW, "--set", PROFILE))
    yield submitted
    cluster.kubectl("delete", "workflow", submitted.name, "--ignore-not-found")
    cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", text=OBJECTS)


def main(pod: dict[str, Any]) -> dict[str, Any]:
    """The container of the step, beside Argo's own."""
    return next(item for item in pod["spec"]["containers"] if item["name"] == "main")


def volumes(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The step's volumes: where each is mounted, and what it is."""
    mounts = {item["name"]: item["mountPath"] for item in main(pod)["volumeMounts"]}
    return {mounts[item.pop("name")]: item for item in pod["spec"]["volumes"] if item["name"] in mounts}


def test_the_steps_find_what_they_ask_for(submitted: Submitted) -> None:
    check_found(submitted.wait()["end"].task.data)


def check_found(data: Any) -> None:
    """What the flow's steps have found around them."""
    uid, gid, groups = data.who
    assert (uid, gid) == (1000, 1001)
    assert {2000, 3000} <= set(groups)
    assert data.is_read_only
    memory = [["tmpfs", ["size=16384k"]], ["tmpfs", ["size=8192k"]]]
    found = [["hush", "fast", "/quick"], {"TOKEN": "hush"}, {"MODE": "fast"}, memory, True]
    assert data.all == [found, found]


def test_security(submitted: Submitted) -> None:
    submitted.wait()
    (pod,) = submitted.pods("s-start")
    assert main(pod)["securityContext"] == {
        "runAsUser": 1000, "runAsGroup": 1001, "runAsNonRoot": True, "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert pod["spec"]["securityContext"] == {
        "fsGroup": 2000, "fsGroupChangePolicy": "OnRootMismatch", "supplementalGroups": [3000],
    }  # fmt: skip
    both = {"cpu": "50m", "memory": "64Mi"}
    assert main(pod)["resources"] == {"requests": both, "limits": both}
    assert volumes(pod)["/tmp"] == {"emptyDir": {}}


def test_everything(submitted: Submitted) -> None:
    submitted.wait()
    pods = submitted.pods("s-everything")
    assert len(pods) == 2
    for pod in pods:
        _check_placement(pod["spec"])
        _check_container(main(pod))
        assert pod["metadata"]["labels"].items() >= {"team": "blue", "n": "1"}.items()
        assert pod["metadata"]["annotations"]["example.org/note"] == "y: $(HOME) # no"
        found = volumes(pod)
        mode = {"defaultMode": 0o644}
        assert found["/claim"] == {"persistentVolumeClaim": {"claimName": NAME}}
        assert found["/secret"] == {"secret": {"secretName": NAME, **mode}}
        assert found["/config"] == {"configMap": {"name": NAME, **mode}}
        assert found["/dev/shm"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}
        assert found["/quick"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}


def _check_placement(spec: dict[str, Any]) -> None:
    gpu = {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4", "flowc.test/pool": "gpu"}
    assert {key: value for key, value in spec["nodeSelector"].items() if key != "kubernetes.io/os"} == gpu
    team = {"key": "team", "operator": "Equal", "value": "ml", "effect": "NoExecute", "tolerationSeconds": 60}
    assert team in spec["tolerations"]
    assert GPU_TOLERATION in spec["tolerations"]
    outside = {"key": "flowc.test/pool", "operator": "NotIn", "values": ["cpu"]}
    near = {"labelSelector": {"matchLabels": {"team": "red"}}, "topologyKey": "kubernetes.io/hostname"}
    assert spec["affinity"] == {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [outside]}]}
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 7, "podAffinityTerm": near}]
        },
    }
    assert (spec["priorityClassName"], spec["priority"]) == (NAME, 7)
    assert spec["schedulerName"] == "default-scheduler"
    assert spec["serviceAccountName"] == "default"
    assert spec["imagePullSecrets"] == [{"name": "flowc-specs-pull"}]
    assert spec["nodeName"] == "gpu-0"


def _check_container(container: dict[str, Any]) -> None:
    assert container["resources"] == {
        "requests": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "16Mi", "nvidia.com/gpu": "1"},
        "limits": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "128Mi", "nvidia.com/gpu": "1"},
    }
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    assert {"configMapRef": {"name": NAME}} in container["envFrom"]
    assert {"secretRef": {"name": NAME}} in container["envFrom"]
    assert container["securityContext"] == {
        "privileged": False, "capabilities": {"add": ["NET_ADMIN"], "drop": ["MKNOD"]},
    }  # fmt: skip


def test_a_profile_with_several_labels_is_affinity(submitted: Submitted) -> None:
    submitted.wait()
    (pod,) = submitted.pods("s-join")
    wanted = {"key": "flowc.test/pool", "operator": "In", "values": ["gpu", "none"]}
    node = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}}
    assert pod["spec"]["affinity"] == {"nodeAffinity": node, "podAffinity": {}}
    assert GPU_TOLERATION in pod["spec"]["tolerations"]
    assert main(pod)["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert pod["spec"]["nodeName"] == "gpu-0"
    (plain,) = submitted.pods("s-end")
    assert "affinity" not in plain["spec"]
    assert plain["spec"].get("priority") == 0
