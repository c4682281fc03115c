"""`flowc backfill`: which times have a run, what is started, and what a second one finds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc_cli.backfilling import Backfill, State, find_runs
from tests.support import flowc, flowc_process

FLOW = """
import os
import time

from flowc import FlowSpec, Parameter, schedule, step


@schedule(daily=True, timezone="Europe/Berlin")
class Daily(FlowSpec):
    day = Parameter("day", default="{scheduled:%F}")

    @step
    def start(self):
        time.sleep(float(os.environ.get("SLOW", "0")))
        if self.day in os.environ.get("FAIL", ""):
            raise ValueError(self.day)
        self.next(self.end)

    @step
    def end(self):
        pass
"""
SPAN = ("--from", "2026-01-01", "--to", "2026-01-04")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "daily.py"
    path.write_text(FLOW)
    return path


def command(file: Path, *options: str) -> list[str]:
    return ["backfill", str(file), "--target", "local", "--root", str(file.with_name("root")), *options]


def rows(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str, bool]]:
    """The day, the state, and whether the run is new."""
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return [(item["time"][:10], item["state"], item["new"]) for item in found]


@pytest.mark.process
def test_what_is_missing_is_started_and_what_failed_if_asked(file: Path, tmp_path: Path) -> None:
    first = flowc_process(tmp_path, *command(file, *SPAN, "--parallel", "2", "--json", "--watch"), FAIL="2026-01-02")
    assert first.returncode == 1, first.stderr
    states = ["successful", "failed", "successful", "successful"]
    days = [f"2026-01-0{number}" for number in range(1, 5)]
    assert rows(first) == [(day, state, True) for day, state in zip(days, states, strict=True)]
    assert first.stderr.count(": started Daily/") == 4
    second = flowc_process(tmp_path, *command(file, *SPAN[:3], "2026-01-05", "--json"))
    assert second.returncode == 1
    assert rows(second)[:4] == [(day, state, False) for day, state in zip(days, states, strict=True)]
    assert rows(second)[4] == ("2026-01-05", "successful", True)
    third = flowc_process(tmp_path, *command(file, *SPAN, "--json", "--rerun-failed"))
    assert third.returncode == 0, third.stderr
    assert rows(third) == [(day, "successful", day == "2026-01-02") for day in days]


@pytest.mark.process
def test_an_interrupted_one_goes_on(file: Path, tmp_path: Path) -> None:
    words = command(file, *SPAN, "--json", "--watch")
    environment = {**os.environ, "SLOW": "20"}
    begun = subprocess.Popen(
        [sys.executable, "-m", "flowc", *words],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert begun.stderr is not None
    line = begun.stderr.readline()
    assert "started" in line, line
    while not list(tmp_path.glob("root/Daily/*/start/-/0/attempt.json")):
        time.sleep(0.05)
    os.killpg(begun.pid, signal.SIGINT)
    out, err = begun.communicate(timeout=60)
    assert begun.returncode == 130, err
    assert [(item["state"], bool(item["run"])) for item in json.loads(out)][1:] == [("missing", False)] * 3
    assert "the same command goes on from here" in err
    again = flowc_process(tmp_path, *words)
    assert again.returncode == 0, again.stderr
    assert [state for _, state, _ in rows(again)] == ["successful"] * 4


def test_a_dry_run_starts_nothing(file: Path, tmp_path: Path) -> None:
    done = flowc(tmp_path, *command(file, *SPAN, "--dry-run"))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["SCHEDULED", "STATE", "RUN"],
        *([f"2026-01-0{number}T00:00:00+01:00", "missing"] for number in range(1, 5)),
    ]
    assert "4 times: 4 missing; 0 new\n4 runs would be started\n" in done.stderr
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--from", "yesterday"), "FC505", "--from: 'yesterday' is not a time"),
        (("--from", "9999-12-31T23:59:59-12:00"), "FC505", "--from: '9999-12-31T23:59:59-12:00' is not a time"),
        (("--from", "2026-01-01", "--to", "x"), "FC505", "--to: 'x' is not a time"),
        (("--from", "2999-01-01"), "FC505", "has no time from 2999-01-01 to now"),
        (("--from", "2026-01-01", "--cron", "99 * * * *"), "FC407", "--cron: 99 is not a minute"),
        (("--from", "2000-01-01", "--cron", "* * * * *"), "FC505", "more than 10,000 times"),
    ],
)
def test_what_cannot_be_enumerated(
    file: Path, tmp_path: Path, options: tuple[str, ...], code: str, message: str
) -> None:
    done = flowc(tmp_path, *command(file, *options))
    assert done.returncode == 2
    assert code in done.stderr
    assert message in done.stderr


def test_a_flow_without_a_schedule(file: Path, tmp_path: Path) -> None:
    file.write_text(FLOW.replace("@schedule(", "# @schedule("))
    done = flowc(tmp_path, *command(file, *SPAN))
    assert (done.returncode, "FC502" in done.stderr) == (2, True)
    done = flowc(tmp_path, *command(file, *SPAN, "--cron", "0 */12 * * *", "--dry-run"))
    assert "8 runs would be started" in done.stderr


def test_days_and_times_of_the_span(file: Path, tmp_path: Path) -> None:
    """A day is one to its end; both ends count, in the schedule's time zone."""
    for span, count in (
        (("2026-01-01", "2026-01-01"), 1),
        (("2026-01-01T00:00:00", "2026-01-02T00:00:00"), 2),
        (("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"), 1),
    ):
        done = flowc(tmp_path, *command(file, "--from", span[0], "--to", span[1], "--dry-run"))
        assert f"{count} time" in done.stderr, span


