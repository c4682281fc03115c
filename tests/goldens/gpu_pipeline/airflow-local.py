# Compiled by flowc <version> from gpu_pipeline.py. Change that file, not this one.
#
# flow    gpu_pipeline
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

try:
    from airflow.sdk import Asset, dag
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag
    from airflow.models.param import Param

# This folder is on Airflow's path only if it is the dags folder itself.
sys.path.append(str(Path(__file__).parent))

from flowc_runtime_version_hash import (
    FlowPackage,
    StepOperator,
)

FLOW = FlowPackage(
    name="gpu_pipeline",
    digest="<hash>",
    root="/tmp/store",
    start="make_data",
    parameters={"FLOWC_PARAM_ROUNDS": "rounds", "FLOWC_PARAM_RATE": "rate"},
)


@dag(
    dag_id="gpu_pipeline",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Fit a line by gradient descent, in a step that asks for one A100.\n"
        "\n"
        "```\n"
        "make_data -> train\n"
        "train -> report\n"
        "report\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={
        "rounds": Param(default=500, type="integer"),
        "rate": Param(default=0.05, type="number"),
    },
)
def flow():
    make_data = StepOperator(
        task_id="make_data",
        doc_md="The data: y = 3x + 1 on a grid.",
    )
    train = StepOperator(
        task_id="train",
        retries=2,
        retry_delay=timedelta(seconds=30),
        execution_timeout=timedelta(seconds=900),
        variables={"TRAINING_DEVICE": "gpu"},
        doc_md="Gradient descent on the mean squared error.",
    )
    report = StepOperator(
        task_id="report",
        outlets=[Asset("metaflow.gpu_pipeline.end")],
        doc_md="Print the fitted line.",
    )

    make_data >> train >> report


# The files of the flow, and its plan.
FLOW.texts["files/gpu_pipeline.py"] = '''
"""A training pipeline on a GPU node: what a step needs stands in its decorator, and every target places it.

The model is a tiny one in pure Python, so that the example runs on any image and anywhere: a laptop without a GPU runs
it too (`flowc run` counts no GPUs). On Kubernetes `train` lands on a node with a T4, and nowhere else.

    flowc run examples/gpu_pipeline.py
    flowc run examples/gpu_pipeline.py -p rounds=100
"""

from typing import Annotated

from flowc import Resources, Retry, pipeline, step

Points = list[tuple[float, float]]


@step(resources=Resources(cpu=0.1, memory="256Mi"))
def make_data(size: int) -> Points:
    """The data: y = 3x + 1 on a grid."""
    return [(x / size, 3.0 * x / size + 1.0) for x in range(-size, size + 1)]


@step(
    resources=Resources(gpu="t4:1", cpu=0.1, memory="512Mi"),
    retry=Retry(limit=2, backoff="30s"),
    timeout="10m",
    env={"TRAINING_DEVICE": "gpu"},
)
def train(
    points: Points, rounds: int, rate: float
) -> tuple[Annotated[float, "slope"], Annotated[float, "offset"], Annotated[str, "device"]]:
    """Gradient descent on the mean squared error."""
    import os

    slope, offset = 0.0, 0.0
    for _ in range(rounds):
        errors = [(slope * x + offset - y, x) for x, y in points]
        slope -= rate * 2 * sum(error * x for error, x in errors) / len(errors)
        offset -= rate * 2 * sum(error for error, _ in errors) / len(errors)
    return slope, offset, os.environ["TRAINING_DEVICE"]


@step(resources=Resources(cpu=0.1, memory="256Mi"))
def report(slope: float, offset: float, device: str) -> None:
    """Print the fitted line."""
    print(f"trained on {device}: y = {slope:.3f} x + {offset:.3f}")


@pipeline
def gpu_pipeline(rounds: int = 500, rate: float = 0.05) -> None:
    """Fit a line by gradient descent, in a step that asks for one A100."""
    slope, offset, device = train(make_data(10), rounds, rate)
    report(slope, offset, device)


if __name__ == "__main__":
    gpu_pipeline()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "gpu_pipeline",
"class": "gpu_pipeline",
"module": "gpu_pipeline",
"frontend": "pipeline",
"start": "make_data",
"end": "report",
"parameters": [{"attribute": "rounds", "name": "rounds", "type": "int", "default": {"literal": 500}}, {"attribute": "rate", "name": "rate", "type": "float", "default": {"literal": 0.05}}],
"steps": {
 "make_data": {"kind": "linear", "parents": [], "next": ["train"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "make_data", "module": null, "arguments": {"size": {"literal": 10}}, "outputs": ["output"], "many": false}},
 "train": {"kind": "linear", "parents": ["make_data"], "next": ["report"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 2, "timeout": 600, "env": {"TRAINING_DEVICE": "gpu"}, "call": {"function": "train", "module": null, "arguments": {"points": {"output": ["make_data", "output"], "levels": 0}, "rounds": {"parameter": "rounds"}, "rate": {"parameter": "rate"}}, "outputs": ["slope", "offset", "device"], "many": true}},
 "report": {"kind": "linear", "parents": ["train"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "call": {"function": "report", "module": null, "arguments": {"slope": {"output": ["train", "slope"], "levels": 0}, "offset": {"output": ["train", "offset"], "levels": 0}, "device": {"output": ["train", "device"], "levels": 0}}, "outputs": [], "many": false}}},
"files": {"file": "gpu_pipeline.py", "path": [""], "shipped": ["gpu_pipeline.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "gpu_pipeline",
    "flow": "gpu_pipeline",
    "root": "/tmp/store",
    "pools": [],
    "tasks": ["make_data", "train", "report"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
