"""Runs whose output goes nowhere, that may open few files, that are hung up, and what killed ones leave behind."""

from __future__ import annotations

import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flowc_targets.base.scratch import scratch_folder
from flowc_targets.local.task_output import DESCRIPTORS, SPARE_DESCRIPTORS, workers_that_fit
from tests.support import flowc, flowc_process

pytestmark = pytest.mark.process

FLOW = """
import sys, time
from flowc import FlowSpec, Parameter, exit_hook, step

def told(run):
    print("hook", run.successful)
    if run.parent.id == "Hangs":
        time.sleep(60)

@exit_hook(on_success=[told])
class Prints(FlowSpec):
    wait = Parameter("wait", default=0)

    @step
    def start(self):
        self.items = list(range(12))
        self.next(self.each, foreach="items")

    @step
    def each(self):
        print("item", self.input)
        time.sleep(self.wait)
        self.next(self.join)

    @step
    def join(self, inputs):
        print("to stderr", file=sys.stderr)
        self.next(self.end)

    @step
    def end(self):
        pass
"""
FLOWC = f"{shlex.quote(sys.executable)} -m flowc_cli"


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command of bash, where FLOWC is `flowc`."""
    (folder / "flow.py").write_text(FLOW)
    text = command.replace("FLOWC", FLOWC)
    return subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&- <&-", "> /dev/full", "2> /dev/full", "> /dev/full 2>&1"])
def test_a_run_needs_no_output(tmp_path: Path, streams: str) -> None:
    done = shell(tmp_path, f"FLOWC run flow.py {streams}")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    if streams == "> /dev/full":
        assert done.stderr.count("standard output cannot be written: [Errno 28]") == 1
    assert "  successful  " in flowc(tmp_path, "show", "Prints").stdout
    assert "item 7" in flowc(tmp_path, "logs", "Prints/latest/each/7").stdout


@pytest.mark.parametrize("command", ["show Prints", "check flow.py --format json", "--version", "graph flow.py"])
def test_other_commands_say_that_they_cannot_write(tmp_path: Path, command: str) -> None:
    shell(tmp_path, "FLOWC run flow.py")
    done = shell(tmp_path, f"FLOWC {command} > /dev/full")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "flowc: standard output cannot be written: No space left on device",
    )
    assert "Traceback" not in done.stderr
    assert shell(tmp_path, f"FLOWC {command} | true").stderr == ""


@pytest.mark.parametrize("limit", [48, 64])
def test_few_descriptors_mean_fewer_workers(tmp_path: Path, limit: int) -> None:
    done = shell(tmp_path, f"ulimit -n {limit}; FLOWC run flow.py --max-workers 40 -p wait=0")
    assert done.returncode == 0, done.stderr
    assert f"--max-workers {(limit - SPARE_DESCRIPTORS) // DESCRIPTORS}: this process" in done.stderr


def test_the_limit_is_raised_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def limits(kind: int) -> tuple[int, int]:
        del kind
        return 100, 200

    def set_limits(kind: int, wanted: tuple[int, int]) -> None:
        del kind
        asked.append(wanted)

    monkeypatch.setattr(resource, "getrlimit", limits)
    monkeypatch.setattr(resource, "setrlimit", set_limits)
    assert workers_that_fit(10) == 10
    assert asked == []
    assert workers_that_fit(40) == 40
    assert workers_that_fit(400) == 57
    assert asked == [(148, 200), (200, 200)]


def started(folder: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A run whose items have begun."""
    (folder / "flow.py").write_text(FLOW)
    (folder / "tmp").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "flowc_cli", "run", "flow.py", *arguments],
        cwd=folder, env={**os.environ, "TMPDIR": str(folder / "tmp")}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(folder.glob(".flowc/Prints/*/each/*/0/attempt.json")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, "-p", "wait=60")
    process.send_signal(number)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert "  interrupted  " in flowc(tmp_path, "show", "Prints").stdout
    assert list((tmp_path / "tmp").iterdir()) == []


def test_nohup_is_obeyed(tmp_path: Path) -> None:
    process = started(tmp_path, "-p", "wait=1", prefix=("nohup",))
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate()
    assert process.returncode == 0, output


def test_the_next_run_sweeps_up_what_killed_ones_left(tmp_path: Path) -> None:
    process = started(tmp_path, "-p", "wait=60")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(list((tmp_path / "tmp").glob("flowc-run-*"))) == 1
    assert flowc_process(tmp_path, "run", "flow.py", TMPDIR=str(tmp_path / "tmp")).returncode == 0
    assert list((tmp_path / "tmp").glob("flowc-run-*")) == []


def test_what_lives_is_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_folder("a-") as one:
        (one / "file").touch()
        with scratch_folder("a-"):
            assert (one / "file").exists()
    assert list(tmp_path.iterdir()) == []