class Engine:
    """An engine of another process, with the states of its runs; what is started here succeeds at once."""

    poll_seconds = 0.0

    def __init__(self, states: dict[str, State]) -> None:
        self.states = states
        self.started: list[str] = []

    def start(self, scheduled: str) -> str:
        """Start a run."""
        self.started.append(scheduled[:10])
        run_id = f"argo-new-{len(self.started)}"
        self.states[run_id] = "successful"
        return run_id

    def state(self, run_id: str) -> State | None:
        """A run that goes on has succeeded when it is looked at again."""
        state = self.states.get(run_id)
        if state == "running":
            self.states[run_id] = "successful"
        return state

    def interrupted(self) -> None:
        """Nothing to do."""


def test_runs_that_an_engine_has_and_the_store_does_not(tmp_path: Path) -> None:
    """A run that waits for its first pod has only its time in the store. One that its engine lost starts anew."""
    store = open_store(str(tmp_path))
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    for run_id, when, deployment in (
        ("argo-queued", times[0], "Daily"),
        ("argo-gone", times[1], "Daily"),
        ("argo-other", times[2], "shop.test.b.Daily"),
    ):
        RunLayout(store, "Daily", run_id).keep_scheduled(when.isoformat(), deployment)
    slots = find_runs(store, "Daily", "Daily", times)
    assert [(slot.state, slot.run) for slot in slots] == [
        ("running", "argo-queued"), ("running", "argo-gone"), ("missing", ""),
    ]  # fmt: skip
    engine = Engine({"argo-queued": "running"})
    work = Backfill(store, "Daily", "Daily", slots, engine, 1, rerun_failed=False, watch=False)
    work.look()
    assert [slot.state for slot in slots] == ["running", "lost", "missing"]
    work.run()
    assert engine.started == ["2026-01-02", "2026-01-03"]
    assert [(slot.state, slot.run, slot.new) for slot in slots] == [
        ("successful", "argo-queued", False), ("successful", "argo-new-1", True), ("successful", "argo-new-2", True),
    ]  # fmt: skip
    again = find_runs(store, "Daily", "Daily", times)
    assert [slot.run for slot in again] == ["argo-queued", "argo-new-1", "argo-new-2"]
