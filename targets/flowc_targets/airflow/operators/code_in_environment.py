"""The code package in the environment of a pod, where it is in the DAG file."""

from __future__ import annotations

from typing import Any

from flowc_targets.airflow.operators.dag_constants import CODE

# What a pod runs: it puts the code package together, and becomes the shim in it. The
# shim writes the count of a foreach, or the choice of a switch, to a file, which
# Kubernetes keeps as the termination message.
BOOTSTRAP = """\
import base64, os, sys, tempfile
folder = tempfile.mkdtemp(prefix="flowc-")
path = os.path.join(folder, "flow.pyz")
parts = sorted((name for name in os.environ if name.startswith("FLOWC_CODE_")))
with open(path, "wb") as file:
    file.write(base64.b64decode("".join(os.environ.pop(name) for name in parts)))
for name in ("count", "choice"):
    os.symlink("/dev/termination-log", os.path.join(folder, name))
os.execv(sys.executable, [sys.executable, path, *sys.argv[1:], "--outputs", folder])
"""


def attach_code(pod: Any, variables: dict[str, str]) -> None:
    """Add the code package to a pod's variables, in parts that Linux takes."""
    code = "".join(CODE.split())
    for number, start in enumerate(range(0, len(code), 100_000)):
        variables[f"FLOWC_CODE_{number:03}"] = code[start : start + 100_000]
