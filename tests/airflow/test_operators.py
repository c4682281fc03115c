"""The operators of DAG files as they are in the repository, with stand-ins for Airflow's base classes.

`tests/airflow/test_dags.py` and `test_pod_commands.py` run them on real Airflow.
"""

from __future__ import annotations

import ast
import base64
import importlib
import io
import json
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from flowc.protocol import env_names
from flowc.protocol.encodings import USE_DEFAULT, decode_value
from flowc.protocol.exit_codes import failure_kinds
from flowc.shim.trigger_events import trigger_of_run
from flowc_targets.airflow.dag_model import TAKEN
from flowc_targets.airflow.operator_sources import OPERATORS, read_source
from flowc_targets.airflow.operators.flow_package import FlowPackage
from tests.airflow.emitting import noise

PACKAGE = "flowc_targets.airflow.operators"
SHIM = """\
import json, os, sys
variables = {name: value for name, value in os.environ.items() if name.startswith(("FLOWC_", "OWN"))}
folder = sys.argv[-1]
print(json.dumps([sys.argv[1:-1], variables]))
if "--fail" in os.environ.get("OWN", ""):
    sys.exit(3)
for name, text in (("count", "12"), ("label", "\\nw7w=")):
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)
"""


class Log:
    """A log of Airflow's: its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, form: str, *values: object) -> None:
        """Log a line."""
        self.lines.append(form % values)

    error = info


class Operator:
    """As much of an operator as ours use."""

    BASE_CONTAINER_NAME = base_container_name = "base"

    def cleanup(self, _pod: object, remote_pod: Any) -> None:
        """What the KubernetesPodOperator does with a pod that has ended."""
        if remote_pod.status.phase == "Failed":
            raise RuntimeError("the pod returned a failure")

    def __init__(self, *, task_id: str, retries: int | None = None, map_index_template: str = "") -> None:
        self.task_id = task_id
        self.map_index_template = map_index_template
        self.retries = retries
        self.log = Log()

    def build_pod_request_obj(self, _context: object = None) -> Any:
        """A pod as the KubernetesPodOperator builds it."""
        container = SimpleNamespace(env=None, command=None, args=None, volume_mounts=None)
        return SimpleNamespace(spec=SimpleNamespace(containers=[container], volumes=None))


class SkipError(Exception):
    """Airflow's exception that skips a task."""


class FailError(Exception):
    """Airflow's exception that fails a task without another try."""


def described(name: str) -> Callable[..., dict[str, Any]]:
    """A class of Kubernetes' client: its arguments."""

    def make(**arguments: object) -> dict[str, Any]:
        return {"class": name, **arguments}

    return make


def undecorated(**_options: object) -> Callable[[object], object]:
    """Airflow's `task`, which leaves the function as it is."""

    def decorate(function: object) -> object:
        return function

    return decorate


class TaskInstance:
    """A task instance, with XComs by task, key, and map index."""

    def __init__(self, xcoms: dict[tuple[str, str, int], object] | None = None, **fields: object) -> None:
        self.xcoms = xcoms or {}
        self.pushed: dict[str, object] = {}
        self.map_index, self.try_number, self.max_tries = -1, 1, 0
        self.task = SimpleNamespace(retries=None, log=Log())
        vars(self).update(fields)

    def xcom_pull(self, *, task_ids: str, key: str, map_indexes: int) -> object:
        """Airflow's method."""
        return self.xcoms.get((task_ids, key, map_indexes))

    def xcom_push(self, *, key: str, value: object) -> None:
        """Airflow's method."""
        self.pushed[key] = value


