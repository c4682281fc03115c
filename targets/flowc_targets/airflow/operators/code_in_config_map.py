"""The code package in a ConfigMap, which pods mount: `CODE` is its name."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import Any

from kubernetes.client import models as k8s

from flowc_targets.airflow.operators.dag_constants import CODE

# What a pod runs: it becomes the shim in the code package, which is mounted there. The
# shim writes the count of a foreach, or the choice of a switch, to a file, which
# Kubernetes keeps as the termination message.
BOOTSTRAP = """\
import os, sys, tempfile
folder = tempfile.mkdtemp(prefix="flowc-")
for name in ("count", "choice"):
    os.symlink("/dev/termination-log", os.path.join(folder, name))
command = [sys.executable, "/flowc/flow.pyz", *sys.argv[1:], "--outputs", folder]
os.execv(sys.executable, command)
"""


def attach_code(pod: Any, variables: dict[str, str]) -> None:
    """Mount the code package in a pod."""
    config_map = k8s.V1ConfigMapVolumeSource(name=CODE)
    volume = k8s.V1Volume(name="flowc", config_map=config_map)
    pod.spec.volumes = [*(pod.spec.volumes or []), volume]
    mount = k8s.V1VolumeMount(name="flowc", mount_path="/flowc", read_only=True)
    container = pod.spec.containers[0]
    container.volume_mounts = [*(container.volume_mounts or []), mount]
