# Compiled by flowc <version> from fan_out_fan_in.py. Change that file, not this one.
#
# flow    fan_out_fan_in_pipeline
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
    name="fan_out_fan_in_pipeline",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="load_step",
    python="python3",
)


@dag(
    dag_id="fan_out_fan_in_pipeline",
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
    default_args={
        "flow": FLOW,
        "retries": 0,
        "image": "python:3.11-slim",
        "log_pod_spec_on_failure": False,
        "startup_timeout_seconds": 600,
    },
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
        outlets=[Asset("metaflow.fan_out_fan_in_pipeline.end")],
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
FLOW.texts["files/fan_out_fan_in.py"] = '''
"""Fan-out and fan-in as ZenML's documentation has it, unchanged: the last step looks for the results of its run itself.

The call at the end of the file is what the flow is compiled with; it does nothing when a task imports the file. ZenML
need not be installed. `fan_in_direct.py` and `fan_out_map.py` are the same pipeline with results passed as arguments.

    flowc run examples/fan_out_fan_in.py
    flowc run examples/fan_out_fan_in.py -p parallel_count=16
"""

from zenml import step, get_step_context, pipeline
from zenml.client import Client


@step
def load_step() -> str:
    return "Hello from ZenML!"


@step
def process_step(input_data: str) -> str:
    return input_data


@step
def combine_step(step_prefix: str, output_name: str) -> None:
    run_name = get_step_context().pipeline_run.name
    run = Client().get_pipeline_run(run_name)

    # Fetch all results from parallel processing steps
    processed_results = {}
    for step_name, step_info in run.steps.items():
        if step_name.startswith(step_prefix):
            output = step_info.outputs[output_name][0]
            processed_results[step_info.name] = output.load()

    # Combine all results
    print(",".join([f"{k}: {v}" for k, v in processed_results.items()]))


@pipeline(enable_cache=False)
def fan_out_fan_in_pipeline(parallel_count: int) -> None:
    # Initial step (source)
    input_data = load_step()

    # Fan out: Process data in parallel branches
    after = []
    for i in range(parallel_count):
        _ = process_step(input_data, id=f"process_{i}")
        after.append(f"process_{i}")

    # Fan in: Combine results from all parallel branches
    combine_step(step_prefix="process_", output_name="output", after=after)


fan_out_fan_in_pipeline(parallel_count=8)
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "fan_out_fan_in_pipeline",
"class": "fan_out_fan_in_pipeline",
"module": "fan_out_fan_in",
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
 "combine_step": {"kind": "join", "parents": ["process_0", "process_1", "process_2", "process_3", "process_4", "process_5", "process_6", "process_7"], "next": [], "depth": 0, "closes": "load_step", "closes_kind": "branch", "arms": [["process_0"], ["process_1"], ["process_2"], ["process_3"], ["process_4"], ["process_5"], ["process_6"], ["process_7"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "combine_step", "module": null, "arguments": {"step_prefix": {"literal": "process_"}, "output_name": {"literal": "output"}}, "outputs": [], "many": false}}},
"settled": {"parallel_count": {"literal": 8}},
"files": {"file": "fan_out_fan_in.py", "path": [""], "shipped": ["fan_out_fan_in.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "fan_out_fan_in_pipeline",
    "flow": "fan_out_fan_in_pipeline",
    "root": "s3://bucket/prefix",
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
