"""The text of a DAG file: its form, what it says of every spec, and the diagnostics where it cannot be written."""

from __future__ import annotations

import ast
import base64
import io
import json
import zipfile
from pathlib import Path

import pytest

from flowc_targets.airflow import airflow_checks
from flowc_targets.airflow.dag_model import Call, Expression, Name
from flowc_targets.airflow.expression_layout import layout, quoted, text_block
from tests.airflow.emitting import CLEAN, emit, emit_text, ruff, without_code, write, write_noise
from tests.airflow.flows import CAUGHT, HOSTILE, NESTED, PLAIN, SPECS, VALUES, WIDE
from tests.conftest import REPOSITORY, examples_on

EXAMPLES = examples_on("airflow.py")
FLOWS = {"values": VALUES, "specs": SPECS, "nested": NESTED, "wide": WIDE, "plain": PLAIN, "caught": CAUGHT}
OPERATORS = ["kubernetes", "local"]


def keywords(call: ast.Call) -> dict[str, ast.expr]:
    return {item.arg: item.value for item in call.keywords if item.arg}


def operators(text: str) -> dict[str, dict[str, ast.expr]]:
    """Task id to the arguments of its operator."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    found = [keywords(call) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "StepOperator"]
    return {ast.literal_eval(item["task_id"]): item for item in found}


@pytest.mark.process
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("name", [*EXAMPLES, *FLOWS])
def test_form(name: str, operator: str, tmp_path: Path) -> None:
    path = EXAMPLES.get(name) or write(tmp_path, FLOWS[name])
    text, diagnostics = emit(path, operator=operator)
    assert not [item for item in diagnostics if item.severity == "error"]
    compile(text, path.name, "exec")
    assert ruff("format", "--check", "--diff", text=text) == ""
    assert ruff("format", "--check", "--diff", "--line-length", "120", text=text) == ""
    # What the flow says itself: names of one letter, characters that look like others, endless words.
    assert ruff("check", *CLEAN, "--extend-ignore=E501,E741,RUF001", text=without_code(text)) == ""
    assert "import flowc" not in without_code(text)
    assert "from flowc" not in without_code(text)
    assert emit(path, operator=operator)[0] == text


def test_header_says_where_it_comes_from() -> None:
    text, _ = emit(EXAMPLES["two_models"])
    assert text.startswith("# Compiled by flowc ")
    assert "two_models.py" in text.splitlines()[0]
    assert "# source  sha256:" in text
    assert str(REPOSITORY) not in text


def test_graph_of_a_branch_and_of_mapped_groups(tmp_path: Path) -> None:
    text, _ = emit_text(tmp_path, VALUES)
    assert "    start >> [list_2, task_2]\n" in text
    assert "    list_2 >> list_indices >> list_items >> none >> both >> end\n" in text
    assert "    task_2 >> task_indices >> task_items >> pairs >> both\n" in text
    assert "        each >> [upper, lower] >> pair\n" in text
    tasks = operators(text)
    rules = {name for name, arguments in tasks.items() if "trigger_rule" in arguments}
    assert rules == {"none", "pair", "pairs", "both"}
    assert {name for name, arguments in tasks.items() if "callbacks" in arguments} == {"list", "task"}


def test_parameters_have_types_and_descriptions(tmp_path: Path) -> None:
    text, _ = emit_text(tmp_path, VALUES)
    decorated = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    decorator = decorated.decorator_list[0]
    assert isinstance(decorator, ast.Call)
    params = keywords(decorator)["params"]
    assert isinstance(params, ast.Dict)
    read: dict[str, dict[str, object]] = {}
    for key, value in zip(params.keys, params.values, strict=True):
        assert key is not None
        assert isinstance(value, ast.Call)
        read[ast.literal_eval(key)] = {name: ast.literal_eval(item) for name, item in keywords(value).items()}
    assert read["n-items"] == {"default": 0, "type": "integer"}
    assert read["text"] == {"default": HOSTILE, "type": "string", "description": HOSTILE}
    assert read["empty"] == {"default": None, "type": ["null", "string"]}
    assert read["ratio"] == {"default": 1, "type": "number"}
    assert read["flag"] == {"default": True, "type": "boolean"}


def test_a_required_parameter_has_no_default(tmp_path: Path) -> None:
    source = SPECS.replace("(FlowSpec):", '(FlowSpec):\n    limit = Parameter("limit", type=int, required=True)\n', 1)
    text, _ = emit_text(tmp_path, source)
    assert '"limit": Param(type="integer")' in text


def test_every_spec_reaches_the_pod(tmp_path: Path) -> None:
    text, diagnostics = emit_text(
        tmp_path, SPECS, env_from_secrets=("common-secret",), image_pull_secrets=("pull-all",)
    )
    assert diagnostics == ()
    start = {name: ast.unparse(value) for name, value in operators(text)["start"].items()}
    assert start == {
        "task_id": "'start'",
        "retries": "7",
        "retry_delay": "timedelta(seconds=180)",
        "execution_timeout": "timedelta(seconds=4550)",
        "schedule_timeout_seconds": "3600",
        "active_deadline_seconds": "350",
        "variables": "{'TMPDIR': '/metaflow_temp', 'NAME': 'value'}",
        "container_resources": "k8s.V1ResourceRequirements(requests={'cpu': '2', 'memory': '1000Mi', "
        "'ephemeral-storage': '3000Mi', 'example.com/dongle': '1'}, limits={'cpu': '2', 'memory': '1000Mi', "
        "'ephemeral-storage': '3000Mi', 'example.com/dongle': '1', 'nvidia.com/gpu': '2'})",
        "node_selector": "{'cloud.google.com/gke-accelerator': 'nvidia-tesla-t4', 'pool': 'gpu'}",
        "tolerations": "[k8s.V1Toleration(key='dedicated', operator='Equal', value='ml', effect='NoExecute'), "
        "k8s.V1Toleration(key='nvidia.com/gpu', operator='Exists', effect='NoSchedule'), "
        "k8s.V1Toleration(key='example.com/dongle', operator='Exists', effect='NoSchedule')]",
        "image": "'example/image:1'",
        "python": "'python3.12'",
        "image_pull_policy": "'Always'",
        "image_pull_secrets": "[k8s.V1LocalObjectReference(name='pull-all'), "
        "k8s.V1LocalObjectReference(name='pull-step')]",
        "namespace": "'elsewhere'",
        "service_account_name": "'runner'",
        "env_from": "[k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name='common-secret')), "
        "k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name='step-secret')), "
        "k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name='more'))]",
        "labels": "{'team': 'blue'}",
        "annotations": "{'note': '$(x) {{ blue }}'}",
        "ports": "[k8s.V1ContainerPort(container_port=8080)]",
        "container_security_context": "k8s.V1SecurityContext(privileged=False, run_as_user=1000)",
        "volumes": "[k8s.V1Volume(name='claim-0', persistent_volume_claim="
        "k8s.V1PersistentVolumeClaimVolumeSource(claim_name='claim')), k8s.V1Volume(name='shm', "
        "empty_dir=k8s.V1EmptyDirVolumeSource(medium='Memory', size_limit='64Mi')), "
        "k8s.V1Volume(name='tmpfs', empty_dir=k8s.V1EmptyDirVolumeSource(medium='Memory', size_limit='32Mi'))]",
        "volume_mounts": "[k8s.V1VolumeMount(name='claim-0', mount_path='/data'), "
        "k8s.V1VolumeMount(name='shm', mount_path='/dev/shm'), "
        "k8s.V1VolumeMount(name='tmpfs', mount_path='/metaflow_temp')]",
    }


SAME = """\
class SameFlow(FlowSpec):
    @resources(cpu=2)
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.body, foreach="items")

    @resources(cpu=2)
    @step
    def body(self):
        self.next(self.join)

    @resources(cpu=SIZE)
    @step
    def join(self, inputs):
        self.next(self.end)

    @resources(cpu=4)
    @step
    def end(self):
        pass
