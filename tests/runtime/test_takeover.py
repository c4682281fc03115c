"""A resumed run whose tasks look for themselves: what they take over, what runs again, what the engine is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from flowc.client import Run
from tests.runtime.shim import Shim

pytestmark = pytest.mark.process

FLOW = """
    import os
    from flowc import FlowSpec, Parameter, current, step

    class Resumed(FlowSpec):
        scale = Parameter("scale", default=2)

        @step
        def start(self):
            print("ran start")
            self.items = [1, 2, 3]
            self.next(self.body, foreach="items")

        @step
        def body(self):
            print("ran body", self.index)
            if os.environ.get("FAIL") == f"body{self.index}":
                raise ValueError("body")
            self.out = self.input * self.scale
            self.next(self.join)

        @step
        def join(self, inputs):
            print("ran join")
            self.total = sum(i.out for i in inputs)
            self.way = "left"
            self.next(self.choose)

        @step
        def choose(self):
            self.next({"left": self.left, "right": self.right}, condition="way")

        @step
        def left(self):
            if os.environ.get("FAIL") == "left":
                raise ValueError("left")
            self.next(self.end)

        @step
        def right(self):
            self.next(self.end)

        @step
        def end(self):
            print("ran end", self.total, current.origin_run_id)
"""
TASKS = ("start", "body/0", "body/1", "body/2", "join", "choose", "left", "end")


class Runs:
    """Several runs of a flow."""

    def __init__(self, folder: Path, source: str, root: str | None = None) -> None:
        self.shim = Shim(folder, source, root=root)

    def run(self, name: str, *tasks: str, origin: str = "", **env: str) -> dict[str, str]:
        """Run tasks up to the first that fails; what each printed on stdout."""
        said: dict[str, str] = {}
        for task in tasks:
            step, _, index = task.partition("/")
            done = self.shim.attempt(step, index, FLOWC_RUN_ID=name, FLOWC_ORIGIN_RUN_ID=origin, **cast("Any", env))
            said[task] = done.stdout.strip()
            self.said = done.stderr
            if done.returncode:
                break
        return said

    def taken(self, name: str) -> dict[str, int]:
        """How many tasks of each step were taken over."""
        return self.client(name).reused

    def client(self, name: str) -> Run:
        """A run."""
        return Run(f"{self.shim.flow.name}/{name}", root=self.shim.root)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Of the flow above."""
    return Runs(tmp_path, FLOW)


def test_what_has_finished_is_taken_over_and_the_rest_runs(runs: Runs) -> None:
    first = runs.run("a", *TASKS, FAIL="left", FLOWC_PARAM_SCALE="10")
    assert list(first)[-1] == "left"
    (runs.shim.folder / "outputs" / "count").unlink()
    (runs.shim.folder / "outputs" / "choice").unlink()
    second = runs.run("b", *TASKS, origin="a", FLOWC_PARAM_SCALE="7")
    assert second == {**dict.fromkeys(TASKS, ""), "end": "ran end 60 a"}
    assert (runs.shim.folder / "outputs" / "count").read_text() == "3"
    assert (runs.shim.folder / "outputs" / "choice").read_text() == "left"
    run = runs.client("b")
    assert run.successful
    assert run.origin_pathspec == "Resumed/a"
    assert run.reused == {"start": 1, "body": 3, "join": 1, "choose": 1}
    assert run["body"]["1"].origin_run_id == "a"
    assert run["end"].task.origin_run_id is None
    assert run["end"].task.data.scale == 10


def test_it_is_said(runs: Runs) -> None:
    runs.run("a", "start")
    runs.run("b", "start", origin="Resumed/a")
    assert "the parameters are those of run a: scale" in runs.said
    assert "task start is taken over from run a, and not run again" in runs.said


def test_one_item_runs_and_so_does_what_follows(runs: Runs) -> None:
    assert list(runs.run("a", *TASKS, FAIL="body1"))[-1] == "body/1"
    second = runs.run("b", *TASKS, origin="a")
    assert second["body/0"] == ""
    assert second["body/1"] == "ran body 1"
    assert second["body/2"] == "ran body 2"
    assert second["join"] == "ran join"
    assert runs.taken("b") == {"start": 1, "body": 1}


