# Compiled by flowc <version> from nested_map.py. Change that file, not this one.
#
# flow    nested_map
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
    name="nested_map",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="count_shelves",
    python="python3",
    parameters={"FLOWC_PARAM_SHELVES": "shelves"},
)


@dag(
    dag_id="nested_map",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "```\n"
        "count_shelves -> list_books, for each of output\n"
        "list_books -> weigh, for each of output\n"
        "weigh -> add_up\n"
        "add_up -> report\n"
        "report\n"
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
    params={"shelves": Param(default=3, type="integer")},
)
def flow():
    count_shelves = StepOperator(task_id="count_shelves", callbacks=PublishOutput)
    count_shelves_indices = indices.override(task_id="count_shelves_indices")(
        "count_shelves",
    )

    @task_group(group_id="count_shelves_items", prefix_group_id=False)
    def each_of_count_shelves(index):
        """What runs for each item of `output`."""
        StepOperator(task_id="list_books", index=index, callbacks=PublishOutput)

    count_shelves_items = each_of_count_shelves.expand(index=count_shelves_indices)
    list_books_indices = indices.override(task_id="list_books_indices")(
        "list_books",
        count_shelves_indices,
    )

    @task_group(group_id="list_books_items", prefix_group_id=False)
    def each_of_list_books(index):
        """What runs for each item of `output`."""
        StepOperator(task_id="weigh", index=index)

    list_books_items = each_of_list_books.expand(index=list_books_indices)

    @task_group(group_id="count_shelves_items_2", prefix_group_id=False)
    def each_of_count_shelves_2(index):
        """What runs for each item of `output`, after the foreach in it."""
        StepOperator(task_id="add_up", index=index, trigger_rule="none_failed")

    count_shelves_items_2 = each_of_count_shelves_2.expand(index=count_shelves_indices)
    report = StepOperator(
        task_id="report",
        trigger_rule="none_failed",
        outlets=[Asset("metaflow.nested_map.end")],
    )

    count_shelves >> count_shelves_indices >> count_shelves_items >> list_books_indices
    list_books_indices >> list_books_items >> count_shelves_items_2 >> report


# The files of the flow, and its plan.
FLOW.texts["files/nested_map.py"] = '''
"""A map in a map: a pipeline is mapped over shelves, and maps a step over the books of its shelf.

What a mapped call gives is a list for the step that takes it. Shelf n has n books, so that the first has none.

    flowc run examples/nested_map.py
    flowc run examples/nested_map.py -p shelves=0
"""

from flowc import pipeline, step, unmapped


@step
def count_shelves(shelves: int) -> list[int]:
    return list(range(shelves))


@step
def list_books(shelf: int) -> list[str]:
    return [f"book {number} of shelf {shelf}" for number in range(shelf)]


@step
def weigh(title: str, grams: int) -> int:
    return grams + len(title)


@step
def add_up(weights: list[int]) -> int:
    return sum(weights)


@step
def report(shelf_weights: list[int]) -> None:
    for number, weight in enumerate(shelf_weights):
        print(f"shelf {number}: {weight} g")
    print(f"{sum(shelf_weights)} g in all")


@pipeline
def weigh_shelf(shelf: int, grams: int) -> int:
    weights = weigh.map(list_books(shelf), unmapped(grams))
    return add_up(weights)


@pipeline
def nested_map(shelves: int = 3, grams: int = 200) -> None:
    report(weigh_shelf.map(count_shelves(shelves), grams=grams))


if __name__ == "__main__":
    nested_map()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "nested_map",
"class": "nested_map",
"module": "nested_map",
"frontend": "pipeline",
"start": "count_shelves",
"end": "report",
"parameters": [{"attribute": "shelves", "name": "shelves", "type": "int", "default": {"literal": 3}}],
"steps": {
 "count_shelves": {"kind": "foreach", "parents": [], "next": ["list_books"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "output", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "count_shelves", "module": null, "arguments": {"shelves": {"parameter": "shelves"}}, "outputs": ["output"], "many": false}},
 "list_books": {"kind": "foreach", "parents": ["count_shelves"], "next": ["weigh"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "output", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "list_books", "module": null, "arguments": {"shelf": {"item": "count_shelves", "source": 0}}, "outputs": ["output"], "many": false}},
 "weigh": {"kind": "linear", "parents": ["list_books"], "next": ["add_up"], "depth": 2, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "weigh", "module": null, "arguments": {"title": {"item": "list_books", "source": 0}, "grams": {"literal": 200}}, "outputs": ["output"], "many": false}},
 "add_up": {"kind": "join", "parents": ["weigh"], "next": ["report"], "depth": 1, "closes": "list_books", "closes_kind": "foreach", "arms": [["weigh"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "add_up", "module": null, "arguments": {"weights": {"output": ["weigh", "output"], "levels": 1}}, "outputs": ["output"], "many": false}},
 "report": {"kind": "join", "parents": ["add_up"], "next": [], "depth": 0, "closes": "count_shelves", "closes_kind": "foreach", "arms": [["add_up"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "report", "module": null, "arguments": {"shelf_weights": {"output": ["add_up", "output"], "levels": 1}}, "outputs": [], "many": false}}},
"settled": {"grams": {"literal": 200}},
"files": {"file": "nested_map.py", "path": [""], "shipped": ["nested_map.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "nested_map",
    "flow": "nested_map",
    "root": "s3://bucket/prefix",
    "pools": [],
    "tasks": ["count_shelves", "list_books", "weigh", "add_up", "report"],
    "hooks": [],
    "iterations": {},
    "nested": {"weigh": "list_books_indices"},
}


flow()
