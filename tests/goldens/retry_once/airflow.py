# Compiled by flowc <version> from retry_once.py. Change that file, not this one.
#
# flow    RetryOnceFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

try:
    from airflow.sdk import Asset, dag, task_group
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag, task_group

# This folder is on Airflow's path only if it is the dags folder itself.
sys.path.append(str(Path(__file__).parent))

from flowc_runtime_version_hash import (
    FlowPackage,
    PublishOutput,
    StepOperator,
    indices,
)

FLOW = FlowPackage(
    name="RetryOnceFlow",
    digest="<hash>",
    root="s3://bucket/prefix",
    start="start",
    python="python3",
)


@dag(
    dag_id="RetryOnceFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Three tasks, of which the one in the middle fails at its first attempt.\n"
        "\n"
        "```\n"
        "start -> work, for each of names\n"
        "work -> join\n"
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
)
def flow():
    start = StepOperator(
        task_id="start",
        callbacks=PublishOutput,
        doc_md="Three items.",
    )
    start_indices = indices.override(task_id="start_indices")("start")

    @task_group(group_id="start_items", prefix_group_id=False)
    def each_of_start(index):
        """What runs for each item of `names`."""
        StepOperator(
            task_id="work",
            index=index,
            retries=2,
            retry_delay=timedelta(seconds=0),
            doc_md="Fails for `middle` on attempt 0, after it has set the artifacts that nobody may read.",
        )

    start_items = each_of_start.expand(index=start_indices)
    join = StepOperator(
        task_id="join",
        trigger_rule="none_failed",
        doc_md="Sees one whole attempt of each.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.RetryOnceFlow.end")],
        doc_md="Print what was read.",
    )

    start >> start_indices >> start_items >> join >> end


# The files of the flow, and its plan.
FLOW.texts["files/retry_once.py"] = '''
"""A step that fails the first time: `@retry` runs it again, and the join reads the attempt that succeeded.

An attempt is committed by writing its manifest last. What a failed attempt had stored is never seen by anyone.

    flowc run examples/retry_once.py
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, current, retry, step


class RetryOnceFlow(FlowSpec):
    """Three tasks, of which the one in the middle fails at its first attempt."""

    @step
    def start(self) -> None:
        """Three items."""
        self.names = ["left", "middle", "right"]
        self.next(self.work, foreach="names")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self) -> None:
        """Fails for `middle` on attempt 0, after it has set the artifacts that nobody may read."""
        self.name = self.input
        self.attempt = current.retry_count
        self.value = f"{self.name} by attempt {self.attempt}"
        if self.name == "middle" and self.attempt == 0:
            raise RuntimeError("the first attempt always fails here")
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[RetryOnceFlow]) -> None:
        """Sees one whole attempt of each."""
        self.values = [task.value for task in inputs]
        self.attempts = [task.attempt for task in inputs]
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print what was read."""
        for value in self.values:
            print(value)
        print(f"attempts: {self.attempts}")


if __name__ == "__main__":
    RetryOnceFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "RetryOnceFlow",
"class": "RetryOnceFlow",
"module": "retry_once",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [],
"steps": {
 "start": {"kind": "foreach", "parents": [], "next": ["work"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": "names", "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "work": {"kind": "linear", "parents": ["start"], "next": ["join"], "depth": 1, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 2, "timeout": null, "env": {}},
 "join": {"kind": "join", "parents": ["work"], "next": ["end"], "depth": 0, "closes": "start", "closes_kind": "foreach", "arms": [["work"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["join"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "retry_once.py", "path": [""], "shipped": ["retry_once.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "RetryOnceFlow",
    "flow": "RetryOnceFlow",
    "root": "s3://bucket/prefix",
    "pools": [],
    "tasks": ["start", "work", "join", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
