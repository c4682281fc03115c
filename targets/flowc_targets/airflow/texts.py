"""The fixed parts of a DAG file: Python that is the same for every flow of an operator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from flowc_targets.airflow.code_config_map import PACKAGE_FILE
from flowc_targets.kubernetes.pod_checks import CODE_FOLDER

if TYPE_CHECKING:
    from flowc_targets.airflow.dag_model import DagFile

Operator = Literal["kubernetes", "local"]

PROVIDER_IMPORTS: dict[Operator, dict[str, str]] = {
    "kubernetes": {
        "PublishOutput": "from airflow.providers.cncf.kubernetes.callbacks import KubernetesPodOperatorCallback",
        "StepOperator": "from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator",
        "k8s": "from kubernetes.client import models as k8s",
    },
    "local": {},
}
"""What the operators stand on, by the name in the file that needs it."""

MODULES: dict[Operator, tuple[str, ...]] = {
    "kubernetes": ("base64", "json"),
    "local": ("base64", "json", "os", "subprocess", "sys", "tempfile"),
}
"""Modules of the standard library."""

COMMON = '''\
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
'''
"""What both operators tell the shim. The run id is quoted: artifact stores dislike its `:` and `+`."""

INDICES = '''\
@task(trigger_rule="none_failed")
def indices(opener, outer=None, ti=None):
    """The index paths of a foreach: `0`, `1`, or `0.0`, `0.1`, `2.0` in another one.

    Only the number of items leaves the step that opens it, for each path of `outer`.
    """
    places = [(-1, "")] if outer is None else enumerate(f"{path}." for path in outer)
    paths = []
    for place, prefix in places:
        count = ti.xcom_pull(task_ids=opener, key="count", map_indexes=place)
        # None where another arm of a switch was chosen.
        paths += [f"{prefix}{item}" for item in range(count or 0)]
    if len(paths) > 1024:
        ti.task.log.error(
            "%d items: unless core.max_map_length (by default 1024) allows so many, "
            "Airflow fails this task now. Raise it, or let an item be several pieces "
            "of work.",
            len(paths),
        )
    return paths
'''
"""The task that a mapped group takes its width from: Airflow maps over a task's return value only."""

OPERATORS: dict[Operator, str] = {
    "kubernetes": '''\
# What a pod runs: it puts the code package together, and becomes the shim in it. The
# shim writes the count of a foreach, or the choice of a switch, to a file, which
# Kubernetes keeps as the termination message.
BOOTSTRAP = """\\
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

    def __init__(self, *, index="-", when=(), variables=None, python=PYTHON, **kwargs):
        super().__init__(**kwargs)
        self.index = index
        self.when = when
        self.variables = variables or {}
        self.python = python

    def pre_execute(self, context):
        skip_unless_chosen(self.when, context)

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
''',
    "local": '''\
class StepOperator(BaseOperator):
    """Runs the step that the task is named after, as a process on the worker."""

    template_fields = ("index",)

    def __init__(self, *, index="-", when=(), variables=None, **kwargs):
        super().__init__(**kwargs)
        self.index = index
        self.when = when
        self.variables = variables or {}
        self.process = None

    def pre_execute(self, context):
        skip_unless_chosen(self.when, context)

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
                    self.log.info("%s", line.rstrip("\\n"))
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
''',
}
"""The operator of a flow's steps."""

PUBLISH_OUTPUT = '''\
class PublishOutput(KubernetesPodOperatorCallback):
    """Publishes the count of a foreach or the choice of a switch: how a pod ended."""

    @staticmethod
    def on_pod_completion(*, pod, context, **kwargs):
        for status in pod.status.container_statuses or []:
            base = status.name == KubernetesPodOperator.BASE_CONTAINER_NAME
            ended = status.state.terminated if base else None
            if ended and ended.exit_code == 0 and ended.message:
                if ended.message.isdigit():
                    context["ti"].xcom_push(key="count", value=int(ended.message))
                else:
                    context["ti"].xcom_push(key="choice", value=ended.message)
'''
"""How a count or a choice leaves its pod: no sidecar, and nothing but a number or a step's name, which is none."""

HOOKS = '''\
class HookOperator(StepOperator):
    """Calls a function of the flow when its run has ended, and changes nothing."""

    def __init__(self, *, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def told(self, context):
        return ["hook", self.function, "--forgive"]
'''
"""The operator of exit hooks."""

