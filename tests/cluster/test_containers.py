"""Steps with `@container` on real Argo: values arrive exactly, and failures end as the command has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Run
from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster

FLOWS = Path(__file__).parent / "flows"


def test_values_and_files_arrive_exactly(cluster: Cluster) -> None:
    """The flow itself checks what arrives."""
    run: Run = cluster.apply(cluster.compile(FLOWS / "containers.py")).wait()
    assert run["end"].task.data.way == "left"


def test_a_failed_container_fails_the_step_with_its_exit_code(cluster: Cluster) -> None:
    submitted = cluster.apply(cluster.compile(FLOWS / "failing_container.py", "--set", "timeout_grace=15"))
    submitted.wait("Failed")
    status = cluster.get("workflow", submitted.name)["status"]
    nodes = [node for node in status["nodes"].values() if node["type"] == "Pod"]
    failed = [node for node in nodes if ".s-fails" in node["name"]]
    assert [node["outputs"]["exitCode"] for node in failed] == ["42", "42"]
    assert {node["message"].removeprefix("main: ") for node in failed} == {"Error (exit code 42)"}, (
        "3.6 says it without"
    )
    assert [node["outputs"]["exitCode"] for node in nodes if ".s-gives-up" in node["name"]] == ["79"]
    (late,) = [node for node in nodes if ".s-sleeps" in node["name"]]
    assert (late["phase"], "deadline" in late["message"].lower()) == ("Failed", True)


def test_init_containers_and_sidecars_run_beside_steps(cluster: Cluster) -> None:
    run: Run = cluster.apply(cluster.compile(FLOWS / "sidecars.py")).wait()
    assert run["end"].task.data.copied == "made\n"
