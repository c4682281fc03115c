"""`run_step`: the artifacts and the transition of a step, and the errors for names that the flow does not have."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from flowc import FlowSpec, current
from flowc.errors import InvalidNextException, ParameterError, UnloadableArtifact, UnpicklableArtifact
from flowc.testing import CompileFailed, StepResult, Transition, UsageError, load, run_step
from tests.support import START_AND_END, write_files
from tests.testing import tested_flows
from tests.testing.tested_flows import AskingFlow, Model, OddFlow, TrainFlow, alone, asking, report, scale, scaled

ROWS: dict[str, tuple[str, dict[str, Any], dict[str, Any], Transition | None]] = {
    "the default of a parameter": ("start", {}, {"data": [0, 1, 2]}, Transition(["left", "right"])),
    "a parameter": ("start", {"parameters": {"rows": 1}}, {"data": [0]}, Transition(["left", "right"])),
    "a parameter as text": ("start", {"parameters": {"rows": "2"}}, {"data": [0, 1]}, Transition(["left", "right"])),
    "an artifact": (
        "left",
        {"artifacts": {"data": [4, 5]}},
        {"data": [4, 5], "model": Model(9)},
        Transition(["join"]),
    ),
    "variables": (
        "right",
        {"artifacts": {"data": [1]}},
        {"data": [1], "side": "right", "quotient": 1.0, "failure": None},
        Transition(["join"]),
    ),
    "inputs of branches in order": (
        "join",
        {"inputs": [{"data": [7], "model": Model(1)}, {"data": [7]}]},
        {"data": [7], "model": Model(1)},
        Transition(["split"]),
    ),
    "inputs of branches by name": (
        "join",
        {"inputs": {"right": {"data": [7]}, "left": {"data": [7], "model": Model(1)}}},
        {"data": [7], "model": Model(1)},
        Transition(["split"]),
    ),
    "a foreach": (
        "split",
        {"artifacts": {"data": [7]}},
        {"data": [7]},
        Transition(["each"], foreach="data", items=[7]),
    ),
    "an item": (
        "each",
        {"input": 8, "index": 2, "parameters": {"learning-rate": 0.25, "title": "abc"}},
        {"result": 4.0, "title_length": 3},
        Transition(["gather"]),
    ),
    "a parameter by its attribute": (
        "each",
        {"input": 8, "parameters": {"rate": 0, "name": ""}},
        {"result": 0, "title_length": 0},
        Transition(["gather"]),
    ),
    "a choice": (
        "decide",
        {"artifacts": {"results": [11]}},
        {"results": [11], "verdict": "good"},
        Transition(["keep"], condition="verdict", choice="keep"),
    ),
    "the other choice": (
        "decide",
        {"artifacts": {"results": []}},
        {"results": [], "verdict": "bad"},
        Transition(["drop"], condition="verdict", choice="drop"),
    ),
    "the end": ("end", {}, {}, None),
}


@pytest.mark.parametrize("row", ROWS)
def test_what_a_step_leaves_behind(row: str) -> None:
    step, given, artifacts, following = ROWS[row]
    result = run_step(TrainFlow, step, **given)
    assert (result.artifacts, result.next) == (artifacts, following)


def test_results_are_inputs_of_joins() -> None:
    each = [run_step(TrainFlow, "each", input=item, index=item, parameters={"title": ""}) for item in range(3)]
    assert run_step(TrainFlow, "gather", inputs=each).artifacts == {"results": [0, 1.5, 3.0], "items": [0, 1, 2]}


def test_failures_that_are_caught_are_those_of_the_last_attempt() -> None:
    with pytest.raises(ZeroDivisionError):
        run_step(TrainFlow, "right", artifacts={"data": []})
    result = run_step(TrainFlow, "right", artifacts={"data": []}, attempt=2)
    assert result.caught
    assert result.artifacts["failure"].type == "builtins.ZeroDivisionError"


def test_the_step_runs_in_this_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tested_flows, "fit", _process)
    assert run_step(TrainFlow, "left", artifacts={"data": []}).artifacts["model"] == Model(os.getpid())
    monkeypatch.setattr(TrainFlow, "settings", {"depth": 7}, raising=False)
    run_step(TrainFlow, "decide", artifacts={"results": []})
    capsys.readouterr()
    run_step(OddFlow, "work", index=1)
    assert capsys.readouterr().out == ""


def _process(rows: list[int]) -> int:
    return os.getpid()


def test_what_a_step_prints(capsys: pytest.CaptureFixture[str]) -> None:
    run_step(TrainFlow, "end", configs={"settings": {"depth": 5}})
    assert capsys.readouterr().out == "end of TrainFlow, depth 5\n"


def test_mocks_are_the_tests_own() -> None:
    machine = MagicMock()
    machine.state.return_value = {"nested": MagicMock(name="deep")}
    result = run_step(OddFlow, "silent", artifacts={"machine": machine})
    machine.state.assert_called_once_with()
    assert result.artifacts["machine"] is machine
    assert result.artifacts["state"]["nested"] is machine.state.return_value["nested"]
    assert "__reduce__" not in vars(sys.modules["unittest.mock"].NonCallableMock)


def test_what_cannot_be_pickled_is_the_tests_own() -> None:
    class Machine:
        def state(self) -> str:
            return "on"

    machine = Machine()
    result = run_step(OddFlow, "silent", artifacts={"machine": machine})
    assert result.artifacts["machine"] is machine
    with pytest.raises(UnpicklableArtifact, match="'lock'"):
        run_step(OddFlow, "unstored")


def test_artifacts_are_copies_as_in_a_run() -> None:
    data = [3]
    result = run_step(TrainFlow, "left", artifacts={"data": data})
    assert result.artifacts["data"] == data
    assert result.artifacts["data"] is not data


def test_a_member_of_a_gang() -> None:
    assert run_step(OddFlow, "start").next == Transition(["work"], num_parallel=2)
    assert run_step(OddFlow, "work").artifacts["node"] == (0, 1)
    assert run_step(OddFlow, "work", index=1, width=4).artifacts["node"] == (1, 4)


def test_nothing_of_a_task_stays() -> None:
    before, folder = dict(os.environ), Path.cwd()
    run_step(OddFlow, "silent", artifacts={"machine": MagicMock()})
    with pytest.raises(ZeroDivisionError):
        run_step(TrainFlow, "right", artifacts={"data": []})
    assert (dict(os.environ), Path.cwd()) == (before, folder)
    assert not current.is_running_flow
    assert scale.entrypoint(count=2) is None  # no plan is left, in which calls of pipelines do nothing


def test_s3_of_the_run_is_a_folder_of_the_test() -> None:
    assert "/flowc-test-" in run_step(OddFlow, "end").artifacts["url"]


def test_the_traceback_is_the_users() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run_step(TrainFlow, "right", artifacts={"data": []})
    frames = traceback.extract_tb(caught.tb)
    assert [Path(frame.filename).name for frame in frames] == ["test_run_step.py", "step_run.py", "tested_flows.py"]


PIPELINE_ROWS: dict[str, tuple[Any, str | None, dict[str, Any], dict[str, Any], Transition | None]] = {
    "a parameter": (
        scale, "numbers", {"parameters": {"count": 2}}, {"output": [0, 1]},
        Transition(["scaled"], foreach="output", items=[0, 1]),
    ),
    "an argument": (
        scale, "numbers", {"artifacts": {"count": 1}}, {"output": [0]},
        Transition(["scaled"], foreach="output", items=[0]),
    ),
    "a default of the pipeline": (
        scale, "scaled", {"artifacts": {"number": 2}}, {"product": 6}, Transition(["report"]),
    ),
    "a parameter of the pipeline": (
        scale, "scaled", {"artifacts": {"number": 2}, "parameters": {"factor": 4}}, {"product": 8},
        Transition(["report"]),
    ),
    "an argument over a parameter": (
        scale, "scaled", {"artifacts": {"number": 2, "factor": 5}}, {"product": 10}, Transition(["report"]),
    ),
    "the last step": (
        scale, "report", {"artifacts": {"products": [1, 2]}}, {"text": "sum 3 by report", "total": 3}, None,
    ),
    "a step alone": (scaled, None, {"artifacts": {"number": 2}}, {"product": 20}, None),
    "a step alone with all arguments": (scaled, None, {"artifacts": {"number": 2, "factor": 1}}, {"product": 2}, None),
    "several outputs": (
        report, None, {"artifacts": {"products": (4,), "words": "all"}}, {"text": "all 4 by report", "total": 4}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", PIPELINE_ROWS)
def test_what_a_step_of_a_pipeline_leaves_behind(row: str) -> None:
    flow, step, given, artifacts, following = PIPELINE_ROWS[row]
    result = run_step(flow, step, **given)
    assert (result.artifacts, result.next) == (artifacts, following)


def test_a_step_alone_raises_what_it_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        run_step(alone, artifacts={"of": 0})


def test_files_are_named_by_their_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
        from metaflow import FlowSpec, step
        import beside

        class FileFlow(FlowSpec):
            @step
            def start(self):
                self.x = beside.value()
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            FileFlow()
    """
    write_files(tmp_path, {"file_flow_of_test.py": text, "beside.py": "def value():\n    return 1\n"})
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = tmp_path / "file_flow_of_test.py"
    assert run_step(path, "start").artifacts == {"x": 1}
    module = load(str(path))
    monkeypatch.setattr(module.beside, "value", lambda: 2)
    assert run_step(str(path), "start").artifacts == {"x": 2}
    assert run_step(module.FileFlow, "start").artifacts == {"x": 2}


