# Compiled by flowc <version> from two_models.py. Change that file, not this one.
#
# flow    TwoModelsFlow
# source  sha256:<hash>
# code    sha256:<hash>

import base64
import json
from datetime import datetime, timezone
from urllib.parse import quote

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

try:
    from airflow.sdk import Asset, dag
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag
    from airflow.models.param import Param

ROOT = "s3://bucket/prefix"
START = "start"
TAGS = []
PYTHON = "python3"
ENVIRONMENT = {}
PARAMETERS = {"FLOWC_PARAM_FOLDS": "folds", "FLOWC_PARAM_SEED": "seed"}


@dag(
    dag_id="TwoModelsFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md="Train a random forest and a linear model, and keep the one with the better cross-validated accuracy.",
    tags=["flowc"],
    default_args={
        "retries": 0,
        "image": "python:3.11-slim",
        "log_pod_spec_on_failure": False,
        "startup_timeout_seconds": 600,
    },
    params={
        "folds": Param(
            default=5,
            type="integer",
            description="folds of the cross-validation",
        ),
        "seed": Param(
            default=7,
            type="integer",
            description="seed of the forest and of the shuffles",
        ),
    },
)
def flow():
    start = StepOperator(
        task_id="start",
        doc_md="Load the data once; both arms read it from the artifact store.",
    )
    forest = StepOperator(task_id="forest", doc_md="A small random forest.")
    linear = StepOperator(
        task_id="linear",
        doc_md="A logistic regression on standardized features.",
    )
    pick = StepOperator(
        task_id="pick",
        trigger_rule="none_failed",
        doc_md="Compare the arms. `inputs` reads what is asked for and nothing else: the data stays where it is.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.TwoModelsFlow.end")],
        doc_md="Print the comparison, best model last.",
    )

    start >> [forest, linear] >> pick >> end


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


class StepOperator(KubernetesPodOperator):
    """Runs the step that the task is named after, in a pod.

    Only the index, which comes from the mapping, is a template: what the flow says
    reaches the pod as it stands.
    """

    template_fields = ("index",)

    def __init__(self, *, index="-", variables=None, python=PYTHON, **kwargs):
        super().__init__(**kwargs)
        self.index = index
        self.variables = variables or {}
        self.python = python

    def build_pod_request_obj(self, context=None, **kwargs):
        pod = super().build_pod_request_obj(context, **kwargs)
        if context is None:  # a dry run
            return pod
        container = pod.spec.containers[0]
        variables = {**self.variables, **environment(self.task_id, context)}
        code = "".join(CODE.split())
        for number, start in enumerate(range(0, len(code), 100_000)):
            variables[f"FLOWC_CODE_{number:03}"] = code[start : start + 100_000]
        container.command = [self.python, "-c", BOOTSTRAP]
        container.args = arguments(self.task_id, self.index, context)
        container.env = container.env or []
        for name, value in variables.items():
            # Kubernetes expands `$(...)` in values, and reads `$$` as `$`.
            exact = value.replace("$", "$$")
            container.env.append(k8s.V1EnvVar(name=name, value=exact))
        return pod


# The code package: a zip with flowc's runtime, the flow's own files and its plan.
CODE = """
<package>
"""


flow()
