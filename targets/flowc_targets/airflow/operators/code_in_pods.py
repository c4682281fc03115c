"""How the code reaches a pod: in its environment, or by a volume of ConfigMaps."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from kubernetes.client import models as k8s

from flowc_targets.airflow.operators.zipped_code import zipped

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage

# What a pod runs: it becomes the shim. The shim writes the count of a foreach, or the
# choice of a switch, and behind it the label of the task's item, to a file, which
# Kubernetes keeps as the termination message.
BOOTSTRAP = """\
import base64, os, sys, tempfile
folder = tempfile.mkdtemp(prefix="flowc-")
path = "/flowc/flowc.pyz"
parts = sorted(name for name in os.environ if name.startswith("FLOWC_CODE_"))
if parts:
    path = os.path.join(folder, "flow.pyz")
    with open(path, "wb") as file:
        file.write(base64.b64decode("".join(os.environ.pop(name) for name in parts)))
for name in ("count", "choice", "label"):
    os.symlink("/dev/termination-log", os.path.join(folder, name))
os.execv(sys.executable, [sys.executable, path, *sys.argv[1:], "--outputs", folder])
"""


def attach_code(pod: Any, flow: FlowPackage, variables: dict[str, str]) -> None:
    """Mount the volume of the code, or add the code to a pod's variables."""
    if flow.volume is None:
        code = base64.b64encode(zipped(flow)).decode()
        # Linux limits the length of each variable.
        for number, start in enumerate(range(0, len(code), 100_000)):
            variables[f"FLOWC_CODE_{number:03}"] = code[start : start + 100_000]
        return
    name, container = flow.volume.name, pod.spec.containers[0]
    mount = k8s.V1VolumeMount(name=name, mount_path="/flowc", read_only=True)
    container.volume_mounts = [*(container.volume_mounts or []), mount]
    pod.spec.volumes = [*(pod.spec.volumes or []), flow.volume]