"""


@pytest.mark.process
def test_what_several_tasks_have_alike_is_made_once(tmp_path: Path) -> None:
    """Of two tasks it stays where it is."""
    text, _ = emit_text(tmp_path, SAME.replace("SIZE", "2"))
    tasks = {name: ast.unparse(task["container_resources"]) for name, task in operators(text).items()}
    own = "k8s.V1ResourceRequirements(requests={'cpu': '4'})"
    shared = "CONTAINER_RESOURCES"
    assert tasks == {"start": shared, "body": shared, "join": shared, "end": own}
    assert text.count(f'{shared} = k8s.V1ResourceRequirements(requests={{"cpu": "2"}})\n') == 1
    assert ruff("format", "--check", "--diff", text=text) == ""
    assert ruff("check", *CLEAN, text=without_code(text)) == ""
    two, _ = emit_text(tmp_path, SAME.replace("SIZE", "3"))
    assert "CONTAINER_RESOURCES" not in two


def test_a_schedule_is_airflows(tmp_path: Path) -> None:
    text, diagnostics = emit_text(tmp_path, CAUGHT)
    assert not diagnostics
    dag = dag_arguments(text)
    assert dag["dag_id"] == "'shop.prod.CaughtFlow'"
    assert dag["schedule"] == "'*/15 9-17 * * 1-5'"
    assert dag["start_date"] == "pendulum.datetime(2024, 1, 1, tz='Europe/Berlin')"
    utc, _ = emit_text(tmp_path, CAUGHT.replace(', timezone="Europe/Berlin"', ""))
    assert dag_arguments(utc)["start_date"] == "datetime(2024, 1, 1, tzinfo=timezone.utc)"
    assert "pendulum" not in utc


def dag_arguments(text: str) -> dict[str, str]:
    """The arguments of `@dag`."""
    function = next(item for item in ast.parse(text).body if isinstance(item, ast.FunctionDef) and item.name == "flow")
    call = function.decorator_list[0]
    assert isinstance(call, ast.Call)
    return {name: ast.unparse(value) for name, value in keywords(call).items()}


def test_a_schedule_together_with_assets(tmp_path: Path) -> None:
    source = "from flowc import trigger, trigger_on_finish\n" + CAUGHT.replace(
        "class Caught", "@trigger(event='e')\n@trigger_on_finish(flow='F')\nclass Caught"
    )
    text, diagnostics = emit_text(tmp_path, source)
    assert not diagnostics
    assert dag_arguments(text)["schedule"] == (
        "combined_schedule('*/15 9-17 * * 1-5', 'Europe/Berlin', [Asset('e'), Asset('metaflow.shop.prod.F.end')])"
    )
    utc, _ = emit_text(tmp_path, source.replace(', timezone="Europe/Berlin"', ""))
    assert "'UTC', [Asset" in dag_arguments(utc)["schedule"]
    events, _ = emit_text(tmp_path, source.replace("@schedule", "# @schedule"))
    assert dag_arguments(events)["schedule"].startswith("[Asset('e'), ")
    assert "combined_schedule" not in events


@pytest.mark.parametrize(
    ("crons", "events", "expected"),
    [
        ("['0 5 * * *', '0 17 * * *']", "", "'0 5,17 * * *'"),
        ("['0 5 * * *', '30 17 * * *']", "", "several_crons(['0 5 * * *', '30 17 * * *'], 'Europe/Berlin', [])"),
        (
            "['0 5 * * *', '30 17 * * *']",
            "@trigger(event='e')\n",
            "several_crons(['0 5 * * *', '30 17 * * *'], 'Europe/Berlin', [Asset('e')])",
        ),
    ],
)
def test_several_crons(tmp_path: Path, crons: str, events: str, expected: str) -> None:
    """Those that one expression has are one, for Airflow 2, which has no schedule of several."""
    above = f"@schedule(cron={crons}, timezone='Europe/Berlin')\n{events}class Plain"
    text, diagnostics = emit_text(
        tmp_path, "from flowc import schedule, trigger\n" + PLAIN.replace("class Plain", above)
    )
    assert dag_arguments(text)["schedule"] == expected
    assert ["Airflow 2 has no schedule" in item.message for item in diagnostics] == [True] * ("several" in expected)


def test_payloads_and_filters_of_events(tmp_path: Path) -> None:
    event = "{'name': 'e', 'parameters': {'rows': 'n'}, 'filter': {'shop': 'north', 'n': {'>': 5}}}"
    source = PLAIN.replace("class Plain", f"@trigger(event={event})\n@trigger_on_finish(flow='Up')\nclass Plain")
    source = source.replace("    @step", "    rows = Parameter('rows', type=int, required=True)\n\n    @step", 1)
    text, diagnostics = emit_text(tmp_path, "from flowc import Parameter, trigger, trigger_on_finish\n" + source)
    assert not diagnostics
    package = next(
        item.value
        for item in ast.parse(text).body
        if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "FLOW"
    )
    assert isinstance(package, ast.Call)
    assert ast.literal_eval(keywords(package)["events"]) == {
        "e": {"parameters": {"FLOWC_PARAM_ROWS": "n"}, "filters": [["shop", "=", ["north"]], ["n", ">", [5]]]},
        "metaflow.Up.end": {"flow": "Up"},
    }
    assert "Param(default=None, type=['null', 'integer'])" in dag_arguments(text)["params"]


def test_a_required_parameter_that_no_event_fills_in(tmp_path: Path) -> None:
    source = PLAIN.replace("class Plain", "@trigger_on_finish(flow='Up')\nclass Plain")
    source = source.replace("    @step", "    rows = Parameter('rows', required=True)\n\n    @step", 1)
    _, diagnostics = emit_text(tmp_path, "from flowc import Parameter, trigger_on_finish\n" + source)
    assert [item.code for item in diagnostics] == ["FC501"]


def test_only_a_dag_that_users_start_is_never_paused(tmp_path: Path) -> None:
    """Others follow `core.dags_are_paused_at_creation`."""
    assert "is_paused_upon_creation" not in emit_text(tmp_path, CAUGHT)[0]
    events = "from flowc import trigger\n" + PLAIN.replace("class Plain", "@trigger(event='e')\nclass Plain")
    assert "is_paused_upon_creation" not in emit_text(tmp_path, events)[0]
    assert dag_arguments(emit_text(tmp_path, PLAIN)[0])["is_paused_upon_creation"] == "False"


def test_what_starts_a_dag_and_cannot_be_written(tmp_path: Path) -> None:
    source = CAUGHT.replace("    @catch", "    limit = Parameter('limit', type=int, required=True)\n\n    @catch", 1)
    _, diagnostics = emit_text(tmp_path, source)
    assert [item.code for item in diagnostics] == ["FC501"]
    assert all(item.help for item in diagnostics)


ARMS = """\
class ArmsFlow(FlowSpec):
    '''Two ways.'''

    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.left_more)

    @step
    def left_more(self):
        self.next(self.join)

    @step
    def right(self):
        self.items = [1, 2]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_arms_of_several_tasks_are_task_groups(tmp_path: Path) -> None:
    text, diagnostics = emit_text(tmp_path, ARMS)
    assert not diagnostics
    groups = {
        ast.literal_eval(node.items[0].context_expr.args[0]): [
            ast.unparse(item.targets[0]) for item in node.body if isinstance(item, ast.Assign)
        ]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.With) and isinstance(node.items[0].context_expr, ast.Call)
        if ast.unparse(node.items[0].context_expr.func) == "TaskGroup"
    }
    assert groups == {
        "left_branch": ["left", "left_more"],
        "right_branch": ["right", "right_indices", "right_items", "gather"],
    }
    assert set(operators(text)) == {"start", "left", "left_more", "right", "each", "gather", "join", "end"}
    assert "TaskGroup" not in emit_text(tmp_path, PLAIN)[0]


