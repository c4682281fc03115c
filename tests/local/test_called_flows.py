"""Flows that steps call: what they see, take and return, in every place of the caller, and when they are resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Run
from flowc.testing import UsageError, run_flow, run_step
from flowc_compiler.driver import compile_file
from flowc_targets.local import ResumeOptions
from tests.conftest import REPOSITORY
from tests.local.flows import Local
from tests.support import flowc_process, write_files

pytestmark = pytest.mark.process

CALLED = """
    import os

    from flowc import FlowSpec, Parameter, call_flow, current, parallel, step

    class Leaf(FlowSpec):
        value = Parameter("value", default=1.5)
        OWN = "constant"

        @step
        def start(self):
            assert self.OWN == "constant" and not hasattr(self, "big")
            self.doubled = self.value * 2

    class Inner(FlowSpec):
        data = Parameter("data", default="none")
        rounds = Parameter("rounds", default=2)

        @step
        def start(self):
            assert (self.index, self.input, self.foreach_stack()) == (None, None, [])
            assert current.step_name.endswith("start")
            self.seen = self.data
            self.count = 0
            self.next(self.loop)

        @step
        def loop(self):
            self.count += 1
            self.way = "again" if self.count < self.rounds else "on"
            self.next({"again": self.loop, "on": self.open}, condition="way")

        @step
        def open(self):
            self.items = ["a", "b"]
            self.next(self.each, foreach="items")

        @step
        def each(self):
            assert len(self.foreach_stack()) == 1 and self.input in "ab"
            self.pair = (self.index, self.input)
            self.next(self.gang, num_parallel=2)

        @parallel
        @step
        def gang(self):
            self.node = current.parallel.node_index
            self.next(self.after)

        @step
        def after(self, inputs):
            self.nodes = [each.node for each in inputs]
            self.pair = inputs.gang.pair
            self.merge_artifacts(inputs, include=["seen", "count"])
            self.next(self.join)

        @step
        def join(self, inputs):
            self.pairs = [each.pair for each in inputs]
            self.merge_artifacts(inputs, include=["seen", "count"])
            self.next(self.split)

        @step
        def split(self):
            self.next(self.left, self.right)

        @call_flow(Leaf, artifacts={"value": "count"}, returns={"side": "doubled"})
        @step
        def left(self):
            self.next(self.merge)

        @step
        def right(self):
            self.side = 0
            self.next(self.merge)

        @step
        def merge(self, inputs):
            self.sides = (inputs.left.side, inputs.right.side)
            self.merge_artifacts(inputs, exclude=["side"])
            self.next(self.end)

        @call_flow(Leaf, returns=["doubled"])
        @step
        def end(self):
            self.lost = "never seen by the caller"
            if os.environ.get("FAILS"):
                raise ValueError("as asked")
"""
CALLER = """
    from called import Inner

    from flowc import FlowSpec, Parameter, call_flow, step

    class Caller(FlowSpec):
        width = Parameter("width", default=2)

        @step
        def start(self):
            self.big = list(range(100_000))
            self.numbers = list(range(self.width))
            self.next(self.choose)

        @step
        def choose(self):
            self.kind = "many"
            self.next({"many": self.fan, "one": self.one}, condition="kind")

        @step
        def fan(self):
            self.next(self.body, foreach="numbers")

        @call_flow(Inner, params={"rounds": 3}, artifacts={"data": "big"}, returns=["pairs", "sides", "doubled"])
        @step
        def body(self):
            self.mine = self.input
            self.next(self.after)

        @step
        def after(self):
            assert self.index == self.mine == self.input and not hasattr(self, "lost") and not hasattr(self, "seen")
            self.next(self.gather)

        @step
        def gather(self, inputs):
            self.all = [(each.mine, each.pairs, each.sides, each.doubled) for each in inputs]
            self.merge_artifacts(inputs, include=["big"])
            self.next(self.last)

        @call_flow(Inner, returns={"all": "seen"})
        @step
        def one(self):
            self.next(self.last)

        @call_flow(Inner, artifacts={"data": "width"}, returns={"seen": "seen", "rounds": "rounds"})
        @step
        def last(self):
            self.next(self.end)

        @step
        def end(self):
            print(len(self.big), self.all, self.seen, self.rounds)
