"""What the store knows of attempts: of those that end well, fail, are killed or still run."""

from __future__ import annotations

import json
import os
import posixpath
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc.client.attempts import Attempt
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from tests.runtime.shim import RUN, Shim
from tests.support import flowc

NOW = time.time()
"""When this module was imported, which may be minutes before a test of it runs."""


def attempts_of(folder: Path, files: dict[str, dict[str, Any]]) -> list[Attempt]:
    """The attempts of a task `start` that has left these files."""
    layout = RunLayout(open_store(str(folder)), "Flow", "1")
    for name, document in files.items():
        layout.write_json(posixpath.normpath(f"{layout.prefix}/start/-/{name}"), document)
    return Run("Flow/1", root=str(folder), _namespace_check=False)["start"].task.attempts


def begun(seconds_ago: float, **more: Any) -> dict[str, Any]:
    """A record of an attempt."""
    return {"version": 1, "started": NOW - seconds_ago, "host": "pod-1", "pid": 7, "last": False, **more}


def failed(seconds_ago: float) -> dict[str, Any]:
    """A record of a failure."""
    error = {"type": "ValueError", "message": "no", "traceback": ""}
    return {"version": 1, **error, "created": NOW - seconds_ago}


def test_one_that_runs(tmp_path: Path) -> None:
    (attempt,) = attempts_of(tmp_path, {"0/attempt.json": begun(5, timeout=10, deadline=NOW + 10_000)})
    assert (attempt.state, attempt.started, attempt.host) == ("running", NOW - 5, "pod-1")
    run = Run("Flow/1", root=str(tmp_path), _namespace_check=False)
    assert not run["start"].task.finished
    assert run["start"].task.created_at.timestamp() == pytest.approx(NOW - 5)


def test_one_that_failed_and_runs_again(tmp_path: Path) -> None:
    files = {"0/attempt.json": begun(5), "0/error.json": failed(3), "1/attempt.json": begun(2)}
    one, two = attempts_of(tmp_path, files)
    assert (one.state, one.ended, one.failure) == ("failed", NOW - 3, failed(3))
    assert two.state == "running"


def test_one_without_a_word_was_killed_when_another_has_begun(tmp_path: Path) -> None:
    files = {"0/attempt.json": begun(50, timeout=90, deadline=NOW + 10_000), "1/attempt.json": begun(2)}
    one, two = attempts_of(tmp_path, files)
    assert (one.state, one.ended, two.state) == ("killed", None, "running")
    assert one.failure is not None
    assert (one.failure["type"], one.failure["created"]) == ("TaskKilled", NOW - 2)


def test_one_without_a_word_after_its_timeout_was_too_long(tmp_path: Path) -> None:
    files = {"0/attempt.json": begun(50, timeout=10, deadline=NOW + 10_000), "1/attempt.json": begun(2)}
    one, _ = attempts_of(tmp_path, files)
    assert one.failure is not None
    assert one.failure["type"] == "TimeoutException"
    assert one.failure["message"] == "the task ran longer than its timeout of 10 s"


def test_nothing_runs_beyond_its_deadline_nor_its_run(tmp_path: Path) -> None:
    (attempt,) = attempts_of(tmp_path / "1", {"0/attempt.json": begun(500, timeout=10, deadline=NOW - 190)})
    assert attempt.failure is not None
    assert (attempt.failure["type"], attempt.failure["created"]) == ("TimeoutException", NOW - 190)


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ({"status": "interrupted"}, "the run was interrupted"),
        ({"status": "failed", "failed": "work/1"}, "task work/1 had failed"),
        ({"status": "failed"}, "the run had failed"),  # of a release that did not say why
    ],
)
def test_what_still_ran_when_its_run_ended_was_stopped_by_it(tmp_path: Path, end: dict[str, Any], message: str) -> None:
    """It has not failed, nor was it killed by somebody else: only one that has its failure on record has failed."""
    run_end = {"version": 1, "ended": NOW - 1, **end}
    (attempt,) = attempts_of(tmp_path / "1", {"0/attempt.json": begun(5), "../../run-end.json": run_end})
    assert attempt.failure is not None
    assert (attempt.state, attempt.failure["type"], attempt.failure["message"]) == ("stopped", "TaskStopped", message)
    files = {"0/attempt.json": begun(5), "0/error.json": failed(3), "../../run-end.json": run_end}
    (attempt,) = attempts_of(tmp_path / "2", files)
    assert attempt.state == "failed"
    files = {"0/attempt.json": begun(5), "1/attempt.json": begun(3), "../../run-end.json": run_end}
    assert [item.state for item in attempts_of(tmp_path / "3", files)] == ["killed", "stopped"]


def test_an_error_of_an_earlier_process_is_none_of_this_attempt(tmp_path: Path) -> None:
    """`argo retry` counts attempts from 0 again."""
    (attempt,) = attempts_of(tmp_path, {"0/attempt.json": begun(5), "0/error.json": failed(30)})
    assert attempt.state == "running"


def test_records_of_stores_without_them(tmp_path: Path) -> None:
    one, two = attempts_of(tmp_path, {"0/error.json": failed(3), "1/stderr.log": {}})
    assert (one.state, one.started, one.host) == ("failed", None, None)
    assert (two.state, two.started) == ("running", None)


FLOW = """
    import os, signal
    from flowc import FlowSpec, catch, retry, step

    class Killed(FlowSpec):
        @catch(var="why")
        @retry(times=1, minutes_between_retries=0)
        @step
        def start(self):
            os.kill(os.getpid(), signal.SIGKILL)
            self.next(self.end)

        @step
        def end(self):
            raise ValueError("at the end")
"""