def context(ti: TaskInstance | None = None, **params: object) -> dict[str, Any]:
    """What Airflow gives a task."""
    run = SimpleNamespace(conf={}, run_type="manual")
    return {"ti": ti or TaskInstance(), "run_id": "manual:1+2", "params": params, "dag_run": run}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Import a module of the operators; `runtime` is the zip with the shim, in base64."""
    client = ModuleType("kubernetes.client.models")
    for name in ("V1EnvVar", "V1VolumeMount"):
        setattr(client, name, described(name))
    fakes: dict[str, dict[str, object]] = {
        "airflow": {},
        "airflow.sdk": {"BaseOperator": Operator, "task": undecorated},
        "airflow.sdk.exceptions": {"AirflowSkipException": SkipError, "AirflowFailException": FailError},
        "airflow.providers.cncf.kubernetes.callbacks": {"KubernetesPodOperatorCallback": object},
        "airflow.providers.cncf.kubernetes.operators.pod": {"KubernetesPodOperator": Operator},
        "airflow.providers.cncf.kubernetes.pod_generator": {"PodGenerator": object},
        "kubernetes": {},
        "kubernetes.client": {"models": client, "ApiClient": object},
    }
    for name, members in fakes.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)

    def imported(module: str, runtime: str = "") -> Any:
        for loaded in [name for name in sys.modules if name.startswith(PACKAGE + ".")]:
            del sys.modules[loaded]
        vars(importlib.import_module(f"{PACKAGE}.embedded_runtime"))["RUNTIME"] = runtime
        return importlib.import_module(f"{PACKAGE}.{module}")

    yield imported
    for loaded in [name for name in sys.modules if name.startswith(PACKAGE + ".")]:
        del sys.modules[loaded]


def flow(**fields: Any) -> FlowPackage:
    """What the tasks of a flow share."""
    common: dict[str, Any] = {"name": "F", "digest": "12", "root": "/r", "start": "start"}
    return FlowPackage(**{**common, **fields})


def test_index_paths_of_a_foreach_and_of_one_in_another(load: Callable[..., Any]) -> None:
    indices = load("index_paths").indices
    ti = TaskInstance({("start", "count", -1): 3})
    assert indices("start", ti=ti) == ["0", "1", "2"]
    assert indices("skipped", ti=ti) == []
    ti = TaskInstance({("row", "count", 0): 2, ("row", "count", 2): 1})
    assert indices("row", ["0", "1", "4"], ti=ti) == ["0.0", "0.1", "4.0"]


def test_more_items_than_airflow_maps_over_by_default(load: Callable[..., Any]) -> None:
    ti = TaskInstance({("start", "count", -1): 1025})
    assert len(load("index_paths").indices("start", ti=ti)) == 1025
    assert ti.task.log.lines[0].startswith("1025 tasks: unless core.max_map_length")


def test_arguments_of_the_shim(load: Callable[..., Any]) -> None:
    operator = load("process_operator").StepOperator
    place = ["task", "--step", "s", "--index"]
    assert operator(flow=flow(), task_id="s").shim_arguments(context()) == [
        *place,
        "-",
        "--attempt",
        "0",
        "--first",
        "0",
    ]
    again = context(TaskInstance(try_number=3, max_tries=1))
    assert operator(flow=flow(), task_id="s", index="1.2").shim_arguments(again)[4:] == [
        "1.2",
        "--attempt",
        "2",
        "--first",
        "1",
    ]
    assert operator(flow=flow(), task_id="s", index="1.2").map_index_template == "{{ task.index }}"
    labelled = operator(flow=flow(), task_id="s", index="1.2", labelled=True)
    assert labelled.map_index_template == "{{ task.index }} {{ label | default('') }}"
    loop = operator(flow=flow(), task_id="s-2", step="s", iteration=1)
    assert loop.shim_arguments(context())[2:5] == ["s", "--index", "1"]
    assert operator(flow=flow(), task_id="s-2", step="s", iteration=1, index="4").index_path() == "4.1"


def test_a_cleared_task_goes_on_counting(load: Callable[..., Any]) -> None:
    """Airflow adds the task's retries to `max_tries`; the attempts before it was cleared are not this one's."""
    ti = TaskInstance(try_number=4, max_tries=5)
    ti.task.retries = 2
    found = load("process_operator").StepOperator(flow=flow(), task_id="s").shim_arguments(context(ti))
    assert found[-4:] == ["--attempt", "3", "--first", "3"]


def test_only_the_first_step_has_the_parameters(load: Callable[..., Any]) -> None:
    parameters = {"FLOWC_PARAM_N": "n", "FLOWC_PARAM_T": "t", "FLOWC_PARAM_D": "d"}
    own = flow(root="s3://b/x", tags=["a", "b"], parameters=parameters, environment={"ALL": "1", "OWN": "x"})
    operator = load("process_operator").StepOperator
    run = {"FLOWC_ROOT": "s3://b/x", "FLOWC_RUN_ID": "manual=3A1=2B2", "FLOWC_TAGS": "a,b", "ALL": "1", "OWN": "x"}
    values = context(n=[1, "ü"], t="$(x)", d=None)
    assert operator(flow=own, task_id="end", variables={"OWN": "y"}).shim_environment(values) == run
    start = operator(flow=own, task_id="start").shim_environment(values)
    assert {name: start.pop(name) for name in parameters} == {
        "FLOWC_PARAM_N": "b64:" + base64.urlsafe_b64encode(json.dumps([1, "ü"]).encode()).decode(),
        "FLOWC_PARAM_T": "b64:" + base64.urlsafe_b64encode(b"$(x)").decode(),
        "FLOWC_PARAM_D": "flowc:default",
    }
    assert start == run


@pytest.mark.parametrize(
    ("kind", "conf", "expected"),
    [
        ("scheduled", {}, "2026-01-02T00:00:00+00:00"),
        (SimpleNamespace(value="backfill"), None, "2026-01-02T00:00:00+00:00"),
        ("manual", {}, ""),
        ("manual", {"flowc-scheduled": "2026-01-05T00:00:00+00:00"}, "2026-01-05T00:00:00+00:00"),
    ],
)
def test_the_time_that_a_run_is_scheduled_for(
    kind: object, conf: object, expected: str, load: Callable[..., Any]
) -> None:
    """A run begins at the end of its data interval, which is when it was to begin."""
    end = datetime(2026, 1, 2, tzinfo=UTC)
    run = SimpleNamespace(run_type=kind, conf=conf, data_interval_end=end)
    assert load("shim_task").scheduled_time(run) == expected
    variables = (
        load("process_operator").StepOperator(flow=flow(), task_id="s").shim_environment({**context(), "dag_run": run})
    )
    assert variables.get("FLOWC_SCHEDULED", "") == expected


EVENTS = {
    "sold": {"parameters": {"FLOWC_PARAM_SHOP": "shop", "FLOWC_PARAM_ROWS": "rows"}, "filters": [["rows", ">=", [5]]]},
    "metaflow.Up.end": {"flow": "Up"},
}


def asset_event(hour: int, extra: dict[str, Any] | None, run_id: str | None = None) -> SimpleNamespace:
    """An event of an asset."""
    return SimpleNamespace(timestamp=datetime(2026, 1, 2, hour, tzinfo=UTC), extra=extra, source_run_id=run_id)


@pytest.mark.parametrize("series", ["3", "2"])
def test_the_latest_event_of_each_asset_counts(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, series: str
) -> None:
    sold = [asset_event(3, {"shop": "north", "rows": "7", "id": "e-7"}), asset_event(1, {"shop": "south", "rows": 9})]
    finished = [asset_event(2, None, "manual:1+2")]
    if series == "3":
        names = {name: SimpleNamespace(name=name, uri=name) for name in EVENTS}
        found: dict[str, Any] = {
            "triggering_asset_events": _Mapping(zip(names.values(), [sold, finished], strict=True))
        }
    else:
        found = {"triggering_dataset_events": {"sold": sold, "metaflow.Up.end": finished}}
    operator = load("process_operator").StepOperator
    start = operator(flow=flow(events=EVENTS), task_id="start")
    kind = "asset_triggered" if series == "3" else "dataset_triggered"
    given = {**context(), **found, "dag_run": SimpleNamespace(conf={}, run_type=kind)}
    start.pre_execute(given)
    variables = start.shim_environment(given)
    assert decode_value("shop", variables["FLOWC_PARAM_SHOP"]) == "north"
    assert decode_value("rows", variables["FLOWC_PARAM_ROWS"]) == "7"
    monkeypatch.setenv("FLOWC_TRIGGER", variables["FLOWC_TRIGGER"])
    trigger = trigger_of_run()
    assert trigger is not None
    assert [(event.name, event.type, event.id) for event in trigger] == [
        ("sold", "event", "e-7"), ("metaflow.Up.end", "run", "Up/manual=3A1=2B2"),
    ]  # fmt: skip
    later = operator(flow=flow(events=EVENTS), task_id="end").shim_environment(given)
    assert "FLOWC_PARAM_SHOP" not in later
    assert later["FLOWC_TRIGGER"] == variables["FLOWC_TRIGGER"]
    assert "FLOWC_TRIGGER" not in start.shim_environment(context())


class _Mapping(list[Any]):
    """Airflow's mapping of assets, which cannot be keys of a dict here."""

    def items(self) -> list[Any]:
        """The pairs."""
        return list(self)