def test_the_documentation_has_the_graph(tmp_path: Path) -> None:
    text = ast.literal_eval(dag_arguments(emit_text(tmp_path, ARMS)[0])["doc_md"])
    assert text == (
        "Two ways.\n\n```\nstart -> left, right\nleft -> left_more\nright -> each, for each of items\n"
        "left_more -> join\neach -> gather\ngather -> join\njoin -> end\nend\n```\n"
    )


def test_options_are_defaults_of_the_dag(tmp_path: Path) -> None:
    text, _ = emit_text(
        tmp_path, PLAIN,
        image="example/image:2", namespace="flows", service_account="account", image_pull_policy="Never",
        env={"A": "{{ b }}"}, tags=("x",), pool="small", max_active_tasks=3, dag_id="other.id", in_cluster=False,
        config_file="/kube", kubernetes_conn_id="cluster", startup_timeout_seconds=900, python="python3.12",
    )  # fmt: skip
    for expected in (
        'dag_id="other.id"', "max_active_tasks=3", '"pool": "small"', '"image": "example/image:2"',
        '"namespace": "flows"', '"service_account_name": "account"', '"image_pull_policy": "Never"',
        '"in_cluster": False', '"config_file": "/kube"', '"kubernetes_conn_id": "cluster"',
        '"startup_timeout_seconds": 900', 'python="python3.12"', 'environment={"A": "{{ b }}"}', 'tags=["x"]',
    ):  # fmt: skip
        assert expected in text


