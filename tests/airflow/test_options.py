"""What Airflow does with a DAG and its tasks beside running them: owners, pools, callbacks, assets and the like."""

from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowc.protocol import env_names
from flowc.protocol.plan import PlanStep
from flowc.shim.item_label import label_of, write_label
from flowc.shim.task_identity import Task
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_targets.airflow.dag_summary import read_summary
from flowc_targets.airflow.options import AirflowOptions
from tests.airflow.emitting import CLEAN, ROOT, emit, emit_text, ruff, without_code, write
from tests.airflow.engine import Airflow
from tests.airflow.flows import PLAIN
from tests.airflow.test_emit import dag_arguments, operators
from tests.support import emitted, errors, flowc

IMPORT = "from flowc import airflow_options\n"
GIVEN = (
    'pool="big", priority_weight=3, queue="fast", owner="ann", executor_config={"a": {"b": [1, None]}}, '
    'deferrable=True, inlets=["s3://b/in"], outlets=["made"], on_failure_callback="pprint.pprint", '
    'on_execute_callback="json.dumps", on_retry_callback="json.dumps", on_skipped_callback="json.loads", '
    'on_success_callback="json.loads"'
)
ALL = {
    "owner": "bob", "max_active_runs": 2, "dagrun_timeout": 60, "retries": 1, "pool": "small", "priority_weight": 5,
    "queue": "slow", "executor_config": {"x": True}, "deferrable": True, "on_failure_callback": "json.dumps",
    "on_success_callback": "urllib.parse.quote",
}  # fmt: skip


def optioned(arguments: str, source: str = PLAIN) -> str:
    """The flow with `@airflow_options` on its first step."""
    return IMPORT + source.replace("    @step", f"    @airflow_options({arguments})\n    @step", 1)


def test_the_options_of_a_dag(tmp_path: Path) -> None:
    text, diagnostics = emit_text(tmp_path, PLAIN, **ALL)
    assert diagnostics == ()
    dag = dag_arguments(text)
    assert dag["max_active_runs"] == "2"
    assert dag["dagrun_timeout"] == "timedelta(seconds=60)"
    assert (dag["on_failure_callback"], dag["on_success_callback"]) == ("dumps", "quote_2"), "`quote` is an operator's"
    for entry in ("'owner': 'bob'", "'retries': 1", "'pool': 'small'", "'priority_weight': 5", "'queue': 'slow'",
                  "'executor_config': {'x': True}", "'deferrable': True"):  # fmt: skip
        assert entry in dag["default_args"]
    assert "from json import dumps\n" in text
    assert "from urllib.parse import quote as quote_2\n" in text
    none = dag_arguments(emit_text(tmp_path, PLAIN)[0])
    assert not none.keys() & {"max_active_runs", "dagrun_timeout", "on_failure_callback", "on_success_callback"}
    assert "'retries': 0" in none["default_args"]
    assert "'owner'" not in none["default_args"]


def test_the_options_of_a_step(tmp_path: Path) -> None:
    text, diagnostics = emit_text(tmp_path, optioned(GIVEN), pool="small")
    assert diagnostics == ()

    start = {name: ast.unparse(value) for name, value in operators(text)["start"].items()}
    assert start == {
        "task_id": "'start'", "owner": "'ann'", "pool": "'big'", "priority_weight": "3", "queue": "'fast'",
        "executor_config": "{'a': {'b': [1, None]}}", "deferrable": "True", "on_execute_callback": "dumps",
        "on_failure_callback": "pprint", "on_retry_callback": "dumps", "on_skipped_callback": "loads",
        "on_success_callback": "loads", "inlets": "[Asset('s3://b/in')]", "outlets": "[Asset('made')]",
    }  # fmt: skip
    summary = read_summary(text)
    assert summary is not None
    assert summary.pools == ("big", "small"), "which `flowc submit` looks for"
    last = IMPORT + PLAIN.replace(
        "    @step\n    def end", "    @airflow_options(outlets=['x'])\n    @step\n    def end"
    )
    ends = operators(emit_text(tmp_path, IMPORT + last)[0])["end"]
    assert ast.unparse(ends["outlets"]) == "[Asset('x'), Asset('metaflow.PlainFlow.end')]"


