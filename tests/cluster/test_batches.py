"""Pods that work on many items, on the real Argo: one of them is lost, and nothing that it had done runs again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster, Submitted

pytestmark = pytest.mark.cluster
BATCHED = Path(__file__).parent / "flows" / "batched.py"
FAILED_ONCE = {item for item in range(1000) if item % 100 == 7}
"""The items whose first attempt fails."""


def _running(submitted: Submitted) -> list[str]:
    """The names of the pods of batches that run."""
    return [pod["metadata"]["name"] for pod in submitted.pods("s-work") if pod["status"].get("phase") == "Running"]


def test_a_thousand_items_in_twenty_pods_of_which_one_is_lost(cluster: Cluster) -> None:
    submitted = cluster.apply(cluster.compile(BATCHED))
    deadline = time.monotonic() + 600
    while True:
        assert time.monotonic() < deadline
        begun = {name: cluster.kubectl("logs", name, "-c", "main").count(" begins") for name in _running(submitted)}
        victim = next((name for name, count in begun.items() if 10 <= count < 45), None)
        if victim is not None:
            break
        time.sleep(0.5)
    cluster.kubectl("delete", "pod", victim, "--wait=false", "--grace-period=3")
    run = submitted.wait()
    assert run["join"].task.data.squares == [item**2 for item in range(1000)]
    pods = submitted.pods("s-work")
    assert len(pods) == 20  # 21, of which one is gone
    assert run["join"].task.data.pods == 21
    again = {task.path[0]: task.attempt for task in run["work"] if task.attempt}
    # The one that was under way has had another attempt, and those that failed once as well.
    assert again.keys() >= FAILED_ONCE
    assert len(again.keys() - FAILED_ONCE) <= 1
    assert max(again.values()) <= 2