def test_the_grace_period_of_timeouts(tmp_path: Path) -> None:
    """The step ends itself at its timeout. Airflow and the pod end it only where it is stuck."""
    source = PLAIN.replace("@step", "@timeout(seconds=10)\n    @step", 1)
    start = operators(emit_text(tmp_path, source, timeout_grace=60)[0])["start"]
    assert ast.unparse(start["active_deadline_seconds"]) == "70"
    assert ast.unparse(start["execution_timeout"]) == "timedelta(seconds=1270)"
    assert ast.literal_eval(start["variables"]) == {"FLOWC_TIMEOUT_GRACE": "60"}
    start = operators(emit_text(tmp_path, source, timeout_grace=60, operator="local")[0])["start"]
    assert "active_deadline_seconds" not in start
    assert ast.unparse(start["execution_timeout"]) == "timedelta(seconds=70)"
    assert ast.literal_eval(start["variables"]) == {"FLOWC_TIMEOUT_GRACE": "60"}


def test_pods_with_gpus_wait_longer_for_a_node(tmp_path: Path) -> None:
    source = PLAIN.replace("@step", "@resources(gpu=1)\n    @timeout(seconds=10)\n    @step", 1)
    text, _ = emit_text(tmp_path, source)
    pods = operators(text)
    assert ast.unparse(pods["start"]["schedule_timeout_seconds"]) == "3600"
    assert ast.unparse(pods["start"]["execution_timeout"]) == "timedelta(seconds=4510)"
    assert text.count("schedule_timeout_seconds") == 1
    text, _ = emit_text(tmp_path, source, schedule_timeout_seconds=60)
    assert '"schedule_timeout_seconds": 60' in text
    assert ast.unparse(operators(text)["start"]["execution_timeout"]) == "timedelta(seconds=970)"
    assert text.count("schedule_timeout_seconds") == 1


