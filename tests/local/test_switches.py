"""Switches, recursion, marked ends and inherited steps on the local engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowc.client import Run
from tests.local.flows import Local
from tests.support import unchecked_artifacts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

NESTED = """
    from flowc import FlowSpec, JSONType, Parameter, current, step

    class Nested(FlowSpec):
        items = Parameter("items", type=JSONType, default="[1, 2, 3, 4, 5, 6]")

        @step
        def start(self):
            self.next(self.look, self.other)

        @step
        def other(self):
            self.total = 0
            self.way = "skip"
            self.next({"skip": self.skipped, "work": self.worked}, condition="way")

        @step
        def skipped(self):
            self.total = 1000
            self.next(self.both)

        @step
        def worked(self):
            self.total = 2000
            self.next(self.both)

        @step
        def look(self):
            self.next(self.each, foreach="items")

        @step
        def each(self):
            self.kind = self.input % 3
            self.next({0: self.zero, 1: self.one, 2: self.two}, condition="kind")

        @step
        def zero(self):
            self.v = "zero"
            self.next(self.join)

        @step
        def one(self):
            self.small = self.input < 3
            self.next({True: self.little, False: self.two}, condition="small")

        @step
        def little(self):
            self.v = f"little {self.input}"
            self.next(self.join)

        @step
        def two(self):
            self.left = self.input
            self.next(self.count)

        @step
        def count(self):
            self.left -= 1
            self.seen = (self.index, self.input, self.foreach_stack(), current.task_id)
            self.more = self.left > 0
            self.next({True: self.count, False: self.done}, condition="more")

        @step
        def done(self):
            self.v = f"counted {self.input}"
            self.next(self.join)

        @step
        def join(self, inputs):
            self.vs = [each.v for each in inputs]
            self.next(self.both)

        @step
        def both(self, inputs):
            self.vs = inputs.join.vs
            self.total = inputs.skipped.total
            self.names = [hasattr(inputs, "worked"), len(inputs)]
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_switches_nest_and_end_in_joins(tmp_path: Path, method: str) -> None:
    flow = Local(tmp_path, NESTED)
    result = flow.run(start_method=method)
    assert result.status == "successful", flow.says.err
    run = Run(f"Nested/{result.run_id}", root=flow.root)
    wanted = ["little 1", "counted 2", "zero", "counted 4", "counted 5", "zero"]
    assert (run.data.vs, run.data.total, run.data.names) == (wanted, 1000, [False, 2])
    iterations = sorted(task.path for task in run["count"])
    assert iterations == [(item, k) for item, rounds in ((1, 2), (3, 4), (4, 5)) for k in range(rounds)]
    assert run["count"]["4.3"].data.seen == (4, 5, [(4, 6, 5)], "count-4.3")
    assert result.tasks == sum(len(each) for each in run)


RECURSIVE = """
    from flowc import FlowSpec, Parameter, step

    class Recursive(FlowSpec):
        rounds = Parameter("rounds", default=40)

        @step(start=True)
        def again(self):
            self.n = getattr(self, "n", 0) + 1
            self.more = "yes" if self.n < self.rounds else "no"
            self.next({"yes": self.again, "no": self.fan}, condition="more")

        @step
        def fan(self):
            self.items = range(self.n // 20)
            self.next(self.inner, foreach="items")

        @step
        def inner(self):
            self.k = getattr(self, "k", -1) + 1
            self.go = self.k < self.input
            self.next({True: self.inner, False: self.out}, condition="go")

        @step
        def out(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.ks = [each.k for each in inputs]
            self.next(self.last)

        @step(end=True)
        def last(self):
            pass
"""


def test_recursion_at_the_start_and_as_a_body(tmp_path: Path) -> None:
    flow = Local(tmp_path, RECURSIVE)
    result = flow.run(params={"rounds": "60"})
    assert result.status == "successful", flow.says.err
    run = Run(f"Recursive/{result.run_id}", root=flow.root)
    assert run["last"].task.data.ks == [0, 1, 2]
    assert len(run["again"]) == 60
    assert run["fan"].task.data.n == 60


WRONG = """
    from flowc import FlowSpec, step

    class Wrong(FlowSpec):
        @step
        def start(self):
            {line}
            self.next({{"a": self.a, "b": self.b}}, condition="way")

        @step
        def a(self):
            self.next(self.end)

        @step
        def b(self):
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("self.way = 'c'", "'way' is 'c', which is none of the cases 'a', 'b'"),
        ("self.way = ['a']", "'way' is ['a'], which is none of the cases"),
        ("pass", "condition='way' is not an artifact"),
    ],
)
def test_a_choice_that_is_none(tmp_path: Path, line: str, message: str) -> None:
    with unchecked_artifacts():
        flow = Local(tmp_path, WRONG.format(line=line))
        result = flow.run()
    assert result.status == "failed"
    assert result.failed is not None
    assert message in result.failed.message


def test_steps_of_local_base_classes(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    folder.mkdir()
    (folder / "__init__.py").write_text("from .core import Core as Base\n")
    (folder / "core.py").write_text(
        "from metaflow import FlowSpec, Parameter, step, retry\n"
        "from shapes import names\n"
        "class Core(FlowSpec):\n"
        "    size = Parameter('size', default=2)\n"
        "    label = 'core'\n"
        "    @step\n"
        "    def start(self):\n"
        "        self.items = list(range(self.size))\n"
        "        self.next(self.work, foreach='items')\n"
        "    @retry(times=0)\n"
        "    @step\n"
        "    def work(self):\n"
        "        raise NotImplementedError\n"
        "    @step\n"
        "    def join(self, inputs):\n"
        "        self.all = [each.x for each in inputs] + [self.label, names.NAME]\n"
        "        self.next(self.end)\n"
    )
    (folder / "names.py").write_text("NAME = 'a name'\n")
    (tmp_path / "ends.py").write_text(
        "from flowc import step\nclass Ends:\n    @step\n    def end(self):\n        self.ended = True\n"
    )
    flow = Local(
        tmp_path,
        """
        import ends
        from flowc import step
        from shapes import Base

        class Mine(Base, ends.Ends):
            label = "mine"

            @step
            def work(self):
                self.x = self.input * 10
                self.next(self.join)
        """,
    )
    compiled = flow.compilation.flow
    assert {step.name: step.span.file.rpartition("/")[2] for step in compiled.steps} == {
        "start": "core.py", "work": "local_flow.py", "join": "core.py", "end": "ends.py",
    }  # fmt: skip
    assert compiled.by_name["work"].specs.retry is None
    result = flow.run(params={"size": "3"})
    assert result.status == "successful", flow.says.err
    run = Run(f"Mine/{result.run_id}", root=flow.root)
    assert (run.data.all, run.data.ended) == ([0, 10, 20, "mine", "a name"], True)
