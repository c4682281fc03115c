# Compiled by flowc <version> from shared_warehouse.py. Change that file, not this one.
#
# flow    SharedWarehouse
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

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
    PublishOutput,
    StepOperator,
    indices,
)

FLOW = FlowPackage(
    name="SharedWarehouse",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="start",
    python="python3",
    parameters={"FLOWC_PARAM_TABLES": "tables"},
)


@dag(
    dag_id="SharedWarehouse",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Loads tables, two at a time, and publishes them.\n"
        "\n"
        "```\n"
        "start -> load, for each of names\n"
        "load -> publish\n"
        "publish -> end\n"
        "end\n"
        "```\n"
        "\n"
        "Its locks are pools, which have to be there:\n"
        "\n"
        "```\n"
        "airflow pools set warehouse 2 'a lock of flowc' --include-deferred\n"
        "airflow pools set catalog 1 'a lock of flowc' --include-deferred\n"
        "```\n"
    ),
    tags=["flowc"],
    max_active_runs=1,
    default_args={
        "flow": FLOW,
        "retries": 0,
        "image": "python:3.11-slim",
        "log_pod_spec_on_failure": False,
        "startup_timeout_seconds": 600,
    },
    params={
        "tables": Param(
            default="orders,items,shops",
            type="string",
            description="names of tables",
        ),
    },
)
def flow():
    start = StepOperator(task_id="start", callbacks=PublishOutput)
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each item of `names`."""
        StepOperator(task_id="load", index=index, pool="warehouse")

    start_items = each_of_start.expand(index=start_indices)
    publish_2 = StepOperator(
        task_id="publish",
        trigger_rule="none_failed",
        pool="catalog",
    )
    end = StepOperator(task_id="end", outlets=[Asset("metaflow.SharedWarehouse.end")])

    start >> start_indices >> start_items >> publish_2 >> end


# The files of the flow, and its plan.
FLOW.texts["files/shared_warehouse.py"] = '''
"""Loads tables into a warehouse that takes two connections at a time, and publishes them one run after the other.

Each table takes the lock `warehouse`, which has two places: whoever else wants it waits, other runs and flows among
them. A deployment has one run at a time, and the next one waits.

    flowc run examples/shared_warehouse.py
    flowc compile examples/shared_warehouse.py --target argo --kind template --root s3://bucket/flows
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, concurrency, step


@concurrency(runs=1)
class SharedWarehouse(FlowSpec):
    """Loads tables, two at a time, and publishes them."""

    tables = Parameter("tables", default="orders,items,shops", separator=",", help="names of tables")

    @step
    def start(self) -> None:
        self.names = self.tables
        self.next(self.load, foreach="names")

    @concurrency("warehouse", limit=2)
    @step
    def load(self) -> None:
        self.rows = {self.input: 100 * len(self.input)}
        self.next(self.publish)

    @concurrency("catalog")
    @step
    def publish(self, inputs: Inputs[SharedWarehouse]) -> None:
        self.published: dict[str, int] = {}
        for item in inputs:
            self.published.update(item.rows)
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"published {len(self.published)} tables, {sum(self.published.values())} rows")


if __name__ == "__main__":
    SharedWarehouse()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "SharedWarehouse",
"class": "SharedWarehouse",
"module": "shared_warehouse",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "tables", "name": "tables", "type": "str"}],
"steps": {
 "start": {"kind": "foreach", "parents": [], "next": ["load"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "names", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "load": {"kind": "linear", "parents": ["start"], "next": ["publish"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "publish": {"kind": "join", "parents": ["load"], "next": ["end"], "depth": 0, "closes": "start", "closes_kind": "foreach", "arms": [["load"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["publish"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "shared_warehouse.py", "path": [""], "shipped": ["shared_warehouse.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "SharedWarehouse",
    "flow": "SharedWarehouse",
    "root": "s3://bucket/prefix",
    "pools": ["catalog", "warehouse"],
    "tasks": ["start", "load", "publish", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
