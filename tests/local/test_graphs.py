"""Shapes of flows on the local engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.local.flows import Local
from tests.runtime.test_pythons import interpreter

if TYPE_CHECKING:
    from pathlib import Path

RAGGED = """
    from flowc import FlowSpec, Parameter, step

    class Ragged(FlowSpec):
        widths = Parameter("widths", default="[2, 0, 3]")

        @step
        def start(self):
            import json
            self.outer = json.loads(self.widths)
            self.next(self.middle, foreach="outer")

        @step
        def middle(self):
            self.inner = (10 * self.index + i for i in range(self.input))
            self.next(self.leaf, foreach="inner")

        @step
        def leaf(self):
            self.stack = self.foreach_stack()
            self.next(self.left, self.right)

        @step
        def left(self):
            self.v = self.input + 1
            self.next(self.both)

        @step
        def right(self):
            self.v = self.input * 2
            self.next(self.both)

        @step
        def both(self, inputs):
            self.pair = (inputs.left.v, inputs.right.v)
            self.merge_artifacts(inputs, include=["stack"])
            self.next(self.after)

        @step
        def after(self):
            self.next(self.inner_join)

        @step
        def inner_join(self, inputs):
            self.pairs = [i.pair for i in inputs]
            self.stacks = [i.stack for i in inputs]
            self.next(self.outer_join)

        @step
        def outer_join(self, inputs):
            self.pairs = [i.pairs for i in inputs]
            self.stacks = [i.stacks for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            print(self.pairs)
"""


@pytest.mark.process
def test_nested_ragged_foreach_with_a_branch_and_an_empty_inner_one(tmp_path: Path) -> None:
    local = Local(tmp_path, RAGGED)
    result = local.run()
    assert result.ok, local.says.err
    assert local.says.out == ["end] [[(1, 0), (2, 2)], [], [(21, 40), (22, 42), (23, 44)]]"]
    stacks = local.client(result)["outer_join"].task.data.stacks
    assert stacks[2][1] == [(2, 3, 3), (1, 3, 21)]
    assert sorted(task.path for task in local.client(result)["leaf"]) == [(0, 0), (0, 1), (2, 0), (2, 1), (2, 2)]


@pytest.mark.process
def test_zero_items_go_straight_to_the_join(tmp_path: Path) -> None:
    local = Local(tmp_path, RAGGED)
    result = local.run(params={"widths": "[]"})
    assert result.ok, local.says.err
    assert local.says.out == ["end] []"]
    assert result.tasks == 3
    assert "middle" not in local.client(result)


@pytest.mark.process
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_items_of_any_iterable(tmp_path: Path, method: str) -> None:
    pytest.importorskip("numpy")
    local = Local(
        tmp_path,
        """
        from flowc import FlowSpec, step

        class Iterables(FlowSpec):
            @step
            def start(self):
                self.a = "xy"
                self.next(self.b1, foreach="a")

            @step
            def b1(self):
                self.v = self.input
                self.next(self.j1)

            @step
            def j1(self, inputs):
                import numpy as np
                self.text = [i.v for i in inputs]
                self.array = np.arange(3) * 1.5
                self.next(self.fan)

            @step
            def fan(self):
                self.keys = {"k": 1, "l": 2}
                self.next(self.b2, foreach="keys")

            @step
            def b2(self):
                self.v = self.input
                self.next(self.j2)

            @step
            def j2(self, inputs):
                self.merge_artifacts(inputs, exclude=["v"])
                self.letters = [i.v for i in inputs]
                self.next(self.fan_array)

            @step
            def fan_array(self):
                self.next(self.b3, foreach="array")

            @step
            def b3(self):
                self.v = self.input
                self.next(self.j3)

            @step
            def j3(self, inputs):
                self.total = float(sum(i.v for i in inputs))
                self.merge_artifacts(inputs, include=["text", "letters"])
                self.next(self.end)

            @step
            def end(self):
                print(self.text, self.letters, self.total)
        """,
    )
    assert local.run(start_method=method).ok, local.says.err
    assert local.says.out == ["end] ['x', 'y'] ['k', 'l'] 4.5"]


WIDE = """
    from flowc import FlowSpec, Parameter, step

    class Wide(FlowSpec):
        width = Parameter("width", default=100)

        @step
        def start(self):
            self.items = range(self.width)
            self.next(self.body, foreach="items")

        @step
        def body(self):
            self.x = self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = sum(i.x for i in inputs)
            self.next(self.end)

        @step
        def end(self):
            print(self.total)
"""


@pytest.mark.process
def test_a_hundred_wide_foreach_takes_no_time(tmp_path: Path) -> None:
    local = Local(tmp_path, WIDE)
    begun = time.monotonic()
    result = local.run()
    assert result.ok
    assert time.monotonic() - begun < 5, "0.3 s on two idle cores; a busy machine gets some room"
    assert local.says.out == ["end] 4950"]


@pytest.mark.process
def test_a_width_beyond_the_limit_stops_the_run(tmp_path: Path) -> None:
    local = Local(tmp_path, WIDE)
    result = local.run(params={"width": "101"})
    assert not result.ok
    assert result.failed is not None
    assert "has 101 items, more than --max-num-splits 100" in result.failed.message
    assert local.run(params={"width": "101"}, max_num_splits=101).ok


@pytest.mark.process
@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_tasks_may_run_on_another_python(tmp_path: Path, version: str) -> None:
    local = Local(tmp_path, RAGGED)
    result = local.run(python=interpreter(version))
    assert result.ok, (result.error, local.says.err)
    assert local.says.out == ["end] [[(1, 0), (2, 2)], [], [(21, 40), (22, 42), (23, 44)]]"]
