# Compiled by flowc <version> from awk_totals.py. Change that file, not this one.
#
# flow    AwkTotalsFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from kubernetes.client import models as k8s

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
    ContainerOperator,
    FlowPackage,
    PublishOutput,
    StepOperator,
    indices,
)

FLOW = FlowPackage(
    name="AwkTotalsFlow",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="start",
    python="python3",
    parameters={"FLOWC_PARAM_LEAST": "least"},
)


@dag(
    dag_id="AwkTotalsFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Add the sales of each shop up, in a container each.\n"
        "\n"
        "```\n"
        "start -> add_up, for each of sales\n"
        "add_up -> join\n"
        "join -> end\n"
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
        "least": Param(
            default=10,
            type="integer",
            description="smaller sales do not count",
        ),
    },
)
def flow():
    start = StepOperator(
        task_id="start",
        callbacks=PublishOutput,
        doc_md="A text for each shop.",
    )
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each item of `sales`."""
        ContainerOperator(
            task_id="add_up",
            index=index,
            retries=1,
            retry_delay=timedelta(seconds=0),
            container_image="debian:12-slim",
            container_resources=k8s.V1ResourceRequirements(
                requests={"memory": "100Mi"},
            ),
            doc_md="Awk reads the item of the foreach from a file, and writes the artifact `shop` as JSON.",
        )

    start_items = each_of_start.expand(index=start_indices)
    join = StepOperator(
        task_id="join",
        trigger_rule="none_failed",
        doc_md="The totals of all shops.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.AwkTotalsFlow.end")],
        doc_md="Print them.",
    )

    start >> start_indices >> start_items >> join >> end


# The files of the flow, and its plan.
FLOW.texts["files/awk_totals.py"] = r'''
"""A step in a container of another image: awk adds up what Python has prepared, and Python goes on with the totals.

The image has no flowc and needs no Python. Without docker or podman the command runs as a process of this machine:

    flowc run examples/awk_totals.py --container local
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, container, resources, retry, step

ADD_UP = """
    $2 >= ENVIRON["LEAST"] { total += $2 }
    END { printf "{\\"shop\\": \\"%s\\", \\"total\\": %d}", $1, total > ENVIRON["OUT"] }
"""


class AwkTotalsFlow(FlowSpec):
    """Add the sales of each shop up, in a container each."""

    least = Parameter("least", default=10, help="smaller sales do not count")

    @step
    def start(self) -> None:
        """A text for each shop."""
        self.sales = ["north 12\nnorth 30\n", "south 7\nsouth 9\n", "west 100\nwest 3\nwest 40\n"]
        self.next(self.add_up, foreach="sales")

    @retry(times=1, minutes_between_retries=0)
    @resources(memory=100)
    @container(
        image="debian:12-slim",
        command=["awk", ADD_UP, "{inputs.input}"],
        env={"LEAST": "{values.least}", "OUT": "{outputs.shop}"},
        inputs={"input": "sales.txt"},
        outputs={"shop": "shop.json"},
    )
    @step
    def add_up(self) -> None:
        """Awk reads the item of the foreach from a file, and writes the artifact `shop` as JSON."""
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[AwkTotalsFlow]) -> None:
        """The totals of all shops."""
        self.totals = {item.shop["shop"]: item.shop["total"] for item in inputs}
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print them."""
        for shop, total in self.totals.items():
            print(f"{shop}: {total}")


if __name__ == "__main__":
    AwkTotalsFlow()
'''
FLOW.texts["plan.json"] = r"""
{"version": 1,
"flow": "AwkTotalsFlow",
"class": "AwkTotalsFlow",
"module": "awk_totals",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "least", "name": "least", "type": "int"}],
"steps": {
 "start": {"kind": "foreach", "parents": [], "next": ["add_up"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "sales", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "add_up": {"kind": "linear", "parents": ["start"], "next": ["join"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 1, "timeout": null, "env": {}, "container": {"image": "debian:12-slim", "command": ["awk", "\n    $2 >= ENVIRON[\"LEAST\"] { total += $2 }\n    END { printf \"{\\\"shop\\\": \\\"%s\\\", \\\"total\\\": %d}\", $1, total > ENVIRON[\"OUT\"] }\n", "{inputs.input}"], "env": {"LEAST": "{values.least}", "OUT": "{outputs.shop}"}, "inputs": {"input": "sales.txt"}, "outputs": {"shop": "shop.json"}}},
 "join": {"kind": "join", "parents": ["add_up"], "next": ["end"], "depth": 0, "closes": "start", "closes_kind": "foreach", "arms": [["add_up"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["join"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "awk_totals.py", "path": [""], "shipped": ["awk_totals.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "AwkTotalsFlow",
    "flow": "AwkTotalsFlow",
    "root": "s3://bucket/prefix",
    "pools": [],
    "tasks": ["start", "add_up", "join", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