def test_so_many_steps_that_an_import_may_take_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert emit_text(tmp_path, PLAIN)[1] == ()
    monkeypatch.setattr(airflow_checks, "MANY_STEPS", 1)
    (said,) = emit_text(tmp_path, PLAIN)[1]
    assert (said.code, said.severity) == ("FC503", "warning")
    assert "dagbag_import_timeout" in said.message


def test_the_code_is_in_the_file_as_text() -> None:
    text, _ = emit(EXAMPLES["two_models"], operator="local")
    code = files_of(text)
    assert list(code) == ["files/two_models.py", "plan.json"]
    assert code["files/two_models.py"] == EXAMPLES["two_models"].read_text()
    assert json.loads(code["plan.json"])["flow"] == "TwoModelsFlow"
    assert text.count(code["files/two_models.py"]) == 1, "as it is"
    shim = next(
        ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RUNTIME"
    )
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(shim))) as archive:
        assert archive.namelist() == ["__main__.py", "flowc.zip"]


def files_of(text: str) -> dict[str, str]:
    """The files of a flow that its DAG file has as text."""
    found: dict[str, str] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.Assign(targets=[ast.Subscript(value=ast.Attribute(attr="texts"), slice=ast.Constant(str(path)))]):
                found[path] = ast.literal_eval(node.value)[1:]
            case _:
                pass
    return found


@pytest.mark.process
@pytest.mark.parametrize(
    "text",
    [
        "", "x", "a\n", "\n\n", 'say "so"', '"""doc"""\n', "\'\'\'doc\'\'\'\n", "\"\"\" and \'\'\'\n", "back\\slash\n",
        "ends \\", "\\\\\n", 'r"\\d" """x"""\n', "tab\tx\n", "crlf\r\nx\r\n", "bidi \u202e\n", "\x00 \x1b", 'ends "',
        "ends \'\'\'", '""""""', "\u2028 é 漢\n", "\\N{DASH} \\u0041\n", '\x0c"""\\"""', "trailing  \n  \n",
    ],
)  # fmt: skip
def test_texts_are_written_exactly(text: str) -> None:
    literal = text_block(text)
    assert ast.literal_eval(literal) == f"\n{text}"
    assert all(char in "\n\t" or char.isprintable() for char in literal)
    assert ruff("format", "--check", "--diff", text=f"x = {literal}\n") == ""


