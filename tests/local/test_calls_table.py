"""What surrounds the steps of a called flow: each row is a called flow, the call, and what plain Python would give."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from flowc import Run
from flowc.testing import CompileFailed, run_flow, simulate_flow
from tests.support import write_files

pytestmark = pytest.mark.process
HEAD = """\
import os
from typing import List

from flowc import *
from flowc import FlowSpec, IncludeFile, JSONType, Parameter, call_flow, current, pipeline, step

"""
CALLER = """
from pkg.inner import Inner

class Outer(FlowSpec):
    @step
    def start(self):
        self.given = [1, 2]
        self.next(self.work)

    @call_flow(Inner, {call})
    @step
    def work(self):
        self.next(self.end)

    @step
    def end(self):
        self.answer = self.out
"""
IN_A_FOREACH = """
from pkg.inner import Inner

class Outer(FlowSpec):
    @foreach_options(min_success=0.5)
    @step
    def start(self):
        self.items = [0, 1, 2]
        self.next(self.body, foreach="items")

    @call_flow(Inner, {call})
    @step
    def body(self):
        self.n = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.answer = ([each.out for each in inputs], [each.index for each in inputs.failed])
        self.next(self.end)

    @step
    def end(self):
        pass
"""
RETURNS = 'returns=["out"]'
OUTPUT = 'returns={"out": "output"}'


class Row(NamedTuple):
    """A called flow."""

    inner: str
    """The body of its class, or the text of its module with `Inner` in it."""
    answer: object
    """What the caller has at its end, or the code of the diagnostic."""
    call: str = RETURNS
    caller: str = CALLER
    engines: str = "run"
    approvals: dict[str, str] | None = None


def steps(code: str, decorators: str = "", before: str = "", end: str = "pass") -> str:
    """A class of three steps, with code in the second."""
    lines = [
        "class Inner(FlowSpec):",
        *textwrap.dedent(before).splitlines(),
        "@step\ndef start(self):\n    self.next(self.work)",
        *textwrap.dedent(decorators).splitlines(),
        "@step\ndef work(self):",
        textwrap.indent(textwrap.dedent(code), "    "),
        f"    self.next(self.end)\n@step\ndef end(self):\n    {end}",
    ]
    return "\n".join([lines[0], *(textwrap.indent(line, "    ") for line in lines[1:])]) + "\n"


ROWS = {
    "retry by kind": Row(
        steps("self.out = current.retry_count\nif self.out < 2: raise ValueError()",
              "@retry(times=2, minutes_between_retries=0, on=['error'])"),
        2,
    ),
    "an exception of its module is never retried": Row(
        "class Own(Exception):\n    pass\n\n"
        + steps("raise Own('x')", "@retry(times=3, minutes_between_retries=0, never=[Own])\n@catch(var='error')",
                end="self.out = 'x' in str(self.error)"),
        True,
    ),
    "checkpoint": Row(
        steps("if current.retry_count == 0:\n    open('c.txt', 'w').write('x')\n    current.checkpoint.save('c.txt')\n"
              "    raise ValueError()\nself.out = current.checkpoint.is_loaded",
              "@checkpoint\n@retry(times=1, minutes_between_retries=0)"),
        True,
    ),
    "container": Row(
        steps("pass", "@container(image='alpine', command=['sh', '-c', 'echo hello > {outputs.out}'], "
                      "outputs={'out': 'o.txt'})").replace("        pass\n        self.next", "        self.next"),
        "hello\n", engines="simulate",
    ),
    "some of its own items may fail": Row(
        "class Inner(FlowSpec):\n    @foreach_options(min_success=0.5)\n    @step\n    def start(self):\n"
        "        self.items = [0, 1]\n        self.next(self.each, foreach='items')\n    @step\n    def each(self):\n"
        "        self.v = 1 // self.input\n        self.next(self.end)\n    @step\n    def end(self, inputs):\n"
        "        self.out = ([i.v for i in inputs], [i.index for i in inputs.failed])\n",
        ([1], [0]),
    ),
    "it fails for some items of its caller": Row(
        steps("self.out = 1 // self.n", before='n = Parameter("n", default=3)'),
        ([1, 0], [0]), 'artifacts=["n"], returns=["out"]', IN_A_FOREACH, engines="run simulate",
    ),
    "a deployed one fails for some items": Row(
        steps("self.out = 1 // self.n", before='n = Parameter("n", default=3)'),
        "FC406", 'artifacts=["n"], returns=["out"], deployed=True', IN_A_FOREACH,
    ),
    "lock, card, variables": Row(
        steps("self.out = os.environ['ABC']",
              "@concurrency('warehouse', limit=1)\n@card\n@environment(vars={'ABC': '1'})"),
        "1",
    ),
    "a lock that the run of its caller holds": Row(
        steps("self.out = 1", "@concurrency('warehouse')"), "FC406",
        caller=CALLER.replace("class Outer", "@concurrency('warehouse')\nclass Outer"),
    ),
    "two limits of one lock": Row(
        steps("self.out = 1", "@concurrency('warehouse', limit=2)"), "FC404",
        caller=CALLER.replace("@call_flow", "@concurrency('warehouse')\n    @call_flow"),
    ),
    "step decorator of the user's": Row(
        "@user_step_decorator\ndef around(step_name, flow, inputs=None, attributes=None):\n"
        "    flow.before = step_name\n    yield\n    flow.out = (flow.before, flow.x)\n\n"
        + steps("self.x = 5", "@around"),
        ("work", 5),
    ),
    "mutator": Row(
        "class Add(FlowMutator):\n    def mutate(self, mutable_flow):\n        for name, found in mutable_flow.steps:\n"
        "            found.add_decorator('retry', deco_kwargs={'times': 1, 'minutes_between_retries': 0})\n\n@Add\n"
        + steps("self.out = current.retry_count\nif not self.out: raise ValueError()"),
        1,
    ),
    "time limit": Row(
        steps("import time; time.sleep(5)", "@timeout(seconds=1)\n@catch(var='error')",
              end="self.out = self.error is not None"),
        True,
    ),
    "graph and names": Row(
        steps("self.out = (sorted(current.graph['steps']), current.step_name, current.flow_name)"),
        (["end", "start", "work", "work__end", "work__start", "work__work"], "work__work", "Outer"),
    ),
    "approval and wait": Row(
        '@wait_for("file:///etc/hosts", every=1)\n'
        + steps("self.out = current.approval.choice", "@approval(choices=['yes', 'no'], message='?')"),
        "yes", engines="run simulate", approvals={"work__work": "yes"},
    ),
    "parameters as texts": Row(
        steps("self.out = (self.a, self.b, self.c, self.table)",
              before='a = Parameter("a", type=JSONType, default="[]")\nb = Parameter("b", separator=",", default="x")\n'
                     'c = Parameter("c", type=JSONType, default="{}")\ntable = IncludeFile("table", default="t.csv")'),
        ([1, 2], ["p", "q"], [1, 2], "x,y"),
        RETURNS + ', params={"a": "[1, 2]", "b": "p,q", "table": "x,y"}, artifacts={"c": "given"}',
    ),
    "defaults": Row(
        steps("self.out = (self.a, self.b, self.f)",
              before='a = Parameter("a", type=int, default=lambda context: 7)\nb = Parameter("b", type=int)\n'
                     'f = Parameter("f", default=1.5)'),
        (7, None, 2.0), RETURNS + ', params={"f": 2}',
    ),
    "file that no call gives": Row(
        steps("self.out = self.table", before='table = IncludeFile("table", default="t.csv")'), "FC229"
    ),
    "config": Row(steps("self.out = 1", before='settings = Config("settings", default_value={})'), "FC229"),
    "three deep": Row(
        "class Leaf(FlowSpec):\n    n = Parameter('n', default=0)\n    @step\n    def start(self):\n"
        "        self.out = self.n + 1\n\nclass Middle(FlowSpec):\n    n = Parameter('n', default=0)\n"
        "    @call_flow(Leaf, artifacts=['n'], returns=['out'])\n    @step\n    def start(self):\n"
        "        self.next(self.end)\n    @step\n    def end(self):\n        self.out *= 10\n\n"
        + steps("self.n = 1", "@call_flow(Middle, artifacts=['n'], returns=['out'])"),
        20,
    ),
    "two that call each other": Row(
        "class Other(FlowSpec):\n    @call_flow(Inner)\n    @step\n    def start(self):\n        pass\n\n"
        + steps("self.out = 1", "@call_flow(Other)"),
        "FC228",
    ),
    "its parameter and its constant": Row(
        steps("pass", before='n = Parameter("n", default=2)\nK = 3'), (2), 'returns={"out": "n", "k": "K"}'
    ),
    "pipeline: typed parameters": Row(
        "import datetime\nimport enum\n\nclass Kind(enum.Enum):\n    A = 'a'\n\n@step\n"
        "def one(when: datetime.date, kind: Kind, names: List[str]) -> str:\n"
        "    return f'{when.isoformat()} {kind.name} {names}'\n\n@pipeline\n"
        "def Inner(when: datetime.date, kind: Kind = Kind.A, names: List[str] = ['x']):\n"
        "    return one(when, kind, names)\n",
        "2020-01-02 A [1, 2]", OUTPUT + ', params={"when": "2020-01-02"}, artifacts={"names": "given"}',
    ),
    "pipeline: hooks and a person": Row(
        "def fine():\n    open(os.environ['FLOWC_TEST_HOOK'], 'a').write('fine')\n\n@step(on_success=fine)\n"
        "def use(chosen: str) -> str:\n    return 'chosen ' + chosen\n\n@pipeline\ndef Inner():\n"
        "    return use(approve(choices=['yes', 'no'], id='ask'))\n",
        "chosen yes", OUTPUT, approvals={"work__ask": "yes"},
    ),
    "pipeline: its end is a branch, and a map": Row(
        "@step\ndef one() -> List[int]:\n    return [1, 2]\n\n@step\ndef two(n: int) -> int:\n    return n * 2\n\n"
        "@pipeline\ndef Inner():\n    return {'mapped': two.map(one()), 'one': two(4)}\n",
        {"mapped": [2, 4], "one": 8}, OUTPUT, engines="run simulate",
    ),
    "pipeline: a class in it": Row(
        "class Leaf(FlowSpec):\n    n = Parameter('n', type=int, required=True)\n"
        "    @retry(times=1, minutes_between_retries=0)\n    @step\n    def start(self):\n"
        "        if not current.retry_count:\n            raise ValueError()\n        self.out = self.n * 10\n\n"
        "@step\ndef plus(n: int) -> int:\n    return n + 1\n\n@pipeline\ndef Inner(n: int = 1):\n"
        "    return call_flow(Leaf, params={'n': plus(n)}, returns='out')\n",
        20, OUTPUT,
    ),
    "pipeline: a circle through a class": Row(
        "class Leaf(FlowSpec):\n    @call_flow(Inner)\n    @step\n    def start(self):\n        self.out = 1\n\n"
        "@pipeline\ndef Inner():\n    return call_flow(Leaf, returns='out')\n",
        "FC228", OUTPUT,
    ),
    "pipeline: it fails for some items of its caller": Row(
        "@step\ndef invert(n: int) -> int:\n    return 1 // n\n\n@pipeline\ndef Inner(n: int = 3):\n"
        "    return invert(n)\n",
        ([1, 0], [0]), 'artifacts=["n"], ' + OUTPUT, IN_A_FOREACH,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "engine"),
    [(name, engine) for name, row in ROWS.items() for engine in row.engines.split()],
)
def test_a_called_flow(name: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ROWS[name]
    start: Callable[..., Run] = run_flow if engine == "run" else simulate_flow
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOWC_TEST_HOOK", str(tmp_path / "hook"))
    files = {"pkg/__init__.py": "", "pkg/inner.py": HEAD + row.inner}
    write_files(tmp_path, {**files, "outer.py": HEAD + row.caller.replace("{call}", row.call)})
    if isinstance(row.answer, str) and row.answer.startswith("FC"):
        with pytest.raises(CompileFailed) as found:
            start(tmp_path / "outer.py")
        assert f"error[{row.answer}]" in str(found.value)
        return
    run = start(tmp_path / "outer.py", approvals=row.approvals)
    assert run.successful
    assert run.data.answer == row.answer
    if "hooks" in name:
        assert (tmp_path / "hook").read_text() == "fine"
