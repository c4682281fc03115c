"""The names of `metaflow`: compiler and shim agree on them, each is there, and each does what it does in Metaflow."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import flowc
from flowc import client, current, parallel_imap_unordered, parallel_map
from flowc.compat.served_modules import find
from flowc.errors import MulticoreException, NamespaceMismatch, NotFound, TaggingError
from flowc.protocol.metaflow_names import MODULES, SERVED
from flowc_compiler.syntax.served_imports import METAFLOW_REFUSED
from tests.local.flows import Local
from tests.runtime.shim import Shim, runtime_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOWS = Path(__file__).parent.parent / "oracle" / "flows" / "names"


@pytest.fixture(autouse=True)
def default_space(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A known user, and no namespace that another test has chosen."""
    for variable in ("FLOWC_USER", "FLOWC_NAMESPACE", "FLOWC_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("METAFLOW_USER", "oracle")
    yield
    client.default_namespace()
    client.default_metadata()


def local_flow(folder: Path, name: str) -> Local:
    return Local(folder, (FLOWS / f"{name}.py").read_text(encoding="utf-8"), f"{name}.py")


def test_no_name_is_served_and_refused() -> None:
    assert not set(SERVED) & set(METAFLOW_REFUSED)


@pytest.mark.parametrize("module", MODULES)
def test_every_served_name_is_there(module: str) -> None:
    for name, place in MODULES[module].items():
        if place:
            assert find(module, name) is not None or module == "metaflow.metaflow_config"
            assert module != "metaflow" or getattr(flowc, name) is find(module, name) or name == "JSONTypeClass"
    assert set(flowc.__all__) - {"__version__"} >= {
        name for name, place in SERVED.items() if place and ":" not in place
    }


@pytest.mark.process
def test_a_task_imports_what_it_uses_only(tmp_path: Path) -> None:
    """A zip's modules are compiled in every task: a module more costs each of them a few milliseconds."""
    shim = Shim(
        tmp_path,
        """
        import sys
        from flowc import FlowSpec, Parameter, step

        class Little(FlowSpec):
            n = Parameter("n", default=3)

            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                print(*sorted(name for name in sys.modules if name.startswith("flowc.")), self.n)
        """,
    )
    assert shim.attempt("start").returncode == 0
    *modules, number = shim.attempt("end").stdout.split()
    assert number == "3"
    assert modules == [
        f"flowc.{name}"
        for name in (
            "_version", "current", "decorators", "errors", "flow_parameters", "flowspec", "generics", "protocol",
            "protocol.encodings", "protocol.env_names", "protocol.exit_codes", "protocol.plan", "shim",
            "shim.class_task", "shim.debugging", "shim.loaded_plan", "shim.log_keeper", "shim.step_call",
            "shim.task_facts", "shim.task_identity", "shim.task_inputs", "shim.task_results", "shim.task_runner",
            "shim.task_state", "shim.user_code", "shim.user_files", "store", "store.artifacts", "store.codec",
            "store.digests", "store.document_fields", "store.documents", "store.file_store", "store.json_text",
            "store.run_layout", "store.run_owner", "store.task_log",
        )
    ]  # fmt: skip


@pytest.mark.process
def test_an_unserved_name_says_who_does_not_serve_it(tmp_path: Path) -> None:
    code = """
from flowc.shim.user_code import serve_modules
serve_modules()
import metaflow
from metaflow import *
assert Flow is metaflow.Flow and parallel_map and "inspect_spin" not in dir(metaflow)
assert metaflow.cards.Markdown and metaflow.exception.MetaflowException
for name in ("inspect_spin", "no_such_name"):
    try:
        getattr(metaflow, name)
    except AttributeError as error:
        assert f"flowc does not serve metaflow.{name}" in str(error)
try:
    from metaflow import inspect_spin
except ImportError as error:
    assert "served_modules" in str(error)
try:
    import metaflow.plugins.aws
except ModuleNotFoundError:
    print("fine")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": runtime_folder()},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "fine\n", done.stderr


def test_current_outside_of_tasks() -> None:
    names = ["flow_name", "run_id", "step_name", "task_id", "pathspec", "origin_run_id", "namespace", "tags"]
    assert [getattr(current, name) for name in [*names, "task", "run", "retry_count", "trigger"]] == [None] * 12
    assert (current.is_running_flow, current.username, "flow_name" in current) == (False, "oracle", False)
    with pytest.raises(RuntimeError, match="Graph is not available"):
        _ = current.graph
    for name in ("parallel", "project_name", "parameter_names"):
        with pytest.raises(AttributeError, match=f"current.{name}: no task is running"):
            getattr(current, name)


def test_a_step_that_is_called_as_a_function_has_a_card() -> None:
    current.card.append("a text", id="first")
    current.card["other"].extend([1, 2])
    current.card.refresh()
    assert ([*current.card], len(current.card["other"])) == (["a text"], 2)
    assert ("card" in current, current.get("card"), current.is_running_flow) == (False, None, False)


@pytest.mark.process
def test_current_and_self(tmp_path: Path) -> None:
    flow = local_flow(tmp_path, "current_flow")
    result = flow.run(tags=("one",))
    assert result.ok, flow.says.err
    run = flow.client(result)
    facts = run["start"].task.data.facts
    assert (facts["tags"], facts["parameters"], facts["user"]) == (["one"], ["rate", "table"], "oracle")
    assert facts["in"] == [True, False, False, True]
    assert run["start"].task.data.graph["graph_structure"][0] == "start"
    assert run["start"].task.data.marks == ["retry", "card"]
    assert run.data.seen[1][1] == (1, 2, [(1, 2, "b"), (1, 2, 2)], "<flow CurrentFlow step work[1,1] (input: 2)>", 1)


@pytest.mark.process
def test_parallel_map_and_exceptions(tmp_path: Path) -> None:
    flow = local_flow(tmp_path, "parallel_flow")
    result = flow.run()
    assert result.ok, flow.says.err
    run = flow.client(result)
    assert run.data.mapped == [10, 11, 12, 13, 14, 15, 16]
    assert (run.data.unordered, run.data.failed, run.data.left_over) == ([1, 4, 9], "Child failed", [])
    assert "ZeroDivisionError" in run["start"].task.stderr


@pytest.mark.process
def test_what_runs_when_a_parallel_map_fails_is_ended(tmp_path: Path) -> None:
    import time

    def work(number: int) -> int:
        if number == 0:
            raise ValueError("first")
        time.sleep(60)
        return number

    begun = time.monotonic()
    with pytest.raises(MulticoreException):
        parallel_map(work, range(2), 2, str(tmp_path))
    assert time.monotonic() - begun < 30
    assert list(tmp_path.iterdir()) == []
    results = parallel_imap_unordered(work, [5, 6], 2, str(tmp_path))
    del results  # nothing was started yet
    assert parallel_map(len, ["a", "bb"], max_parallel=1) == [1, 2]


@pytest.mark.process
def test_the_client_within_steps(tmp_path: Path) -> None:
    source = local_flow(tmp_path, "source_flow")
    assert source.run(tags=("blue",)).ok
    reader = local_flow(tmp_path, "reader_flow")
    result = reader.run()
    assert result.ok, reader.says.err
    run = reader.client(result)
    facts = run["start"].task.data.run_facts
    assert (facts["total"], facts["user tags"], facts["user"]) == (5, ["blue"], True)
    assert facts["steps"] == ["end", "second", "choose", "join", "work", "start"]
    assert run["errors"].task.data.mismatch == "MetaflowNamespaceMismatch"[8:] or run["errors"].task.data.mismatch
    assert run.data.tags == [["alone", "blue", "checked", "three"], 1, []]


@pytest.mark.process
def test_the_client_outside_of_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = local_flow(tmp_path, "source_flow")
    first, second = flow.run(), flow.run()
    with pytest.raises(NotFound):
        client.Flow("SourceFlow")
    assert client.metadata(f"flowc@{flow.root}") == f"flowc@{flow.root}"
    found = client.Flow("SourceFlow")
    assert [run.id for run in found] == [second.run_id, first.run_id]
    run = found.latest_run
    assert run is not None
    assert pickle.loads(pickle.dumps(run)).pathspec == run.pathspec
    task = run["work"]["2"]
    assert (task.id, task.index, task.data.square) == ("work-2", 2, 4)
    again = pickle.loads(pickle.dumps(client.Task(task.pathspec, attempt=0)))
    assert (again.current_attempt, again["square"].data, again.parent.parent.id) == (0, 4, run.id)
    assert [step.name for step in run["choose"].child_steps] == ["second"]
    assert [one.id for one in run["end"].task.parent_tasks] == ["second"]
    with pytest.raises(TaggingError, match="system tag"):
        run.remove_tag("user:oracle")
    monkeypatch.setenv("METAFLOW_USER", "somebody")
    client.default_namespace()
    with pytest.raises(NamespaceMismatch):
        client.Run(run.pathspec)
    with pytest.raises(NamespaceMismatch):
        client.Flow("SourceFlow")
    assert list(client.Metaflow()) == []
    shutil.rmtree(tmp_path / "root" / "SourceFlow" / run.id / "end")
    assert (run.successful, run.end_task, run.data) == (False, None, None)


LOOP = """
    from flowc import FlowSpec, step

    class Loop(FlowSpec):
        @step
        def start(self):
            self.n = 0
            self.next(self.count)

        @step
        def count(self):
            self.n += 1
            self.go = self.n < 3
            self.next({True: self.count, False: self.end}, condition="go")

        @step
        def end(self):
            self.flow = FlowSpec
            self.bad = self
"""


@pytest.mark.process
def test_iterations_and_a_flow_as_an_artifact(tmp_path: Path) -> None:
    flow = Local(tmp_path, LOOP)
    result = flow.run()
    assert not result.ok
    assert result.failed is not None
    assert "a flow cannot be stored" in result.failed.message
    run = flow.client(result)
    assert [(task.index, task.data.n) for task in run["count"]] == [(None, 3), (None, 2), (None, 1)]
    parents = [[one.id for one in task.parent_tasks] for task in [run["end"].task, *run["count"]]]
    assert parents == [["count-2"], ["count-1"], ["count-0"], ["start"]]
    children = [[one.id for one in task.child_tasks] for task in [run["start"].task, *run["count"]]]
    assert children == [["count-0"], ["end"], ["count-2"], ["count-1"]]
    failed: Any = run["end"].task
    assert (failed.successful, failed.finished) == (False, True)
    assert failed.exception.type == "flowc.errors.UnpicklableArtifact"


CAUGHT = """
    from flowc import FlowSpec, catch, step

    class Caught(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @catch(var="error")
        @step
        def end(self):
            raise ValueError("never mind")
"""


@pytest.mark.process
def test_an_end_that_was_caught_is_finished_without_success(tmp_path: Path) -> None:
    flow = Local(tmp_path, CAUGHT)
    result = flow.run()
    assert result.ok, flow.says.err
    run = flow.client(result)
    assert (run.finished, run.successful, run.end_task is not None) == (True, False, True)
    assert (run.data.error.type, run.data.error.exception) == ("builtins.ValueError", "never mind")
    assert (run["start"].task.successful, run["end"].task.finished) == (True, True)


GANG = """
    from flowc import FlowSpec, parallel, step

    class Gang(FlowSpec):
        @step
        def start(self):
            self.next(self.member, num_parallel=2)

        @parallel
        @step
        def member(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.mark.process
def test_members_of_a_gang_are_tasks_of_their_step(tmp_path: Path) -> None:
    flow = Local(tmp_path, GANG)
    result = flow.run()
    assert result.ok, flow.says.err
    step = flow.client(result)["member"]
    control = step.control_task
    assert control is not None
    assert (control.index, [task.index for task in step]) == (0, [1, 0])
    assert [task.index for task in step.parent["join"].task.parent_tasks] == [1, 0]
    assert step.parent["start"].control_task is None


def test_flowc_has_what_the_compiler_accepts() -> None:
    for name in {*SERVED, "errors"} - {"exception"}:
        exec(f"from flowc import {name}", {})