@pytest.mark.process
def test_every_attempt_leaves_a_trace(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    assert shim.attempt("start").returncode == -9
    assert shim.attempt("start", attempt=1).returncode == -9
    shim.task("start", attempt=2)
    assert shim.attempt("end").returncode == 1
    shown = flowc(tmp_path, "show", f"Killed/{RUN}", "--root", "root").stdout
    assert shown.count("start attempt 0 killed: TaskKilled: its process was killed") == 1
    assert shown.count("start attempt 1 killed: TaskKilled") == 1
    assert "end failed: ValueError: at the end" in shown
    document = json.loads(flowc(tmp_path, "show", f"Killed/{RUN}", "--root", "root", "--json").stdout)
    start, end = (document["steps"][name][0]["attempts"] for name in ("start", "end"))
    assert [attempt["state"] for attempt in start] == ["killed", "killed", "successful"]
    assert [attempt["last"] for attempt in (*start, *end)] == [False, False, False, True]
    task = Run(f"Killed/{RUN}", root=shim.root, _namespace_check=False)["start"].task
    assert [item.value for item in task.metadata if item.name == "attempt"] == ["0", "1", "2"]
    assert [item.value for item in task.metadata if item.name == "attempt-state"] == ["killed", "killed", "successful"]
    assert [item.value for item in task.metadata if item.type == "internal_attempt_status"] == ["False"] * 3
    assert task.metadata_dict["attempt"] == "2"


SLEEPS = """
    import time
    from flowc import FlowSpec, step

    class Sleeps(FlowSpec):
        @step
        def start(self):
            print("begun", flush=True)
            time.sleep(60)
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.mark.process
def test_the_first_process_of_a_container_ends_at_sigterm(tmp_path: Path) -> None:
    """Kubernetes ends a pod by SIGTERM, which the kernel withholds from PID 1 unless that handles it."""
    unshare = tmp_path / "python"
    unshare.write_text(f'#!/bin/sh\nexec unshare --pid --fork "{sys.executable}" "$@"\n')
    unshare.chmod(0o755)
    if subprocess.run([unshare, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no PID namespaces")
    shim = Shim(tmp_path, SLEEPS, python=str(unshare))
    process = shim.popen("start")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    began = time.monotonic()
    os.kill(int(children[0]), signal.SIGTERM)
    process.communicate()
    assert time.monotonic() - began < 10
    assert process.returncode == 143


AFTER_COMMIT = """
    import atexit, os
    from flowc import FlowSpec, current, retry, step

    def leave(step):
        if os.environ.get("LEAVES") == step:
            atexit.register(os._exit, 7)
        if os.environ.get("FAILS") == step:
            raise ValueError("again")

    class After(FlowSpec):
        @retry(times=1, minutes_between_retries=0)
        @step
        def start(self):
            self.x = current.retry_count + 1
            leave("start")
            self.next(self.end)

        @retry(times=1, minutes_between_retries=0)
        @step
        def end(self):
            leave("end")
"""


@pytest.mark.process
@pytest.mark.parametrize("name", ["start", "end"])
def test_a_process_that_fails_after_its_commit_is_no_success_where_the_next_attempt_fails(
    tmp_path: Path, name: str
) -> None:
    """The engine sees that the pod has failed; the store shows it by the attempt that follows."""
    shim = Shim(tmp_path, AFTER_COMMIT)
    if name == "end":
        shim.task("start")
    assert shim.attempt(name, LEAVES=name).returncode == 7
    assert shim.layout.latest(name, ()) == 0

    assert shim.attempt(name, attempt=1, FAILS=name).returncode == 1
    run = Run(f"After/{RUN}", root=shim.root, _namespace_check=False)
    task = run[name].task
    assert (run.status, run.successful, run.finished) == ("failed", False, True)
    assert (task.successful, task.finished, task.attempt, task.current_attempt) == (False, True, 0, 1)
    assert task.exception is not None
    assert (task.exception.exception, task["x"].data if name == "start" else 1) == ("again", 1)
    assert [attempt.state for attempt in task.attempts] == ["successful", "failed"]
    shown = flowc(tmp_path, "show", f"After/{RUN}", "--root", "root").stdout
    assert f"After/{RUN}  failed" in shown
    assert f"{name} attempt 1 failed: ValueError: again" in shown
    document = json.loads(flowc(tmp_path, "show", f"After/{RUN}", "--root", "root", "--json").stdout)
    [entry] = document["steps"][name]
    assert (entry["successful"], entry["exception"]["message"]) == (False, "again")

    shim.task(name, attempt=1)  # as `argo retry` does: from here on all is well
    task = Run(f"After/{RUN}", root=shim.root, _namespace_check=False)[name].task
    assert (task.successful, task.attempt, task.exception) == (True, 1, None)
    resumed = flowc(tmp_path, "resume", "flow_file.py", "--root", "root", "--origin-run-id", RUN)
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.process
def test_a_task_whose_process_failed_after_its_commit_runs_while_its_next_attempt_does(tmp_path: Path) -> None:
    shim = Shim(tmp_path, AFTER_COMMIT)
    assert shim.attempt("start", LEAVES="start").returncode == 7
    shim.layout.write_json(f"{shim.layout.prefix}/start/-/1/attempt.json", begun(2))
    run = Run(f"After/{RUN}", root=shim.root, _namespace_check=False)
    assert (run.status, run["start"].task.finished, run["start"].task.successful) == ("running", False, False)
    shim.task("start", attempt=1)
    shim.task("end")
    run = Run(f"After/{RUN}", root=shim.root, _namespace_check=False)
    assert (run.status, run["start"].task.data.x) == ("successful", 2)
