"""What a flow class is within a task: parameters, constants, artifacts, merging, `current`, names of `metaflow`."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from flowc import Run
from flowc.errors import TaggingError
from flowc.type_conversion import convert
from tests.runtime.shim import RUN, Shim, runtime_folder
from tests.support import unchecked_artifacts

if TYPE_CHECKING:
    from pathlib import Path


BRANCH = """
    from flowc import FlowSpec, step

    class Merge(FlowSpec):
        constant = 5

        @step
        def start(self):
            self.same = "same"
            self.own = 1
            self.next(self.a, self.b)

        @step
        def a(self):
            self.only_a = [1]
            self.x = 1
            self.next(self.join)

        @step
        def b(self):
            self.x = 2
            self.next(self.join)

        @step
        def join(self, inputs):
            BODY
            self.next(self.end)

        @step
        def end(self):
            pass
"""


def join_of(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run a branch whose join has a body of one line."""
    with unchecked_artifacts():
        shim = Shim(tmp_path, BRANCH.replace("BODY", body))
    shim.tasks("start", "a", "b")
    return shim.attempt("join")


@pytest.mark.process
@pytest.mark.parametrize(
    "body",
    [
        "self.x = 3; self.merge_artifacts(inputs); assert (self.same, self.only_a, self.x) == ('same', [1], 3)",
        "self.merge_artifacts(inputs, exclude=['x']); assert not hasattr(self, 'x') and self.own == 1",
        "self.merge_artifacts(inputs, include=['same']); assert self.same == 'same' and not hasattr(self, 'own')",
        "assert (inputs.a.x, inputs.b.x, inputs[0].x, len(inputs)) == (1, 2, 1, 2)",
        "assert [i.x for i in inputs] == [1, 2] and inputs.a.constant == self.constant == 5",
    ],
)
def test_merging_and_reading_inputs(tmp_path: Path, body: str) -> None:
    done = join_of(tmp_path, body)
    assert done.returncode == 0, done.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("self.merge_artifacts(inputs)", "UnhandledInMergeArtifactsException: step 'join' cannot merge x"),
        ("self.merge_artifacts(inputs, include=['nope'])", "MissingInMergeArtifactsException"),
        ("self.merge_artifacts(inputs, include=['x'], exclude=['y'])", "mutually exclusive"),
        ("self.same", "'join' is a join: read it from an input (inputs[0].same)"),
        ("inputs.c", "the join has no input 'c'; it has a, b"),
        ("inputs.b.only_a", "input b of flow Merge has no artifact 'only_a'"),
        ("self.constant = 6", "flow level attributes and Parameters are not modifiable"),
    ],
)
def test_what_a_join_cannot_do(tmp_path: Path, body: str, error: str) -> None:
    done = join_of(tmp_path, body)
    assert done.returncode == 1
    assert error in done.stderr


PARAMETERS = """
    import os
    from metaflow import FlowSpec, JSONType, Parameter, current, step

    class Params(FlowSpec):
        alpha = Parameter("learning-rate", default=0.5)
        count = Parameter("count", default=3, type=int)
        flag = Parameter("flag", default=False)
        text = Parameter("text", default="x")
        nothing = Parameter("nothing", default=None)
        config = Parameter("config", type=JSONType, default='{"a": 1}')
        late = Parameter("late", default=lambda: os.getpid(), type=int)
        parts = Parameter("parts", default="a,b", separator=",")

        @step
        def start(self):
            self.pid = os.getpid()
            print((self.alpha, self.count, self.flag, self.text, self.nothing, self.config, self.parts))
            self.next(self.end)

        @step
        def end(self):
            print((self.alpha, self.late == self.pid, current.parameter_names))
            try:
                self.alpha = 3
            except AttributeError as error:
                print(error)
"""


@pytest.mark.process
def test_parameters_have_their_types_and_travel(tmp_path: Path) -> None:
    shim = Shim(tmp_path, PARAMETERS)
    assert shim.task("start") == "(0.5, 3, False, 'x', None, {'a': 1}, ['a', 'b'])\n"
    given = {
        "FLOWC_PARAM_LEARNING_RATE": "2",
        "FLOWC_PARAM_COUNT": "flowc:default",
        "FLOWC_PARAM_FLAG": "yes",
        "FLOWC_PARAM_TEXT": "b64:eyJhIjogInt7fX0ifQ==",
        "FLOWC_PARAM_NOTHING": "",
        "FLOWC_PARAM_CONFIG": "[1, 2]",
        "FLOWC_PARAM_PARTS": "c",
    }
    assert shim.task("start", "", 0, **given) == "(2.0, 3, True, '{\"a\": \"{{}}\"}', '', [1, 2], ['c'])\n"
    out = shim.task("end", FLOWC_PARAM_LEARNING_RATE="9").splitlines()
    assert out[0].startswith("(2.0, True, ['alpha', 'count',"), "only the start task reads the environment"
    assert "cannot set 'alpha'" in out[1]