@pytest.mark.process
def test_the_form(tmp_path: Path) -> None:
    text, _ = emit_text(tmp_path, optioned(GIVEN), **ALL)
    assert ruff("format", "--check", "--diff", text=text) == ""
    assert ruff("check", *CLEAN, text=without_code(text)) == ""


def test_retries_are_those_of_the_step(tmp_path: Path) -> None:
    source = PLAIN.replace("    @step", "    @retry(times=0)\n    @step", 1)
    assert "retries" not in operators(emit_text(tmp_path, source)[0])["start"]
    start = operators(emit_text(tmp_path, source, retries=2)[0])["start"]
    assert getattr(start["retries"], "value", None) == 0


HOOKED = "from flowc import exit_hook\n\n\ndef tell(run):\n    pass\n\n\n@exit_hook(on_error=[tell])\nclass"
FOREACH = """\
class Each(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.parametrize(
    ("source", "decorator", "steps", "warned"),
    [
        (PLAIN, "retry", 0, False),
        (PLAIN, "retry", 1, False),
        (PLAIN, "retry", 2, True),
        (PLAIN, "catch", 2, True),
        (PLAIN.replace("class", HOOKED), "retry", 2, False),
        (FOREACH, "retry", 4, False),
    ],
    ids=["no step", "one step", "all steps", "catch", "a hook", "a foreach"],
)
def test_retries_that_no_task_has(source: str, decorator: str, steps: int, warned: bool, tmp_path: Path) -> None:
    """The tasks of flowc's own have them, too: hooks, and those that count the items of a foreach."""
    flow = compile_file(write(tmp_path, source.replace("    @step", f"    @{decorator}\n    @step", steps))).flow
    sink = DiagnosticSink()
    AirflowOptions.model_validate({"root": ROOT, "retries": 2}).report_unused(flow, sink)
    assert [item.code for item in sink.diagnostics] == ["FC506"] * warned


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "has no argument"),
        ("pool=''", "`pool`"),
        ("on_failure_callback='notify'", "'notify' is not a dotted name, such as company.alerts.page"),
        ("on_failure_callback=['a.b']", "is not a text"),
        ("outlets='s3://b/x'", "is not a list"),
        ("on_failure_callback='a.b()'", "`on_failure_callback`"),
        ("executor_config={'a': {1, 2}}", "`executor_config`"),
        ("retries=2", "retries"),
    ],
)
def test_arguments_that_airflow_would_refuse(arguments: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "flow_file.py"
    path.write_text("from flowc import FlowSpec, step\n" + optioned(arguments))
    done = flowc(tmp_path, "check", "flow_file.py")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr


@pytest.mark.parametrize(
    "setting", ["on_failure_callback=notify", "retries=-1", "dagrun_timeout=0", "executor_config=[1]", "owner="]
)
def test_settings_that_airflow_would_refuse(setting: str, tmp_path: Path) -> None:
    (tmp_path / "flow_file.py").write_text("from flowc import FlowSpec, step\n" + PLAIN)
    done = flowc(tmp_path, "compile", "flow_file.py", "-t", "airflow", "--root", ROOT, "--set", setting)
    assert "FC505" in done.stderr


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ('outlets=["s3://b/in", "a b", "x-y://z"]', ""),
        ('outlets=["s3://b/in", ""]', "has no name"),
        ('inlets=[" "]', "has no name"),
        ('outlets=["Käufe"]', "has letters other than ASCII's"),
        ('outlets=["s3://b/" + "x" * 1500]', "has more than 1500 characters"),
        ('inlets=["airflow://b"]', "has a reserved name"),
        ('inlets=["self"]', "has a reserved name"),
    ],
)
def test_names_of_assets(names: str, problem: str, tmp_path: Path) -> None:
    """The whole file would be an import error in one of the versions."""
    text, found = emit_text(tmp_path, "from flowc import airflow_options\n" + optioned(names))
    assert [(item.code, problem in item.message) for item in found] == ([("FC501", True)] if problem else [])
    assert bool(text) != bool(problem)
    trigger = f"from flowc import trigger\n@trigger(events={names.partition('=')[2]})\n"
    _, found = emit_text(tmp_path, PLAIN.replace("class ", trigger + "class "))
    assert [item.code for item in found if problem in item.message] == (["FC501"] if problem else [])


