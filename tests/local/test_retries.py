"""`@retry` that tells failures apart, on this machine and simulated: one table of failures, one decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc.client import Flow, namespace
from tests.support import flowc

FLOW = """
import os
import urllib.error
from flowc import Fatal, FlowSpec, catch, current, retry, step

class Mine(Exception):
    pass

class Below(Mine):
    pass

def fail(how):
    if how == "kill":
        os.kill(os.getpid(), 9)
    if how == "term":
        os.kill(os.getpid(), 15)
    raise {"fatal": Fatal("no"), "below": Below(), "url": urllib.error.URLError("x"), "memory": MemoryError(),
           "key": OSError("x"), "text": LookupError("y")}[how]

class Retries(FlowSpec):
    @step
    def start(self):
        self.items = ["fatal", "below", "url", "memory", "key", "text", "kill", "term"]
        self.next(self.all_kinds, foreach="items")

    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0, never=[Mine, urllib.error.URLError, "LookupError"], on=ON)
    @step
    def all_kinds(self):
        self.name = self.input
        self.tries = current.retry_count + 1
        fail(self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.tries = {item.input: getattr(item, "tries", 0) for item in inputs}
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def tries(tmp_path: Path, on: str, *command: str) -> dict[str, int]:
    """How often the code of each item has run; 0 for one that could not say."""
    path = tmp_path / "retries.py"
    path.write_text(FLOW.replace("ON", on))
    root = str(tmp_path / "store")
    done = flowc(tmp_path, *command, path, "--root", root) if command[0] == "run" else simulated(path, root, tmp_path)
    assert done.returncode == 0, done.stderr
    namespace(None)
    run = Flow("Retries", root=root).latest_successful_run
    task = run["join"].task if run is not None else None
    assert task is not None
    found: dict[str, int] = task["tries"].data
    return found


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def simulated(path: Path, root: str, tmp_path: Path) -> Any:
    manifest = tmp_path / "flow.yaml"
    assert flowc(tmp_path, "compile", path, "--root", root, "-o", manifest).returncode == 0
    return flowc(tmp_path, "simulate", manifest)


@pytest.mark.process
@pytest.mark.parametrize("command", ["run", "simulate"])
def test_each_failure_has_its_attempts(tmp_path: Path, command: str) -> None:
    once = {"fatal": 1, "below": 1, "url": 1, "key": 1, "text": 1, "memory": 1, "kill": 0, "term": 0}
    assert tries(made(tmp_path / "none"), '["timeout"]', command) == once
    assert tries(made(tmp_path / "oom"), '["oom"]', command) == {**once, "memory": 2}
    assert tries(made(tmp_path / "all"), "[]", command) == {**once, "memory": 2, "key": 2}


@pytest.mark.process
def test_a_failure_for_good_is_the_end(tmp_path: Path) -> None:
    path = tmp_path / "final.py"
    path.write_text(
        "from flowc import FlowSpec, step, retry\n"
        "class Final(FlowSpec):\n"
        "    @retry(on='oom', minutes_between_retries=0)\n    @step\n    def start(self):\n"
        "        print('tried')\n        {}[1]\n        self.next(self.end)\n"
        "    @step\n    def end(self):\n        pass\n"
    )
    done = flowc(tmp_path, "run", path, "--root", tmp_path / "store")
    assert done.returncode == 1
    assert done.stdout.count("tried") == 1
    assert "failed at attempt 0 of 0-3" in done.stderr
