# Compiled by flowc <version> from promote_model.py. Change that file, not this one.
#
# flow    PromoteModelFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timezone
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
    ApprovalOperator,
    FlowPackage,
    PublishOutput,
    StepOperator,
    WaitSensor,
)

FLOW = FlowPackage(
    name="PromoteModelFlow",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="start",
    python="python3",
    parameters={"FLOWC_PARAM_ROWS": "rows"},
)


@dag(
    dag_id="PromoteModelFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Train a model on data that come later, and promote it when a person says so.\n"
        "\n"
        "```\n"
        "start -> train\n"
        "train -> review\n"
        "review -> promote or keep\n"
        "promote -> end\n"
        "keep -> end\n"
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
        "rows": Param(
            default=1000,
            type="integer",
            description="how many rows to train on",
        ),
    },
)
def flow():
    start = StepOperator(task_id="start")
    wait_train = WaitSensor(task_id="wait_train", step="train", every=30.0)
    train = StepOperator(task_id="train")
    wait_review = WaitSensor(
        task_id="wait_review",
        step="review",
        callbacks=PublishOutput,
    )
    approve_review = ApprovalOperator(
        task_id="approve_review",
        step="review",
        choices=["promote", "reject"],
        message="Promote the model?",
        response_seconds=172800.0,
        waited="wait_review",
    )
    review = StepOperator(
        task_id="review",
        callbacks=PublishOutput,
        asked="approve_review",
    )
    promote = StepOperator(task_id="promote", when=[["review", "promote"]])
    keep = StepOperator(task_id="keep", when=[["review", "keep"]])
    end = StepOperator(
        task_id="end",
        trigger_rule="none_failed",
        outlets=[Asset("metaflow.PromoteModelFlow.end")],
    )

    start >> wait_train >> train >> wait_review >> approve_review >> review
    review >> [promote, keep] >> end


# The files of the flow, and its plan.
FLOW.texts["files/promote_model.py"] = '''
"""A model that a person promotes: the run trains it, and asks before it goes out.

flowc run examples/promote_model.py
flowc approve PromoteModelFlow review --choose promote --note "better than the last one"
flowc run examples/promote_model.py --approve review=reject
"""

from __future__ import annotations

from flowc import FlowSpec, Parameter, approval, current, step, wait_for


class PromoteModelFlow(FlowSpec):
    """Train a model on data that come later, and promote it when a person says so."""

    rows = Parameter("rows", default=1000, help="how many rows to train on")

    @step
    def start(self) -> None:
        self.next(self.train)

    @wait_for("/etc/hosts", every=30, timeout="6h")  # in production s3://shop/sales/day={scheduled:%F}/_SUCCESS
    @step
    def train(self) -> None:
        self.accuracy = round(1 - 50 / (self.rows + 100), 3)
        self.next(self.review)

    @approval(choices=["promote", "reject"], message="Promote the model?", timeout="2d", default="reject")
    @step
    def review(self) -> None:
        self.reason = current.approval.note or "no reason given"
        self.next({"promote": self.promote, "reject": self.keep}, condition="decision")

    @step
    def promote(self) -> None:
        self.serving = f"the model with accuracy {self.accuracy}"
        self.next(self.end)

    @step
    def keep(self) -> None:
        self.serving = "the model of before"
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"{self.decision}: {self.reason}")
        print(f"serving {self.serving}")


if __name__ == "__main__":
    PromoteModelFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "PromoteModelFlow",
"class": "PromoteModelFlow",
"module": "promote_model",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "rows", "name": "rows", "type": "int"}],
"steps": {
 "start": {"kind": "linear", "parents": [], "next": ["train"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "train": {"kind": "linear", "parents": ["start"], "next": ["review"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}, "waits": [{"url": "/etc/hosts", "pattern": false, "status": [200], "within": 86400.0, "every": 30.0, "timeout": 21600.0}]},
 "review": {"kind": "switch", "parents": ["train"], "next": ["promote", "keep"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": "decision", "loops": false, "retries": 0, "timeout": null, "env": {}, "approval": {"choices": ["promote", "reject"], "kind": "text", "message": "Promote the model?", "timeout": 172800.0, "default": "reject"}},
 "promote": {"kind": "linear", "parents": ["review"], "next": ["end"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "keep": {"kind": "linear", "parents": ["review"], "next": ["end"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["promote", "keep"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "promote_model.py", "path": [""], "shipped": ["promote_model.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "PromoteModelFlow",
    "flow": "PromoteModelFlow",
    "root": "s3://bucket/prefix",
    "pools": [],
    "tasks": ["start", "train", "review", "promote", "keep", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
    "asking": {"approve_review": "review"},
}


flow()
