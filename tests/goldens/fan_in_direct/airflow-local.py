# Compiled by flowc <version> from fan_in_direct.py. Change that file, not this one.
#
# flow    fan_in_direct
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

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
    name="fan_in_direct",
    digest="<hash>",
    root="/tmp/store",
    start="load_step",
)


@dag(
    dag_id="fan_in_direct",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "```\n"
        "load_step -> process_0, process_1, process_2, process_3, process_4, "
        "process_5, process_6, process_7\n"
        "process_0 -> combine_step\n"
        "process_1 -> combine_step\n"
        "process_2 -> combine_step\n"
        "process_3 -> combine_step\n"
        "process_4 -> combine_step\n"
        "process_5 -> combine_step\n"
        "process_6 -> combine_step\n"
        "process_7 -> combine_step\n"
        "combine_step\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
)
def flow():
    load_step = StepOperator(task_id="load_step")
    process_0 = StepOperator(task_id="process_0")
    process_1 = StepOperator(task_id="process_1")
    process_2 = StepOperator(task_id="process_2")
    process_3 = StepOperator(task_id="process_3")
    process_4 = StepOperator(task_id="process_4")
    process_5 = StepOperator(task_id="process_5")
    process_6 = StepOperator(task_id="process_6")
    process_7 = StepOperator(task_id="process_7")
    combine_step = StepOperator(
        task_id="combine_step",
        trigger_rule="none_failed",
        outlets=[Asset("metaflow.fan_in_direct.end")],
    )

    load_step.set_downstream(
        [
            process_0,
            process_1,
            process_2,
            process_3,
            process_4,
            process_5,
            process_6,
            process_7,
        ],
    )
    process_0 >> combine_step
    process_1 >> combine_step
    process_2 >> combine_step
    process_3 >> combine_step
    process_4 >> combine_step
    process_5 >> combine_step
    process_6 >> combine_step
    process_7 >> combine_step


# The files of the flow, and its plan.
FLOW.texts["files/fan_in_direct.py"] = '''
"""Fan-in by a list of results: the last step takes them as an argument, and flowc knows what it waits for.

How many steps there are is settled when the flow is compiled: by the default, the call at the end, or `-p`.

    flowc run examples/fan_in_direct.py
    flowc run examples/fan_in_direct.py -p parallel_count=16
"""

from flowc import pipeline, step


@step
def load_step() -> str:
    return "Hello from flowc!"


@step
def process_step(input_data: str) -> str:
    return input_data


@step
def combine_step(results: list[str]) -> None:
    print(",".join(f"process_{number}: {result}" for number, result in enumerate(results)))


@pipeline
def fan_in_direct(parallel_count: int = 8) -> None:
    input_data = load_step()
    results = [process_step(input_data, id=f"process_{i}") for i in range(parallel_count)]
    combine_step(results)


if __name__ == "__main__":
    fan_in_direct()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "fan_in_direct",
"class": "fan_in_direct",
"module": "fan_in_direct",
"frontend": "pipeline",
"start": "load_step",
"end": "combine_step",
"parameters": [],
"steps": {
 "load_step": {"kind": "branch", "parents": [], "next": ["process_0", "process_1", "process_2", "process_3", "process_4", "process_5", "process_6", "process_7"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "load_step", "module": null, "arguments": {}, "outputs": ["output"], "many": false}},
 "process_0": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"output": ["load_step", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "process_1": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"output": ["load_step", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "process_2": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"output": ["load_step", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "process_3": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"output": ["load_step", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "process_4": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"output": ["load_step", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "process_5": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"output": ["load_step", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "process_6": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"output": ["load_step", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "process_7": {"kind": "linear", "parents": ["load_step"], "next": ["combine_step"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "process_step", "module": null, "arguments": {"input_data": {"output": ["load_step", "output"], "levels": 0}}, "outputs": ["output"], "many": false}},
 "combine_step": {"kind": "join", "parents": ["process_0", "process_1", "process_2", "process_3", "process_4", "process_5", "process_6", "process_7"], "next": [], "depth": 0, "closes": "load_step", "closes_kind": "branch", "arms": [["process_0"], ["process_1"], ["process_2"], ["process_3"], ["process_4"], ["process_5"], ["process_6"], ["process_7"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "combine_step", "module": null, "arguments": {"results": {"list": [{"output": ["process_0", "output"], "levels": 0}, {"output": ["process_1", "output"], "levels": 0}, {"output": ["process_2", "output"], "levels": 0}, {"output": ["process_3", "output"], "levels": 0}, {"output": ["process_4", "output"], "levels": 0}, {"output": ["process_5", "output"], "levels": 0}, {"output": ["process_6", "output"], "levels": 0}, {"output": ["process_7", "output"], "levels": 0}]}}, "outputs": [], "many": false}}},
"settled": {"parallel_count": {"literal": 8}},
"files": {"file": "fan_in_direct.py", "path": [""], "shipped": ["fan_in_direct.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "fan_in_direct",
    "flow": "fan_in_direct",
    "root": "/tmp/store",
    "pools": [],
    "tasks": [
        "load_step",
        "process_0",
        "process_1",
        "process_2",
        "process_3",
        "process_4",
        "process_5",
        "process_6",
        "process_7",
        "combine_step",
    ],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
