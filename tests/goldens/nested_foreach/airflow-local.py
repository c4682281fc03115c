# Compiled by flowc <version> from nested_foreach.py. Change that file, not this one.
#
# flow    NestedForeachFlow
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
    name="NestedForeachFlow",
    digest="<hash>",
    root="/tmp/store",
    start="start",
    parameters={"FLOWC_PARAM_SHELVES": "shelves", "FLOWC_PARAM_GRAMS": "grams"},
)


@dag(
    dag_id="NestedForeachFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Weigh every book on every shelf, then add up: per shelf, and over all.\n"
        "\n"
        "```\n"
        "start -> shelf, for each of shelf_numbers\n"
        "shelf -> weigh, for each of books\n"
        "weigh -> add_up\n"
        "add_up -> total\n"
        "total -> end\n"
        "end\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={
        "shelves": Param(
            default=3,
            type="integer",
            description="number of shelves; shelf i holds i books",
        ),
        "grams": Param(
            default=250,
            type="integer",
            description="weight of one page-block",
        ),
    },
)
def flow():
    start = StepOperator(task_id="start", doc_md="One item for each shelf.")
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each item of `shelf_numbers`."""
        StepOperator(
            task_id="shelf",
            index=index,
            doc_md=(
                "Runs once a shelf. Shelf 0 holds nothing: a foreach over no items is legal, and its join still runs."
            ),
        )

    start_items = each_of_start.expand(index=start_indices)
    shelf_indices = indices.override(task_id="shelf_indices")("shelf", start_indices)

    @task_group(group_id="shelf_items", prefix_group_id=False)
    def each_of_shelf(index):
        """What runs for each item of `books`."""
        StepOperator(
            task_id="weigh",
            index=index,
            doc_md="Runs once a book: `self.input` is the title, `self.index` its place on the shelf.",
        )

    shelf_items = each_of_shelf.expand(index=shelf_indices)

    @task_group(group_id="start_items_2", prefix_group_id=False)
    def each_of_start_2(index):
        """What runs for each item of `shelf_numbers`, after the foreach in it."""
        StepOperator(
            task_id="add_up",
            index=index,
            trigger_rule="none_failed",
            doc_md="The inner join: the books of one shelf, in their order.",
        )

    start_items_2 = each_of_start_2.expand(index=start_indices)
    total = StepOperator(
        task_id="total",
        trigger_rule="none_failed",
        doc_md="The outer join: all shelves, in their order.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.NestedForeachFlow.end")],
        doc_md="Print the answer.",
    )

    start >> start_indices >> start_items >> shelf_indices >> shelf_items
    shelf_items >> start_items_2 >> total >> end


# The files of the flow, and its plan.
FLOW.texts["files/nested_foreach.py"] = '''
"""A foreach inside a foreach: shelves of books, shelves of different lengths, one of them empty.

Pure Python: it runs wherever a Python 3.9 is, on any image.

    flowc run examples/nested_foreach.py --shelves 4
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, step


class NestedForeachFlow(FlowSpec):
    """Weigh every book on every shelf, then add up: per shelf, and over all."""

    shelves = Parameter("shelves", default=3, help="number of shelves; shelf i holds i books")
    grams = Parameter("grams", default=250, help="weight of one page-block")

    @step
    def start(self) -> None:
        """One item for each shelf."""
        self.shelf_numbers = list(range(self.shelves))
        self.next(self.shelf, foreach="shelf_numbers")

    @step
    def shelf(self) -> None:
        """Runs once a shelf. Shelf 0 holds nothing: a foreach over no items is legal, and its join still runs."""
        self.number = self.input
        self.books = [f"book {self.number}.{position}" for position in range(self.number)]
        self.next(self.weigh, foreach="books")

    @step
    def weigh(self) -> None:
        """Runs once a book: `self.input` is the title, `self.index` its place on the shelf."""
        self.title = self.input
        self.weight = self.grams * (self.index + 1)
        self.next(self.add_up)

    @step
    def add_up(self, inputs: Inputs[NestedForeachFlow]) -> None:
        """The inner join: the books of one shelf, in their order."""
        self.titles = [book.title for book in inputs]
        self.shelf_weight = sum(book.weight for book in inputs)
        self.next(self.total)

    @step
    def total(self, inputs: Inputs[NestedForeachFlow]) -> None:
        """The outer join: all shelves, in their order."""
        self.weights = [shelf.shelf_weight for shelf in inputs]
        self.titles = [title for shelf in inputs for title in shelf.titles]
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print the answer."""
        for number, weight in enumerate(self.weights):
            print(f"shelf {number}: {weight} g")
        print(f"{len(self.titles)} books, {sum(self.weights)} g in all")


if __name__ == "__main__":
    NestedForeachFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "NestedForeachFlow",
"class": "NestedForeachFlow",
"module": "nested_foreach",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "shelves", "name": "shelves", "type": "int"}, {"attribute": "grams", "name": "grams", "type": "int"}],
"steps": {
 "start": {"kind": "foreach", "parents": [], "next": ["shelf"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "shelf_numbers", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "shelf": {"kind": "foreach", "parents": ["start"], "next": ["weigh"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "books", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "weigh": {"kind": "linear", "parents": ["shelf"], "next": ["add_up"], "depth": 2, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "add_up": {"kind": "join", "parents": ["weigh"], "next": ["total"], "depth": 1, "closes": "shelf", "closes_kind": "foreach", "arms": [["weigh"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "total": {"kind": "join", "parents": ["add_up"], "next": ["end"], "depth": 0, "closes": "start", "closes_kind": "foreach", "arms": [["add_up"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["total"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "nested_foreach.py", "path": [""], "shipped": ["nested_foreach.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "NestedForeachFlow",
    "flow": "NestedForeachFlow",
    "root": "/tmp/store",
    "pools": [],
    "tasks": ["start", "shelf", "weigh", "add_up", "total", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {"weigh": "shelf_indices"},
}


flow()