"""
PAIRS = [(0, "a"), (1, "b")]
ANSWER = [(number, PAIRS, (6, 0), 3.0) for number in range(2)]


def written(folder: Path) -> Local:
    """The caller, beside the module that it takes the called flow from."""
    write_files(folder, {"called.py": CALLED})
    return Local(folder, CALLER, "caller.py")


def test_everywhere(tmp_path: Path) -> None:
    local = written(tmp_path)
    result = local.run()
    assert result.exit_code == 0, local.says.err
    run = Run(f"Caller/{result.run_id}", root=local.root)
    assert (run.data.all, run.data.seen, run.data.rounds) == (ANSWER, 2, 2)
    assert len(run.data.big) == 100_000
    hashes = {
        run["start"].task["big"].sha,
        *(task["seen"].sha for task in run["body__open"]),
        run["gather"].task["big"].sha,
    }
    assert len(hashes) == 1, "handed over and back by reference"
    assert {step.id for step in run} >= {"body__left__start", "body__end__start", "last__merge"}
    assert "one__start" not in {step.id for step in run}


def test_it_is_resumed_within_a_called_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = written(tmp_path)
    monkeypatch.setenv("FAILS", "yes")
    assert local.run().exit_code == 1
    monkeypatch.delenv("FAILS")
    result = local.run(resume=ResumeOptions())
    assert result.exit_code == 0, local.says.err
    run = Run(f"Caller/{result.run_id}", root=local.root)
    assert run.data.all == ANSWER
    assert run.reused["body__merge"] >= 1
    assert "body__end" not in run.reused


def test_the_simulator_and_the_called_flow_alone(tmp_path: Path) -> None:
    written(tmp_path)
    root = tmp_path / "root"
    options = ["--root", str(root), "--image", "i", "-o", "m.yaml"]
    example = str(REPOSITORY / "examples" / "calling_flows.py")
    for file, more in (("caller.py", ["--fuse"]), (example, ["--batch", "start=2"])):
        done = flowc_process(tmp_path, "compile", file, *options, *more)
        assert done.returncode == 0, done.stderr
        done = flowc_process(tmp_path, "simulate", "m.yaml")
        assert done.returncode == 0, done.stdout + done.stderr
    assert Run.latest("CallingFlow", root=str(root)).data.total == 71
    assert Run.latest("Caller", root=str(root)).data.all == ANSWER
    alone = flowc_process(tmp_path, "run", "called.py", "--root", root, "-p", "rounds=1")
    assert alone.returncode == 0, alone.stderr
    assert Run.latest("Inner", root=str(root)).data.sides == (2, 0)


def test_a_cache_within_a_called_flow(tmp_path: Path) -> None:
    local = written(tmp_path)
    root = tmp_path / "root"
    for text in ("0 tasks", "are taken from the cache"):
        done = flowc_process(tmp_path, "run", "caller.py", "--root", root, "--cache")
        assert done.returncode == 0, done.stderr
        assert text in done.stderr or text == "0 tasks"
    run = Run.latest("Caller", root=str(root))
    assert run.data.all == ANSWER
    assert "body__open" in done.stderr
    warned = "step `body__start` is not cached, since it begins or ends a called flow"
    assert warned in done.stderr
    del local


def test_the_steps_of_the_caller(tmp_path: Path) -> None:
    flow = compile_file(written(tmp_path).file).flow
    step = flow.by_name["body__gang"]
    assert (step.within, step.scope, flow.depth(step)) == ("body", "body__each", 3)
    assert flow.by_name["after"].parents == ("body__end__start",)
    assert [call.step for call in flow.calls if call.step.startswith("body")] == ["body", "body__left", "body__end"]
    assert flow.call_of["body"].end == "body__end__start"


def test_steps_alone_and_replaced(tmp_path: Path) -> None:
    file = written(tmp_path).file
    alone = run_step(file, "last")
    assert alone.next is not None
    assert alone.next.steps == ["end"]
    with pytest.raises(
        UsageError, match=r"'last__open' is step 'open' of flow Inner, which 'last' calls: test it there"
    ):
        run_step(file, "last__open")
    tested = run_flow(file, replace={"body__open": {"items": ["b", "a"]}})
    assert tested.successful
    assert tested.data.all == [(number, [(0, "b"), (1, "a")], (6, 0), 3.0) for number in range(2)]
