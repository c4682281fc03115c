"""Locks in the store: what wants one at the same time, in this process, in others, and from the dead."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flowc.store import open_store
from flowc.store.run_owner import this_owner
from flowc_targets.base.lock_keeper import FOLDER, Lock, LockKeeper
from tests.support import flowc

FLOW = """
import time
from flowc import FlowSpec, concurrency, step


class Bounded(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @concurrency("e-shared", limit=2)
    @step
    def work(self):
        begun = time.time()
        time.sleep(0.5)
        with open({log!r}, "a") as file:
            file.write(f"{{begun}} {{time.time()}}\\n")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def keeper(root: Path, notes: list[str] | None = None) -> LockKeeper[str]:
    return LockKeeper(lambda: open_store(str(root)), (notes if notes is not None else []).append)


def taken(one: LockKeeper[str], seconds: float = 5.0) -> list[str]:
    """What gets its locks next."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := one.take():
            return found
        time.sleep(0.01)
    return []


def most_at_a_time(spans: list[tuple[float, float]]) -> int:
    changes = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def test_two_keepers_share_the_places(tmp_path: Path) -> None:
    """Many threads of two keepers: never more than the limit, and each gets its turn."""
    keepers = [keeper(tmp_path), keeper(tmp_path)]
    spans: list[tuple[float, float]] = []
    ready: dict[str, threading.Event] = {}

    def pump(one: LockKeeper[str]) -> None:
        while len(spans) < 12:
            for name in one.take():
                ready[name].set()
            time.sleep(0.005)

    def work(one: LockKeeper[str], name: str) -> None:
        ready[name] = threading.Event()
        assert one.want(name, [Lock("shared", 2)], name)
        assert ready[name].wait(20)
        begun = time.time()
        time.sleep(0.05)
        spans.append((begun, time.time()))
        one.release(name)

    threads = [threading.Thread(target=work, args=(keepers[n % 2], f"task-{n}")) for n in range(12)]
    threads += [threading.Thread(target=pump, args=(one,)) for one in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for one in keepers:
        one.close()
    assert len(spans) == 12
    assert most_at_a_time(spans) == 2
    assert not any((tmp_path / FOLDER).rglob("*.json"))


def test_several_locks_are_taken_in_one_order(tmp_path: Path) -> None:
    notes: list[str] = []
    first, second = keeper(tmp_path, notes), keeper(tmp_path, notes)
    first.want("one", [Lock("b", 1), Lock("a", 1)], "one")
    assert taken(first) == ["one"]
    assert not first.want("one", [Lock("a", 1)], "one"), "it has it"
    second.want("two", [Lock("a", 1), Lock("b", 1)], "two")
    assert not taken(second, 0.6)
    first.close()
    assert taken(second) == ["two"]
    second.close()


@pytest.mark.process
@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_the_ticket_of_one_that_is_gone_does_not_count(tmp_path: Path, where: str) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    owner = {**this_owner(), "pid": process.pid, "began": "1"}
    beat = time.time()
    if where == "elsewhere":
        owner, beat = {**owner, "host": "another"}, beat - 121
    record = {"version": 1, "who": "Dead/1/step", "owner": owner, "number": 1, "time": beat}
    ticket = tmp_path / FOLDER / "shared" / "0.json"
    ticket.parent.mkdir(parents=True)
    ticket.write_text(json.dumps(record))
    one = keeper(tmp_path)
    one.want("task", [Lock("shared", 1)], "task")
    assert taken(one) == ["task"]
    assert not ticket.exists()
    one.close()


def test_one_that_lives_elsewhere_is_waited_for(tmp_path: Path) -> None:
    record = {"version": 1, "who": "Far/1/step", "owner": {**this_owner(), "host": "another"}, "number": 1}
    ticket = tmp_path / FOLDER / "shared" / "0.json"
    ticket.parent.mkdir(parents=True)
    ticket.write_text(json.dumps({**record, "time": time.time() - 60}))
    one = keeper(tmp_path)
    one.want("task", [Lock("shared", 1)], "task")
    assert not taken(one, 0.6)
    ticket.unlink()
    assert taken(one) == ["task"]
    one.close()


def test_a_root_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one = keeper(tmp_path / "file")
    one.want("task", [Lock("shared", 1)], "task")
    end = time.monotonic() + 5
    while not one.error and time.monotonic() < end:
        time.sleep(0.01)
    assert "locks cannot be taken" in one.error
    one.close()


def start(folder: Path, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start a command of flowc."""
    command = [sys.executable, "-m", "flowc", *map(str, arguments)]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.process
def test_runs_and_a_simulation_on_one_root_keep_to_one_limit(tmp_path: Path) -> None:
    """Two runs at once, and a simulation of the manifest; one run more is killed while it holds the lock."""
    log, root = tmp_path / "spans", tmp_path / "store"
    (tmp_path / "flow.py").write_text(FLOW.format(log=str(log)))
    (tmp_path / "flow.yaml").write_text(flowc(tmp_path, "compile", "flow.py", "--root", root).stdout)
    with start(tmp_path, "run", "flow.py", "--root", root) as killed:
        end = time.monotonic() + 20
        while not any(root.glob(".locks/*/*.json")) and time.monotonic() < end:
            time.sleep(0.05)
        killed.kill()
    assert any(root.glob(".locks/*/*.json"))
    time.sleep(0.6)  # its tasks end
    log.write_text("")
    runs = [("run", "flow.py", "--root", root), ("simulate", "flow.yaml"), ("run", "flow.py", "--root", root)]
    processes = [start(tmp_path, *arguments) for arguments in runs]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    spans = [(float(begun), float(ended)) for begun, ended in map(str.split, log.read_text().splitlines())]
    assert len(spans) == 9
    assert most_at_a_time(spans) <= 2
