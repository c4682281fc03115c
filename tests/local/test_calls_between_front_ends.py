"""Class flows that call pipelines, and pipelines that call class flows: runs, resumed runs, and simulated ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc import Flow, Run
from flowc.testing import UsageError, run_flow, run_step
from flowc_targets.local import ResumeOptions
from tests.conftest import REPOSITORY
from tests.local.flows import Local
from tests.support import flowc, flowc_process, write_files

PIPELINES = """
    from typing import Tuple

    from typing_extensions import Annotated

    from flowc import pipeline, step

    FACTOR = 10

    @step
    def load(rows: int, label: str = "none") -> list[int]:
        assert label in ("none", "big")
        return list(range(rows))

    @step
    def twice(number: int) -> int:
        return number * 2

    @step
    def total(numbers: list[int], factor: int = FACTOR) -> Annotated[int, "sum"]:
        return sum(numbers) * factor

    @step
    def is_large(number: int) -> bool:
        return number > 100

    @step
    def describe(number: int, size: str) -> str:
        return f"{number} is {size}"

    @pipeline
    def statistics(rows: int = 3, factor: int = FACTOR, label: str = "none"):
        numbers = load(rows, label)
        doubled = twice.map(numbers)
        result = total(doubled, factor)
        if is_large(result):
            words = describe(result, "large")
        else:
            words = describe(result, "small")
        return result, words, [result, words]

    @pipeline
    def plain(rows: int, copies: int = 1):
        found = [load(rows, id=f"load_{number}") for number in range(copies)]
        return total(found[0])
"""
CALLER = """
    import os

    from shapes.pipelines import plain, statistics

    from flowc import FlowSpec, Parameter, call_flow, step

    class Caller(FlowSpec):
        factor = Parameter("factor", default=3)

        @step
        def start(self):
            self.sizes = [3, 9]
            self.big = "big"
            self.next(self.each, foreach="sizes")

        @call_flow(
            statistics, params={"factor": 5}, artifacts={"rows": "input_", "label": "big"},
            returns={"sum": "output_0", "words": "output_1", "pair": "output_2"},
        )
        @step
        def each(self):
            self.input_ = self.input
            self.next(self.after)

        @step
        def after(self):
            assert self.input == self.input_ and not hasattr(self, "numbers")
            self.next(self.join)

        @step
        def join(self, inputs):
            self.found = [(each.sum, each.words, each.pair) for each in inputs]
            self.next(self.split)

        @step
        def split(self):
            self.next(self.left, self.right)

        @call_flow(statistics, artifacts=["factor"], returns={"lhs": "output_0"})
        @step
        def left(self):
            self.next(self.merge)

        @call_flow(plain, params={"rows": 4, "copies": 3}, returns={"rhs": "output"})
        @step
        def right(self):
            self.next(self.merge)

        @step
        def merge(self, inputs):
            self.sides = (inputs.left.lhs, inputs.right.rhs)
            self.merge_artifacts(inputs, include=["found"])
            self.next(self.end)

        @step
        def end(self):
            if os.environ.get("FAILS"):
                raise ValueError("as asked")
"""
FOUND = [(30, "30 is small", [30, "30 is small"]), (360, "360 is large", [360, "360 is large"])]


def written(folder: Path) -> Local:
    """The caller, beside the package with the pipelines that it calls."""
    write_files(folder, {"shapes/__init__.py": "", "shapes/pipelines.py": PIPELINES})
    return Local(folder, CALLER, "caller.py")


@pytest.mark.process
def test_a_class_calls_pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = written(tmp_path)
    monkeypatch.setenv("FAILS", "yes")
    assert local.run().exit_code == 1, local.says.err
    monkeypatch.delenv("FAILS")
    result = local.run(resume=ResumeOptions())
    assert result.exit_code == 0, local.says.err
    run = Run(f"Caller/{result.run_id}", root=local.root)
    assert (run.data.found, run.data.sides) == (FOUND, (18, 60))
    assert run.reused["each__total"] == 2
    assert {"right__load_0", "right__load_1", "right__load_2"} <= {step.id for step in run}


@pytest.mark.process
def test_the_simulator(tmp_path: Path) -> None:
    local = written(tmp_path)
    done = flowc_process(tmp_path, "compile", "caller.py", "--root", local.root, "--image", "i", "-o", "m.yaml")
    assert done.returncode == 0, done.stderr
    done = flowc_process(tmp_path, "simulate", "m.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    data = Run.latest("Caller", root=local.root).data
    assert (data.found, data.sides) == (FOUND, (18, 60))


FLOWS = """
    from flowc import FlowSpec, JSONType, Parameter, step

    class Train(FlowSpec):
        rows = Parameter("rows", type=int, required=True)
        rate = Parameter("learning-rate", default=0.5)
        names = Parameter("names", type=JSONType, default="[]")

        @step
        def start(self):
            self.sizes = list(range(self.rows))
            self.next(self.fit, foreach="sizes")

        @step
        def fit(self):
            self.score = self.input * self.rate
            self.next(self.pick)

        @step
        def pick(self, inputs):
            self.scores = [each.score for each in inputs]
            self.next(self.end)

        @step
        def end(self):
            self.best = max(self.scores)
            self.labels = self.names + ["end"]