@pytest.mark.process
def test_a_wrong_parameter_is_a_protocol_error(tmp_path: Path) -> None:
    done = Shim(tmp_path, PARAMETERS).attempt("start", FLOWC_PARAM_COUNT="many")
    assert done.returncode == 2
    assert "parameter 'count': 'many' is not a valid int" in done.stderr


@pytest.mark.parametrize(("text", "value"), [("true", True), ("NO", False), ("1", True), ("off", False)])
def test_words_for_bool(text: str, value: bool) -> None:
    assert convert("p", "bool", text) is value


@pytest.mark.process
def test_changed_in_place_and_deleted(tmp_path: Path) -> None:
    shim = Shim(
        tmp_path,
        """
        from flowc import FlowSpec, current, step

        class Changes(FlowSpec):
            @step
            def start(self):
                import numpy as np
                self.array = np.arange(100_000)
                self.grows, self.gone, self._private = [1], 2, 3
                self.helper = lambda: 1
                self.next(self.end)

            @step
            def end(self):
                self.array += 1
                self.grows.append(2)
                del self.gone
                assert not hasattr(self, "gone") and not hasattr(self, "helper")
                assert self._private == 3
                print(current.pathspec, current.task_id, current.retry_count, sorted(current.tags), current.run_id)
        """,
    )
    pytest.importorskip("numpy")
    shim.task("start")
    assert shim.task("end", attempt=1, FLOWC_TAGS="b,a") == f"Changes/{RUN}/end/end end 1 ['a', 'b'] {RUN}\n"
    assert shim.value("end", "array")[:2].tolist() == [1, 2]
    assert shim.value("end", "grows") == [1, 2]
    assert "gone" not in shim.manifest("end")["artifacts"]


def test_large_arrays_come_without_a_copy(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    from flowc.store import artifacts, open_store

    store = open_store(str(tmp_path))
    ref = artifacts.save(store, "F", "a", {"x": numpy.arange(500_000), "y": numpy.zeros((3, 3)).T})
    loaded = artifacts.load(store, "F", "a", ref)
    assert not loaded["x"].flags.owndata
    assert loaded["x"].flags.writeable
    loaded["x"][0] = 7
    assert artifacts.load(store, "F", "a", ref)["x"][0] == 0, "the map is private"


@pytest.mark.process
def test_names_of_metaflow_are_served_when_a_task_imports_them_only() -> None:
    code = "import flowc, sys; assert 'metaflow' not in sys.modules and 'flowc.client' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.process
def test_a_name_that_is_not_served_is_reported(tmp_path: Path) -> None:
    shim = Shim(tmp_path, PARAMETERS)
    text = shim.file.read_text(encoding="utf-8").replace(
        "import os\n", "import os, metaflow\nmetaflow.inspect_spin\n", 1
    )
    shim.file.write_text(text, encoding="utf-8")
    done = shim.attempt("start")
    assert done.returncode == 1
    assert "flowc does not serve metaflow.inspect_spin" in done.stderr


@pytest.mark.process
def test_starting_the_shim_loads_little() -> None:
    code = """if True:
        import sys, flowc.shim.task_runner, flowc.shim.user_code, flowc.protocol.plan
        slow = {"subprocess", "asyncio", "http.client", "email", "logging", "typing", "dataclasses", "inspect", "ssl"}
        print(sorted(slow & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": runtime_folder()},
    )
    assert done.stdout == "[]\n"


@pytest.mark.process
def test_metaflow_is_served_to_local_modules_and_under_other_names(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("import metaflow as mf\nretries = lambda: mf.current.retry_count\n", "utf-8")
    shim = Shim(
        tmp_path,
        """
        import metaflow as mf

        class Other(mf.FlowSpec):
            @mf.step
            def start(self):
                import metaflow.exception
                from helpers import retries
                try:
                    self.merge_artifacts([])
                except metaflow.exception.MetaflowException as error:
                    print(error, retries())
                self.next(self.end)

            @mf.step
            def end(self):
                pass
        """,
    )
    assert "merge_artifacts can only be called in a join" in shim.task("start")


@pytest.mark.process
def test_the_tags_of_a_run_are_in_the_store(tmp_path: Path) -> None:
    """Where the engine keeps no record of runs, as Argo and Airflow, the start task says what they are."""
    shim = Shim(tmp_path, BRANCH.replace("BODY", "pass"))
    shim.task("start", FLOWC_TAGS="a:b $(X) é,other")
    run = Run(f"Merge/{RUN}", root=shim.root, _namespace_check=False)
    assert run.user_tags == {"a:b $(X) é", "other"}
    run.add_tag("new")
    assert Run(f"Merge/{RUN}", root=shim.root, _namespace_check=False).tags >= {"new", "other"}
    run.replace_tags("new", "of its own")  # a text is one tag
    assert run.user_tags == {"a:b $(X) é", "of its own", "other"}
    with pytest.raises(TaggingError, match="5 is not a tag"):
        run.add_tag(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
