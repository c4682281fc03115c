"""Deadlines, notifications and locks on the real Argo: a pod takes what the pods of runs post."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.listener import Listener, listening, most_at_a_time

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def listener(cluster: Cluster) -> Iterator[Listener]:
    with listening(cluster) as found:
        yield found


@pytest.mark.parametrize("ends", ["success", "error", "late"])
def test_people_are_told_how_a_run_has_ended(listener: Listener, tmp_path: Path, ends: str) -> None:
    """The manifest has the secret's name alone. Two of these runs share the lock, which has two places."""
    cluster = listener.cluster
    timeout = ["--workflow-timeout", "60"] if ends == "late" else []
    name = ["--set", f"name={listener.name}-{ends}", "--set", "ui_url=https://argo.example"]
    manifest = cluster.compile(listener.flow(tmp_path), "--env", f"ENDS={ends}", *name, *timeout)
    assert "hidden" not in manifest
    submitted = cluster.apply(manifest)
    run = submitted.wait("Succeeded" if ends == "success" else "Failed")
    found = listener.told(run.id)
    assert (found["event"], found["flow"]) == (ends, "Told")
    assert found["url"] == f"https://argo.example/workflows/{cluster.namespace}/{submitted.name}"
    if ends == "error":
        assert (found["step"], found["exception"]) == ("end", "ValueError: as asked")
    if ends != "late":
        spans: list[tuple[float, float]] = run["join"].task.data.spans
        assert len(spans) == 3
        assert most_at_a_time(spans) <= 2


def test_runs_of_two_workflows_share_a_lock(listener: Listener, tmp_path: Path) -> None:
    cluster, flow = listener.cluster, listener.flow(tmp_path)
    both = [cluster.apply(cluster.compile(flow, "--set", f"name={listener.name}-{side}")) for side in ("a", "b")]
    spans = [span for submitted in both for span in submitted.wait()["join"].task.data.spans]
    assert len(spans) == 6
    assert most_at_a_time(spans) <= 2
