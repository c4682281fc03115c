"""`@torchrun` with real PyTorch: gloo over the processes of a gang, members and processes that are killed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.gangs.frameworks import PYTHON, require_frameworks, simulated
from tests.local.flows import Local
from tests.support import write_files

pytestmark = pytest.mark.gangs

FLOW = """
    import os
    from metaflow import FlowSpec, Parameter, catch, current, retry, step, torchrun

    class Train(FlowSpec):
        size = Parameter("size", default=2)
        mode = Parameter("mode", default="none")

        @step
        def start(self):
            self.next(self.train, num_parallel=self.size)

        @catch(var="failure", print_exception=False)
        @retry(times=1, minutes_between_retries=0)
        @torchrun(nproc_per_node=2)
        @step
        def train(self):
            self.tried = current.retry_count
            os.environ["MEMBER"] = str(os.getpid())
            mode = self.mode if current.retry_count == 0 or self.mode == "always" else "none"
            given = {"mode": mode, "out": os.environ["OUT"], "verbose": None}
            current.torch.run(entrypoint="lib/train.py", entrypoint_args=given, torchrun_args={"max_restarts": 0})
            if current.parallel.node_index:
                return
            self.next(self.join)

        @step
        def join(self, inputs):
            self.tries = [getattr(one, "tried", None) for one in inputs]
            self.failed = [one.failure is not None and one.failure.type for one in inputs]
            self.next(self.end)

        @step
        def end(self):
            print("tries", self.tries, self.failed)
"""
SCRIPT = """
    import argparse, os, signal, time
    import torch
    import torch.distributed as dist
    from helper import total

    parser = argparse.ArgumentParser()
    parser.add_argument("--mode")
    parser.add_argument("--out")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    assert args.verbose
    dist.init_process_group("gloo")
    rank, world = dist.get_rank(), dist.get_world_size()
    with open(f"{args.out}/pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
    dist.barrier()
    if args.mode == "member" and rank == world - 1:
        os.kill(int(os.environ["MEMBER"]), signal.SIGKILL)
        time.sleep(600)
    if args.mode == "process" and rank == world - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if args.mode == "always" and rank == 0:
        raise ValueError("boom")
    print("sum", total(torch.tensor([rank + 1.0])), "of", world, flush=True)
"""
HELPER = """
    import torch.distributed as dist

    def total(tensor):
        dist.all_reduce(tensor)
        return tensor.item()
"""


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Local:
    """The flow with its script and that one's module; the processes of the script write their ids to `pids`."""
    require_frameworks()
    monkeypatch.setenv("OUT", str(tmp_path))
    write_files(tmp_path, {"lib/train.py": SCRIPT, "lib/helper.py": HELPER})
    return Local(tmp_path, FLOW)


def sums(local: Local) -> list[str]:
    """What the processes of the script print, sorted: several write to one log at a time."""
    return sorted(line.partition("] ")[2] for line in local.says.out if "] sum" in line)


def left_over(folder: Path) -> list[int]:
    """The processes of the script that still run some time after the run."""
    pids = [int(line) for line in (folder / "pids").read_text(encoding="utf-8").split()]
    end = time.monotonic() + 40
    while time.monotonic() < end and any(map(_runs, pids)):
        time.sleep(0.2)
    return [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "train.py" in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("mode", ["none", "member", "process"])
def test_all_processes_reduce_and_start_again_when_one_is_killed(
    local: Local, tmp_path: Path, size: int, mode: str
) -> None:
    result = local.run(params={"size": str(size), "mode": mode}, python=PYTHON)
    assert result.ok, (local.says.err, local.says.notes)
    tries = [0 if mode == "none" else 1] * size
    assert local.says.out[-1] == f"end] tries {tries} {[False] * size}", (local.says.err, local.says.notes)
    world = 2 * size
    assert sums(local).count(f"sum {world * (world + 1) / 2} of {world}") >= 1
    assert left_over(tmp_path) == []


def test_every_member_gets_the_failure_of_the_last_attempt(local: Local, tmp_path: Path) -> None:
    result = local.run(params={"mode": "always"}, python=PYTHON)
    assert result.ok, (local.says.err, local.says.notes)
    kind = "flowc.shim.torchrun.TorchrunException"
    assert local.says.out[-1] == f"end] tries [1, 1] {[kind, kind]}"
    assert left_over(tmp_path) == []


def test_the_script_ships_with_the_flow(local: Local, tmp_path: Path) -> None:
    """What Argo runs: pods with the code package, in which the script and its module have been unpacked."""
    output = simulated(tmp_path, local.file)
    assert "sum 10.0 of 4" in output
    assert "tries [0, 0] [False, False]" in output
