# Compiled by flowc <version> from gpu_pipeline.py. Change that file, not this one.
#
# flow    gpu_pipeline
# source  sha256:<hash>
# code    sha256:<hash>

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

try:
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:  # before Airflow 3.1
    from airflow.exceptions import AirflowSkipException

try:
    from airflow.sdk import Asset, dag
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag
    from airflow.models.param import Param

ROOT = "s3://bucket/prefix"
START = "make_data"
TAGS = []
PYTHON = "python3"
ENVIRONMENT = {}
PARAMETERS = {"FLOWC_PARAM_ROUNDS": "rounds", "FLOWC_PARAM_RATE": "rate"}


@dag(
    dag_id="gpu_pipeline",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md="Fit a line by gradient descent, in a step that asks for one A100.",
    tags=["flowc"],
    default_args={
        "retries": 0,
        "image": "python:3.11-slim",
        "log_pod_spec_on_failure": False,
        "startup_timeout_seconds": 600,
    },
    params={
        "rounds": Param(default=500, type="integer"),
        "rate": Param(default=0.05, type="number"),
    },
)
def flow():
    make_data = StepOperator(
        task_id="make_data",
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "0.1", "memory": "256Mi"},
        ),
        doc_md="The data: y = 3x + 1 on a grid.",
    )
    train = StepOperator(
        task_id="train",
        retries=2,
        retry_delay=timedelta(seconds=30),
        execution_timeout=timedelta(seconds=5100),
        variables={"TRAINING_DEVICE": "gpu"},
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "0.1", "memory": "512Mi"},
            limits={"nvidia.com/gpu": "1"},
        ),
        node_selector={"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"},
        tolerations=[
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
    report = StepOperator(
        task_id="report",
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "0.1", "memory": "256Mi"},
        ),
        outlets=[Asset("metaflow.gpu_pipeline.end")],
        doc_md="Print the fitted line.",
    )

    make_data >> train >> report


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


# What a pod runs: it puts the code package together, and becomes the shim in it. The
# shim writes the count of a foreach, or the choice of a switch, to a file, which
# Kubernetes keeps as the termination message.
BOOTSTRAP = """\
import base64, os, sys, tempfile
folder = tempfile.mkdtemp(prefix="flowc-")
path = os.path.join(folder, "flow.pyz")
parts = sorted((name for name in os.environ if name.startswith("FLOWC_CODE_")))
with open(path, "wb") as file:
    file.write(base64.b64decode("".join(os.environ.pop(name) for name in parts)))
for name in ("count", "choice"):
    os.symlink("/dev/termination-log", os.path.join(folder, name))
os.execv(sys.executable, [sys.executable, path, *sys.argv[1:], "--outputs", folder])
"""


def attach_code(pod: Any, variables: dict[str, str]) -> None:
    """Add the code package to a pod's variables, in parts that Linux takes."""
    code = "".join(CODE.split())
    for number, start in enumerate(range(0, len(code), 100_000)):
        variables[f"FLOWC_CODE_{number:03}"] = code[start : start + 100_000]


class StepOperator(ShimTask, KubernetesPodOperator):
    """Runs a step in a pod."""

    def __init__(self, *, python: str | None = PYTHON, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.python = python

    def build_pod_request_obj(self, context: Any = None, **kwargs: Any) -> Any:
        """Build the pod, with the shim's command, variables and code in it."""
        pod = super().build_pod_request_obj(context, **kwargs)
        if context is None:  # a dry run
            return pod
        container = pod.spec.containers[0]
        variables = self.shim_environment(context)
        attach_code(pod, variables)
        container.command = [self.python, "-c", BOOTSTRAP]
        container.args = self.shim_arguments(context)
        container.env = container.env or []
        for name, value in variables.items():
            # Kubernetes expands `$(...)` in values, and reads `$$` as `$`.
            exact = value.replace("$", "$$")
            container.env.append(k8s.V1EnvVar(name=name, value=exact))
        return pod


# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "gpu_pipeline",
    "flow": "gpu_pipeline",
    "pool": None,
    "tasks": ["make_data", "train", "report"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}

# The code package: a zip with flowc's runtime, the flow's own files and its plan.
CODE = """
<package>
"""


flow()
