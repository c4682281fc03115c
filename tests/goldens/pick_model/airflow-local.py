# Compiled by flowc <version> from pick_model.py. Change that file, not this one.
#
# flow    pick_model
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import Asset, TaskGroup, dag
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag
    from airflow.models.param import Param
    from airflow.operators.empty import EmptyOperator
    from airflow.utils.task_group import TaskGroup

# This folder is on Airflow's path only if it is the dags folder itself.
sys.path.append(str(Path(__file__).parent))

from flowc_runtime_version_hash import (
    FlowPackage,
    StepOperator,
)

FLOW = FlowPackage(
    name="pick_model",
    digest="<hash>",
    root="/tmp/store",
    start="load",
    parameters={"FLOWC_PARAM_ROWS": "rows", "FLOWC_PARAM_TREES": "trees"},
)


@dag(
    dag_id="pick_model",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "```\n"
        "load -> size_of\n"
        "size_of -> look_up or sample or report\n"
        "look_up -> report\n"
        "sample -> grow_trees\n"
        "grow_trees -> report\n"
        "report\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={
        "rows": Param(default=500, type="integer"),
        "trees": Param(default=10, type="integer"),
    },
)
def flow():
    load = StepOperator(task_id="load")
    size_of = StepOperator(task_id="size_of")
    look_up = StepOperator(task_id="look_up", when=[["size_of", "look_up"]])
    with TaskGroup("sample_arm", prefix_group_id=False):
        sample = StepOperator(task_id="sample", when=[["size_of", "sample"]])
        grow_trees = StepOperator(task_id="grow_trees", when=[["size_of", "sample"]])
    if_1_start = EmptyOperator(task_id="if_1_start")
    report = StepOperator(
        task_id="report",
        trigger_rule="none_failed",
        outlets=[Asset("metaflow.pick_model.end")],
    )

    load >> size_of >> [look_up, sample, if_1_start]
    look_up >> report
    sample >> grow_trees >> report
    if_1_start >> report


# The files of the flow, and its plan.
FLOW.texts["files/pick_model.py"] = '''
"""An `if` on the result of a step: which arm runs is decided by the run, and the other arm's steps do not run at all.

How many rows there are is a parameter of the run, and so is all that follows from it.

    flowc run examples/pick_model.py
    flowc run examples/pick_model.py -p rows=5000
    flowc run examples/pick_model.py -p rows=0
"""

from flowc import pipeline, step


@step
def load(rows: int) -> list[float]:
    return [number / 100 for number in range(rows)]


@step
def size_of(data: list[float]) -> str:
    return "none" if not data else "small" if len(data) < 1000 else "large"


@step
def look_up(data: list[float]) -> str:
    return f"a table of {len(data)} rows"


@step
def sample(data: list[float]) -> list[float]:
    return data[:: len(data) // 100]


@step
def grow_trees(data: list[float], trees: int) -> str:
    return f"{trees} trees on {len(data)} rows"


@step
def report(model: str) -> None:
    print(f"picked {model}")


@pipeline
def pick_model(rows: int = 500, trees: int = 10) -> None:
    data = load(rows)
    size = size_of(data)
    if size == "small":
        model = look_up(data)
    elif size == "large":
        model = grow_trees(sample(data), trees)
    else:
        model = "nothing"
    report(model)


if __name__ == "__main__":
    pick_model()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "pick_model",
"class": "pick_model",
"module": "pick_model",
"frontend": "pipeline",
"start": "load",
"end": "report",
"parameters": [{"attribute": "rows", "name": "rows", "type": "int", "default": {"literal": 500}}, {"attribute": "trees", "name": "trees", "type": "int", "default": {"literal": 10}}],
"steps": {
 "load": {"kind": "linear", "parents": [], "next": ["size_of"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "load", "module": null, "arguments": {"rows": {"parameter": "rows"}}, "outputs": ["output"], "many": false}},
 "size_of": {"kind": "switch", "parents": ["load"], "next": ["look_up", "sample", "if_1_start"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "size_of", "module": null, "arguments": {"data": {"output": ["load", "output"], "levels": 0}}, "outputs": ["output"], "many": false}, "tests": [{"operation": "==", "of": [{"output": ["size_of", "output"], "levels": 0}, {"literal": "small"}]}, {"operation": "==", "of": [{"output": ["size_of", "output"], "levels": 0}, {"literal": "large"}]}], "cases": ["look_up", "sample", "if_1_start"]},
 "look_up": {"kind": "linear", "parents": ["size_of"], "next": ["report"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "look_up", "module": null, "arguments": {"data": {"output": ["load", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "sample": {"kind": "linear", "parents": ["size_of"], "next": ["grow_trees"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "sample", "module": null, "arguments": {"data": {"output": ["load", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "grow_trees": {"kind": "linear", "parents": ["sample"], "next": ["report"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "grow_trees", "module": null, "arguments": {"data": {"output": ["sample", "output"], "levels": 0}, "trees": {"parameter": "trees"}}, "outputs": ["output"], "many": false}},
 "if_1_start": {"kind": "linear", "parents": ["size_of"], "next": ["report"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "virtual": true},
 "report": {"kind": "linear", "parents": ["look_up", "grow_trees", "if_1_start"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "report", "module": null, "arguments": {"model": {"chosen": "size_of", "cases": [["look_up", {"output": ["look_up", "output"], "levels": 0}], ["sample", {"output": ["grow_trees", "output"], "levels": 0}], ["if_1_start", {"literal": "nothing"}]]}}, "outputs": [], "many": false}}},
"files": {"file": "pick_model.py", "path": [""], "shipped": ["pick_model.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "pick_model",
    "flow": "pick_model",
    "root": "/tmp/store",
    "pools": [],
    "tasks": ["load", "size_of", "look_up", "sample", "grow_trees", "report"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