def test_a_resumed_run_is_resumed(runs: Runs) -> None:
    runs.run("a", *TASKS, FAIL="left")
    runs.run("b", *TASKS[:3], origin="a")
    third = runs.run("c", *TASKS, origin="b")
    assert third == {**dict.fromkeys(TASKS, ""), "end": "ran end 12 b"}
    assert runs.taken("c") == {"start": 1, "body": 3, "join": 1, "choose": 1}, "also what the second had not come to"
    assert runs.client("c")["body"]["0"].origin_run_id == "a"
    fourth = runs.run("d", *TASKS, origin="c")
    assert fourth == dict.fromkeys(TASKS, "")


def test_what_is_older_than_a_step_that_ran_again_is_not_taken(runs: Runs) -> None:
    runs.run("a", *TASKS)
    runs.run("b", *TASKS[:4], origin="a", FLOWC_RERUN_STEPS="body")
    assert runs.taken("b") == {"start": 1}
    third = runs.run("c", *TASKS, origin="b")
    assert third["body/0"] == ""
    assert third["join"] == "ran join"
    assert runs.taken("c") == {"start": 1, "body": 3}


def test_a_step_that_was_to_run_again_and_has_not(runs: Runs) -> None:
    runs.run("a", *TASKS)
    runs.run("b", "start", origin="a", FLOWC_RERUN_STEPS="join, left")
    third = runs.run("c", *TASKS, origin="b")
    assert third["body/2"] == ""
    assert third["join"] == "ran join"


def test_a_step_is_run_again(runs: Runs) -> None:
    runs.run("a", *TASKS)
    second = runs.run("b", *TASKS, origin="a", FLOWC_RERUN_STEPS="join")
    assert second["body/2"] == ""
    assert second["join"] == "ran join"
    assert second["end"] == "ran end 12 a"
    third = runs.run("d", *TASKS, origin="Resumed/a/choose,left")
    assert third["join"] == ""
    assert third["end"] == "ran end 12 a"
    assert runs.taken("d") == {"start": 1, "body": 3, "join": 1}
    runs.run("c", "start", origin="a", FLOWC_RERUN_STEPS="joim")
    assert "cannot run step 'joim' again" in runs.said


def test_a_changed_flow_goes_on_from_the_old_one(tmp_path: Path) -> None:
    runs = Runs(tmp_path, FLOW)
    runs.run("a", *TASKS, FAIL="left")
    fixed = FLOW.replace("self.left", "self.fixed").replace("def left", "def fixed").replace("ran end", "fixed end")
    again = Runs(tmp_path, fixed)
    second = again.run("b", "start", "body/0", "body/1", "body/2", "join", "choose", "fixed", "end", origin="a")
    assert second["join"] == ""
    assert second["end"] == "fixed end 12 a"
    assert runs.taken("b") == {"start": 1, "body": 3, "join": 1}, "the switch led to a step that it leads to no more"


def test_a_parameter_that_is_new(tmp_path: Path) -> None:
    runs = Runs(tmp_path, FLOW)
    runs.run("a", "start")
    more = FLOW.replace("        @step\n", '        more = Parameter("more", default=1)\n\n        @step\n', 1)
    again = Runs(tmp_path, more)
    again.run("b", "start", origin="a")
    assert "parameter 'more' had no value in run a" in again.said
    assert again.run("c", "start", origin="a", FLOWC_RERUN_STEPS="start") == {"start": "ran start"}


@pytest.mark.parametrize("name", ["nothing", "Other/a", "data", "../a", "Resumed/"])
def test_a_run_that_is_not_there(runs: Runs, name: str) -> None:
    assert runs.run("b", "start", origin=name)["start"] == ""
    assert "flowc: ProtocolError" in runs.said


def test_a_damaged_manifest_runs_again(runs: Runs) -> None:
    runs.run("a", *TASKS)
    store = Path(runs.shim.root)
    (store / "Resumed" / "a" / "body" / "1" / "0" / "manifest.json").write_text("{")
    second = runs.run("b", *TASKS, origin="a")
    assert second["body/1"] == "ran body 1"
    assert second["join"] == "ran join"


def test_a_damaged_value_runs_again(tmp_path: Path) -> None:
    """In pods, too, where each task looks for itself."""
    runs = Runs(tmp_path, FLOW.replace("self.next(self.body", "self.large = [1] * 5000; self.next(self.body", 1))
    runs.run("a", *TASKS)
    (blob,) = (file for file in Path(runs.shim.root, "Resumed", "data").rglob("*") if file.is_file())
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    assert runs.run("b", "start", origin="a") == {"start": "ran start"}
    assert "flowc: task start is run again: artifact 'large'" in runs.said
    assert runs.run("b", *TASKS[1:], origin="a")["join"] == "ran join"
    third = runs.run("c", *TASKS, origin="b")
    assert third["start"] == ""


