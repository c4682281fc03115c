# Compiled by flowc <version> from fan_out_map.py. Change that file, not this one.
#
# flow    fan_out_map
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
    name="fan_out_map",
    digest="<hash>",
    root="/tmp/store",
    start="load_step",
    parameters={"FLOWC_PARAM_PARALLEL_COUNT": "parallel_count"},
)


@dag(
    dag_id="fan_out_map",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md="```\nload_step -> process_step, for each of output\nprocess_step -> combine_step\ncombine_step\n```\n",
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={"parallel_count": Param(default=8, type="integer")},
)
def flow():
    load_step = StepOperator(task_id="load_step")
    load_step_indices = indices.override(task_id="load_step_indices")("load_step")

    @task_group(group_id="load_step_items", prefix_group_id=False)
    def each_of_load_step(index):
        """What runs for each item of `output`."""
        StepOperator(task_id="process_step", index=index)

    load_step_items = each_of_load_step.expand(index=load_step_indices)
    combine_step = StepOperator(
        task_id="combine_step",
        trigger_rule="none_failed",
        outlets=[Asset("metaflow.fan_out_map.end")],
    )

    load_step >> load_step_indices >> load_step_items >> combine_step


# The files of the flow, and its plan.
FLOW.texts["files/fan_out_map.py"] = '''
"""Fan-out by `.map`: as many tasks as there are items, which is known when the first step has run, and not before.

`parallel_count` only goes into a step, so that every run may be given another one, on every target.

    flowc run examples/fan_out_map.py
    flowc run examples/fan_out_map.py -p parallel_count=16
    flowc run examples/fan_out_map.py -p parallel_count=0
"""

from flowc import pipeline, step


@step
def load_step(count: int) -> list[str]:
    return ["Hello from flowc!"] * count


@step
def process_step(input_data: str) -> str:
    return input_data


@step
def combine_step(results: list[str]) -> None:
    print(",".join(f"process_{number}: {result}" for number, result in enumerate(results)))


@pipeline
def fan_out_map(parallel_count: int = 8) -> None:
    combine_step(process_step.map(load_step(parallel_count)))


if __name__ == "__main__":
    fan_out_map()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "fan_out_map",
"class": "fan_out_map",
"module": "fan_out_map",
"frontend": "pipeline",
"start": "load_step",
"end": "combine_step",
"parameters": [{"attribute": "parallel_count", "name": "parallel_count", "type": "int", "default": {"literal": 8}}],
"steps": {
 "load_step": {"kind": "foreach", "parents": [], "next": ["process_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "output", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "load_step", "module": null, "arguments": {"count": {"parameter": "parallel_count"}}, "outputs": ["output"], "many": false}},
 "process_step": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"item": "load_step", "source": 0}}, "outputs": ["output"], "many": false}},
 "combine_step": {"kind": "join", "parents": ["process_step"], "next": [], "depth": 0, "closes": "load_step", "closes_kind": "foreach", "arms": [["process_step"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "combine_step", "module": null, "arguments": {"results": {"output": ["process_step", "output"], "levels": 1}}, "outputs": [], "many": false}}},
"files": {"file": "fan_out_map.py", "path": [""], "shipped": ["fan_out_map.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "fan_out_map",
    "flow": "fan_out_map",
    "root": "/tmp/store",
    "pools": [],
    "tasks": ["load_step", "process_step", "combine_step"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