def test_the_asset_of_a_flow_whose_name_has_other_letters(tmp_path: Path) -> None:
    """Airflow 2 refuses them."""
    text, found = emit_text(tmp_path, PLAIN.replace("PlainFlow", "Flöw"))
    assert not found
    assert 'outlets=[Asset("metaflow.Fl%C3%B6w.end")]' in text


def test_what_has_no_effect_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "flow_file.py"
    path.write_text("from flowc import FlowSpec, step\n" + optioned("pool='x'"))
    _, sink = emitted(compile_file(path), "argo", root=ROOT)
    assert not errors(sink)
    assert [(item.code, item.severity) for item in sink.diagnostics] == [("FC501", "warning")]
    _, (local,) = emit_text(tmp_path, optioned("deferrable=True"), operator="local")
    assert (local.code, local.severity) == ("FC501", "warning")
    options = ("-t", "airflow", "--root", ROOT, "--operator", "local", "--set", "deferrable=true")
    done = flowc(tmp_path, "compile", "flow_file.py", *options, "-o", "out.py")
    assert "FC506" in done.stderr
    assert "deferrable" in done.stderr


LABELS = """\
from flowc import FlowSpec, foreach_options, step


class LabelFlow(FlowSpec):
    @foreach_options(label="name")
    @step
    def start(self):
        self.shops = [{"name": "Köln"}, {"name": "Bonn " * 40}, {"other": 1}]
        self.next(self.each, foreach="shops")

    @step
    def each(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def test_only_the_tasks_of_items_have_labels(tmp_path: Path) -> None:
    path = tmp_path / "flow_file.py"
    path.write_text(LABELS)
    text, diagnostics = emit(path)
    assert diagnostics == ()
    assert [name for name, arguments in operators(text).items() if "labelled" in arguments] == ["each"]
    assert ast.unparse(operators(text)["each"]["callbacks"]) == "PublishOutput"
    assert '"label": "name"' in text, "the plan tells the shim"
    _, sink = emitted(compile_file(path), "argo", root=ROOT)
    assert [(item.code, item.severity) for item in sink.diagnostics] == [("FC501", "warning")]
    path.write_text(LABELS.replace('label="name"', "label=False"))
    assert "FC404" in flowc(tmp_path, "check", "flow_file.py").stderr


@pytest.mark.parametrize(
    ("item", "label", "text"),
    [
        ("a", True, "a"),
        ({"name": 3}, "name", "3"),
        (SimpleNamespace(name="x"), "name", "x"),
        ("two\n\tlines ", True, "two lines"),
        ("é" * 60, True, "é" * 50),
        ("a" + "é" * 60, True, "a" + "é" * 49),
        ("\ud800", True, "?"),
        (None, True, "None"),
    ],
)
def test_the_label_of_an_item(item: object, label: bool | str, text: str) -> None:
    assert label_of(item, label) == text


def test_a_label_is_behind_what_the_engine_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(env_names.ROOT, str(tmp_path))
    monkeypatch.setenv(env_names.RUN_ID, "run")
    (tmp_path / "label").write_text("3")
    task = Task("each", (0,), 0, str(tmp_path))
    opener = PlanStep("start", {"kind": "foreach", "parents": [], "next": ["each"], "depth": 0, "label": True})
    write_label(task, opener, lambda: "ü")
    assert (tmp_path / "label").read_text() == "3\nw7w="
    write_label(task, opener, lambda: label_of({"other": 1}, "name"))
    assert "has no label: KeyError: 'name'" in capsys.readouterr().err
    assert (tmp_path / "label").read_text() == "3\nw7w="
    write_label(Task("each", (0,), 0), opener, lambda: "x")
    assert (tmp_path / "label").read_text() == "3\nw7w="


LOAD = """\
import json, sys
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
task = dag.get_task("start")
names = ("owner", "pool", "priority_weight", "queue", "executor_config", "deferrable", "retries")
print(json.dumps({
    "dag": [dag.max_active_runs, dag.dagrun_timeout.total_seconds(), dag.has_on_failure_callback, dag.doc_md],
    "start": {name: getattr(task, name) for name in names},
    "end": {name: getattr(dag.get_task("end"), name) for name in names},
    "assets": [[getattr(item, "uri", "") for item in found] for found in (task.inlets, task.outlets)],
    "callbacks": [bool(getattr(task, name)) for name in ("on_failure_callback", "on_success_callback")],
}))
"""


@pytest.mark.airflow
@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_airflow_has_all_of_it(series: str, tmp_path: Path) -> None:
    airflow = Airflow.of_series(series, tmp_path)
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "flow.py").write_text(emit_text(tmp_path, optioned(GIVEN), **ALL)[0])
    command = [str(airflow.environment / "bin" / "python"), "-c", LOAD, str(dags)]
    env = airflow.variables(tmp_path, dags)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["dag"][:3] == [2, 60, True]
    assert "start -> end" in found["dag"][3]
    own = {"owner": "ann", "pool": "big", "priority_weight": 3, "queue": "fast", "deferrable": True, "retries": 1}
    assert found["start"] == {**own, "executor_config": {"a": {"b": [1, None]}}}
    common = {name: ALL[name] for name in ("owner", "pool", "priority_weight", "queue", "deferrable", "retries")}
    assert found["end"] == {**common, "executor_config": {"x": True}}
    assert [[uri.rstrip("/") for uri in uris] for uris in found["assets"]] == [["s3://b/in"], ["made"]]
    assert found["callbacks"] == [True, True]


SCHEDULED = """\
from flowc import FlowSpec, schedule, step, trigger


