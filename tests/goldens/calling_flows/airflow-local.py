# Compiled by flowc <version> from calling_flows.py. Change that file, not this one.
#
# flow    CallingFlow
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
    StepOperator,
    indices,
)

FLOW = FlowPackage(
    name="CallingFlow",
    digest="<hash>",
    root="/tmp/store",
    start="start",
    parameters={"FLOWC_PARAM_SHOPS": "shops"},
)


@dag(
    dag_id="CallingFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Call the other flow in a foreach, and again on what that has brought.\n"
        "\n"
        "```\n"
        "start -> shop, for each of shops\n"
        "shop -> shop__start\n"
        "shop__start -> shop__raise_one, for each of numbers\n"
        "shop__raise_one -> shop__end\n"
        "shop__end -> gather\n"
        "gather -> gather__start\n"
        "gather__start -> gather__raise_one, for each of numbers\n"
        "gather__raise_one -> gather__end\n"
        "gather__end -> end\n"
        "end\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={
        "shops": Param(
            default="north,south,west",
            type="string",
            description="names, of which the letters count",
        ),
    },
)
def flow():
    start = StepOperator(task_id="start", doc_md="One item for each shop.")
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each item of `shops`."""
        shop = StepOperator(
            task_id="shop",
            index=index,
            doc_md="When this is done, the other flow runs; what follows has `self.squares`.",
        )
        shop__start = StepOperator(
            task_id="shop__start",
            index=index,
            doc_md="One item for each number.",
        )

        shop >> shop__start

    start_items = each_of_start.expand(index=start_indices)
    shop__start_indices = indices.override(task_id="shop__start_indices")(
        "shop__start",
        start_indices,
    )

    @task_group(group_id="shop__start_items", prefix_group_id=False)
    def each_of_shop__start(index):
        """What runs for each item of `numbers`."""
        StepOperator(
            task_id="shop__raise_one",
            index=index,
            doc_md="The parameters are those of the call; nothing of the caller is to be seen here.",
        )

    shop__start_items = each_of_shop__start.expand(index=shop__start_indices)

    @task_group(group_id="start_items_2", prefix_group_id=False)
    def each_of_start_2(index):
        """What runs for each item of `shops`, after the foreach in it."""
        StepOperator(
            task_id="shop__end",
            index=index,
            trigger_rule="none_failed",
            doc_md="What the caller gets by `returns`.",
        )

    start_items_2 = each_of_start_2.expand(index=start_indices)
    gather = StepOperator(
        task_id="gather",
        trigger_rule="none_failed",
        doc_md="A join may call a flow as well.",
    )
    gather__start = StepOperator(
        task_id="gather__start",
        doc_md="One item for each number.",
    )
    gather__start_indices = indices.override(task_id="gather__start_indices")(
        "gather__start",
    )

    @task_group(group_id="gather__start_items", prefix_group_id=False)
    def each_of_gather__start(index):
        """What runs for each item of `numbers`."""
        StepOperator(
            task_id="gather__raise_one",
            index=index,
            doc_md="The parameters are those of the call; nothing of the caller is to be seen here.",
        )

    gather__start_items = each_of_gather__start.expand(index=gather__start_indices)
    gather__end = StepOperator(
        task_id="gather__end",
        trigger_rule="none_failed",
        doc_md="What the caller gets by `returns`.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.CallingFlow.end")],
        doc_md="Both results are artifacts of this flow.",
    )

    start >> start_indices >> start_items >> shop__start_indices >> shop__start_items
    shop__start_items >> start_items_2 >> gather >> gather__start
    gather__start >> gather__start_indices >> gather__start_items >> gather__end >> end


# The files of the flow, and its plan.
FLOW.texts["files/calling_flows.py"] = '''
"""A flow that calls another one: for every shop, and once for all of them. Each call becomes steps of the caller.

Pure Python: it runs wherever a Python 3.9 is, on any image.

    flowc run examples/calling_flows.py --shops north,south
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, call_flow, step


