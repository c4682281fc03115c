# Compiled by flowc <version> from gpu_training.py. Change that file, not this one.
#
# flow    GpuTrainingFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from kubernetes.client import models as k8s

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
    name="GpuTrainingFlow",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="start",
    python="python3",
    parameters={"FLOWC_PARAM_ROUNDS": "rounds", "FLOWC_PARAM_RATE": "rate"},
)


@dag(
    dag_id="GpuTrainingFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Fit a line by gradient descent, in a step that asks for one T4.\n"
        "\n"
        "```\n"
        "start -> train\n"
        "train -> end\n"
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
        "rounds": Param(
            default=500,
            type="integer",
            description="rounds of gradient descent",
        ),
        "rate": Param(default=0.05, type="number", description="learning rate"),
    },
)
def flow():
    start = StepOperator(
        task_id="start",
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "0.1", "memory": "256Mi"},
        ),
        doc_md="Make the data: y = 3x + 1 on a grid.",
    )
    train = StepOperator(
        task_id="train",
        execution_timeout=timedelta(seconds=5100),
        variables={"TRAINING_DEVICE": "gpu"},
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "0.1", "memory": "256Mi"},
            limits={"nvidia.com/gpu": "1"},
        ),
        node_selector={
            "cloud.google.com/gke-accelerator": "nvidia-tesla-t4",
            "kubernetes.io/os": "linux",
        },
        tolerations=[
            k8s.V1Toleration(
                key="dedicated",
                operator="Equal",
                value="training",
                effect="NoSchedule",
            ),
            k8s.V1Toleration(
                key="nvidia.com/gpu",
                operator="Exists",
                effect="NoSchedule",
            ),
        ],
        schedule_timeout_seconds=3600,
        active_deadline_seconds=900,
        doc_md="Gradient descent on the mean squared error.",
    )
    end = StepOperator(
        task_id="end",
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "0.1", "memory": "256Mi"},
        ),
        outlets=[Asset("metaflow.GpuTrainingFlow.end")],
        doc_md="Print the fitted line.",
    )

    start >> train >> end


# The files of the flow, and its plan.
FLOW.texts["files/gpu_training.py"] = '''
"""A training step on a GPU node: what it needs is said once, and every target places it.

The model is a tiny one in pure Python, so that the example runs on any image and anywhere: a laptop without a GPU runs
it too (`flowc run` counts no GPUs). On Kubernetes the step lands on a node of the asked-for type, and nowhere else.

    flowc run examples/gpu_training.py
"""

from __future__ import annotations

from flowc import FlowSpec, Parameter, environment, kubernetes, resources, step, timeout


class GpuTrainingFlow(FlowSpec):
    """Fit a line by gradient descent, in a step that asks for one T4."""

    rounds = Parameter("rounds", default=500, help="rounds of gradient descent")
    rate = Parameter("rate", default=0.05, help="learning rate")

    @resources(cpu=0.1, memory=256)
    @step
    def start(self) -> None:
        """Make the data: y = 3x + 1 on a grid."""
        self.points = [(x / 10, 3.0 * x / 10 + 1.0) for x in range(-10, 11)]
        self.next(self.train)

    # @resources says how much, @kubernetes says where. Where both name the same thing the larger one counts, as in
    # Metaflow. `gpu_type` becomes the label of the nodes that have it, and their taint is tolerated. `node_selector`
    # and `tolerations` go to the pod besides, as they are.
    @resources(gpu=1, cpu=0.1, memory=256)
    @kubernetes(
        gpu=1,
        gpu_type="nvidia-tesla-t4",
        node_selector={"kubernetes.io/os": "linux"},
        tolerations=[{"key": "dedicated", "operator": "Equal", "value": "training", "effect": "NoSchedule"}],
    )
    @environment(vars={"TRAINING_DEVICE": "gpu"})
    @timeout(minutes=10)
    @step
    def train(self) -> None:
        """Gradient descent on the mean squared error."""
        import os

        self.device = os.environ["TRAINING_DEVICE"]
        slope, offset = 0.0, 0.0
        for _ in range(self.rounds):
            errors = [(slope * x + offset - y, x) for x, y in self.points]
            slope -= self.rate * 2 * sum(error * x for error, x in errors) / len(errors)
            offset -= self.rate * 2 * sum(error for error, _ in errors) / len(errors)
        self.slope, self.offset = slope, offset
        self.next(self.end)

    @resources(cpu=0.1, memory=256)
    @step
    def end(self) -> None:
        """Print the fitted line."""
        print(f"trained on {self.device}: y = {self.slope:.3f} x + {self.offset:.3f}")


if __name__ == "__main__":
    GpuTrainingFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "GpuTrainingFlow",
"class": "GpuTrainingFlow",
"module": "gpu_training",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "rounds", "name": "rounds", "type": "int"}, {"attribute": "rate", "name": "rate", "type": "float"}],
"steps": {
 "start": {"kind": "linear", "parents": [], "next": ["train"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "train": {"kind": "linear", "parents": ["start"], "next": ["end"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": 600, "env": {"TRAINING_DEVICE": "gpu"}},
 "end": {"kind": "linear", "parents": ["train"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "gpu_training.py", "path": [""], "shipped": ["gpu_training.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "GpuTrainingFlow",
    "flow": "GpuTrainingFlow",
    "root": "s3://bucket/prefix",
    "pools": [],
    "tasks": ["start", "train", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