def test_foreach_in_foreach_is_flattened(tmp_path: Path) -> None:
    text, _ = emit_text(tmp_path, NESTED)
    assert '    left_indices = indices.override(task_id="left_indices")("left", start_indices)\n' in text
    assert '    cell_indices = indices.override(task_id="cell_indices")("cell", left_indices)\n' in text
    groups = {
        node.name: [ast.literal_eval(keywords(call)["task_id"]) for call in ast.walk(node)
                    if isinstance(call, ast.Call) and ast.unparse(call.func) == "StepOperator"]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("each_of")
    }  # fmt: skip
    assert groups == {
        "each_of_start": ["row", "left", "right"],
        "each_of_left": ["cell"],
        "each_of_cell": ["part", "part_done"],
        "each_of_left_2": ["parts_joined"],
        "each_of_start_2": ["cells_joined", "between"],
        "each_of_between": ["once_more"],
        "each_of_start_3": ["sizes", "row_joined"],
    }


LOOP = """\
class LoopFlow(FlowSpec):
    @step
    def start(self):
        self.x = "end"
        self.next({"again": self.start, "end": self.end}, condition="x")

    @step
    def end(self):
        pass
"""
GANG = """\
class GangFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=20)

    @parallel
    @step
    def train(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_a_loop_has_a_task_for_each_iteration_that_there_may_be(tmp_path: Path) -> None:
    _, (found,) = emit_text(tmp_path, LOOP)
    assert (found.code, found.severity, found.target) == ("FC501", "error", "airflow")
    assert "@loop(max_iterations=" in found.help
    text, diagnostics = emit_text(tmp_path, LOOP.replace("    @step", "    @loop(max_iterations=3)\n    @step", 1))
    assert not diagnostics
    end, first, again = (
        {item.arg: ast.unparse(item.value) for item in call.keywords}
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "StepOperator"
    )
    assert (first["task_id"], first["iteration"]) == ("'start'", "0")
    assert "for iteration in range(1, 3):" in text
    assert again["task_id"] == "f'start_{iteration + 1}'"
    assert again["when"] == "[[start[-1].task_id, 'start']]"
    assert end["trigger_rule"] == "'none_failed'"
    assert "when" not in end, "what follows does not depend on a choice"
    assert "    start >> end\n" in text
    assert "    start[-2] >> start[-1]\n" in text


def test_ids_of_iterations_and_of_hooks_are_no_steps(tmp_path: Path) -> None:
    source = LOOP.replace("    @step", "    @loop(max_iterations=2)\n    @step", 1).replace("self.end", "self.start_2")
    source = source.replace("def end", "def start_2").replace(
        "        pass\n", "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    )
    text, diagnostics = emit_text(tmp_path, source)
    assert not diagnostics
    assert 'f"start__{iteration + 1}"' in text
    hooks = (
        "from flowc import exit_hook\n\n\ndef notify(run):\n    pass\n\n\n"
        "@exit_hook(on_error=[notify], on_success=[notify])\n"
    )
    text, _ = emit_text(tmp_path, hooks + PLAIN.replace("def start", "def start"))
    (call,) = (
        {item.arg: ast.literal_eval(item.value) for item in node.keywords}
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "HookOperator"
    )
    assert call == {"task_id": "exit_hook_notify", "function": "notify", "trigger_rule": "all_done"}


def test_a_gang_says_how_many_slots_it_needs(tmp_path: Path) -> None:
    _, diagnostics = emit_text(tmp_path, GANG)
    assert [(item.code, item.severity) for item in diagnostics] == [("FC503", "error"), ("FC503", "warning")]
    assert "max_active_tasks=20" in diagnostics[0].help
    text, (diagnostic,) = emit_text(tmp_path, GANG, max_active_tasks=20, pool="gangs")
    assert (diagnostic.code, diagnostic.severity) == ("FC503", "warning")
    assert "'gangs' needs 20 free slots" in diagnostic.message
    assert "FLOWC_GANG_FRESH" in ast.literal_eval(operators(text)["train"]["variables"])


def test_local_processes_say_what_they_leave_out(tmp_path: Path) -> None:
    text, diagnostics = emit_text(tmp_path, SPECS, operator="local")
    assert text
    assert {item.severity for item in diagnostics} == {"warning"}
    assert len(diagnostics) == 5


def test_a_missing_root(tmp_path: Path) -> None:
    _, diagnostics = emit_text(tmp_path, SPECS, root=None)
    assert [item.code for item in diagnostics] == ["FC502"]


def test_limits(tmp_path: Path) -> None:
    _, diagnostics = emit_text(
        tmp_path, SPECS.replace('"NAME": "value"', '"NAME": "' + "v" * 100_001 + '"'), dag_id="d" * 251
    )
    assert [item.code for item in diagnostics] == ["FC503", "FC503"]
    _, diagnostics = emit_text(tmp_path, SPECS.replace('"NAME"', '"NO NAME"'), dag_id="no id", tags=("t" * 101,))
    assert sorted(item.code for item in diagnostics) == ["FC501", "FC503", "FC505"]


def test_code_that_no_pod_can_carry(tmp_path: Path) -> None:
    write_noise(tmp_path, 700_000)
    source = SPECS.replace("    def end(self):\n", "    def end(self):\n        import noise\n\n        print(noise)\n")
    _, diagnostics = emit_text(tmp_path, source)
    assert [item.code for item in diagnostics] == ["FC503"]
    assert emit_text(tmp_path, source, operator="local")[0]


@pytest.mark.process
@pytest.mark.parametrize(
    "value",
    [
        "", "plain", "it's", 'say "so"', "both ' and \"", "back\\slash", "a\nb\n", "a\nb" * 40, "tab\t", "\x00\x7f",
        "ü \u2028 \ud800", "{{ x }}", "x" * 200, HOSTILE * 3, "word " * 30, " " * 300, "it's " * 40, 'say "so" ' * 40,
        f"{'x' * 150} and {'y' * 30} and", "a long line of words " * 6 + "\n\n" + "another one " * 12, "\u2028 " * 60,
    ],
)  # fmt: skip
def test_strings_are_printed_exactly_and_as_ruff_would(value: str) -> None:
    assert ast.literal_eval(quoted(value)) == value
    text = "\n".join(layout(Call("f", (value,), {"name": value}), 0, "x = ")) + "\n"
    call = ast.parse(text).body[0]
    assert isinstance(call, ast.Assign)
    assert isinstance(call.value, ast.Call)
    assert ast.literal_eval(call.value.args[0]) == value
    if "\ud800" not in value:
        assert ruff("format", "--check", "--diff", text=text) == ""


@pytest.mark.process
def test_strings_of_every_length_are_printed_as_ruff_would() -> None:
    """What does not fit is split at words, but not where a formatter with longer lines would join it again."""
    lines: list[str] = []
    for length in range(70, 140):
        text = ("ab cd\u00fc " * 40)[: length - 1] + "z"
        items: dict[str, Expression] = {"doc_md": text, "other": text[:60]}
        lines += [
            *layout(text, 0, "x = "),
            *layout(Call("f", kwargs=items), 0, "x = "),
            *layout((text.replace(" ", "\n"), items), 0, "x = "),
        ]
    assert max(len(line) for line in lines) <= 120
    for width in ("88", "100", "120"):
        assert ruff("format", "--check", "--diff", "--line-length", width, text="\n".join(lines) + "\n") == ""


@pytest.mark.process
@pytest.mark.parametrize(
    "value",
    [
        (), {}, ("a", 1, 2.5, None, True), {"a": ("b" * 50, "c" * 50)}, (Name("x.y"), Call("f")),
        {"k" * 60: {"v" * 60: ()}}, Call("g", kwargs={"x": Call("h" * 80, ("i" * 20,))}), 1e300, -3,
    ],
)  # fmt: skip
def test_expressions_are_printed_as_ruff_would(value: Expression) -> None:
    text = "\n".join(layout(value, 0, "x = ")) + "\n"
    assert ruff("format", "--check", "--diff", text=text) == ""
