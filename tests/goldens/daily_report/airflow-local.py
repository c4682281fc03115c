# Compiled by flowc <version> from daily_report.py. Change that file, not this one.
#
# flow    DailyReportFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pendulum

try:
    from airflow.sdk import Asset, dag, task_group
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag, task_group
    from airflow.models.param import Param

# This folder is on Airflow's path only if it is the dags folder itself.
sys.path.append(str(Path(__file__).parent))

from flowc_runtime_version_hash import (
    FlowPackage,
    StepOperator,
    indices,
)

try:
    from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable
except ImportError:  # before Airflow 3.2
    from airflow.timetables.trigger import CronTriggerTimetable

    try:
        from airflow.timetables.assets import AssetOrTimeSchedule
    except ImportError:  # Airflow 2
        from airflow.timetables.datasets import (
            DatasetOrTimeSchedule as AssetOrTimeSchedule,
        )


def combined_schedule(cron: str, timezone: str, assets: list[Any]) -> Any:
    """Return a schedule at times, and whenever all of the assets were updated."""
    times = CronTriggerTimetable(cron, timezone=timezone)
    try:
        return AssetOrTimeSchedule(timetable=times, assets=assets)
    except TypeError:  # Airflow 2 calls them datasets
        named = {"datasets": assets}
        return AssetOrTimeSchedule(timetable=times, **named)


FLOW = FlowPackage(
    name="DailyReportFlow",
    digest="<hash>",
    root="/tmp/store",
    start="start",
    environment={"FLOWC_TIMEZONE": "Europe/Berlin"},
    parameters={"FLOWC_PARAM_SHOPS": "shops"},
    events={"figures-arrived": {"parameters": {"FLOWC_PARAM_SHOPS": "shops"}}},
)


@dag(
    dag_id="DailyReportFlow",
    schedule=combined_schedule(
        "0 5 * * *",
        "Europe/Berlin",
        [Asset("figures-arrived")],
    ),
    start_date=pendulum.datetime(2024, 1, 1, tz="Europe/Berlin"),
    catchup=False,
    doc_md=(
        "Adds up what shops have sold. Deployed, it runs by the clock and by events.\n"
        "\n"
        "```\n"
        "start -> read, for each of names\n"
        "read -> add_up\n"
        "add_up -> end\n"
        "end\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={
        "shops": Param(
            default="north,south,west",
            type="string",
            description="names of shops, with commas between",
        ),
    },
)
def flow():
    start = StepOperator(task_id="start")
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each item of `names`."""
        StepOperator(task_id="read", index=index, max_active_tis_per_dagrun=2)

    start_items = each_of_start.expand(index=start_indices)
    add_up = StepOperator(task_id="add_up", trigger_rule="none_failed")
    end = StepOperator(task_id="end", outlets=[Asset("metaflow.DailyReportFlow.end")])

    start >> start_indices >> start_items >> add_up >> end


# The files of the flow, and its plan.
FLOW.texts["files/daily_report.py"] = '''
"""A report on shops: each morning, and whenever new figures have arrived, of at most two shops at a time.

The decorators say what starts it where it is deployed: on Argo, a CronWorkflow and a Sensor.

    flowc run examples/daily_report.py
    flowc compile examples/daily_report.py --target argo --kind cron --root s3://bucket/flows --set event_source=shops
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, foreach_options, schedule, step, trigger


@schedule(cron="0 5 * * ? *", timezone="Europe/Berlin")
@trigger(event={"name": "figures-arrived", "parameters": {"shops": "shops"}})
class DailyReportFlow(FlowSpec):
    """Adds up what shops have sold. Deployed, it runs by the clock and by events."""

    shops = Parameter("shops", default="north,south,west", separator=",", help="names of shops, with commas between")

    @foreach_options(parallelism=2)
    @step
    def start(self) -> None:
        self.names = self.shops
        self.next(self.read, foreach="names")

    @step
    def read(self) -> None:
        self.sold = {self.input: len(self.input) * 100}
        self.next(self.add_up)

    @step
    def add_up(self, inputs: Inputs[DailyReportFlow]) -> None:
        self.report: dict[str, int] = {}
        for item in inputs:
            self.report.update(item.sold)
        self.total = sum(self.report.values())
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"{self.total} in {len(self.report)} shops: {self.report}")


if __name__ == "__main__":
    DailyReportFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "DailyReportFlow",
"class": "DailyReportFlow",
"module": "daily_report",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "shops", "name": "shops", "type": "str"}],
"steps": {
 "start": {"kind": "foreach", "parents": [], "next": ["read"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "names", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "read": {"kind": "linear", "parents": ["start"], "next": ["add_up"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "add_up": {"kind": "join", "parents": ["read"], "next": ["end"], "depth": 0, "closes": "start", "closes_kind": "foreach", "arms": [["read"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["add_up"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "daily_report.py", "path": [""], "shipped": ["daily_report.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "DailyReportFlow",
    "flow": "DailyReportFlow",
    "root": "/tmp/store",
    "pools": [],
    "tasks": ["start", "read", "add_up", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
