# Compiled by flowc <version> from choose_model.py. Change that file, not this one.
#
# flow    ChooseModelFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
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
    name="ChooseModelFlow",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="start",
    python="python3",
    parameters={"FLOWC_PARAM_SIZES": "sizes", "FLOWC_PARAM_TARGET": "target"},
)


@dag(
    dag_id="ChooseModelFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Pick a model by the size of each data set, and refine the best one.\n"
        "\n"
        "```\n"
        "start -> look, for each of sizes\n"
        "look -> table or trees or sample\n"
        "table -> best\n"
        "sample -> trees\n"
        "trees -> best\n"
        "best -> refine\n"
        "refine -> end\n"
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
    params={
        "sizes": Param(
            default=[20, 500, 4000],
            type=["string", "object", "array", "number", "boolean", "null"],
            description="rows of each data set",
        ),
        "target": Param(default=0.95, type="number", description="the score to reach"),
    },
)
def flow():
    start = StepOperator(task_id="start", callbacks=PublishOutput)
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each item of `sizes`."""
        StepOperator(
            task_id="look",
            index=index,
            group=True,
            retries=3,
            retry_delay=timedelta(seconds=0),
        )

    start_items = each_of_start.expand(index=start_indices)
    best = StepOperator(
        task_id="best",
        trigger_rule="none_failed",
        group=True,
        retries=3,
        retry_delay=timedelta(seconds=0),
        outlets=[Asset("metaflow.ChooseModelFlow.end")],
    )

    start >> start_indices >> start_items >> best


# The files of the flow, and its plan.
FLOW.texts["files/choose_model.py"] = '''
"""A switch in each item of a foreach, arms that end in one join, and a training loop that goes on until it is good.

flowc run examples/choose_model.py
flowc run examples/choose_model.py --sizes '[10, 400, 3000]'
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, JSONType, Parameter, loop, step


class ChooseModelFlow(FlowSpec):
    """Pick a model by the size of each data set, and refine the best one."""

    sizes = Parameter("sizes", type=JSONType, default="[20, 500, 4000]", help="rows of each data set")
    target = Parameter("target", default=0.95, help="the score to reach")

    @step
    def start(self) -> None:
        self.next(self.look, foreach="sizes")

    @step
    def look(self) -> None:
        self.rows = self.input
        self.size = "small" if self.rows < 100 else "medium" if self.rows < 1000 else "large"
        self.next({"small": self.table, "medium": self.trees, "large": self.sample}, condition="size")

    @step
    def table(self) -> None:
        self.model = "lookup table"
        self.score = 0.6
        self.next(self.best)

    @step
    def sample(self) -> None:
        self.rows = 1000
        self.next(self.trees)

    @step
    def trees(self) -> None:
        self.model = "trees"
        self.score = 0.7 + self.rows / 10000
        self.next(self.best)

    @step
    def best(self, inputs: Inputs[ChooseModelFlow]) -> None:
        self.models = [(each.rows, each.model, each.score) for each in inputs]
        self.score = max(score for _, _, score in self.models)
        self.rounds = 0
        self.next(self.refine)

    @loop(max_iterations=20)
    @step
    def refine(self) -> None:
        self.rounds += 1
        self.score = round(self.score + 0.25 * (1 - self.score), 4)
        self.good = self.score >= self.target
        self.next({True: self.end, False: self.refine}, condition="good")

    @step
    def end(self) -> None:
        print("models:", self.models)
        print("score", self.score, "after", self.rounds, "rounds")


if __name__ == "__main__":
    ChooseModelFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "ChooseModelFlow",
"class": "ChooseModelFlow",
"module": "choose_model",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "sizes", "name": "sizes", "type": "json"}, {"attribute": "target", "name": "target", "type": "float"}],
"steps": {
 "start": {"kind": "foreach", "parents": [], "next": ["look"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "sizes", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "look": {"kind": "switch", "parents": ["start"], "next": ["table", "trees", "sample"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": "size", "loops": false, "retries": 0, "timeout": null, "env": {}},
 "table": {"kind": "linear", "parents": ["look"], "next": ["best"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "sample": {"kind": "linear", "parents": ["look"], "next": ["trees"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "trees": {"kind": "linear", "parents": ["look", "sample"], "next": ["best"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "best": {"kind": "join", "parents": ["table", "trees"], "next": ["refine"], "depth": 0, "closes": "start", "closes_kind": "foreach", "arms": [["table", "trees"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "refine": {"kind": "switch", "parents": ["best"], "next": ["end"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": "good", "loops": true, "retries": 0, "timeout": null, "env": {}, "max_iterations": 20},
 "end": {"kind": "linear", "parents": ["refine"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"groups": {"look": {"steps": ["look", "table", "sample", "trees"]}, "best": {"steps": ["best", "refine", "end"]}},
"files": {"file": "choose_model.py", "path": [""], "shipped": ["choose_model.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "ChooseModelFlow",
    "flow": "ChooseModelFlow",
    "root": "s3://bucket/prefix",
    "pools": [],
    "tasks": ["start", "look", "best"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