@pytest.mark.parametrize(
    ("extra", "filters", "expected"),
    [
        ({"shop": "north"}, [["shop", "=", ["south", "north"]]], True),
        ({"shop": "northern"}, [["shop", "=", ["north"]]], False),
        ({"rows": "7"}, [["rows", ">=", [5]], ["rows", "<", [8]]], True),
        ({"rows": 9}, [["rows", ">=", [5]], ["rows", "<", [8]]], False),
        ({"rows": "many"}, [["rows", ">", [5]]], False),
        ({}, [["shop", "!=", ["north"]]], False),
        ({"shop": "south"}, [["shop", "!=", ["north"]]], True),
        ({}, [], True),
    ],
)
def test_filters(load: Callable[..., Any], extra: dict[str, Any], filters: list[Any], expected: bool) -> None:
    assert load("shim_task").passes(extra, filters) == expected
    task = load("process_operator").StepOperator(flow=flow(events={"sold": {"filters": filters}}), task_id="s")
    run = SimpleNamespace(conf={}, run_type="dataset_triggered")
    given = {**context(), "triggering_dataset_events": {"sold": [asset_event(1, extra)]}, "dag_run": run}
    if expected:
        task.pre_execute(given)
        return
    with pytest.raises(SkipError, match="does not pass"):
        task.pre_execute(given)


