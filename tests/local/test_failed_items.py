"""Items of a foreach that may fail: on this machine, simulated, in batches, in pipelines, and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc.client import Flow, namespace
from tests.support import flowc

FLOW = """
import os
from flowc import FlowSpec, catch, current, foreach_options, retry, step

class Items(FlowSpec):
    @foreach_options(min_success=SHARE)
    @step
    def start(self):
        self.items = list(range(8))
        self.next(self.first, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def first(self):
        self.n = self.input
        if self.input == 1 and not os.path.exists(os.environ.get("MENDED", "/no")):
            raise ValueError("one")
        if self.input == 2:
            os.kill(os.getpid(), 9)
        self.parts = list(range(self.n % 3))
        self.next(self.inner, foreach="parts")

    @step
    def inner(self):
        if self.n == 5 and self.input == 1:
            raise KeyError("deep")
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.n = self.index
        self.next(self.split)

    @step
    def split(self):
        self.next(self.a, self.b)

    @catch(var="caught")
    @step
    def a(self):
        if self.n == 6:
            raise ValueError("caught")
        self.next(self.both)

    @step
    def b(self):
        if self.n == 7:
            raise SystemExit(3)
        self.next(self.both)

    @step
    def both(self, inputs):
        self.n = inputs.a.n
        self.next(self.choose)

    @step
    def choose(self):
        self.way = "x" if self.n % 2 else "y"
        self.next({"x": self.x, "y": self.y}, condition="way")

    @step
    def x(self):
        self.next(self.last)

    @step
    def y(self):
        self.next(self.last)

    @step
    def last(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.good = [item.n for item in inputs]
        self.bad = [[item.index, item.step, item.type, item.exception] for item in inputs.failed]
        assert inputs.failed[-1].stacktrace
        self.next(self.end)

    @step
    def end(self):
        assert [item.index for item in current.failed_items] == [item[0] for item in self.bad]
"""
BAD = [
    [1, "first", "ValueError", "one"],
    [2, "first", "TaskKilled", "the task was killed by SIGKILL"],
    [5, "inner", "KeyError", "'deep'"],
    [7, "b", "SystemExit", "3"],
]

PIPELINE = """
from flowc import current, foreach_options, pipeline, step

@foreach_options(min_success=0)
@step
def load(n: int) -> list:
    return list(range(n))

@step
def work(x: int) -> int:
    return 60 // (x - 2)

@step
def more(y: int) -> int:
    return y + 1

@step
def total(values: list, again: list) -> list:
    return [values, again, [[item.index, item.type] for item in current.failed_items]]

@step
def direct(values: list) -> list:
    return [values, [item.index for item in current.failed_items]]

@pipeline
def Shares(n: int = 4):
    done = work.map(load(n))
    total(done, more.map(done))
    direct(more.map(work.map(load(n))))

if __name__ == "__main__":
    Shares()
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "flow.py"
    path.write_text(text)
    return path


def simulated(tmp_path: Path, path: Path, *arguments: str) -> None:
    manifest, store = tmp_path / "flow.yaml", tmp_path / "store"
    done = flowc(tmp_path, "compile", path, "--root", store, "-o", manifest, *arguments)
    assert done.returncode == 0, done.stderr
    done = flowc(tmp_path, "simulate", manifest, "--backoff", "0")
    assert done.returncode == 0, done.stdout + done.stderr


def values(tmp_path: Path, flow: str, step: str, *names: str) -> list[Any]:
    namespace(None)
    run = Flow(flow, root=str(tmp_path / "store")).latest_successful_run
    task = run[step].task if run is not None else None
    assert task is not None
    return [task[name].data for name in names]


@pytest.mark.process
@pytest.mark.parametrize("how", ["run", "simulate", "batch"])
def test_the_join_gets_what_failed(tmp_path: Path, how: str) -> None:
    path = written(tmp_path, FLOW.replace("SHARE", "0.5"))
    if how == "run":
        done = flowc(tmp_path, "run", path, "--root", tmp_path / "store")
        assert done.returncode == 0, done.stderr
    else:
        simulated(tmp_path, path, *(["--batch", "start=3x2"] if how == "batch" else []))
    good, bad = values(tmp_path, "Items", "join", "good", "bad")
    assert good == [0, 3, 4, 6]
    assert [item[:2] for item in bad] == [item[:2] for item in BAD]
    if how == "run":
        assert bad == BAD


@pytest.mark.process
def test_too_few_fail_the_join_and_are_tried_again_when_resumed(tmp_path: Path) -> None:
    path, store = written(tmp_path, FLOW.replace("SHARE", "0.6")), tmp_path / "store"
    done = flowc(tmp_path, "run", path, "--root", store, "--run-id-file", "id")
    assert done.returncode == 1
    assert "TooFewSucceeded: 4 of 8 items of 'start' failed, and 60% have to succeed" in done.stderr
    (tmp_path / "mended").touch()
    mended = {"MENDED": str(tmp_path / "mended")}
    first = (tmp_path / "id").read_text().strip()
    done = flowc(tmp_path, "resume", path, "--origin-run-id", first, "--root", store, "--run-id-file", "id", **mended)
    assert done.returncode == 0, done.stderr
    assert values(tmp_path, "Items", "join", "good") == [[0, 1, 3, 4, 6]]
    # What the join has been content without stays as it is.
    second = (tmp_path / "id").read_text().strip()
    done = flowc(tmp_path, "resume", path, "end", "--origin-run-id", second, "--root", store)
    assert done.returncode == 0, done.stderr
    assert "step last has begun" not in done.stderr


@pytest.mark.process
def test_a_pipelines_results_leave_out_what_failed(tmp_path: Path) -> None:
    path = written(tmp_path, PIPELINE)
    assert flowc(tmp_path, "run", path, "--root", tmp_path / "store").returncode == 0
    good = [-30, -60, 60]
    first = [good, [item + 1 for item in good], [[2, "ZeroDivisionError"], [2, "ZeroDivisionError"]]]
    assert values(tmp_path, "Shares", "total", "output")[0][:2] == first[:2]
    assert values(tmp_path, "Shares", "direct", "output")[0][0] == first[1]
    simulated(tmp_path, path)
    assert values(tmp_path, "Shares", "total", "output")[0][:2] == first[:2]


@pytest.mark.process
def test_none_is_too_few(tmp_path: Path) -> None:
    path = written(tmp_path, PIPELINE.replace("(x - 2)", "(x - x)"))
    done = flowc(tmp_path, "run", path, "--root", tmp_path / "store")
    assert done.returncode == 1
    assert "4 of 4 items" in done.stderr
    assert flowc(tmp_path, "run", path, "--root", tmp_path / "store", "-p", "n=0").returncode == 0


CALLS = """
from flowc import FlowSpec, Parameter, approval, call_flow, foreach_options, step

class Inverse(FlowSpec):
    n = Parameter("n", type=int, default=1)
    @step
    def start(self):
        self.result = 1 / self.n
        self.next(self.end)
    @step
    def end(self):
        pass

class Calls(FlowSpec):
    @foreach_options(min_success=0.5)
    @step
    def start(self):
        self.items = [0, 1, 2]
        self.next(self.call, foreach="items")
    @call_flow(Inverse, artifacts={"n": "number"}, returns=["result"])
    @step
    def call(self):
        self.number = self.input
        self.next(self.after)
    @step
    def after(self):
        self.half = self.result / 2
        self.next(self.join)
    @step
    def join(self, inputs):
        self.good = [item.half for item in inputs]
        self.bad = [(item.index, item.step, item.type) for item in inputs.failed]
        self.next(self.end)
    @step
    def end(self):
        pass
"""


@pytest.mark.process
@pytest.mark.parametrize("how", ["run", "simulate"])
def test_a_step_of_a_called_flow_fails_its_item(tmp_path: Path, how: str) -> None:
    path = written(tmp_path, CALLS)
    if how == "run":
        done = flowc(tmp_path, "run", path, "--root", tmp_path / "store", "--flow", "Calls")
        assert done.returncode == 0, done.stderr
    else:
        simulated(tmp_path, path)
    assert values(tmp_path, "Calls", "join", "good", "bad") == [
        [0.5, 0.25],
        [(0, "call__start", "ZeroDivisionError")],
    ]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            "    @step\n    def end",
            "    @approval(choices=['a', 'b'])\n    @step\n    def end",
            "waits before it begins",
        ),
        ('returns=["result"])', 'returns=["result"], deployed=True)', "waits for the run of a deployed flow"),
    ],
)
def test_what_a_called_flow_may_not_do_there(tmp_path: Path, old: str, new: str, why: str) -> None:
    done = flowc(tmp_path, "check", written(tmp_path, CALLS.replace(old, new, 1)))
    assert (done.returncode, "\n1 error" in done.stderr, why in done.stderr) == (2, True, True), done.stderr


def test_what_may_not_fail_alone_is_reported(tmp_path: Path) -> None:
    text = FLOW.replace("SHARE", "0.5").replace("@catch(var", "@container(image='a', command=['b'])\n    #")
    done = flowc(tmp_path, "check", written(tmp_path, text.replace("catch,", "container,").replace('="caught")', "")))
    assert done.returncode == 2
    assert "FC406" in done.stderr + done.stdout
    wrong = flowc(tmp_path, "check", written(tmp_path, FLOW.replace("SHARE", "95")))
    assert "FC404" in wrong.stderr + wrong.stdout
