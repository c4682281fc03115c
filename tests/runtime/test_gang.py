"""The rendezvous of gangs, with real processes over a store: members meet, fail and are committed together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.shim import RUN, Shim

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.process

GANG = """
    import os, signal, time
    from flowc import FlowSpec, current, parallel, step

    class Team(FlowSpec):
        @step
        def start(self):
            self.size = 3
            self.next(self.work, num_parallel=self.size)

        @parallel
        @step
        def work(self):
            self.who = current.parallel
            self.seen = (self.index, self.input, self.foreach_stack(), current.is_parallel)
            names = ("MASTER_ADDR", "MASTER_PORT", "RANK", "NODE_RANK", "WORLD_SIZE")
            self.env = {name: os.environ[name] for name in names}
            self.mf = {name: value for name, value in os.environ.items() if name.startswith("MF_PARALLEL_")}
            self.tried = current.retry_count
            print("at work", flush=True)
            if os.environ.get("RAISE") == str(self.index):
                raise ValueError("boom")
            if os.environ.get("HANG"):
                time.sleep(60)
            time.sleep(float(os.environ.get("SLEEP", "0")))
            self.next(self.join)

        @step
        def join(self, inputs):
            self.tries = [i.tried for i in inputs]
            self.alone = current.parallel
            self.next(self.end)

        @step
        def end(self):
            pass
"""
QUICK = {"FLOWC_GANG_INTERVAL": "0.1"}


class Members:
    """Processes of a gang's members."""

    def __init__(self, shim: Shim) -> None:
        self.shim = shim
        self.all: list[subprocess.Popen[str]] = []

    def start(self, index: int | str, attempt: int = 0, step: str = "work", **env: str) -> subprocess.Popen[str]:
        """Start an attempt of a member."""
        process = self.shim.popen(step, str(index), attempt, first=0, **env)
        self.all.append(process)
        return process

    def working(self, *indices: int) -> None:
        """Wait until these members are in the user's code."""
        for index in indices:
            process = self.all[index]
            assert process.stdout is not None
            assert process.stdout.readline() == "at work\n", process.communicate()


@pytest.fixture
def members(tmp_path: Path) -> Iterator[Members]:
    """A gang whose opener has run; what is left of its members at the end is killed."""
    shim = Shim(tmp_path, GANG)
    shim.task("start")
    shim.env.update(QUICK)
    started = Members(shim)
    yield started
    for process in started.all:
        if process.poll() is None:
            process.kill()
        process.communicate()


