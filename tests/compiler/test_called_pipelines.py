"""Pipelines that are called in the body of another: steps of the caller, and what counts only where they run alone."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    assert (found.code, found.message) == ("FC110", "a pipeline does not make an object of the class flow `Alone`")
    assert "`call_flow(Alone, params={...}, returns=...)`" in found.help


BOTH = """
from flowc import FlowSpec, call_flow, pipeline, step

@step
def load(rows: int) -> int:
    return rows

@pipeline
def inner(rows, label: str = "x", copies: int = 1):
    found = [load(rows, id=f"load_{place}") for place in range(copies)]
    return found[0], [found[0], label]

class Train(FlowSpec):
    @step
    def start(self):
        self.best = 1

"""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('inner, params={"rows": 1}, returns=["output_0", "output_1"]', []),
        (
            'inner, params={"rows": 1}, returns=["output"]',
            ["FC229 pipeline inner is to return `output`, which is none of its results"],
        ),
        (
            'inner, artifacts={"rows": "n"}',
            ["FC229 `rows` shapes the graph of pipeline inner, and so no run can give it another value"],
        ),
        ("inner", ["FC304 pipeline inner is called without its required parameter `rows`"]),
        (
            'inner, params={"rows": 1, "copies": "x"}',
            ["FC303 'x' is not a value of parameter `copies`, which is of type int"],
        ),
        (
            'inner, params={"rows": 1, "labl": "y"}',
            ["FC302 flow inner, which step `start` calls, has no parameter `labl`"],
        ),
        (
            'inner, params={"rows": 1}, deployed=True',
            ["FC229 `rows` shapes the graph of pipeline inner, and so no run can give it another value"],
        ),
        ("load", ["FC404 `flow` of `@call_flow`: it is no flow of this file or of a local module: name a class or a"]),
    ],
)
def test_a_class_calls_a_pipeline(tmp_path: Path, call: str, said: list[str]) -> None:
    body = f"class Caller(FlowSpec):\n    @call_flow({call})\n    @step\n    def start(self):\n        self.n = 1\n"
    body += "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    found = diagnostics(tmp_path, BOTH + body, flow_name="Caller")
    assert [f"{item.code} {item.message}"[: len(text)] for item, text in zip(found, said, strict=True)] == said


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('Train, returns="best"', ""),
        ('Train, artifacts={"x": "y"}', "FC113 `call_flow` has no argument `artifacts`"),
        ("inner", "FC113 `inner` is a pipeline, whose steps become steps of this one where it is called"),
        ("load", "FC113 `call_flow` takes the flow that it calls"),
        ("Train, returns=3", "FC113 `returns` takes names of what the called flow has at its end"),
        ('Train, returns="bset"', "FC229 flow Train is to return `bset`, which none of its steps sets"),
        ("Train, params=[1]", "FC113 `params` is a dict with the names of parameters"),
        ('Train, params={"rows": 1}', "FC302 flow Train, which step `Train` calls, has no parameter `rows`"),
        ('Train, id="a b"', "FC209 'a b' is no name of a step"),
    ],
)
def test_a_pipeline_calls_a_class(tmp_path: Path, call: str, said: str) -> None:
    body = f"@pipeline\ndef caller():\n    call_flow({call})\n"
    found = diagnostics(tmp_path, BOTH + body, flow_name="caller")
    assert [f"{item.code} {item.message}" for item in found] == ([said] if said else [])


def test_the_flow_that_no_other_one_calls(tmp_path: Path) -> None:
    body = "@pipeline\ndef caller():\n    call_flow(Train)\n    inner(1)\n\nif __name__ == '__main__':\n    caller()\n"
    flow = compiled(tmp_path, BOTH.replace("@pipeline\ndef inner", "def inner") + body).flow
    assert [step.name for step in flow.steps if not step.virtual] == ["Train", "Train__start", "load_0"]


def test_a_result_with_the_name_of_a_step(tmp_path: Path) -> None:
    body = "class Caller(FlowSpec):\n    @call_flow(Train, returns={'end': 'best'})\n    @step\n    def start(self):\n"
    body += "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    (found,) = diagnostics(tmp_path, BOTH + body, flow_name="Caller")
    message = "the artifact `end` has the name of a step, which later steps get for `self.end`"
    assert (found.code, found.severity, found.message) == ("FC305", "warning", message)
