"""A gang on the real Argo, one of whose pods is deleted while it works: all start over, and the answer is right."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster

pytestmark = pytest.mark.cluster
FLOW = Path(__file__).parent / "flows" / "gang.py"


def test_one_member_is_killed(cluster: Cluster) -> None:
    submitted = cluster.apply(cluster.compile(FLOW))
    deadline = time.monotonic() + 300
    while True:
        pods = submitted.pods("s-add")
        members = {pod["metadata"]["name"]: pod for pod in pods}
        if len(members) == 4 and all(pod["status"]["phase"] == "Running" for pod in members.values()):
            break
        assert time.monotonic() < deadline, {name: pod["status"]["phase"] for name, pod in members.items()}
        time.sleep(2)
    time.sleep(15)  # until they have met: each sleeps in the step's code now
    cluster.kubectl("delete", "pod", "--grace-period=0", "--force", sorted(members)[2])
    run = submitted.wait()
    assert run["join"].task.data.totals == [10, 10, 10, 10]
    assert {task.attempt for task in run["add"]} == {1}, "the whole gang started over, once"
