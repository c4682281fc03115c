"""`@foreach_options(parallelism=)` and `@loop(max_iterations=)` here and now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowc.client import Run
from flowc_targets.local import ResumeOptions
from flowc_targets.local.schedule import Schedule, TaskKey
from tests.local.flows import Local

if TYPE_CHECKING:
    from pathlib import Path

NESTED = """
    import os, time
    from flowc import FlowSpec, foreach_options, step


    class Bounded(FlowSpec):
        @foreach_options(parallelism=2)
        @step
        def start(self):
            self.items = list(range(5))
            self.next(self.item, foreach="items")

        @step
        def item(self):
            self.begun = time.time()
            self.inner = list(range(self.input % 3))
            self.next(self.part, foreach="inner")

        @step
        def part(self):
            time.sleep(0.05)
            if self.index == 1 and os.environ.get("FAIL") == str(self.foreach_stack()[0][2]):
                raise ValueError("as asked")
            self.next(self.gather)

        @step
        def gather(self, inputs):
            self.merge_artifacts(inputs, include=["begun"]) if len(inputs) else None
            self.ended = time.time()
            self.next(self.end)

        @step
        def end(self, inputs):
            self.spans = [(item.begun, item.ended) for item in inputs if hasattr(item, "begun")]
"""


def most_at_a_time(spans: list[tuple[float, float]]) -> int:
    events = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans])
    now = most = 0
    for _, change in events:
        now += change
        most = max(most, now)
    return most


@pytest.mark.process
def test_no_more_items_are_open_than_the_bound(tmp_path: Path) -> None:
    local = Local(tmp_path, NESTED)
    result = local.run(max_workers=8)
    assert result.ok
    spans = Run(f"Bounded/{result.run_id}", root=local.root)["end"].task.data.spans
    assert len(spans) == 3
    assert most_at_a_time(spans) <= 2


@pytest.mark.process
def test_a_bounded_run_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has run is taken over, whatever the bound; what is left runs within it."""
    monkeypatch.setenv("FAIL", "2")
    local = Local(tmp_path, NESTED)
    failed = local.run(max_workers=8)
    assert not failed.ok
    monkeypatch.delenv("FAIL")

    result = local.run(max_workers=8, resume=ResumeOptions(failed.run_id))
    assert result.ok
    assert result.reused > 5


def test_the_schedule_holds_back_and_lets_go(tmp_path: Path) -> None:
    schedule = Schedule(Local(tmp_path, NESTED).compilation.flow)
    schedule.finished(schedule.pop(), count=5)
    first, second = schedule.pop(), schedule.pop()
    assert not schedule.has_ready
    schedule.put_back([second])
    assert schedule.pop() == second
    assert not schedule.has_ready
    schedule.finished(first, count=0)
    assert schedule.pop() == TaskKey("gather", (0,))
    assert not schedule.has_ready
    schedule.finished(TaskKey("gather", (0,)))
    assert schedule.pop() == TaskKey("item", (2,))
    assert not schedule.has_ready


LOOP = """
    from flowc import FlowSpec, loop, step


    class Looping(FlowSpec):
        rounds = {rounds}

        @step
        def start(self):
            self.count = 0
            self.next(self.again)

        @loop(max_iterations=3)
        @step
        def again(self):
            self.count += 1
            self.go = "on" if self.count == self.rounds else "again"
            self.next({{"again": self.again, "on": self.end}}, condition="go")

        @step
        def end(self):
            pass
"""


@pytest.mark.process
@pytest.mark.parametrize(("rounds", "ok"), [(1, True), (3, True), (4, False)])
def test_a_loop_ends_at_its_bound(tmp_path: Path, rounds: int, ok: bool) -> None:
    local = Local(tmp_path, LOOP.format(rounds=rounds))
    result = local.run()
    assert result.ok == ok
    if not ok:
        assert result.failed is not None
        assert (result.failed.step, result.failed.index) == ("again", "2")
        assert "@loop(max_iterations=3) allows no more" in result.failed.message