def to_pod(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to a member and to the process that keeps its log, as a pause of their container reaches both."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, *map(int, children)):
        os.kill(pid, number)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code and the stderr of a member that comes to its end."""
    _, err = process.communicate(timeout=30)
    return process.returncode, err


def folder(shim: Shim, index: int | str, attempt: int = 0) -> Path:
    """An attempt's folder."""
    return Path(shim.root, shim.flow.name, RUN, "work", str(index), str(attempt))


def error(shim: Shim, index: int, attempt: int = 0) -> dict[str, Any]:
    """What a member has recorded of its failure."""
    document: dict[str, Any] = json.loads((folder(shim, index, attempt) / "error.json").read_text(encoding="utf-8"))
    return document


def test_members_meet_whenever_each_of_them_comes(members: Members) -> None:
    shim = members.shim
    for index in (2, 0, 1):
        members.start(index)
        time.sleep(0.2)
    for process in members.all:
        assert ended(process) == (0, "")
    shim.task("join")
    assert shim.value("join", "tries") == [0, 0, 0]
    assert shim.value("join", "alone") == ("127.0.0.1", 1, 0, None)
    envs = [shim.value("work", "env", str(i)) for i in range(3)]
    for i, env in enumerate(envs):
        who = shim.value("work", "who", str(i))
        assert who == (envs[0]["MASTER_ADDR"], 3, i, "work-0")
        assert (env["RANK"], env["NODE_RANK"], env["WORLD_SIZE"]) == (str(i), str(i), "3")
        assert env["MASTER_PORT"] == envs[0]["MASTER_PORT"]
        assert shim.value("work", "seen", str(i))[:2] == (i, i)
        assert shim.value("work", "mf", str(i)) == {
            "MF_PARALLEL_MAIN_IP": env["MASTER_ADDR"],
            "MF_PARALLEL_NUM_NODES": "3",
            "MF_PARALLEL_NODE_INDEX": str(i),
            "MF_PARALLEL_CONTROL_TASK_ID": "work-0",
        }
    assert 0 < int(envs[0]["MASTER_PORT"]) < 65536


def test_a_failed_member_ends_the_others_and_all_start_again(members: Members) -> None:
    shim = members.shim
    for index in range(3):
        members.start(index, HANG="1", RAISE="1")
    codes = [ended(process) for process in members.all]
    assert [code for code, _ in codes] == [1, 1, 1]
    assert "ValueError: boom" in codes[1][1]
    assert "flowc: PeerFailed: member 1 failed: ValueError: boom" in codes[0][1]
    assert (error(shim, 1)["type"], error(shim, 2)["type"], error(shim, 2)["peer"]) == ("ValueError", "PeerFailed", 1)
    assert not list(folder(shim, 0).glob("manifest.json"))
    for index in (1, 0, 2):
        members.start(index, attempt=1)
    assert [ended(process)[0] for process in members.all[3:]] == [0, 0, 0]
    shim.task("join")
    assert shim.value("join", "tries") == [1, 1, 1]


def test_a_killed_member_is_missed_when_its_next_attempt_comes(members: Members) -> None:
    for index in range(3):
        members.start(index, HANG="1")
    members.working(0, 1, 2)
    os.kill(members.all[2].pid, signal.SIGKILL)
    again = members.start(2, attempt=1)
    for process in members.all[:2]:
        code, err = ended(process)
        assert code == 143, "lost, as the member that it has waited for"
        assert "member 2 was started again, as attempt 1" in err
    others = [members.start(index, attempt=1) for index in (0, 1)]
    assert [ended(process)[0] for process in (again, *others)] == [0, 0, 0]
    members.shim.task("join")
    assert members.shim.value("join", "tries") == [1, 1, 1]


def test_a_member_that_gives_no_sign_of_life_is_missed(members: Members) -> None:
    for index in range(3):
        members.start(index, HANG="1", FLOWC_GANG_SILENCE="1")
    members.working(0, 1, 2)
    to_pod(members.all[1], signal.SIGSTOP)
    codes = [ended(members.all[index]) for index in (0, 2)]
    to_pod(members.all[1], signal.SIGCONT)
    assert [code for code, _ in codes] == [143, 143]
    assert "member 1 has shown no sign of life for" in codes[0][1]
    assert ended(members.all[1])[0] in {1, 143}, "one that was thought dead does not go on alone"


def test_a_paused_gang_goes_on(members: Members) -> None:
    for index in range(3):
        members.start(index, SLEEP="3", FLOWC_GANG_SILENCE="1")
    members.working(0, 1, 2)
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for process in members.all:
            to_pod(process, number)
        time.sleep(2)
    assert [ended(process) for process in members.all] == [(0, "")] * 3


def test_nothing_is_committed_before_all_are_prepared(members: Members) -> None:
    shim = members.shim
    for index in range(3):
        members.start(index, SLEEP="2" if index == 1 else "0")
    members.working(0, 1, 2)
    until(lambda: list(folder(shim, 0).glob("prepared-*")) and list(folder(shim, 2).glob("prepared-*")))
    assert not list(Path(shim.root).rglob("work/*/*/manifest.json"))
    assert [ended(process)[0] for process in members.all] == [0, 0, 0]
    assert len(list(Path(shim.root).rglob("work/*/0/manifest.json"))) == 3


def test_a_member_that_was_prepared_is_committed_by_its_retry(members: Members) -> None:
    shim = members.shim
    for index in range(3):
        members.start(index, SLEEP="1.5" if index == 1 else "0")
    members.working(0, 1, 2)
    until(lambda: list(folder(shim, 2).glob("prepared-*")))
    os.kill(members.all[2].pid, signal.SIGKILL)
    assert [ended(members.all[index])[0] for index in (0, 1)] == [0, 0], "all had prepared, so the others commit"
    code, err = ended(members.start(2, attempt=1, RAISE="2"))
    assert code == 0, "the step's code does not run"
    assert "all 3 members had finished attempt 0" in err
    shim.task("join")
    assert shim.value("join", "tries") == [0, 0, 0]
    assert shim.manifest("work", "2")["attempt"] == 1


def test_a_member_retried_before_the_slowest_had_prepared_is_committed_then(members: Members) -> None:
    shim = members.shim
    for index in range(3):
        members.start(index, SLEEP="2" if index == 1 else "0", FLOWC_GANG_INTERVAL="5")
    members.working(0, 1, 2)
    until(lambda: list(folder(shim, 2).glob("prepared-*")))
    os.kill(members.all[2].pid, signal.SIGKILL)
    again = [members.start(2, attempt=1)]
    code, err = ended(members.all[0])  # it has prepared, too, and sees the new attempt before member 1 is ready
    assert (code, "member 2 was started again" in err) == (143, True)
    again.append(members.start(0, attempt=1))
    assert ended(members.all[1])[0] == 0, "it looks every 5 s while it works: when it is ready, all have prepared"
    assert [ended(process)[0] for process in again] == [0, 0]
    shim.task("join")
    assert shim.value("join", "tries") == [0, 0, 0]


def test_members_that_were_killed_after_their_commit_are_committed_again(members: Members) -> None:
    first = [members.start(index) for index in range(3)]
    assert [ended(process)[0] for process in first] == [0, 0, 0]
    again = [members.start(index, attempt=1, FLOWC_GANG_GRACE="1") for index in (0, 2)]
    for process in again:
        code, err = ended(process)
        assert (code, "all 3 members had finished attempt 0" in err) == (0, True)
    members.shim.task("join")
    assert members.shim.value("join", "tries") == [0, 0, 0]


def test_a_gang_that_does_not_come_together_says_who_is_missing(members: Members) -> None:
    first = members.start(0, FLOWC_GANG_TIMEOUT="1")
    third = members.start(2, FLOWC_GANG_TIMEOUT="1")
    codes = [ended(process) for process in (first, third)]
    for _, err in codes:
        assert "waited 1 s for member 1 of the gang of 3 to come" in err
    assert 2 in {code for code, _ in codes}, "whoever gives up first tells the other"


def test_what_an_earlier_life_left_under_the_same_attempt_lets_nobody_begin(members: Members) -> None:
    """`argo retry` starts the attempts of failed pods from 0 again."""
    shim = members.shim
    for index in range(3):
        members.start(index, HANG="1", RAISE="1")
    assert [ended(process)[0] for process in members.all] == [1, 1, 1]
    members.start(0)
    members.start(1)
    time.sleep(1)
    assert [process.poll() for process in members.all[3:]] == [None, None], "they wait for the third"
    members.start(2)
    assert [ended(process)[0] for process in members.all[3:]] == [0, 0, 0]
    shim.task("join")
    assert shim.value("join", "tries") == [0, 0, 0]


def test_a_gang_whose_inputs_ran_again_runs_again(members: Members) -> None:
    shim = members.shim
    first = [members.start(index) for index in range(3)]
    assert [ended(process)[0] for process in first] == [0, 0, 0]
    (folder(shim, 2) / "manifest.json").unlink()  # as if killed before its commit
    shim.task("start", attempt=1)
    second = [members.start(index, attempt=1) for index in range(3)]
    assert [ended(process)[0] for process in second] == [0, 0, 0]
    shim.task("join")
    assert shim.value("join", "tries") == [1, 1, 1]


def test_a_committed_gang_that_is_started_again_as_a_whole_runs_again(members: Members) -> None:
    for attempt in range(2):
        started = [members.start(index, attempt=attempt) for index in range(3)]
        assert [ended(process) for process in started] == [(0, "")] * 3
    members.shim.task("join")
    assert members.shim.value("join", "tries") == [1, 1, 1]


def test_the_pods_of_gangs(tmp_path: Path) -> None:
    asked = "@kubernetes(port=29501, hostname_resolution_timeout=1)\n        @parallel"
    shim = Shim(tmp_path, GANG.replace("@parallel", asked).replace("parallel, step", "kubernetes, parallel, step"))
    shim.task("start")
    shim.env.update(QUICK)
    started = [shim.popen("work", str(i)) for i in (0, 2)]
    assert "waited 1 s for member 1" in ended(started[0])[1]
    ended(started[1])
    started = [shim.popen("work", str(i), 1, FLOWC_GANG_TIMEOUT="60") for i in range(3)]
    assert [ended(process) for process in started] == [(0, "")] * 3
    assert shim.value("work", "env", "0")["MASTER_PORT"] == "29501"


def test_a_fixed_port(members: Members) -> None:
    started = [members.start(index, FLOWC_GANG_PORT="29500") for index in range(3)]
    assert [ended(process)[0] for process in started] == [0, 0, 0]
    assert members.shim.value("work", "env", "2")["MASTER_PORT"] == "29500"


def until(condition: Any) -> None:
    """Wait for something that happens soon."""
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 10 s")