def _local_flow() -> type[FlowSpec]:
    class LocalFlow(FlowSpec):
        pass

    return LocalFlow


REFUSED: dict[str, tuple[Any, str | None, dict[str, Any], str]] = {
    "unknown step": (TrainFlow, "train", {}, "TrainFlow has no step 'train': name one of start, left, right"),
    "no step": (TrainFlow, None, {}, "has several steps: name one of start, left"),
    "unknown parameter": (TrainFlow, "start", {"parameters": {"row": 1}}, "no parameter 'row'; it has rows, rate"),
    "input outside of foreach": (TrainFlow, "start", {"input": 1}, "'start' is in no foreach, and has no input"),
    "index outside of foreach": (TrainFlow, "start", {"index": 1}, "'start' is in no foreach, and has no index 1"),
    "two indices": (TrainFlow, "each", {"index": (1, 2)}, "'each' is in 1 foreach, and has no index 1.2"),
    "outer items": (TrainFlow, "each", {"outer": [1]}, "`outer` has the items of 0"),
    "inputs of no join": (TrainFlow, "left", {"inputs": []}, "'left' is no join: give what it inherits as artifacts"),
    "no inputs": (TrainFlow, "join", {}, r"'join' is a join: give inputs=\[\{...\}, ...\]"),
    "artifacts of a join": (TrainFlow, "join", {"artifacts": {"data": []}, "inputs": []}, "give data by `inputs`"),
    "too few inputs": (TrainFlow, "join", {"inputs": [{}]}, "'join' joins left, right: give 2 inputs, not 1"),
    "unknown input": (TrainFlow, "join", {"inputs": {"up": {}}}, "no input 'up': it joins left, right"),
    "missing input": (TrainFlow, "join", {"inputs": {"left": {}}}, "no input of 'right' from the test"),
    "names for a foreach": (TrainFlow, "gather", {"inputs": {"each": {}}}, "joins a foreach: give `inputs` as a list"),
    "no artifacts": (TrainFlow, "gather", {"inputs": [1]}, "is a dict of artifacts or a StepResult, not a int"),
    "a constant": (TrainFlow, "decide", {"artifacts": {"limit": 1}}, "'limit' is a constant of TrainFlow"),
    "index below zero": (TrainFlow, "each", {"index": -1}, "`index` is a whole number from 0 on, not -1"),
    "index that is none": (TrainFlow, "each", {"index": 1.5}, "`index` is a whole number from 0 on, not 1.5"),
    "index as text": (TrainFlow, "each", {"index": "1"}, "`index` is a whole number from 0 on, not '1'"),
    "indices as texts": (TrainFlow, "each", {"index": ["1"]}, "`index` is a whole number from 0 on, not '1'"),
    "index as truth": (TrainFlow, "each", {"index": True}, "`index` is a whole number from 0 on, not True"),
    "index of a map": (scale, "scaled", {"index": -1, "artifacts": {"number": 1}}, "`index` is a whole number"),
    "attempt below zero": (TrainFlow, "start", {"attempt": -1}, "`attempt` is a whole number from 0 on, not -1"),
    "attempt as text": (TrainFlow, "start", {"attempt": "1"}, "`attempt` is a whole number from 0 on, not '1'"),
    "attempt of a pipeline": (scale, "numbers", {"attempt": None}, "`attempt` is a whole number from 0 on, not None"),
    "width as text": (TrainFlow, "each", {"input": 1, "width": "3"}, "`width` is a whole number from 0 on, not '3'"),
    "width of fewer": (TrainFlow, "each", {"input": 1, "index": 3, "width": 2}, "index 3 is none of the 2 that"),
    "width of no foreach": (TrainFlow, "start", {"width": 3}, "'start' is in no foreach, and has no width"),
    "artifacts in a list": (TrainFlow, "left", {"artifacts": [1]}, "`artifacts` is a dict of values by name"),
    "artifacts as text": (TrainFlow, "left", {"artifacts": "ab"}, "`artifacts` is a dict of values by name, not 'ab'"),
    "arguments in a list": (scale, "scaled", {"artifacts": [1]}, "`artifacts` is a dict of values by name"),
    "a number as name": (TrainFlow, "left", {"artifacts": {1: 2}}, "`artifacts` is a dict of values by name, not"),
    "a name with a blank": (TrainFlow, "left", {"artifacts": {"a b": 2}}, "'a b' is not the name of an artifact"),
    "a parameter as artifact": (TrainFlow, "left", {"artifacts": {"rows": 2}}, r"parameters=\{'rows': ...\}"),
    "a step as artifact": (TrainFlow, "left", {"artifacts": {"left": 2}}, "'left' is a method of TrainFlow"),
    "what flows have": (TrainFlow, "left", {"artifacts": {"next": 2}}, "'next' is a method of TrainFlow, no artifact"),
    "what all have": (TrainFlow, "left", {"artifacts": {"__dict__": 2}}, "'__dict__' is .* of TrainFlow, no artifact"),
    "parameters that are a number": (TrainFlow, "start", {"parameters": 5}, "`parameters` is a dict of values by name"),
    "configs that are a number": (TrainFlow, "end", {"configs": 5}, "`configs` is a dict of values by name, not 5"),
    "outer that is a number": (TrainFlow, "each", {"outer": 5}, "`outer` is a list, not 5"),
    "outer as text": (TrainFlow, "each", {"outer": "a"}, "`outer` is a list, not 'a'"),
    "inputs that are a number": (TrainFlow, "join", {"inputs": 5}, "`inputs` is a list or a dict, not 5"),
    "inputs as text": (TrainFlow, "gather", {"inputs": "ab"}, "`inputs` is a list or a dict, not 'ab'"),
    "unknown argument": (scale, "scaled", {"artifacts": {"x": 1}}, "no argument 'x'; it has number, factor"),
    "an argument from a step": (scale, "report", {}, "'products' of step 'report' comes from step 'scaled': give it"),
    "an argument of a map": (scale, "scaled", {}, "'number' of step 'scaled' comes from an item of step 'numbers'"),
    "a parameter without a value": (scale, "numbers", {}, "'count' of step 'numbers' comes from parameter 'count'"),
    "an item of a pipeline": (scale, "scaled", {"input": 1}, "has arguments: give them by `artifacts`"),
    "a step alone without an argument": (report, None, {}, "'report' has no value for products"),
    "no flow": (3, None, {}, "give a flow's class, a pipeline, or the path of a file, not a int: 3"),
    "no class of a flow": (Model, None, {}, "not the class Model"),
    "no file": ("no.py", None, {}, "there is no file no.py"),
    "a class of a function": (_local_flow(), "start", {}, "LocalFlow is within a function; define the flow at the top"),
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_what_is_refused(row: str) -> None:
    flow, step, given, message = REFUSED[row]
    with pytest.raises(UsageError, match=message):
        run_step(flow, step, **given)


def test_what_is_missing_is_named_where_the_step_reads_it() -> None:
    with pytest.raises(AttributeError, match=r"step 'left' has no artifact 'data'; the test gives row"):
        run_step(TrainFlow, "left", artifacts={"row": 1})
    with pytest.raises(ParameterError, match=r"'title' is required.*parameters=\{'name': \.\.\.\}"):
        run_step(TrainFlow, "each", input=1)
    with pytest.raises(UsageError, match=r"step 'each' no item of foreach='data': run_step\(..., input=...\)"):
        run_step(TrainFlow, "each", index=1)
    with pytest.raises(UnloadableArtifact, match="the test gives no items"):
        run_step(TrainFlow, "gather", inputs=[{"result": 1}])


def test_what_counts_as_a_number_or_a_list() -> None:
    import numpy as np

    given: dict[str, Any] = {"input": 1, "index": np.int64(2), "width": 3, "parameters": {"title": "x"}}
    assert run_step(TrainFlow, "each", **given).artifacts["result"] == 2.5
    inputs: Any = ({"data": [7], "model": number} for number in range(2))
    assert run_step(TrainFlow, "join", inputs=inputs).artifacts == {"data": [7], "model": 0}


@pytest.mark.parametrize("failing", [False, True])
def test_the_folder_and_the_path_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: bool) -> None:
    write_files(
        tmp_path,
        {
            "wandering_flow.py": """
        import os
        import sys
        from flowc import FlowSpec, Parameter, pipeline, step

        def wander(failing):
            os.mkdir("below")
            os.chdir("below")
            sys.path.insert(0, "/elsewhere")
            sys.path.remove(sys.path[1])
            if failing:
                raise ValueError("lost")

        class Wandering(FlowSpec):
            failing = Parameter("failing", default=False)

            @step
            def start(self):
                wander(self.failing)
                self.next(self.end)

            @step
            def end(self):
                import lazily
                self.value = lazily.value

        @step
        def one(failing: bool) -> None:
            wander(failing)

        @pipeline
        def wandering(failing: bool = False):
            one(failing)
    """,
            "lazily.py": "value = 3\n",
        },
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "wandering_flow.py"
    module = load(path)
    before = list(sys.path)
    rows: list[tuple[Any, str, dict[str, Any]]] = [
        (module.Wandering, "start", {"parameters": {"failing": failing}}),
        (module.wandering, "one", {"artifacts": {"failing": failing}}),
    ]
    for number, (flow, step, given) in enumerate(rows):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        with pytest.raises(ValueError, match="lost") if failing else contextlib.nullcontext():
            run_step(flow, step, **given)
        assert (Path.cwd(), sys.path) == (tmp_path / str(number), before)
    assert run_step(module.Wandering, "end").artifacts["value"] == 3


def test_what_is_refused_of_a_value() -> None:
    with pytest.raises(ParameterError, match="'many' is not a valid int"):
        run_step(TrainFlow, "start", parameters={"rows": "many"})


def test_steps_go_where_the_flow_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainFlow, "left", _nowhere)
    with pytest.raises(InvalidNextException, match=r"'left' ended without self.next"):
        run_step(TrainFlow, "left")