_TOLD = re.compile(r"(?<== )arguments\(.*, context\)")
_SKIPPING = "    def pre_execute("


_ONLY_WITH_SWITCHES = (
    (", when=(), variables", ", variables"),
    ("        self.when = when\n", ""),
    ("    def pre_execute(self, context):\n        skip_unless_chosen(self.when, context)\n\n", ""),
)


_WITH_LOOPS = (
    (
        'self, *, index="-", when=(), variables=None, ',
        'self, *, index="-", step=None, iteration=None, when=(), variables=None, ',
    ),
    (
        "        self.index = index\n",
        "        self.index = index\n        self.step = step or self.task_id\n        self.iteration = iteration\n",
    ),
    ("arguments(self.task_id, self.index, context)", "arguments(self.step, self.path(), context)"),
    ("environment(self.task_id, context)", "environment(self.step, context)"),
    (
        "    def pre_execute(",
        '''\
    def path(self):
        """The index path: of an iteration of a recursive step with its number."""
        if self.iteration is None:
            return self.index
        if self.index == "-":
            return str(self.iteration)
        return f"{self.index}.{self.iteration}"

    def pre_execute(''',
    ),
)
_SIGNATURE = re.compile(r"def __init__\((self, \*, index=.*?)\):")


_FROM_CONFIG_MAP = (
    (
        """\
# What a pod runs: it puts the code package together, and becomes the shim in it. The
# shim""",
        """\
# What a pod runs: it becomes the shim in the code package, which is mounted there. The
# shim""",
    ),
    ("import base64, os, sys", "import os, sys"),
    (
        """\
path = os.path.join(folder, "flow.pyz")
parts = sorted((name for name in os.environ if name.startswith("FLOWC_CODE_")))
with open(path, "wb") as file:
    file.write(base64.b64decode("".join(os.environ.pop(name) for name in parts)))
""",
        "",
    ),
    ("[sys.executable, path, *", f'[sys.executable, "{CODE_FOLDER}/{PACKAGE_FILE}", *'),
    (
        """\
        code = "".join(CODE.split())
        for number, start in enumerate(range(0, len(code), 100_000)):
            variables[f"FLOWC_CODE_{number:03}"] = code[start : start + 100_000]
""",
        f'''\
        code = k8s.V1ConfigMapVolumeSource(name=CODE)
        volume = k8s.V1Volume(name="flowc", config_map=code)
        pod.spec.volumes = [*(pod.spec.volumes or []), volume]
        mount = k8s.V1VolumeMount(name="flowc", mount_path="{CODE_FOLDER}", read_only=True)
        container.volume_mounts = [*(container.volume_mounts or []), mount]
''',
    ),
)


def operator_text(file: DagFile) -> str:
    """The operator of a flow's steps; what serves switches, recursion and hooks stands in files that have some."""
    text = OPERATORS[file.operator]
    for part, instead in _FROM_CONFIG_MAP if file.config_map is not None else ():
        assert part in text
        text = text.replace(part, instead)
    for part, instead in _WITH_LOOPS if file.has_loop else ():
        text = text.replace(part, instead)
    if file.has_loop:  # too long for a line now
        text = _SIGNATURE.sub(_spread, text)
    if file.has_hooks and (told := _TOLD.search(text)):
        method = f"    def told(self, context):\n        return {told.group()}\n\n"
        text = _TOLD.sub("self.told(context)", text).replace(_SKIPPING, method + _SKIPPING)
    for part, instead in () if file.has_switch or file.has_loop else _ONLY_WITH_SWITCHES:
        text = text.replace(part, instead)
    return text


def _spread(match: re.Match[str]) -> str:
    """A signature with an argument a line."""
    return "def __init__(\n" + "".join(f"        {item},\n" for item in match[1].split(", ")) + "    ):"


SKIP = '''\
def skip_unless_chosen(when, context):
    """Skip a task in an arm that its switch has not chosen, before its pod starts."""
    ti = context["ti"]
    for switch, target in when:
        choice = ti.xcom_pull(task_ids=switch, key="choice", map_indexes=ti.map_index)
        if choice == target:
            return
    if when:
        raise AirflowSkipException("another arm of the switch was chosen")
'''
"""What runs before each task. Branch operators skip nothing inside of a mapped group (Airflow #67265)."""
