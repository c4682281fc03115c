"""Pipelines that are called in the body of another: steps of the caller, and what counts only where they run alone."""

from __future__ import annotations

from pathlib import Path

from tests.support import compiled, diagnostics

INNER = """
from flowc import FlowSpec, pipeline, schedule, step

@step
def load(n: int) -> list[int]:
    return list(range(n))

@step
def total(numbers: list[int]) -> int:
    return sum(numbers)

class Alone(FlowSpec):
    @step
    def start(self):
        pass

@schedule(daily=True)
@pipeline(settings={"docker": {"parent_image": "python:3.12"}})
def inner(n: int = 3):
    return total(load(n))

"""
OUTER = """
@pipeline
def outer(n: int = 4):
    total([inner(n), inner(n=2)])
"""


def test_its_steps_are_the_callers(tmp_path: Path) -> None:
    flow = compiled(tmp_path, INNER + OUTER, flow_name="outer").flow
    assert [step.name for step in flow.steps if step.call is not None] == [
        "load", "total", "load_2", "total_2", "total_3",
    ]  # fmt: skip
    assert flow.specs.schedule is None
    assert flow.by_name["load"].specs.container is None


def test_what_counts_only_alone_is_a_warning(tmp_path: Path) -> None:
    found = diagnostics(tmp_path, INNER + OUTER, flow_name="outer")
    message = "`@schedule`, `settings` of pipeline `inner` count only where it runs by itself"
    assert [(item.code, item.severity, item.message) for item in found] == [("FC409", "warning", message)]
    assert diagnostics(tmp_path, INNER, flow_name="inner") == ()


def test_a_class_flow_is_refused(tmp_path: Path) -> None:
    body = "\n@pipeline\ndef outer():\n    load(1)\n    Alone()\n"
    (found,) = diagnostics(tmp_path, INNER + body, flow_name="outer")
    assert (found.code, found.message) == ("FC110", "a pipeline cannot run the class flow `Alone`")
    assert "@call_flow(Alone)" in found.help
