"""kill -9, of a task and of the run, and what can be resumed after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from flowc.client import Run

pytestmark = pytest.mark.process

METHODS = pytest.mark.parametrize("method", ["fork", "spawn"])
FLOW = """
    import os, pathlib, subprocess, time
    from flowc import FlowSpec, current, retry, step

    def tell(name, *pids):
        file = pathlib.Path(os.environ["PIDS"], f"{name}.{current.retry_count}")
        file.with_suffix(".tmp").write_text(" ".join(map(str, pids)))
        file.with_suffix(".tmp").rename(file)

    class Killed(FlowSpec):
        @step
        def start(self):
            self.items = list(range(6))
            self.next(self.body, foreach="items")

        @retry(times=1, minutes_between_retries=0)
        @step
        def body(self):
            child = subprocess.Popen(["sleep", "600"])
            tell(f"body-{self.input}", os.getpid(), child.pid)
            if self.input > 2 and os.environ.get("WAIT") == "yes" and not current.retry_count:
                time.sleep(600)
            self.out = self.input * self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.out for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            print("total", self.total)
"""


class Runs:
    """The flow's command line in a folder, and the processes that its tasks have reported."""

    def __init__(self, folder: Path, method: str) -> None:
        self.folder = folder
        self.method = method
        self.pids = folder / "pids"
        self.pids.mkdir()
        (folder / "flow.py").write_text(textwrap.dedent(FLOW), encoding="utf-8")

    def command(self, name: str, wait: str) -> subprocess.Popen[str]:
        """`flowc run` or `flowc resume`."""
        return subprocess.Popen(
            [sys.executable, "-m", "flowc_cli", name, "flow.py", "--start-method", self.method],
            cwd=self.folder,
            env={**os.environ, "PIDS": str(self.pids), "WAIT": wait},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def reported(self, count: int, attempt: int = 0) -> dict[str, list[int]]:
        """Wait until so many tasks have reported their processes."""
        deadline = time.monotonic() + 60
        while True:
            files = {path.stem: path for path in self.pids.glob(f"*.{attempt}")}
            if len(files) >= count:
                return {name: [int(pid) for pid in path.read_text().split()] for name, path in files.items()}
            assert time.monotonic() < deadline, f"only {sorted(files)} have begun"
            time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
@METHODS
def test_a_killed_run_takes_its_tasks_with_it_and_can_be_resumed(tmp_path: Path, method: str) -> None:
    runs = Runs(tmp_path, method)
    with runs.command("run", "yes") as engine:
        pids = runs.reported(6)
        _wait_for_manifests(tmp_path, 4)
        os.kill(engine.pid, signal.SIGKILL)
        assert engine.wait(10) == -signal.SIGKILL
    everything = [pid for pids in pids.values() for pid in pids]
    deadline = time.monotonic() + 10
    while any(map(alive, everything)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in everything if alive(pid)] == [], "tasks, and what they started, have ended"
    first = Run.latest("Killed", root=str(tmp_path / ".flowc"))
    assert first.status == "lost", "its owner is gone"
    for file in runs.pids.iterdir():
        file.unlink()
    with runs.command("resume", "no") as engine:
        output, errors = engine.communicate(timeout=120)
        assert engine.returncode == 0, errors
    assert "4 tasks of run" in errors
    assert "total 55" in output
    assert sorted(path.stem for path in runs.pids.iterdir()) == ["body-3", "body-4", "body-5"]
    second = Run.latest("Killed", root=str(tmp_path / ".flowc"))
    assert second.origin_pathspec == first.pathspec
    assert second.reused == {"start": 1, "body": 3}


@METHODS
def test_a_killed_task_is_tried_again(tmp_path: Path, method: str) -> None:
    runs = Runs(tmp_path, method)
    with runs.command("run", "yes") as engine:
        pids = runs.reported(6)
        for name in ("body-3", "body-4", "body-5"):
            os.kill(pids[name][0], signal.SIGKILL)
        output, errors = engine.communicate(timeout=120)
        assert engine.returncode == 0, errors
    assert "total 55" in output
    assert errors.count("the task was killed by SIGKILL; attempt 1 begins") == 3
    body = Run.latest("Killed", root=str(tmp_path / ".flowc"))["body"]
    assert [body[str(index)].attempt for index in range(6)] == [0, 0, 0, 1, 1, 1]


def _wait_for_manifests(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(folder.rglob("manifest.json"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
