"""One session's cluster: all flows are applied at its start, since levels of a workflow take seconds each."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import ML_IMAGE, OLD_PYTHON_IMAGE, PYTHON_IMAGE, Cluster, Submitted
from tests.conftest import REPOSITORY, SEEDS, runs_on

FLOWS: dict[str, tuple[Path, str, tuple[str, ...]]] = {
    path.stem: (path, ML_IMAGE if "sklearn" in path.read_text() else PYTHON_IMAGE, ())
    for path in (*runs_on("argo.yaml").values(), SEEDS / "flows" / "parallel_trees.py")
    if path.is_file()
}
"""By name: the file, the image, and further arguments of `flowc compile`."""
FLOWS["hostile"] = (
    Path(__file__).parent / "flows" / "hostile.py",
    PYTHON_IMAGE,
    ("--set", 'parameters={given = "{{workflow.uid}} $(HOME)"}'),
)
for _name in ("crossing", "hooked", "recursion", "switches", "wrapped"):
    FLOWS[_name] = (Path(__file__).parent / "flows" / f"{_name}.py", PYTHON_IMAGE, ())
FLOWS["timeouts"] = (Path(__file__).parent / "flows" / "timeouts.py", PYTHON_IMAGE, ("--set", "timeout_grace=120"))
FLOWS["old_python"] = (REPOSITORY / "examples" / "nested_foreach.py", OLD_PYTHON_IMAGE, ())

LOCALLY = {"hostile": ("-p", "given={{workflow.uid}} $(HOME)"), "timeouts": ("--timeout-grace", "40")}
"""Arguments of `flowc run` for the same."""


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster, or a skip that says what is missing."""
    try:
        command = ["kubectl", "get", "crd", "workflows.argoproj.io", "--request-timeout=20s"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("kubectl is not installed")
    if found.returncode:
        pytest.skip(f"no cluster with Argo Workflows: {found.stderr.strip()[:200]}")
    with pytest.MonkeyPatch.context() as patch:
        if "FLOWC_S3_OUTSIDE" in os.environ:
            patch.setenv("AWS_ENDPOINT_URL", os.environ["FLOWC_S3_OUTSIDE"])
            patch.setenv("AWS_ALLOW_HTTP", "true")
        handle = Cluster(f"test-{uuid.uuid4().hex[:8]}")
        yield handle
        handle.clean_up()


@pytest.fixture(scope="session")
def workflows(cluster: Cluster, request: pytest.FixtureRequest) -> dict[str, Submitted]:
    """Every flow that a test of this session asks for, applied."""
    items = (item for item in request.session.items if isinstance(item, pytest.Function))
    asked = {item.callspec.params.get("flow") for item in items if hasattr(item, "callspec")}
    named = {"gpu_training", "empty_foreach", "retry_once", "nested_foreach"}
    return {
        name: cluster.apply(cluster.compile(file, *arguments, image=image))
        for name, (file, image, arguments) in FLOWS.items()
        if name in asked | named
    }
