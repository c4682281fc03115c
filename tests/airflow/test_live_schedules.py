"""A live Airflow by its schedules: backfill through its API, and what a task knows of the time of its run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from tests.airflow.live import Live

pytestmark = pytest.mark.live

FLOW = """
import os

from flowc import FlowSpec, Parameter, current, schedule, step


@schedule(cron=["30 3 * * *"], timezone="Europe/Berlin")
class Nightly(FlowSpec):
    day = Parameter("day", default="{scheduled:%F}")

    @step
    def start(self):
        self.time = str(current.scheduled_time)
        self.next(self.end)

    @step
    def end(self):
        if self.day in os.environ.get("FAIL", ""):
            raise ValueError(self.day)
"""


def test_backfill(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "nightly.py"
    file.write_text(FLOW)
    where = ["--target", "airflow", "--operator", "local", "--root", str(live.root), "--dags-folder", str(live.dags)]
    span = ["--from", "2026-03-28", "--to", "2026-03-31", "--parallel", "2", "--json", "--watch"]
    # The DAG has to be there before it can be switched on.
    first = live.flowc("backfill", str(file), *where, *span, "--env", "FAIL=2026-03-30")
    if "is paused" in first.stderr:
        live.airflow("dags", "unpause", "Nightly")
        first = live.flowc("backfill", str(file), *where, *span, "--env", "FAIL=2026-03-30")
    assert first.returncode == 1, first.stderr + live.said()
    rows = json.loads(first.stdout)
    assert [row["state"] for row in rows] == ["successful", "successful", "failed", "successful"], first.stderr
    found = [Run(f"Nightly/{row['run']}", root=str(live.root)) for row in rows]
    assert [(run.data.day, run.data.time) for run in found[:2]] == [
        ("2026-03-28", "2026-03-28 03:30:00+01:00"),
        ("2026-03-29", "2026-03-29 03:30:00+02:00"),
    ]
    again = live.flowc("backfill", str(file), *where, *span, "--rerun-failed")
    assert again.returncode == 0, again.stderr + live.said()
    rows = json.loads(again.stdout)
    assert [row["new"] for row in rows] == [False, False, True, False]
    assert Run(f"Nightly/{rows[2]['run']}", root=str(live.root)).data.time == "2026-03-30 03:30:00+02:00"


EVENT_FLOW = """
from flowc import FlowSpec, Parameter, current, step, trigger


@trigger(event={"name": "sold", "parameters": {"pieces": "count"}, "filter": {"count": {">=": 10}}})
class Restock(FlowSpec):
    shop = Parameter("shop", default="north")
    pieces = Parameter("pieces", type=int, required=True)

    @step
    def start(self):
        self.event = current.trigger.event.name
        self.next(self.end)

    @step
    def end(self):
        self.again = current.trigger["sold"].type
"""


def test_an_event_with_a_payload(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "restock.py"
    file.write_text(EVENT_FLOW)
    where = ["--operator", "local", "--root", str(live.root), "--dags-folder", str(live.dags)]
    done = live.flowc("deploy", str(file), "--target", "airflow", *where)
    assert done.returncode == 0, done.stderr + live.said()
    live.airflow("dags", "unpause", "Restock")
    few = live.flowc("publish", "sold", "--payload", "count=3", "--target", "airflow")
    assert few.returncode == 0, few.stderr + live.said()
    (run,) = _ended(live, 1)
    assert {task["phase"] for task in run["tasks"]} == {"skipped"}, json.dumps(run, indent=1)
    many = live.flowc("publish", "sold", "--payload", "count=12", "--target", "airflow")
    assert many.returncode == 0, many.stderr
    latest, _ = _ended(live, 2)
    data = Run(f"Restock/{latest['run_id']}", root=str(live.root)).data
    assert (data.shop, data.pieces, data.event, data.again) == ("north", 12, "sold", "event")
    unknown = live.flowc("publish", "nothing-waits", "--target", "airflow")
    assert unknown.returncode == 2, unknown.stderr


def _ended(live: Live, count: int) -> list[dict[str, Any]]:
    """The runs of the flow as soon as there are so many and all have ended, the newest first."""
    deadline = time.monotonic() + 240
    while True:
        runs = live.runs("Restock")
        if len(runs) >= count and all(run["phase"] in {"succeeded", "failed", "skipped"} for run in runs):
            return [live.status(run["name"]) for run in runs]
        assert time.monotonic() < deadline, json.dumps(runs, indent=1) + live.said()
        time.sleep(2)