"""
PIPELINE = """
    import os

    from flows import Train
    from shapes.pipelines import plain

    from flowc import call_flow, pipeline, step

    @step
    def count() -> list[int]:
        return [2, 3]

    @step
    def as_text(number: float) -> str:
        return str(number)

    @step
    def gather(texts: list[str], labels: list[str], deployed: int, rows: int) -> list[object]:
        if os.environ.get("FAILS"):
            raise ValueError("as asked")
        return [texts, labels, deployed, rows]

    @pipeline
    def caller(rows: int = 3):
        first = call_flow(Train, params={"rows": rows}, returns="scores")
        texts = as_text.map(first)
        numbers = count()
        trained = [
            call_flow(Train, params={"rows": numbers[place], "names": ["x"], "learning-rate": 2.0},
                      returns=("best", "labels"), id=f"train_{place}")
            for place in range(2)
        ]
        if trained[1][0] > 3:
            again = call_flow(Train, params={"rows": 5}, returns="best", after=texts, id="again")
        else:
            again = call_flow(Train, params={"rows": 1}, returns="best")
        summed = call_flow(plain, params={"rows": numbers[0]}, returns="output", deployed=True)
        gather(texts, trained[0][1], summed, again)
"""


@pytest.mark.process
def test_a_pipeline_calls_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, {"flows.py": FLOWS, "shapes/__init__.py": "", "shapes/pipelines.py": PIPELINES})
    local = Local(tmp_path, PIPELINE, "pipeline.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAILS", "yes")
    assert local.run().exit_code == 1
    monkeypatch.delenv("FAILS")
    result = local.run(resume=ResumeOptions())
    assert result.exit_code == 0, local.says.err
    run = Run(f"caller/{result.run_id}", root=local.root)
    assert run["gather"].task.data.output == [["0.0", "0.5", "1.0"], ["x", "end"], 10, 2.0]
    assert len(list(Flow("plain", root=local.root))) == 1

    done = flowc_process(tmp_path, "compile", "pipeline.py", "--root", local.root, "--image", "i", "-o", "m.yaml")
    assert done.returncode == 0, done.stderr
    done = flowc_process(tmp_path, "simulate", "m.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    found = Run.latest("caller", root=local.root)["gather"].task.data.output
    assert found == [["0.0", "0.5", "1.0"], ["x", "end"], 10, 2.0]


DEPLOYED = """
    from typing import List

    from flowc import FlowSpec, Parameter, call_flow, pipeline, step

    class Squares(FlowSpec):
        count = Parameter("count", type=int, required=True)

        @step
        def start(self):
            self.squares = [number**2 for number in range(self.count)]

    @step
    def sizes() -> List[int]:
        return [2, 3]

    @step
    def joined(lists: List[List[int]]) -> List[int]:
        return sum(lists, [])

    @step
    def total(numbers: List[int], factor: int) -> int:
        return sum(numbers) * factor

    @pipeline
    def add_all(numbers: List[int] = [1], factor: int = 1) -> int:
        return total(numbers, factor)

    @step
    def report(squares: List[int], result: int) -> str:
        return f"{result} of {squares}"

    @pipeline
    def calls_deployed():
        squares = joined(
            [call_flow(Squares, params={"count": size}, returns="squares", deployed=True) for size in sizes()]
        )
        result = call_flow(add_all, params={"numbers": squares, "factor": 10}, returns="output", deployed=True)
        report(squares, result)
"""
DEPLOYED_REPORT = "60 of [0, 1, 0, 1, 4]"


@pytest.mark.process
def test_a_pipeline_calls_deployed_flows(tmp_path: Path) -> None:
    write_files(tmp_path, {"deployed.py": DEPLOYED})
    root = tmp_path / "root"
    done = flowc_process(tmp_path, "run", "deployed.py", "--flow", "calls_deployed", "--root", root)
    assert done.returncode == 0, done.stderr
    assert Run.latest("calls_deployed", root=str(root))["report"].task.data.output == DEPLOYED_REPORT
    argo = flowc(tmp_path, "compile", "deployed.py", "--flow", "calls_deployed", "--root", "s3://b/f", "--image", "i")
    assert "{name: FLOWC_CALLED_TEMPLATE, value: squares}" in argo.stdout
    assert "FLOWC_CALLED_TEMPLATE, value: add-all-" in argo.stdout


@pytest.mark.process
def test_steps_of_both_kinds_are_replaced() -> None:
    file = REPOSITORY / "tests" / "cluster" / "flows" / "crossing.py"
    given: dict[str, dict[str, Any]] = {
        "Score__start__add_up": {"output": 6},
        "Score_2__end": {"score": 7.5},
        "sizes": {"output": [2, 4]},
    }
    run = run_flow(file, replace=given)
    assert run["report"].task.data.output == "[6.5, 6.5] and 7.5 of 4"
    with pytest.raises(UsageError, match="'Score__end' is step 'end' of flow Score, which 'Score' calls"):
        run_step(file, "Score__end")
