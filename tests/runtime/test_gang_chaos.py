"""Gangs under an engine that retries each member by itself, while members are killed at random."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.runtime.shim import RUN, Shim

pytestmark = pytest.mark.process

COUNT = 4
TEAM = """
    import os, random, time
    from flowc import FlowSpec, current, parallel, step

    class Team(FlowSpec):
        @step
        def start(self):
            self.next(self.work, num_parallel=4)

        @parallel
        @step
        def work(self):
            self.session = (current.retry_count, os.environ["MASTER_PORT"])
            time.sleep(random.random() * 0.4)
            self.next(self.join)

        @step
        def join(self, inputs):
            self.sessions = [i.session for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            pass
"""
ENV = {
    "FLOWC_GANG_INTERVAL": "0.1",
    "FLOWC_GANG_SILENCE": "3",
    "FLOWC_GANG_TIMEOUT": "10",
    "FLOWC_GANG_GRACE": "2",
}


class Engine:
    """Runs the members, each with retries of its own, and kills some until a time has come."""

    def __init__(self, shim: Shim, seed: int) -> None:
        self.shim = shim
        shim.env.update(ENV)
        self.random = random.Random(seed)
        self.running: dict[int, subprocess.Popen[str]] = {}
        self.attempts = dict.fromkeys(range(COUNT), 0)
        self.due = {member: self.random.random() * 0.3 for member in range(COUNT)}
        self.begun = time.monotonic()
        self.peace = self.random.uniform(1, 4)

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.begun

    def turn(self) -> None:
        """Start what is due, kill some, take note of ends."""
        for member in list(self.due):
            if self.now >= self.due[member]:
                del self.due[member]
                self.running[member] = self.shim.popen("work", str(member), self.attempts[member])
        for member, process in list(self.running.items()):
            code = process.poll()
            if code is None:
                if self.now < self.peace and self.random.random() < self.risk(member):
                    process.kill()
                continue
            process.communicate()
            del self.running[member]
            if code:
                self.attempts[member] += 1
                self.due[member] = self.now + self.random.random() * 0.5

    def risk(self, member: int) -> float:
        """More often around the commit, where a gang could come apart."""
        folder = Path(self.shim.root, "Team", RUN, "work", str(member), str(self.attempts[member]))
        return 0.5 if list(folder.glob("prepared-*")) else 0.01


@pytest.mark.parametrize("seed", range(3))
def test_the_join_sees_members_of_one_session(tmp_path: Path, seed: int) -> None:
    shim = Shim(tmp_path, TEAM)
    shim.task("start")
    engine = Engine(shim, seed)
    try:
        while engine.running or engine.due:
            engine.turn()
            time.sleep(0.005)
            assert engine.now < 60, engine.attempts
    finally:
        for process in engine.running.values():
            process.kill()
            process.communicate()
    shim.task("join")
    assert len(set(shim.value("join", "sessions"))) == 1
