# Compiled by flowc <version> from gpu_training.py. Change that file, not this one.
#
# flow    GpuTrainingFlow
# source  sha256:<hash>
# code    sha256:<hash>

import base64
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

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
        execution_timeout=timedelta(seconds=600),
        variables={"TRAINING_DEVICE": "gpu"},
        doc_md="Gradient descent on the mean squared error.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.GpuTrainingFlow.end")],
        doc_md="Print the fitted line.",
    )

    start >> train >> end


def arguments(step, index, context):
    """What the shim is told of a task: its step, its index path, its attempt.

    A task that was cleared goes on counting: `first` is the attempt it then began with.
    """
    ti = context["ti"]
    attempt = max(ti.try_number - 1, 0)
    first = min(max(ti.max_tries - (ti.task.retries or 0), 0), attempt)
    place = ["--step", step, "--index", index]
    return ["task", *place, "--attempt", str(attempt), "--first", str(first)]


def environment(step, context):
    """Where the run's artifacts are and, for the first step, the run's parameters."""
    variables = {
        **ENVIRONMENT,
        "FLOWC_ROOT": ROOT,
        "FLOWC_RUN_ID": quote(context["run_id"], safe="").replace("%", "="),
        "FLOWC_TAGS": ",".join(TAGS),
    }
    if step == START:
        for variable, name in PARAMETERS.items():
            variables[variable] = encoded(context["params"][name])
    return variables


def encoded(value):
    """A parameter as the shim reads it, safe from expansion; `None` is the default."""
    if value is None:
        return "flowc:default"
    text = value if isinstance(value, str) else json.dumps(value)
    return "b64:" + base64.urlsafe_b64encode(text.encode()).decode()


class StepOperator(BaseOperator):
    """Runs the step that the task is named after, as a process on the worker."""

    template_fields = ("index",)

    def __init__(self, *, index="-", variables=None, **kwargs):
        super().__init__(**kwargs)
        self.index = index
        self.variables = variables or {}
        self.process = None

    def execute(self, context):
        with tempfile.TemporaryDirectory(prefix="flowc-") as folder:
            package = Path(folder, "flow.pyz")
            package.write_bytes(base64.b64decode(CODE))
            python = os.environ.get("FLOWC_PYTHON") or PYTHON or sys.executable
            task = arguments(self.task_id, self.index, context)
            variables = {**self.variables, **environment(self.task_id, context)}
            self.process = subprocess.Popen(
                [python, str(package), *task, "--outputs", folder],
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,  # the worker talks to Airflow by its own
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            try:
                for line in self.process.stdout:
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

    def on_kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# The code package: a zip with flowc's runtime, the flow's own files and its plan.
CODE = """
<package>
"""


flow()
