"""A foreach of 10,000: the engine's memory stays flat, and a run that is killed in the middle is resumed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

WIDTH = 10_000
FLOW = f"""
    from flowc import FlowSpec, step

    class Wide(FlowSpec):
        @step
        def start(self):
            self.items = range({WIDTH})
            self.next(self.body, foreach="items")

        @step
        def body(self):
            self.out = self.input * 2
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.out for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            print("total", self.total)
"""
ALLOWED = 4 << 10
"""KiB that the engine may grow by in half of the tasks."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads memory from /proc"),
]


def start(folder: Path, command: str) -> subprocess.Popen[str]:
    (folder / "flow.py").write_text(textwrap.dedent(FLOW), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "flowc_cli", command, "flow.py", "--max-num-splits", str(WIDTH)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def body_folders(folder: Path) -> int:
    """How many tasks of the body have begun in the latest run."""
    try:
        return sum(1 for _ in (latest(folder) / "body").iterdir())
    except (FileNotFoundError, ValueError):
        return 0


def memory(pid: int) -> int:
    """The resident memory of a process, in KiB."""
    found = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) if found else 0


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def latest(folder: Path) -> Path:
    """The folder of the latest run."""
    return max(path for path in (folder / ".flowc" / "Wide").iterdir() if path.name != "data")


def assert_memory_is_flat(folder: Path, engine: subprocess.Popen[str], *counts: int) -> None:
    """The engine and its fork server have as much memory after so many tasks of the body as after the first number."""
    sizes: list[tuple[int, int]] = []
    for count in counts:
        while not (folder / ".flowc" / "Wide").is_dir() or body_folders(folder) < count:
            assert engine.poll() is None
            time.sleep(0.2)
        sizes.append((memory(engine.pid), memory(children(engine.pid)[0])))
    print(f"engine and fork server, KiB: {sizes}")
    for first, *later in zip(*sizes, strict=True):
        assert max(later) < first + ALLOWED, sizes


def test_memory_is_flat_and_a_run_killed_in_the_middle_is_resumed(tmp_path: Path) -> None:
    with start(tmp_path, "run") as engine:
        assert_memory_is_flat(tmp_path, engine, 100, WIDTH // 2)
        os.kill(engine.pid, signal.SIGKILL)
        engine.wait(10)
    killed = latest(tmp_path)
    with start(tmp_path, "resume") as engine:
        while latest(tmp_path) == killed or not (latest(tmp_path) / "resumed.json").exists():
            assert engine.poll() is None
            time.sleep(0.2)
        run = latest(tmp_path)
        reused = json.loads((run / "resumed.json").read_text(encoding="utf-8"))["reused"]
        assert_memory_is_flat(tmp_path, engine, reused["body"] + 100, WIDTH - 100)
        output, errors = engine.communicate(timeout=900)
        assert engine.returncode == 0, errors
    assert f"total {WIDTH * (WIDTH - 1)}" in output
    assert json.loads((run / "run-end.json").read_text(encoding="utf-8"))["tasks"] == WIDTH + 3
    assert WIDTH // 2 - 100 < reused["body"] < WIDTH * 7 // 10
    begun = time.monotonic()
    with start(tmp_path, "resume") as engine:
        _, errors = engine.communicate(timeout=300)
        assert engine.returncode == 0, errors
    assert f"{WIDTH + 3} tasks of run {run.name} are done already" in errors
    print(f"{WIDTH + 3} tasks taken over in {time.monotonic() - begun:.1f} s")