@pytest.mark.parametrize("value", ["", "$(x) {{ y }}", "flowc:default", "ü\n"])
def test_the_shim_reads_what_operators_write(value: str, load: Callable[..., Any]) -> None:
    """The operators cannot import `flowc.protocol`, and must write the same."""
    module = load("shim_task")
    assert decode_value("x", module.encoded(value)) == value
    assert json.loads(decode_value("x", module.encoded([value]))) == [value]
    assert module.encoded(None) == USE_DEFAULT
    names = {env_names.ROOT, env_names.RUN_ID, env_names.TAGS}
    assert set(load("process_operator").StepOperator(flow=flow(), task_id="x").shim_environment(context())) == names


def test_an_arm_that_the_switch_did_not_choose_is_skipped(load: Callable[..., Any]) -> None:
    operator = load("process_operator").StepOperator
    ti = TaskInstance({("switch", "choice", 2): "right"}, map_index=2)
    operator(flow=flow(), task_id="plain").pre_execute(context(ti))
    operator(flow=flow(), task_id="right", when=[["other", "right"], ["switch", "right"]]).pre_execute(context(ti))
    with pytest.raises(SkipError):
        operator(flow=flow(), task_id="left", when=[["switch", "left"]]).pre_execute(context(ti))


def runtime(program: str) -> str:
    """A zip of one program, in base64."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py"), program)
    return "\n".join(["", base64.b64encode(target.getvalue()).decode(), ""])


def test_the_code_is_put_together_exactly(load: Callable[..., Any]) -> None:
    own = flow()
    own.texts |= {"plan.json": "\n{}", "files/a.py": "\nprint(1)\n"}
    own.packed["files/b.bin"] = f"\n{base64.b64encode(zlib.compress(bytes(range(256)))).decode()}\n"
    package = load("zipped_code", runtime(SHIM)).zipped(own)
    assert package == load("zipped_code", runtime(SHIM)).zipped(own)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    files = {"files/a.py": b"print(1)\n", "files/b.bin": bytes(range(256)), "plan.json": b"{}"}
    assert found == {"__main__.py": SHIM.encode(), **files}


def test_airflow_keeps_no_code_but_its_hash() -> None:
    own = flow()
    own.texts["files/a.py"] = "\nsecret"
    assert repr(own) == "FlowPackage('F', '12')"


@pytest.mark.process
def test_a_process_publishes_its_count_and_its_choice(load: Callable[..., Any]) -> None:
    operator = load("process_operator", runtime(SHIM)).StepOperator
    ti = TaskInstance()
    task = operator(flow=flow(python=sys.executable), task_id="start", variables={"OWN": "{{ x }}"})
    given = context(ti)
    task.execute(given)
    assert ti.pushed == {"count": 12}
    assert given["label"] == "\u00fc"
    (arguments, variables) = json.loads(task.log.lines[0])
    assert arguments == ["task", "--step", "start", "--index", "-", "--attempt", "0", "--first", "0", "--outputs"]
    assert variables["OWN"] == "{{ x }}"
    assert variables["FLOWC_ROOT"] == "/r"


@pytest.mark.process
def test_a_process_that_fails(load: Callable[..., Any]) -> None:
    operator = load("process_operator", runtime(SHIM)).StepOperator
    ti = TaskInstance()
    with pytest.raises(RuntimeError, match="step start ended with exit code 3"):
        operator(flow=flow(python=sys.executable), task_id="start", variables={"OWN": "--fail"}).execute(context(ti))
    assert not ti.pushed


def ended(code: int | None, name: str = "base") -> SimpleNamespace:
    """A pod that has failed, whose container has ended with a code, or is gone."""
    terminated = SimpleNamespace(exit_code=code) if code is not None else None
    status = SimpleNamespace(name=name, state=SimpleNamespace(terminated=terminated))
    return SimpleNamespace(status=SimpleNamespace(phase="Failed", container_statuses=[status]))


@pytest.mark.parametrize(
    ("pod", "group", "error"),
    [
        (ended(1), True, FailError),  # a task has failed for good
        (ended(1), False, RuntimeError),  # Airflow tries it again
        (ended(143), True, RuntimeError),  # it got SIGTERM
        (ended(137), True, RuntimeError),  # it was killed
        (ended(None), True, RuntimeError),  # it is gone
        (ended(1, "istio-proxy"), True, RuntimeError),
    ],
)
def test_a_group_is_tried_again_where_its_pod_was_lost(
    pod: SimpleNamespace, group: bool, error: type[Exception], load: Callable[..., Any]
) -> None:
    task = load("pod_operator", runtime(SHIM)).StepOperator(flow=flow(), task_id="s", group=group)
    with pytest.raises(error):
        task.cleanup(None, pod)


def test_kinds_of_failures_are_those_of_the_protocol(load: Callable[..., Any]) -> None:
    kinds = load("shim_task").failure_kinds
    for code in (1, 2, 3, 64, 75, 79, 80, 124, 130, 137, 139, 143, -9, -11, -15):
        assert kinds(code) == failure_kinds(code)
    assert kinds(137, "OOMKilled") == ("oom",)
    assert kinds(137, "Error") == kinds(None, "") == kinds(137, "Evicted The node was low on memory") == ("lost",)
    assert kinds(143, "DeadlineExceeded Pod was active") == ("timeout",)


def test_a_retry_is_for_some_failures(load: Callable[..., Any]) -> None:
    operator = load("pod_operator", runtime(SHIM)).StepOperator
    for code, retry_on, error in (
        (1, None, RuntimeError), (79, None, FailError), (1, ["oom"], FailError), (80, ["oom"], RuntimeError),
        (None, ["oom"], FailError), (None, ["lost"], RuntimeError),
    ):  # fmt: skip
        with pytest.raises(error):
            operator(flow=flow(), task_id="s", retry_on=retry_on).cleanup(None, ended(code))


def test_attempts_have_their_own_needs(load: Callable[..., Any]) -> None:
    operator = load("pod_operator", runtime(SHIM)).StepOperator
    task = operator(flow=flow(python="python3"), task_id="s", attempts=[{"own": 2}, {"own": 3}])
    for number, expected in ((1, None), (2, 2), (3, 3), (4, 3)):
        task.own = None
        task.build_pod_request_obj(context(TaskInstance(try_number=number)))
        assert task.own == expected


@pytest.mark.process
def test_a_group_as_a_process(load: Callable[..., Any]) -> None:
    operator = load("process_operator", runtime(SHIM)).StepOperator
    task = operator(flow=flow(python=sys.executable), task_id="s", index="2", group=True, variables={"OWN": "--fail"})
    assert task.shim_arguments(context())[:5] == ["group", "--group", "s", "--index", "2"]
    with pytest.raises(FailError, match=r"a task of group s has failed \(exit code 3\)"):
        task.execute(context())


def test_a_pod_has_the_code_in_its_environment(load: Callable[..., Any]) -> None:
    module = load("pod_operator", runtime(SHIM))
    own = flow(python="python3", root="s3://b/$x")
    own.texts["files/noise"] = "\n" + noise(90_000)
    task = module.StepOperator(flow=own, task_id="start")
    pod = task.build_pod_request_obj(context())
    (container,) = pod.spec.containers
    assert container.command == ["python3", "-c", module.BOOTSTRAP]
    assert container.args == task.shim_arguments(context())
    variables = {item["name"]: item["value"] for item in container.env}
    assert variables["FLOWC_ROOT"] == "s3://b/$$x"
    code = variables["FLOWC_CODE_000"] + variables["FLOWC_CODE_001"]
    assert base64.b64decode(code) == load("zipped_code", runtime(SHIM)).zipped(own)
    assert task.build_pod_request_obj().spec.containers[0].command is None, "a dry run has no task"
    assert module.StepOperator(flow=own, task_id="start", python="python3.9").python == "python3.9"


def test_a_pod_mounts_the_code(load: Callable[..., Any]) -> None:
    module = load("code_in_pods")
    volume = SimpleNamespace(name="flowc")
    pod = Operator(task_id="x").build_pod_request_obj()
    variables: dict[str, str] = {}
    module.attach_code(pod, flow(volume=volume), variables)
    assert not variables
    assert pod.spec.volumes == [volume]
    mount = {"class": "V1VolumeMount", "name": "flowc", "mount_path": "/flowc", "read_only": True}
    assert pod.spec.containers[0].volume_mounts == [mount]
    assert "/flowc/flowc.pyz" in module.BOOTSTRAP


def test_a_hook_is_the_shims_command_for_hooks(load: Callable[..., Any]) -> None:
    hook = load("hook_operator").HookOperator(flow=flow(), task_id="exit_hook_thank", function="flow.thank")
    assert hook.shim_arguments(context()) == ["hook", "flow.thank", "--forgive"]


def pod_ended(message: str, exit_code: int = 0, name: str = "base") -> SimpleNamespace:
    """A pod whose container has ended."""
    ended = SimpleNamespace(exit_code=exit_code, message=message)
    status = SimpleNamespace(name=name, state=SimpleNamespace(terminated=ended))
    return SimpleNamespace(status=SimpleNamespace(container_statuses=[status]))


@pytest.mark.parametrize(
    ("pod", "pushed"),
    [
        (pod_ended("12"), {"count": 12}),
        (pod_ended("left"), {"choice": "left"}),
        (pod_ended("12\nw7w="), {"count": 12, "label": "\u00fc"}),
        (pod_ended("\nYQ=="), {"label": "a"}),
        (pod_ended(""), {}),
        (pod_ended("12", exit_code=1), {}),
        (pod_ended("12", name="sidecar"), {}),
        (SimpleNamespace(status=SimpleNamespace(container_statuses=None)), {}),
    ],
)
def test_what_a_pod_leaves(pod: SimpleNamespace, pushed: dict[str, object], load: Callable[..., Any]) -> None:
    ti = TaskInstance()
    given = context(ti)
    load("publish_output").PublishOutput.on_pod_completion(pod=pod, context=given, client=None)
    label = pushed.pop("label", None)
    assert ti.pushed == pushed
    assert given.get("label") == label


@pytest.mark.parametrize("path", sorted(OPERATORS.glob("*.py")), ids=lambda path: path.stem)
def test_an_operators_module_does_no_work_and_its_names_are_no_steps(path: Any) -> None:
    """What follows the head is functions, classes and constants, and a DAG's variables hide none of its names."""
    allowed = (ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Expr)
    source = read_source(path.stem)
    body = ast.parse(source.definitions).body
    assert all(
        isinstance(node, allowed)
        for node in body
        if path.stem not in ("approval_operator", "combined_schedule", "several_crons") or node != body[0]
    )
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    defined |= {ast.unparse(node.targets[0]) for node in body if isinstance(node, ast.Assign)}
    imported = {item.name.rpartition(" ")[2] for item in source.imports}
    assert defined | imported <= TAKEN
    assert max(map(len, source.definitions.splitlines()), default=0) <= 88
