"""`@metaflow_ray` with real Ray: a cluster of the members, which starts again as a whole when one is killed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.gangs.frameworks import PYTHON, require_frameworks, simulated
from tests.local.flows import Local

pytestmark = pytest.mark.gangs

FLOW = """
    import os, time
    from metaflow import FlowSpec, Parameter, catch, current, metaflow_ray, retry, step

    class Cluster(FlowSpec):
        size = Parameter("size", default=2)
        mode = Parameter("mode", default="none")

        @step
        def start(self):
            self.shared = 20
            self.next(self.work, num_parallel=self.size)

        @catch(var="failure", print_exception=False)
        @retry(times=1, minutes_between_retries=0)
        @metaflow_ray
        @step
        def work(self):
            import ray

            ray.init(log_to_driver=False)

            @ray.remote(num_cpus=1, scheduling_strategy="SPREAD")
            def place(number):
                time.sleep(0.5)
                return ray.get_runtime_context().get_node_id(), number

            found = ray.get([place.remote(number) for number in range(4 * self.size)])
            self.nodes = len(ray.nodes())
            self.used = len({node for node, _ in found}) > 1
            self.total = sum(number for _, number in found)
            self.tried = current.retry_count
            if self.mode == "kill" and current.retry_count == 0:
                print("ready", current.ray_storage_path, flush=True)
                time.sleep(600)
            if self.mode == "raise":
                raise ValueError("boom")
            self.next(self.join)

        @step
        def join(self, inputs):
            self.kinds = [one.failure is not None and one.failure.type for one in inputs]
            main = inputs[0]
            self.found = main.nodes, main.used, main.total, main.tried, [hasattr(one, "total") for one in inputs]
            self.next(self.end)

        @step
        def end(self):
            print(*self.found, self.kinds)
"""


@pytest.fixture
def local(tmp_path: Path) -> Local:
    """The flow."""
    require_frameworks()
    return Local(tmp_path, FLOW)


def processes(root: str) -> list[str]:
    """The processes of Ray that a run's members started, which have its variables."""
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if f"FLOWC_ROOT={root}\0".encode() in variables and "ray" in command:
            found.append(command)
    return found


def expect_none(root: str) -> None:
    """Nothing of the clusters is left some time after the run."""
    end = time.monotonic() + 40
    while time.monotonic() < end and processes(root):
        time.sleep(0.2)
    assert processes(root) == []


@pytest.mark.parametrize("size", [2, 4])
def test_the_members_are_one_cluster(local: Local, size: int) -> None:
    result = local.run(params={"size": str(size)}, python=PYTHON)
    assert result.ok, (local.says.err, local.says.notes)
    total = sum(range(4 * size))
    assert local.says.out[-1] == f"end] {size} True {total} 0 {[True] + [False] * (size - 1)} {[False] * size}"
    expect_none(local.root)


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("victim", [0, 1])
def test_a_member_that_is_killed_starts_the_cluster_again(local: Local, size: int, victim: int) -> None:
    results: list[bool] = []
    params = {"size": str(size), "mode": "kill"}
    thread = threading.Thread(target=lambda: results.append(local.run(params=params, python=PYTHON).ok))
    thread.start()
    while thread.is_alive() and not any("ready" in line for line in local.says.out):
        time.sleep(0.1)
    record = next(Path(local.root, "Cluster").glob(f"*/work/{victim}/0/attempt.json"))
    os.kill(json.loads(record.read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
    thread.join(240)
    assert results == [True], (local.says.err, local.says.notes)
    total = sum(range(4 * size))
    assert local.says.out[-1] == f"end] {size} True {total} 1 {[True] + [False] * (size - 1)} {[False] * size}"
    expect_none(local.root)


def test_the_failure_of_the_code_is_that_of_member_0(local: Local) -> None:
    result = local.run(params={"mode": "raise"}, python=PYTHON)
    assert result.ok, (local.says.err, local.says.notes)
    assert local.says.out[-1].endswith("1 [True, False] ['builtins.ValueError', False]")
    expect_none(local.root)


def test_pods_of_argo_are_one_cluster(local: Local, tmp_path: Path) -> None:
    assert "2 True 28 0 [True, False] [False, False]" in simulated(tmp_path, local.file)