def test_a_retry_of_a_task_that_took_over(runs: Runs) -> None:
    runs.run("a", "start")
    runs.run("b", "start", origin="a")
    done = runs.shim.attempt("start", "", 1, FLOWC_RUN_ID="b", FLOWC_ORIGIN_RUN_ID="a")
    assert (done.returncode, done.stdout) == (0, "")
    assert runs.run("b", "body/0", origin="a")["body/0"] == "ran body 0"


LOOP = """
    import os
    from flowc import FlowSpec, step

    class Looping(FlowSpec):
        @step
        def start(self):
            self.n = 0
            self.next(self.count)

        @step
        def count(self):
            self.n += 1
            print("ran", self.n)
            if os.environ.get("FAIL") == str(self.n):
                raise ValueError("count")
            self.way = "again" if self.n < 3 else "done"
            self.next({"again": self.count, "done": self.end}, condition="way")

        @step
        def end(self):
            print("end", self.n)
"""


def test_iterations_of_a_recursion(tmp_path: Path) -> None:
    runs = Runs(tmp_path, LOOP)
    tasks = ("start", "count/0", "count/1", "count/2", "end")
    runs.run("a", *tasks, FAIL="3")
    second = runs.run("b", *tasks, origin="a")
    assert list(second.values()) == ["", "", "", "ran 3", "end 3"]
    assert runs.taken("b") == {"start": 1, "count": 2}
    assert (tmp_path / "outputs" / "next").read_text() == "2"


def test_a_gang_is_taken_over_whole_or_not_at_all(tmp_path: Path) -> None:
    from tests.runtime.test_gang import GANG, ended

    runs = Runs(tmp_path, GANG)
    runs.run("a", "start")
    shim = runs.shim
    shim.env = {"FLOWC_GANG_INTERVAL": "0.3", "FLOWC_RUN_ID": "a"}
    assert [ended(process)[0] for process in [shim.popen("work", str(i)) for i in range(3)]] == [0] * 3
    shim.env = {}
    assert all(text == "" for text in runs.run("b", "start", "work/0", "work/1", "work/2", origin="a").values())
    (Path(shim.root) / runs.shim.flow.name / "a" / "work" / "1" / "0" / "manifest.json").unlink()
    runs.run("c", "start", origin="a")
    done = shim.popen("work", "0", FLOWC_RUN_ID="c", FLOWC_ORIGIN_RUN_ID="a", FLOWC_GANG_TIMEOUT="1")
    assert "GangTimeout" in ended(done)[1]


PIPELINE = """
    import os
    from flowc import pipeline, step

    @step
    def numbers(top: int) -> list[int]:
        print("ran numbers")
        return list(range(top))

    @step
    def square(n: int) -> int:
        print("ran square", n)
        return n * n

    @step
    def add(values: list[int], also: list[int]) -> int:
        print("ran add")
        if os.environ.get("FAIL"):
            raise ValueError("add")
        return sum(values) + sum(also)

    @pipeline
    def sums(top: int = 3) -> None:
        found = numbers(top)
        add(square.map(found), found)
"""


def test_a_pipeline(tmp_path: Path) -> None:
    shim = Shim(tmp_path, PIPELINE)
    order = _in_order(shim)

    def run(name: str, **env: str) -> dict[str, str]:
        said: dict[str, str] = {}
        for step, index in order:
            done = shim.attempt(step, index, FLOWC_RUN_ID=name, **cast("Any", env))
            said[f"{step}/{index}"] = done.stdout.strip()
            if done.returncode:
                break
        return said

    first = run("a", FAIL="1")
    assert "ran add" in first.values()
    second = run("b", FLOWC_ORIGIN_RUN_ID="a")
    assert [text for text in second.values() if text] == ["ran add"]
    assert sum(Run(f"{shim.flow.name}/b", root=shim.root).reused.values()) == len(second) - 1


def _in_order(shim: Shim) -> list[tuple[str, str]]:
    """The tasks of the pipeline, each after those before it."""
    steps: dict[str, Any] = json.loads(shim.plan.read_text())["steps"]
    found: list[tuple[str, str]] = []
    for name, step in steps.items():
        if not step.get("virtual"):
            found += [(name, str(i)) for i in range(3)] if step["depth"] else [(name, "")]
    return found
