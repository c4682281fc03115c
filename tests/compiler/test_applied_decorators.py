"""Decorators of the user's that apply those of the runtime give the IR of these, written above the step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import compiled, refused, without_spans

TOP = """
import os
import random
from functools import partial, wraps
from metaflow import *
import helper


def enabled(decorator, flag):
    def apply(function):
        if flag:
            return decorator(function)
        return function
    return apply


def far(*args, **kwargs):
    def decorate(function):
        if LOCAL:
            return function
        return kubernetes(*args, **kwargs)(function)
    return decorate


def several(function):
    found = [retry(times=MOST), environment(vars={"A": "b"}), resources(cpu=1)]
    for decorator in found:
        function = decorator(function)
    return function


def wrapped(memory=1):
    def decorate(function):
        @wraps(function)
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)
        return resources(memory=memory, **helper.MORE)(wrapper)
    return decorate


def inside(function):
    @retry
    @wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper


class Profiled:
    def __init__(self, disk):
        self.disk = disk

    def __call__(self, function):
        if self.disk:
            from metaflow import resources as sized
            return sized(disk=self.disk)(function)
        return function


def shop(name, *, tagged=False):
    def decorate(flow):
        flow = project(name=name.lower())(flow)
        return schedule(daily=True)(flow) if tagged else flow
    return decorate


def bare(function):
    def wrapper(self):
        function(self)
    return retry(times=2)(wrapper)


def dropping(function):
    retry(times=2)(function)
    return function


def sometimes(function):
    return retry(times=2)(function) if random.random() < 2 else function


def failing(function):
    if function:
        raise ValueError("not today")
    return retry(function)


def trying(decorator, flag):
    try:
        flag = bool(int(flag))
    except Exception as error:
        flag = False
        print(error)

    def decorate(function):
        if flag:
            return decorator(function)
        return function
    return decorate


def in_a_loop(function):
    for _ in range(random.randint(1, 2)):
        function = environment(vars={"A": "b"})(function)
    return function


LOCAL = os.environ.get("NO_SUCH_MODE", "").lower() == "true"
MOST = 3
"""
HELPER = """
from metaflow import catch, timeout

MORE = {"cpu": 2}

def patient(seconds, *decorators):
    def decorate(function):
        for decorator in reversed(decorators):
            function = decorator(function)
        return timeout(seconds=seconds)(catch(var="error")(function))
    return decorate
"""
FLOW = """
{above}
class F(FlowSpec):
    {step}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def text(step: str = "", above: str = "") -> str:
    return TOP + FLOW.format(step=step.replace("\n", "\n    "), above=above)


def specs(folder: Path, step: str, above: str) -> Any:
    flow = compiled(folder, text(step, above)).flow
    return without_spans([flow.specs.model_dump(), [item.specs.model_dump() for item in flow.steps]])


@pytest.mark.parametrize(
    ("own", "written"),
    [
        ("@enabled(kubernetes(image='a' + 'b', memory=100), flag=1)", "@kubernetes(image='ab', memory=100)"),
        ("@enabled(kubernetes(image=os.environ['NO_SUCH']), flag=0)", ""),
        ("@enabled(retry, True)", "@retry"),
        ("@enabled(retry(times=5), os.getenv('NO_SUCH', 'on') == 'on')", "@retry(times=5)"),
        ("@enabled(retry(times=5), os.getenv('NO_SUCH'))", ""),
        ("@(retry(times=5) if os.getenv('NO_SUCH', 'on') == 'on' else enabled(retry, 0))", "@retry(times=5)"),
        ("@(kubernetes(memory=1) if LOCAL else wrapped(7))", "@resources(memory=7, cpu=2)"),
        ("@(kubernetes(memory=1) if LOCAL else lambda function: function)", ""),
        ("@(kubernetes(memory=1) if LOCAL else retry)", "@retry"),
        ("@far(cpu=1, **{'memory': 16384})", "@kubernetes(cpu=1, memory=16384)"),
        ("@several", "@resources(cpu=1)\n@environment(vars={'A': 'b'})\n@retry(times=3)"),
        ("@wrapped(memory=MOST * 2)\n@retry", "@resources(memory=6, cpu=2)\n@retry"),
        ("@inside", "@retry"),
        ("@Profiled(100)\n@Profiled(0)", "@resources(disk=100)"),
        ("@helper.patient(5, retry(times=1), wrapped(7))", "@timeout(seconds=5)\n@catch(var='error')\n@retry(times=1)\n"
         "@resources(memory=7, cpu=2)"),
        ("@(lambda function: retry(times=MOST)(function))", "@retry(times=3)"),
        ("@partial(partial, retry)(times=2)()", "@retry(times=2)"),
    ],
)  # fmt: skip
def test_a_step_has_the_specs_of_what_is_applied_to_it(tmp_path: Path, own: str, written: str) -> None:
    (tmp_path / "helper.py").write_text(HELPER)
    found = specs(tmp_path, own, "")
    assert found == specs(tmp_path, written, "")
    assert (found != specs(tmp_path, "", "")) is bool(written)


@pytest.mark.parametrize(
    ("own", "written"),
    [
        ("@shop('Shop')", "@project(name='shop')"),
        ("@shop('Shop', tagged=MOST > 2)", "@schedule(daily=True)\n@project(name='shop')"),
        ("@enabled(conda_base(python='3.11.5', packages={'a': '1'}), True)",
         "@conda_base(python='3.11.5', packages={'a': '1'})"),
        ("@enabled(project(name='a'), '')", ""),
    ],
)  # fmt: skip
def test_a_flow_has_the_specs_of_what_is_applied_to_it(tmp_path: Path, own: str, written: str) -> None:
    (tmp_path / "helper.py").write_text(HELPER)
    found = specs(tmp_path, "", own)
    assert found == specs(tmp_path, "", written)
    assert (found != specs(tmp_path, "", "")) is bool(written)


@pytest.mark.parametrize(
    ("step", "code", "said", "way_out"),
    [
        ("@enabled(kubernetes(memory=1), os.environ['NO_SUCH'])", "FC401", "NO_SUCH", "--env-at-compile NO_SUCH"),
        ("@enabled(kubernetes(image=os.getenv('NO_SUCH')), 1)", "FC402", "`image` of `@kubernetes`",
         "--env-at-compile NO_SUCH"),
        ("@enabled(kubernetes(memroy=1), 1)", "FC403", "no argument `memroy`", "memory"),
        ("@enabled(retry, random.random())", "FC401", "random.random", "write `@retry` above the step itself"),
        ("@enabled(retry(times=1), 1)\n@inside", "FC405", "`@retry` is given twice", "keep one of them"),
        ("@bare", "FC401", "with `functools.wraps`", "write `@retry`"),
        ("@dropping", "FC401", "does not return what the decorator returns", "write `@retry`"),
        ("@sometimes", "FC401", "random.random", "write `@retry`"),
        ("@trying(retry, os.environ['NO_SUCH'])", "FC401", "NO_SUCH", "--env-at-compile NO_SUCH"),
        ("@failing", "FC401", "not today", "write `@retry`"),
        ("@in_a_loop", "FC401", "random.randint", "write `@environment`"),
        ("@shop('a')", "FC401", "`@project` is a decorator of the flow, not of a step", "put it above the class"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_with_its_reason(
    tmp_path: Path, step: str, code: str, said: str, way_out: str
) -> None:
    (tmp_path / "helper.py").write_text(HELPER)
    (found,) = refused(tmp_path, text(step))
    assert (found.code, said in found.message, way_out in (found.help or "")) == (code, True, True), found