@schedule(cron="0 5 * * *", timezone="Europe/Berlin")
@trigger(events=["s3://b/in", "made"])
class ScheduledFlow(FlowSpec):
    @step
    def start(self):
        "Lists the shops."
        self.shops = [[1], [2, 3]]
        self.next(self.outer, foreach="shops")

    @step
    def outer(self):
        self.items = self.input
        self.next(self.inner, foreach="items")

    @step
    def inner(self):
        self.next(self.close)

    @step
    def close(self, inputs):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
LOAD_SCHEDULED = """\
import json, logging, sys
logging.disable(logging.CRITICAL)
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
try:
    from airflow.serialization.definitions.dag import SerializedDAG as _
    from airflow.serialization.serialized_objects import DagSerialization as Serialization
except ImportError:
    from airflow.serialization.serialized_objects import SerializedDAG as Serialization
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
whole = Serialization.to_dict(dag)
again = Serialization.from_dict(json.loads(json.dumps(whole)))
print(json.dumps({
    "timetable": type(dag.timetable).__name__, "summary": again.timetable.summary,
    "groups": {group: sorted(found.children) for group, found in dag.task_group.get_task_group_dict().items() if group},
    "doc": dag.doc_md, "start": dag.get_task("start").doc_md,
}))
"""


@pytest.mark.airflow
@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_schedule_with_assets_groups_and_docs(series: str, tmp_path: Path) -> None:
    """As the scheduler reads them: serialized."""
    airflow = Airflow.of_series(series, tmp_path)
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "flow.py").write_text(emit_text(tmp_path, SCHEDULED)[0])
    command = [str(airflow.environment / "bin" / "python"), "-c", LOAD_SCHEDULED, str(dags)]
    done = subprocess.run(command, env=airflow.variables(tmp_path, dags), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["timetable"] in {"AssetOrTimeSchedule", "DatasetOrTimeSchedule"}
    assert "0 5 * * *" in found["summary"]
    assert set(found["groups"]) == {"start_items", "outer_items", "start_items_2"}
    assert "outer -> inner, for each of items" in found["doc"]
    assert found["start"] == "Lists the shops."
