# Compiled by flowc <version> from gpu_training.py. Change that file, not this one.
#
# flow    GpuTrainingFlow
# source  sha256:<hash>
# code    sha256:<hash>

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

try:
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:  # before Airflow 3.1
    from airflow.exceptions import AirflowSkipException

try:
    from airflow.sdk import Asset, BaseOperator, dag
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag
    from airflow.models.baseoperator import BaseOperator
    from airflow.models.param import Param

ROOT = "/tmp/store"
START = "start"
TAGS = []
PYTHON = None
ENVIRONMENT = {}
PARAMETERS = {"FLOWC_PARAM_ROUNDS": "rounds", "FLOWC_PARAM_RATE": "rate"}


@dag(
    dag_id="GpuTrainingFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md="Fit a line by gradient descent, in a step that asks for one T4.",
    tags=["flowc"],
    default_args={"retries": 0},
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
    start = StepOperator(task_id="start", doc_md="Make the data: y = 3x + 1 on a grid.")
    train = StepOperator(
        task_id="train",
        execution_timeout=timedelta(seconds=900),
        variables={"TRAINING_DEVICE": "gpu"},
        doc_md="Gradient descent on the mean squared error.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.GpuTrainingFlow.end")],
        doc_md="Print the fitted line.",
    )

    start >> train >> end


def encoded(value: Any) -> str:
    """Encode a parameter for the shim, safe from expansion; `None` is its default."""
    if value is None:
        return "flowc:default"
    text = value if isinstance(value, str) else json.dumps(value)
    return "b64:" + base64.urlsafe_b64encode(text.encode()).decode()


class ShimTask:
    """Runs a step by the shim: the step that the task is named after, or `step`.

    Only the index, which comes from the mapping, is a template: what the flow says
    reaches the task unchanged. `when` lists pairs of a switch and the choice of it
    that leads here. A task of a recursive step has the number of its iteration.
    """

    task_id: str
    template_fields = ("index",)

    def __init__(
        self,
        *,
        index: str = "-",
        step: str | None = None,
        iteration: int | None = None,
        when: list[list[str]] | None = None,
        variables: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.index = index
        self.step = step or self.task_id
        self.iteration = iteration
        self.when = when or []
        self.variables = variables or {}

    def pre_execute(self, context: Any) -> None:
        """Skip a task in an arm that its switch has not chosen, before a pod starts.

        Branch operators skip nothing inside of a mapped group (Airflow #67265).
        """
        ti = context["ti"]
        for switch, target in self.when:
            indexes = ti.map_index
            choice = ti.xcom_pull(task_ids=switch, key="choice", map_indexes=indexes)
            if choice == target:
                return
        if self.when:
            raise AirflowSkipException("the switch chose another arm")

    def index_path(self) -> str:
        """Return the index path, which ends with the number of an iteration."""
        if self.iteration is None:
            return self.index
        if self.index == "-":
            return str(self.iteration)
        return f"{self.index}.{self.iteration}"

    def shim_arguments(self, context: Any) -> list[str]:
        """Return the shim's command: step, index path, and attempt.

        A cleared task goes on counting: `first` is the attempt that it then began with.
        """
        ti = context["ti"]
        attempt = max(ti.try_number - 1, 0)
        first = min(max(ti.max_tries - (ti.task.retries or 0), 0), attempt)
        place = ["--step", self.step, "--index", self.index_path()]
        return ["task", *place, "--attempt", str(attempt), "--first", str(first)]

    def shim_environment(self, context: Any) -> dict[str, str]:
        """Return the task's variables; the first step's have the run's parameters.

        The run id is quoted: artifact stores dislike its `:` and `+`.
        """
        variables = {
            **self.variables,
            **ENVIRONMENT,
            "FLOWC_ROOT": ROOT,
            "FLOWC_RUN_ID": quote(context["run_id"], safe="").replace("%", "="),
            "FLOWC_TAGS": ",".join(TAGS),
        }
        if self.step == START:
            for variable, name in PARAMETERS.items():
                variables[variable] = encoded(context["params"][name])
        return variables


class StepOperator(ShimTask, BaseOperator):
    """Runs a step as a process on the worker."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> None:
        """Run the shim, log what it prints, and publish the count or the choice."""
        with tempfile.TemporaryDirectory(prefix="flowc-") as folder:
            package = Path(folder, "flow.pyz")
            package.write_bytes(base64.b64decode(CODE))
            python = os.environ.get("FLOWC_PYTHON") or PYTHON or sys.executable
            command = [python, str(package), *self.shim_arguments(context)]
            with subprocess.Popen(
                [*command, "--outputs", folder],
                env={**os.environ, **self.shim_environment(context)},
                stdin=subprocess.DEVNULL,  # the worker talks to Airflow by its own
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as self.process:
                try:
                    for line in self.process.stdout or ():
                        self.log.info("%s", line.rstrip("\n"))
                    code = self.process.wait()
                finally:
                    self.on_kill()
            if code != 0:
                raise RuntimeError(f"step {self.task_id} ended with exit code {code}")
            for name, convert in (("count", int), ("choice", str)):
                output = Path(folder, name)
                if output.exists():
                    context["ti"].xcom_push(key=name, value=convert(output.read_text()))

    def on_kill(self) -> None:
        """End the process if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "GpuTrainingFlow",
    "flow": "GpuTrainingFlow",
    "pool": None,
    "tasks": ["start", "train", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}

# The code package: a zip with flowc's runtime, the flow's own files and its plan.
CODE = """
<package>
"""


flow()
