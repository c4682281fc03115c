# Compiled by flowc <version> from daily_partitions.py. Change that file, not this one.
#
# flow    DailyPartitionsFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from pathlib import Path

import pendulum

try:
    from airflow.sdk import Asset, dag
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag

# This folder is on Airflow's path only if it is the dags folder itself.
sys.path.append(str(Path(__file__).parent))

from flowc_runtime_version_hash import (
    FlowPackage,
    StepOperator,
)

FLOW = FlowPackage(
    name="DailyPartitionsFlow",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="start",
    python="python3",
    environment={"FLOWC_TIMEZONE": "Europe/Berlin"},
)


@dag(
    dag_id="DailyPartitionsFlow",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2024, 1, 1, tz="Europe/Berlin"),
    catchup=False,
    doc_md=(
        "Adds up what was sold on a day. Deployed, it runs each night.\n"
        "\n"
        "```\n"
        "start -> add_up\n"
        "add_up -> end\n"
        "end\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={
        "flow": FLOW,
        "retries": 0,
        "image": "python:3.11-slim",
        "log_pod_spec_on_failure": False,
        "startup_timeout_seconds": 600,
    },
)
def flow():
    start = StepOperator(task_id="start")
    add_up = StepOperator(task_id="add_up")
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.DailyPartitionsFlow.end")],
    )

    start >> add_up >> end


# The files of the flow, and its plan.
FLOW.texts["files/daily_partitions.py"] = '''
"""Sales by day: each run fills the partition of the day that it is scheduled for, also of days that have passed.

flowc run examples/daily_partitions.py --scheduled-time 2026-01-31
flowc backfill examples/daily_partitions.py --target local --from 2026-01-01 --to 2026-01-31 --parallel 4
"""

from __future__ import annotations

from datetime import UTC, datetime

from flowc import FlowSpec, current, schedule, step

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
"""The day of a run that nothing has scheduled."""


@schedule(cron="0 2 * * *", timezone="Europe/Berlin")
class DailyPartitionsFlow(FlowSpec):
    """Adds up what was sold on a day. Deployed, it runs each night."""

    @step
    def start(self) -> None:
        self.day = f"{current.scheduled_time or NEW_YEAR:%Y-%m-%d}"
        self.next(self.add_up)

    @step
    def add_up(self) -> None:
        self.sold = sum(int(part) for part in self.day.split("-"))
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"sold on {self.day}: {self.sold}")


if __name__ == "__main__":
    DailyPartitionsFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "DailyPartitionsFlow",
"class": "DailyPartitionsFlow",
"module": "daily_partitions",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [],
"steps": {
 "start": {"kind": "linear", "parents": [], "next": ["add_up"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "add_up": {"kind": "linear", "parents": ["start"], "next": ["end"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["add_up"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "daily_partitions.py", "path": [""], "shipped": ["daily_partitions.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "DailyPartitionsFlow",
    "flow": "DailyPartitionsFlow",
    "root": "s3://bucket/prefix",
    "pools": [],
    "tasks": ["start", "add_up", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