def _nowhere(self: TrainFlow) -> None:
    """Does not call `self.next`."""


def test_flows_that_do_not_compile(tmp_path: Path) -> None:
    write_files(
        tmp_path, {"broken.py": f"from flowc import FlowSpec, step\nclass BrokenFlow(FlowSpec):{START_AND_END}"}
    )
    text = (tmp_path / "broken.py").read_text().replace("self.end", "self.done")
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(CompileFailed, match=r"broken\.py:5:19") as caught:
        run_step(tmp_path / "broken.py", "start")
    assert caught.value.codes == ["FC201"]


def test_results_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_step(TrainFlow, "keep") == StepResult({}, Transition(["end"]))


def test_persons_choose() -> None:
    result = run_step(AskingFlow, "start", approval="False")
    assert result.artifacts["good"] is False
    assert result.next == Transition(["no"], condition="good", choice="no")
    assert run_step(AskingFlow, "end", approval="stop").artifacts["answer"] == "stop"
    assert run_step(asking, "ask", approval="no").artifacts == {"output": "no"}
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("end", {}, "asks a person: give one of go, stop as approval="),
        ("end", {"approval": "wait"}, "'wait' is not one of go, stop"),
        ("yes", {"approval": "go"}, "has no @approval: nobody chooses 'go'"),
    ]
    for step, given, message in cases:
        with pytest.raises(UsageError, match=message):
            run_step(AskingFlow, step, **given)
