# Compiled by flowc <version> from fan_out_fan_in.py. Change that file, not this one.
#
# flow    fan_out_fan_in_pipeline
# source  sha256:<hash>
# code    sha256:<hash>

import base64
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

try:
    from airflow.sdk import Asset, BaseOperator, dag
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag
    from airflow.models.baseoperator import BaseOperator

ROOT = "/tmp/store"
START = "load_step"
TAGS = []
PYTHON = None
ENVIRONMENT = {}
PARAMETERS = {}


@dag(
    dag_id="fan_out_fan_in_pipeline",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    tags=["flowc"],
    default_args={"retries": 0},
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
