"""Gangs on the local engine: members run at once, whatever --max-workers says; one failure is all of them's."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from flowc_targets.local import attempt_processes, attempts
from tests.local.flows import Local

pytestmark = pytest.mark.process

METHODS = pytest.mark.parametrize("method", ["fork", "spawn"])
SUM = """
    import os, signal, socket, sys, time
    from flowc import FlowSpec, Parameter, current, parallel, retry, step

    class Sum(FlowSpec):
        mode = Parameter("mode", default="")
        size = Parameter("size", default=3)

        @step
        def start(self):
            self.next(self.work, num_parallel=self.size)

        @retry(times=2, minutes_between_retries=0)
        @parallel
        @step
        def work(self):
            who = current.parallel
            assert who.main_ip == "127.0.0.1"
            self.tried = current.retry_count
            first = self.tried == 0
            if self.mode == "kill" and first and who.node_index == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.mode == "raise" and first and who.node_index == 2:
                raise ValueError("boom")
            if self.mode == "always" and who.node_index == 1:
                raise KeyError("never")
            self.total = self.add_up(who, (who.node_index + 1) ** 2)
            self.next(self.join)

        def add_up(self, who, value):
            # All in one: nobody gets past it who is alone.
            place = (who.main_ip, int(os.environ["MASTER_PORT"]))
            if who.node_index == 0:
                with socket.create_server(place) as server:
                    peers = [server.accept()[0] for _ in range(who.num_nodes - 1)]
                    total = value + sum(int(peer.makefile().readline()) for peer in peers)
                    for peer in peers:
                        peer.sendall(f"{total}\\n".encode())
                return total
            while True:
                try:
                    peer = socket.create_connection(place)
                    break
                except ConnectionRefusedError:
                    time.sleep(0.02)
            with peer:
                peer.sendall(f"{value}\\n".encode())
                return int(peer.makefile().readline())

        @step
        def join(self, inputs):
            self.totals = [i.total for i in inputs]
            self.tries = [i.tried for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            print(self.totals, self.tries)
"""


@METHODS
@pytest.mark.parametrize("workers", [1, 16])
def test_all_members_run_at_once(tmp_path: Path, method: str, workers: int) -> None:
    local = Local(tmp_path, SUM)
    result = local.run(params={"size": "4"}, max_workers=workers, start_method=method)
    assert result.ok, local.says.err
    assert local.says.out == ["end] [30, 30, 30, 30] [0, 0, 0, 0]"]


@METHODS
@pytest.mark.parametrize("mode", ["kill", "raise"])
def test_a_failed_member_starts_all_again(tmp_path: Path, method: str, mode: str) -> None:
    local = Local(tmp_path, SUM)
    result = local.run(params={"mode": mode}, start_method=method)
    assert result.ok, local.says.err
    assert local.says.out == ["end] [14, 14, 14] [1, 1, 1]"]
    culprit, kind = (1, "TaskKilled") if mode == "kill" else (2, "ValueError")
    folders = [Path(local.root, "Sum", result.run_id, "work", str(i), "0") for i in range(3)]
    errors = [json.loads((folder / "error.json").read_text(encoding="utf-8")) for folder in folders]
    assert errors[culprit]["type"] == kind
    assert not [folder for folder in folders if (folder / "manifest.json").exists()]


def test_kill_from_outside_while_all_run(tmp_path: Path) -> None:
    """kill -9 of one member by its process id; the others wait for it in a receive without end."""
    local = Local(tmp_path, SUM.replace("self.total = ", "self.wait(who); self.total = ").replace(
        "        def add_up", """
        def wait(self, who):
            print("pid", os.getpid(), flush=True)
            if current.retry_count == 0:
                server = socket.create_server(("127.0.0.1", 0))
                server.accept()

        def add_up"""))  # fmt: skip
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(local.run().ok))
    thread.start()
    while len(local.says.out) < 3 and thread.is_alive():
        time.sleep(0.05)
    line = next(line for line in local.says.out if line.startswith("work/1] pid"))
    os.kill(int(line.split()[-1]), signal.SIGKILL)
    thread.join(30)
    assert results == [True], local.says.err
    assert local.says.out[-1] == "end] [14, 14, 14] [1, 1, 1]"


def test_a_member_that_hangs_is_killed_so_that_all_can_start_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (attempts, attempt_processes):
        monkeypatch.setattr(module, "GANG_GRACE_SECONDS", 1.0)
    monkeypatch.setenv("FLOWC_GANG_SILENCE", "2")
    monkeypatch.setenv("FLOWC_GANG_INTERVAL", "0.2")
    stopped = SUM.replace('self.mode == "kill"', 'self.mode == "stop"').replace("SIGKILL", "SIGSTOP")
    local = Local(tmp_path, stopped)
    result = local.run(params={"mode": "stop"}, grace_seconds=0.5)
    assert result.ok, local.says.err
    assert local.says.out == ["end] [14, 14, 14] [1, 1, 1]"]
    folder = Path(local.root, "Sum", result.run_id, "work", "1", "0")
    error = json.loads((folder / "error.json").read_text(encoding="utf-8"))
    assert error["message"] == "the task went on for 1 s after another member of its gang had failed"


@METHODS
def test_the_culprit_is_reported_not_those_it_took_along(tmp_path: Path, method: str) -> None:
    local = Local(tmp_path, SUM)
    result = local.run(params={"mode": "always"}, start_method=method)
    assert result.status == "failed"
    assert result.failed is not None
    assert (result.failed.name, result.failed.message, result.failed.attempt) == ("work/1", "KeyError: 'never'", 2)
    assert 'raise KeyError("never")' in result.failed.traceback
    assert "KeyError: 'never'" in Path(result.failed.log).read_text(encoding="utf-8")


def test_without_retry_the_first_failure_is_the_runs(tmp_path: Path) -> None:
    local = Local(tmp_path, SUM.replace("@retry(times=2, minutes_between_retries=0)", ""))
    for mode, name, message in [("raise", "work/2", "ValueError: boom"), ("kill", "work/1", "killed by SIGKILL")]:
        result = local.run(params={"mode": mode})
        assert result.failed is not None
        assert (result.failed.name, result.failed.attempt) == (name, 0)
        assert message in result.failed.message


def test_gangs_within_a_foreach_and_after_each_other(tmp_path: Path) -> None:
    local = Local(
        tmp_path,
        """
        from flowc import FlowSpec, current, parallel, step

        class Nested(FlowSpec):
            @step
            def start(self):
                self.items = [2, 1, 3]
                self.next(self.size, foreach="items")

            @step
            def size(self):
                self.next(self.work, num_parallel=self.input)

            @parallel
            @step
            def work(self):
                self.at = (current.parallel.node_index, current.parallel.num_nodes, current.parallel.control_task_id)
                self.stack = [frame[0] for frame in self.foreach_stack()]
                self.next(self.gather)

            @step
            def gather(self, inputs):
                self.ats = [i.at for i in inputs]
                self.stacks = [i.stack for i in inputs]
                self.next(self.second)

            @step
            def second(self):
                self.next(self.again, num_parallel=2)

            @parallel
            @step
            def again(self):
                self.next(self.regather)

            @step
            def regather(self, inputs):
                self.merge_artifacts(inputs)
                self.next(self.join)

            @step
            def join(self, inputs):
                self.ats = [i.ats for i in inputs]
                self.stacks = [i.stacks for i in inputs]
                self.next(self.end)

            @step
            def end(self):
                print(self.ats)
                print(self.stacks)
        """,
    )
    result = local.run(max_workers=2)
    assert result.ok, local.says.err
    gangs = [[(i, n, f"work-{k}.0") for i in range(n)] for k, n in enumerate([2, 1, 3])]
    stacks = [[[k, i] for i in range(n)] for k, n in enumerate([2, 1, 3])]
    assert local.says.out == [f"end] {gangs}", f"end] {stacks}"]


@pytest.mark.parametrize("size", ["0", "-1", "True", "'4'", "2.5", "None"])
def test_a_size_that_is_none(tmp_path: Path, size: str) -> None:
    called = "self.next(self.work, num_parallel=self.size)"
    local = Local(tmp_path, SUM.replace(called, f"self.n = {size}; self.next(self.work, num_parallel=self.n)"))
    result = local.run()
    assert result.failed is not None
    assert result.failed.name == "start"
    assert "num_parallel" in result.failed.message


def test_a_wide_gang_is_taken_for_a_mistake(tmp_path: Path) -> None:
    result = Local(tmp_path, SUM).run(params={"size": "101"})
    assert result.failed is not None
    assert result.failed.message.startswith("gang in step 'start' has 101 members, more than --max-num-splits 100")
