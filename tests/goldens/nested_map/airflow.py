# Compiled by flowc <version> from nested_map.py. Change that file, not this one.
#
# flow    nested_map
# source  sha256:<hash>
# code    sha256:<hash>

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from airflow.providers.cncf.kubernetes.callbacks import KubernetesPodOperatorCallback
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

try:
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:  # before Airflow 3.1
    from airflow.exceptions import AirflowSkipException

try:
    from airflow.sdk import Asset, dag, task, task_group
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag, task, task_group
    from airflow.models.param import Param

ROOT = "s3://bucket/prefix"
START = "count_shelves"
TAGS = []
PYTHON = "python3"
ENVIRONMENT = {}
PARAMETERS = {"FLOWC_PARAM_SHELVES": "shelves"}


@dag(
    dag_id="nested_map",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    tags=["flowc"],
    default_args={
        "retries": 0,
        "image": "python:3.11-slim",
        "log_pod_spec_on_failure": False,
        "startup_timeout_seconds": 600,
    },
    params={"shelves": Param(default=3, type="integer")},
)
def flow():
    count_shelves = StepOperator(task_id="count_shelves", callbacks=PublishOutput)
    count_shelves_indices = indices.override(task_id="count_shelves-indices")(
        "count_shelves",
    )

    @task_group(group_id="count_shelves-items", prefix_group_id=False)
    def each_of_count_shelves(index):
        """What runs for each item of `output`."""
        StepOperator(task_id="list_books", index=index, callbacks=PublishOutput)

    count_shelves_items = each_of_count_shelves.expand(index=count_shelves_indices)
    list_books_indices = indices.override(task_id="list_books-indices")(
        "list_books",
        count_shelves_indices,
    )

    @task_group(group_id="list_books-items", prefix_group_id=False)
    def each_of_list_books(index):
        """What runs for each item of `output`."""
        StepOperator(task_id="weigh", index=index)

    list_books_items = each_of_list_books.expand(index=list_books_indices)

    @task_group(group_id="count_shelves-items-2", prefix_group_id=False)
    def each_of_count_shelves_2(index):
        """What runs for each item of `output`, after the foreach in it."""
        StepOperator(task_id="add_up", index=index, trigger_rule="none_failed")

    count_shelves_items_2 = each_of_count_shelves_2.expand(index=count_shelves_indices)
    report = StepOperator(
        task_id="report",
        trigger_rule="none_failed",
        outlets=[Asset("metaflow.nested_map.end")],
    )

    count_shelves >> count_shelves_indices >> count_shelves_items >> list_books_indices
    list_books_indices >> list_books_items >> count_shelves_items_2 >> report


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


@task(trigger_rule="none_failed")
def indices(opener: str, outer: Any = None, ti: Any = None) -> list[str]:
    """List a foreach's index paths: `0`, `1`, or `0.0`, `0.1`, `2.0` in another one.

    Only the number of items leaves the step that opens it, for each path of `outer`.
    """
    places = [(-1, "")] if outer is None else enumerate(f"{path}." for path in outer)
    paths: list[str] = []
    for place, prefix in places:
        count = ti.xcom_pull(task_ids=opener, key="count", map_indexes=place)
        # None where a switch chose another arm.
        paths += [f"{prefix}{item}" for item in range(count or 0)]
    if len(paths) > 1024:
        ti.task.log.error(
            "%d items: unless core.max_map_length (by default 1024) allows so many, "
            "Airflow fails this task now. Raise it, or let an item be several pieces "
            "of work.",
            len(paths),
        )
    return paths


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


class PublishOutput(KubernetesPodOperatorCallback):
    """Publishes a foreach's count or a switch's choice, from how its pod ended."""

    @staticmethod
    def on_pod_completion(*, pod: Any, context: Any, **_kwargs: Any) -> None:
        """Push the termination message of the step's container, if it succeeded."""
        for status in pod.status.container_statuses or []:
            base = status.name == KubernetesPodOperator.BASE_CONTAINER_NAME
            ended = status.state.terminated if base else None
            if ended and ended.exit_code == 0 and ended.message:
                if ended.message.isdigit():
                    context["ti"].xcom_push(key="count", value=int(ended.message))
                else:
                    context["ti"].xcom_push(key="choice", value=ended.message)


# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "nested_map",
    "flow": "nested_map",
    "pool": None,
    "tasks": ["count_shelves", "list_books", "weigh", "add_up", "report"],
    "hooks": [],
    "iterations": {},
    "nested": {"weigh": "list_books-indices"},
}

# The code package: a zip with flowc's runtime, the flow's own files and its plan.
CODE = """
<package>
"""


flow()
