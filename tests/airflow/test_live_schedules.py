"""A live Airflow by its schedules: backfill through its API, and what a task knows of the time of its run."""

from __future__ import annotations

import json
from pathlib import Path

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
