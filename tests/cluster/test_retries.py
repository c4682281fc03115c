"""`@retry` that tells failures apart, on a cluster: killed for memory, taken away, final."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster


def test_each_failure_has_its_attempts(cluster: Cluster) -> None:
    submitted = cluster.apply(cluster.compile(Path(__file__).parent / "flows" / "retries.py"))
    run = submitted.wait("Failed")
    assert run["join"].task is not None
    assert run["join"].task["tries"].data == [1, 1, 0]
    assert run["end"].task is not None
    assert run["end"].task.exception is not None
    assert "enough" in str(run["end"].task.exception)
    assert len(submitted.pods("s-end")) == 2
    first, second = sorted(submitted.pods("s-hungry"), key=lambda pod: pod["metadata"]["creationTimestamp"])
    limits = [pod["spec"]["containers"] for pod in (first, second)]
    mains = [next(item for item in containers if item["name"] == "main") for containers in limits]
    assert [main["resources"]["limits"]["memory"] for main in mains] == ["64Mi", "256Mi"]
    assert first["spec"]["nodeSelector"] == {"kubernetes.io/hostname": "cpu-0"}
    assert not second["spec"].get("nodeSelector")


def test_a_loop_that_is_killed_and_one_that_is_told(cluster: Cluster) -> None:
    submitted = cluster.apply(cluster.compile(Path(__file__).parent / "flows" / "epochs.py"))
    deadline = time.monotonic() + 120
    waiting: list[dict[str, Any]] = []
    while not waiting and time.monotonic() < deadline:
        time.sleep(1)
        waiting = [pod for pod in submitted.pods("s-drained") if pod["status"]["phase"] == "Running"]
    time.sleep(8)  # its code has begun
    cluster.kubectl("delete", "pod", waiting[0]["metadata"]["name"], "--wait=false")
    run = submitted.wait()
    assert run["end"].task is not None
    assert run["end"].task["said"].data.startswith("signal 15")
    epochs = run["end"].task["epochs"].data
    assert [epoch for epoch, _ in epochs] == list(range(12))
    assert epochs[-1] == [11, 5]


@pytest.mark.parametrize("options", [(), ("--batch", "start=4x2")], ids=["pods", "batch"])
def test_a_share_of_the_items_fails(cluster: Cluster, options: tuple[str, ...]) -> None:
    submitted = cluster.apply(cluster.compile(Path(__file__).parent / "flows" / "failed_items.py", *options))
    run = submitted.wait()
    assert run["end"].task is not None
    assert run["end"].task["good"].data == [0, 3]
    assert run["end"].task["bad"].data == [[1, "first", "ValueError"], [2, "first", "TaskKilled"]]
