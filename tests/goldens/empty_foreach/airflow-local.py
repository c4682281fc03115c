# Compiled by flowc <version> from empty_foreach.py. Change that file, not this one.
#
# flow    EmptyForeachFlow
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
    name="EmptyForeachFlow",
    digest="<hash>",
    root="/tmp/store",
    start="start",
    parameters={"FLOWC_PARAM_COUNT": "count"},
)


@dag(
    dag_id="EmptyForeachFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Count to a number that is zero unless told otherwise.\n"
        "\n"
        "```\n"
        "start -> square, for each of items\n"
        "square -> join\n"
        "join -> end\n"
        "end\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={"count": Param(default=0, type="integer", description="number of items")},
)
def flow():
    start = StepOperator(task_id="start", doc_md="As many items as asked for.")
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each item of `items`."""
        StepOperator(
            task_id="square",
            index=index,
            doc_md="Runs once an item, so perhaps never.",
        )

    start_items = each_of_start.expand(index=start_indices)
    join = StepOperator(
        task_id="join",
        trigger_rule="none_failed",
        doc_md="Parameters are here even where there are no inputs.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.EmptyForeachFlow.end")],
        doc_md="Print the answer.",
    )

    start >> start_indices >> start_items >> join >> end


# The files of the flow, and its plan.
FLOW.texts["files/empty_foreach.py"] = '''
"""A foreach over no items at all: its body runs zero times, and its join runs once, with no inputs.

Metaflow refuses such a foreach, and Airflow by itself would skip the join. Here every target gives the same answer.

    flowc run examples/empty_foreach.py
    flowc run examples/empty_foreach.py --count 2
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, step


class EmptyForeachFlow(FlowSpec):
    """Count to a number that is zero unless told otherwise."""

    count = Parameter("count", default=0, help="number of items")

    @step
    def start(self) -> None:
        """As many items as asked for."""
        self.items = list(range(self.count))
        self.next(self.square, foreach="items")

    @step
    def square(self) -> None:
        """Runs once an item, so perhaps never."""
        self.squared = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[EmptyForeachFlow]) -> None:
        """Parameters are here even where there are no inputs."""
        self.squares = [task.squared for task in inputs]
        self.asked = self.count
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print the answer."""
        print(f"asked for {self.asked}, joined {len(self.squares)}: {self.squares}")


if __name__ == "__main__":
    EmptyForeachFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "EmptyForeachFlow",
"class": "EmptyForeachFlow",
"module": "empty_foreach",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "count", "name": "count", "type": "int"}],
"steps": {
 "start": {"kind": "foreach", "parents": [], "next": ["square"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "items", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "square": {"kind": "linear", "parents": ["start"], "next": ["join"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "join": {"kind": "join", "parents": ["square"], "next": ["end"], "depth": 0, "closes": "start", "closes_kind": "foreach", "arms": [["square"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["join"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "empty_foreach.py", "path": [""], "shipped": ["empty_foreach.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "EmptyForeachFlow",
    "flow": "EmptyForeachFlow",
    "root": "/tmp/store",
    "pools": [],
    "tasks": ["start", "square", "join", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
