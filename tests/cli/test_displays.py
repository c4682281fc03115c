"""`--quiet` and `--log-format json` of `simulate`, and of `submit` and `status` that watch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from flowc_cli.run_watching import JsonWatch, RunWatch, chosen_watch
from flowc_targets.base.engine import RunState, TaskState
from tests.support import flowc, write_files

FLOW = """
    from flowc import FlowSpec, Parameter, current, retry, step

    class Shown(FlowSpec):
        fails = Parameter("fails", default=False)

        @step
        def start(self):
            print("hello")
            self.items = [1, 2]
            self.next(self.each, foreach="items")

        @retry(times=1, minutes_between_retries=0)
        @step
        def each(self):
            if self.input == 2 and (self.fails or not current.retry_count):
                raise ValueError("too much")
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    write_files(folder, {"flow.py": FLOW})
    assert (
        flowc(
            folder, "compile", "flow.py", "-o", "flow.yaml", "--image", "python:3.11", "--root", "s3://b/r"
        ).returncode
        == 0
    )
    return folder


@pytest.mark.process
def test_a_simulated_run_as_json(folder: Path) -> None:
    done = flowc(folder, "simulate", "flow.yaml", "--root", "store", "--log-format", "json", "-p", "fails=true")
    events: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (1, "")
    assert (events[0]["event"], events[0]["version"], events[0]["root"]) == ("run_started", 1, str(folder / "store"))
    assert len({event["run"] for event in events}) == 1
    assert events[0]["run"].startswith("Shown/argo-")
    assert {"task": "start", "stream": None, "text": "hello"}.items() <= events[2].items()
    tasks = [(event["task"], event["phase"]) for event in events if event["event"] == "task"]
    assert tasks[:2] == [("start", "running"), ("start", "succeeded")]
    assert [phase for task, phase in tasks if task == "each/1"] == ["running", "failed", "running", "failed"]
    last = events[-1]
    assert (last["event"], last["status"], last["tasks"], last["failed"]["task"]) == (
        "run_finished",
        "failed",
        2,
        "each/1",
    )


@pytest.mark.process
def test_a_simulated_run_that_is_quiet(folder: Path) -> None:
    done = flowc(folder, "simulate", "flow.yaml", "--root", "store", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert "ValueError: too much" in done.stderr, "an attempt that failed is shown"


@pytest.mark.parametrize("more", [["--report"], ["--nodes", "-"]])
def test_what_cannot_be_had_with_json(folder: Path, more: list[str]) -> None:
    done = flowc(folder, "simulate", "flow.yaml", "--log-format", "json", *more)
    assert (done.returncode, "leave out --report, or name a file for --nodes" in done.stderr) == (2, True)


RUNNING = RunState(
    "shown-x", "Shown", "argo-1", "running", root="s3://b/r", created="2026-01-01T00:00:00Z",
    tasks=(TaskState("start", None, "running", "pod-1"),),
)  # fmt: skip
OVER = replace(
    RUNNING, phase="failed", finished="2026-01-01T00:00:05Z", done=1, total=2, message="no more",
    tasks=(
        TaskState("start", None, "succeeded", "pod-1"),
        TaskState("each", "0", "failed", "pod-2", message="exit code 1"),
    ),
)  # fmt: skip


def test_a_watched_run_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    watch = JsonWatch()
    for state in (RUNNING, RUNNING, OVER):
        watch.show(state)
    watch.ended(OVER)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event.pop("event") for event in events] == ["run_started", "task", "task", "task", "run_finished"]
    assert {event.pop("run") for event in events} == {"Shown/argo-1"}
    assert all(event.pop("time") for event in events)
    failed = {"task": "each/0", "phase": "failed", "message": "exit code 1", "attempts": 1}
    assert events[0] == {"version": 1, "root": "s3://b/r"}
    assert events[3] == failed
    assert events[4] == {"status": "failed", "tasks": 1, "seconds": 5.0, "error": "no more", "failed": failed}


def test_a_watched_run_that_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    for last, lines in ((OVER, 3), (replace(OVER, phase="succeeded", tasks=RUNNING.tasks), 0)):
        watch = RunWatch(quiet=True)
        for state in (RUNNING, last):
            watch.show(state)
        watch.ended(last)
        said = capsys.readouterr().err.splitlines()
        assert len(said) == lines, said
        assert all(" failed" in line for line in said)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"watch": False, "quiet": True, "log_format": "text", "as_json": False}, "it is about --watch"),
        ({"watch": False, "quiet": False, "log_format": "json", "as_json": False}, "it is about --watch"),
        ({"watch": True, "quiet": False, "log_format": "json", "as_json": True}, "leave out --json"),
    ],
)
def test_options_that_would_do_nothing(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(typer.BadParameter, match=problem):
        chosen_watch(**given)


def test_which_display_is_chosen() -> None:
    assert chosen_watch(watch=False, quiet=False, log_format="text", as_json=True) is None
    assert isinstance(chosen_watch(watch=True, quiet=False, log_format="json", as_json=False), JsonWatch)
