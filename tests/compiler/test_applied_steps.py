"""Decorators of the user's that apply `step` themselves give the flow of `@step` and the others, written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import compiled, refused, without_places, write_files

TOP = """
import functools
import random
from metaflow import FlowSpec, catch, resources, retry, step
import helper


def simple(function):
    return resources(cpu=2)(retry(times=1)(step(function)))


def rebound(function):
    function = step(function)
    return retry(times=3)(function)


def sized(cpu, **more):
    def decorate(function):
        return resources(cpu=cpu, **more)(step(function))
    return decorate


def late(**options):
    from metaflow import resources as asked, step as marked
    def decorate(function):
        return asked(**options)(marked(function))
    return decorate


def wrapped(function):
    @functools.wraps(function)
    def wrapper(self):
        function(self)
    return step(wrapper)


def marked(**marks):
    return lambda function: step(**marks)(function)


def maybe(function):
    return step(function) if random.random() > 2 else function


robust = lambda function: retry(times=1)(catch(var="error")(function))
always = lambda function: robust(step(function))
"""
HELPER = """
from metaflow import step, timeout

def timed(seconds):
    def decorate(function):
        return timeout(seconds=seconds)(step(function))
    return decorate
"""
FLOW = """
class F(FlowSpec):
    {first}
    def start(self):
        self.next(self.end)

    {last}
    def end(self):
        pass

    @property
    def size(self):
        return 1
"""
STEPS = {
    "@simple": "@resources(cpu=2)\n@retry(times=1)\n@step",
    "@rebound": "@retry(times=3)\n@step",
    "@sized(3)": "@resources(cpu=3)\n@step",
    "@sized(3, memory=5)\n@retry(times=2)": "@resources(cpu=3, memory=5)\n@step\n@retry(times=2)",
    "@catch(var='e')\n@late(cpu=1)": "@catch(var='e')\n@resources(cpu=1)\n@step",
    "@wrapped": "@step",
    "@always": "@retry(times=1)\n@catch(var='error')\n@step",
    "@helper.timed(9)": "@timeout(seconds=9)\n@step",
    "@functools.partial(step)": "@step",
}


def _flow(folder: Path, first: str, last: str) -> Any:
    top = TOP.replace("import helper\n", "import helper\nfrom metaflow import timeout\n")
    text = top + FLOW.format(first=first.replace("\n", "\n    "), last=last.replace("\n", "\n    "))
    found = without_places(compiled(folder, text).flow.model_dump(mode="json"))
    del found["source_hash"]
    return found


@pytest.mark.parametrize("own", list(STEPS))
def test_a_class_flow(own: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"helper.py": HELPER})
    for first, last in ((own, "@step"), ("@step", own), (own, own)):
        wanted = _flow(tmp_path, STEPS.get(first, first), STEPS.get(last, last))
        assert _flow(tmp_path, first, last) == wanted


def test_marks_of_a_step_are_those_that_are_applied(tmp_path: Path) -> None:
    write_files(tmp_path, {"helper.py": HELPER})
    text = TOP + FLOW.format(first="@marked(start=True)", last="@marked(end=True)").replace("start(", "one(")
    assert compiled(tmp_path, text).flow.start == "one"


@pytest.mark.parametrize("place", [0, 1])
def test_what_may_be_a_step_is_the_only_thing_that_is_reported(place: int, tmp_path: Path) -> None:
    write_files(tmp_path, {"helper.py": HELPER})
    first, last = ("@maybe", "@simple") if place == 0 else ("@simple", "@maybe")
    (found,) = refused(tmp_path, TOP + FLOW.format(first=first, last=last))
    assert (found.code, "random.random" in found.message) == ("FC401", True)


PIPELINE = """
import functools
import zenml
from zenml import pipeline, step
from zenml.config import ResourceSettings


def heavy(function):
    return step(function, settings={{"resources": ResourceSettings(cpu_count=2)}})


def named(name, **options):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)
        return step(name=name, **options)(wrapper)
    return decorate


def plain(function):
    return zenml.step(function)


{first}
def make(n: int = 1) -> int:
    return n


{last}
def use(x: int) -> None:
    pass


@pipeline
def main():
    use(make(2))
    use(make())
"""
OF_PIPELINES = {
    "@heavy": "@step(settings={'resources': ResourceSettings(cpu_count=2)})",
    "@named('other')": "@step(name='other')",
    "@named('other', enable_cache=False)": "@step(name='other', enable_cache=False)",
    "@plain": "@step",
}


@pytest.mark.parametrize("own", list(OF_PIPELINES))
def test_a_pipeline(own: str, tmp_path: Path) -> None:
    found: list[Any] = []
    for first, last in ((own, "@step"), (OF_PIPELINES[own], "@step"), ("@step", own), ("@step", OF_PIPELINES[own])):
        flow = compiled(tmp_path, PIPELINE.format(first=first, last=last)).flow
        found.append([(item.name, without_places(item.specs.model_dump())) for item in flow.steps])
    assert found[0] == found[1]
    assert found[2] == found[3]
    assert found[0] != found[2] or own == "@plain"


def test_a_wrapper_may_set_artifacts(tmp_path: Path) -> None:
    write_files(tmp_path, {"helper.py": HELPER})
    wrapper = TOP.replace("        function(self)\n", "        self.trace = 1\n        function(self)\n")
    flow = FLOW.format(first="@wrapped", last="@step").replace("        pass", "        print(self.trace)")
    assert compiled(tmp_path, wrapper + flow).flow.end == "end"
