"""What pods of the real Argo have printed, read from the store while they run, and when they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.support import flowc

pytestmark = pytest.mark.cluster

FLOW = """
import os, signal, time
from flowc import FlowSpec, current, retry, step

class PodLogs(FlowSpec):
    @step
    def start(self):
        print("in start")
        self.items = ["plain", "kill", "wait"]
        self.next(self.each, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def each(self):
        print(self.input, "at attempt", current.retry_count, flush=True)
        if self.input == "kill" and not current.retry_count:
            os.write(2, b"last words")
            os.kill(os.getpid(), signal.SIGKILL)
        if self.input == "wait" and not current.retry_count:
            for number in range(600):
                print("tick", number, int(time.time()), flush=True)
                time.sleep(1)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        print("in end")
"""


def until(found: Callable[[], str], what: str) -> str:
    """What a command prints, once that is in it."""
    deadline = time.monotonic() + 300
    while what not in (text := found()):
        assert time.monotonic() < deadline, text
        time.sleep(2)
    return text


def test_logs_of_pods_that_run_that_are_deleted_and_that_are_gone(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "pods.py").write_text(FLOW)
    manifest = cluster.compile(tmp_path / "pods.py", "--set", "retries_of_lost_pods=2")
    submitted = cluster.apply(manifest)
    root = cluster.outside or cluster.root

    def logs(*arguments: str) -> str:
        done = flowc(tmp_path, "logs", f"PodLogs/argo-{submitted.uid}", "--root", root, *arguments)
        return done.stdout

    until(lambda: logs("--step", "each/2"), "tick 2 ")
    (pod,) = [item for item in submitted.pods("s-each") if item["status"]["phase"] == "Running"][-1:]
    before = int(time.time())
    cluster.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    submitted.wait()
    last = int(logs("--step", "each/2", "--attempt", "0", "--tail", "1").split()[-1])
    assert last >= before - 1, "the keeper has had time for what was printed until the pod was deleted"
    cluster.forget(manifest)
    assert logs("--step", "start") == "[start] in start\n"
    assert logs("--step", "end") == "[end] in end\n"
    killed = "[each-1 attempt 0] kill at attempt 0\n[each-1 attempt 0] last words\n"
    assert logs("--step", "each/1") == f"{killed}[each-1 attempt 1] kill at attempt 1\n"
