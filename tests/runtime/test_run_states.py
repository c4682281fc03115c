"""The state of a run: from its record and its owner, or from the attempts of its tasks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc.store.run_owner import HEARTBEAT, SILENCE_SECONDS, is_gone, this_owner
from tests.support import flowc

NOW = time.time()


def run_of(folder: Path, files: dict[str, dict[str, Any]]) -> Run:
    """A run that has left these files."""
    layout = RunLayout(open_store(str(folder)), "Flow", "1")
    for name, document in files.items():
        layout.write_json(f"{layout.prefix}/{name}", {"version": 1, **document})
    return Run("Flow/1", root=str(folder), _namespace_check=False)


def begun(*, last: bool = False, ago: float = 5, **more: Any) -> dict[str, Any]:
    """A record of an attempt."""
    return {"started": NOW - ago, "host": "pod", "pid": 1, "last": last, **more}


ERROR = {"type": "ValueError", "message": "no", "traceback": "", "created": NOW}


def test_a_run_exists_when_its_first_task_begins(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"first/-/0/attempt.json": begun()})
    assert (run.status, run.finished) == ("running", False)
    assert run.created_at.timestamp() == pytest.approx(NOW - 5)


def test_a_task_that_failed_at_its_last_attempt_fails_the_run(tmp_path: Path) -> None:
    files = {"a/0/0/attempt.json": begun(), "a/0/0/error.json": ERROR}
    assert run_of(tmp_path, files).status == "running"
    files = {"a/0/1/attempt.json": begun(last=True), "a/1/0/attempt.json": begun()}
    assert run_of(tmp_path, files).status == "running"
    run = run_of(tmp_path, {"a/0/1/error.json": ERROR})
    assert (run.status, run.finished) == ("failed", True)


def test_an_attempt_beyond_its_deadline_has_failed_as_well(tmp_path: Path) -> None:
    late = begun(last=True, ago=500, timeout=10, deadline=NOW - 190)
    assert run_of(tmp_path, {"a/-/0/attempt.json": late}).status == "failed"


def test_a_run_of_an_engine_in_which_nothing_happens_is_lost(tmp_path: Path) -> None:
    assert run_of(tmp_path, {"a/-/0/attempt.json": begun(ago=6 * 86400)}).status == "running"
    assert run_of(tmp_path, {"a/-/0/attempt.json": begun(ago=8 * 86400)}).status == "lost"


def test_what_has_just_ended_is_a_sign_of_life(tmp_path: Path) -> None:
    """A task may work for longer than a week."""
    layout = RunLayout(open_store(str(tmp_path)), "Flow", "argo-1")
    for step, ended in (("a", NOW - 9 * 86400), ("b", NOW - 60)):
        layout.begin(step, (), 0, begun(ago=10 * 86400))
        layout.commit(step, (), 0, {"artifacts": {}, "parameters": {}, "run": "argo-1", "created": ended})
    assert Run("Flow/argo-1", root=str(tmp_path), _namespace_check=False).status == "running"
    layout.commit("b", (), 0, {"artifacts": {}, "parameters": {}, "run": "argo-1", "created": NOW - 8 * 86400})
    assert Run("Flow/argo-1", root=str(tmp_path), _namespace_check=False).status == "lost"


def test_show_says_who_knows_of_a_pod_that_was_killed(tmp_path: Path) -> None:
    """Its last attempt has left nothing but its beginning, and without a timeout it may still work."""
    layout = RunLayout(open_store(str(tmp_path)), "Flow", "argo-1")
    layout.begin("a", (), 3, begun(last=True, ago=86400))
    shown = flowc(tmp_path, "show", "Flow/argo-1", "--root", tmp_path).stdout
    assert "Flow/argo-1  running  " in shown
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(NOW - 86400))
    asks = "`flowc status Flow/argo-1 --target argo` asks the engine"
    assert f"nothing has begun or failed since {began}; {asks}\n" in shown
    layout.begin("a", (), 3, begun(last=True, ago=60))
    assert "asks the engine" not in flowc(tmp_path, "show", "Flow/argo-1", "--root", tmp_path).stdout
    layout.begin("a", (), 3, begun(last=True, ago=86400, timeout=60, deadline=NOW - 80000))
    shown = flowc(tmp_path, "show", "Flow/argo-1", "--root", tmp_path).stdout
    assert "Flow/argo-1  failed  " in shown
    assert "a killed: TimeoutException" in shown or "a attempt 3 killed: TimeoutException" in shown
    assert "asks the engine" not in shown


@pytest.mark.process
def test_owners(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    mine = this_owner()
    assert not is_gone(mine, 0.0), "its process is here, whatever the heartbeat says"
    assert is_gone({**mine, "began": "1"}, NOW), "another process has got its number"
    other = {**mine, "pid": child.pid, "began": None}
    assert not is_gone(other, 0.0)
    child.kill()
    child.wait()
    assert is_gone(other, NOW)
    elsewhere = {**mine, "host": "another", "pid": child.pid}
    assert not is_gone(elsewhere, time.time() - SILENCE_SECONDS / 2)
    assert is_gone(elsewhere, time.time() - SILENCE_SECONDS - 1)
    record = {"flow": "Flow", "run": "1", "created": NOW - 3600, "owner": elsewhere}
    assert run_of(tmp_path, {"run.json": record}).status == "lost"
    assert run_of(tmp_path, {HEARTBEAT: {"time": time.time()}}).status == "running"
    assert run_of(tmp_path / "old", {"run.json": {**record, "owner": None}}).status == "running"


SLOW = """
import time
from flowc import FlowSpec, step

class Slow(FlowSpec):
    @step
    def start(self):
        self.a = 1
        self.next(self.end)

    @step
    def end(self):
        import os
        if not os.path.exists("fast"):
            time.sleep(60)
"""


@pytest.mark.process
def test_a_run_whose_engine_was_killed_is_lost_and_resumes(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    command = [sys.executable, "-m", "flowc_cli", "run", "slow.py", "--run-id-file", "id"]
    engine = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".flowc/Slow/*/end/-/0/attempt.json")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "running" in flowc(tmp_path, "show", "Slow").stdout
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait()
    shown = flowc(tmp_path, "show", "Slow").stdout
    assert "  lost  " in shown
    assert "end killed: TaskKilled" in shown
    (tmp_path / "fast").touch()
    done = flowc(tmp_path, "resume", "slow.py")
    assert done.returncode == 0, done.stderr
    assert "  successful  " in flowc(tmp_path, "show", "Slow").stdout