class StatisticsFlow(FlowSpec):
    """Squares in parallel, and their sum. It runs by itself, too: `--flow StatisticsFlow`."""

    numbers = Parameter("numbers", default="1,2,3", separator=",", help="what to square")
    power = Parameter("power", default=1, help="the exponent")

    @step
    def start(self) -> None:
        """One item for each number."""
        self.next(self.raise_one, foreach="numbers")

    @step
    def raise_one(self) -> None:
        """The parameters are those of the call; nothing of the caller is to be seen here."""
        self.raised = int(self.input) ** self.power
        self.next(self.end)

    @step
    def end(self, inputs: Inputs[StatisticsFlow]) -> None:
        """What the caller gets by `returns`."""
        self.total = sum(each.raised for each in inputs)
        print(f"{len(inputs)} numbers, {self.total} in all")


class CallingFlow(FlowSpec):
    """Call the other flow in a foreach, and again on what that has brought."""

    shops = Parameter("shops", default="north,south,west", separator=",", help="names, of which the letters count")

    @step
    def start(self) -> None:
        """One item for each shop."""
        self.next(self.shop, foreach="shops")

    @call_flow(StatisticsFlow, params={"power": 2}, artifacts={"numbers": "sales"}, returns={"squares": "total"})
    @step
    def shop(self) -> None:
        """When this is done, the other flow runs; what follows has `self.squares`."""
        self.name = self.input
        self.sales = [len(self.name), self.index]
        self.next(self.gather)

    @call_flow(StatisticsFlow, artifacts=["numbers"], returns=["total"])
    @step
    def gather(self, inputs: Inputs[CallingFlow]) -> None:
        """A join may call a flow as well."""
        self.numbers = [each.squares for each in inputs]
        self.next(self.end)

    @step
    def end(self) -> None:
        """Both results are artifacts of this flow."""
        print(f"squares {self.numbers}, total {self.total}")


if __name__ == "__main__":
    CallingFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "CallingFlow",
"class": "CallingFlow",
"module": "calling_flows",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "shops", "name": "shops", "type": "str"}],
"steps": {
 "start": {"kind": "foreach", "parents": [], "next": ["shop"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "shops", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "shop": {"kind": "linear", "parents": ["start"], "next": ["shop__start"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "leads": ["gather"]},
 "shop__start": {"kind": "foreach", "parents": ["shop"], "next": ["shop__raise_one"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "numbers", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "within": "shop"},
 "shop__raise_one": {"kind": "linear", "parents": ["shop__start"], "next": ["shop__end"], "depth": 2, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "within": "shop"},
 "shop__end": {"kind": "join", "parents": ["shop__raise_one"], "next": ["gather"], "depth": 1, "closes": "shop__start", "closes_kind": "foreach", "arms": [["shop__raise_one"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "within": "shop", "leads": []},
 "gather": {"kind": "join", "parents": ["shop__end"], "next": ["gather__start"], "depth": 0, "closes": "start", "closes_kind": "foreach", "arms": [["shop__end"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "leads": ["end"]},
 "gather__start": {"kind": "foreach", "parents": ["gather"], "next": ["gather__raise_one"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "numbers", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "within": "gather"},
 "gather__raise_one": {"kind": "linear", "parents": ["gather__start"], "next": ["gather__end"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "within": "gather"},
 "gather__end": {"kind": "join", "parents": ["gather__raise_one"], "next": ["end"], "depth": 0, "closes": "gather__start", "closes_kind": "foreach", "arms": [["gather__raise_one"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "within": "gather", "leads": []},
 "end": {"kind": "linear", "parents": ["gather__end"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"calls": {"shop": {"flow": "StatisticsFlow", "module": null, "start": "shop__start", "end": "shop__end", "artifacts": {"numbers": "sales"}, "returns": {"squares": "total"}, "params": {"power": {"literal": 2}}}, "gather": {"flow": "StatisticsFlow", "module": null, "start": "gather__start", "end": "gather__end", "artifacts": {"numbers": "numbers"}, "returns": {"total": "total"}, "params": {}}},
"files": {"file": "calling_flows.py", "path": [""], "shipped": ["calling_flows.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "CallingFlow",
    "flow": "CallingFlow",
    "root": "/tmp/store",
    "pools": [],
    "tasks": [
        "start",
        "shop",
        "shop__start",
        "shop__raise_one",
        "shop__end",
        "gather",
        "gather__start",
        "gather__raise_one",
        "gather__end",
        "end",
    ],
    "hooks": [],
    "iterations": {},
    "nested": {"shop__raise_one": "shop__start_indices"},
}


flow()
