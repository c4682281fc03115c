"""What decorators set in a step must have a name that a step can set, and odd arguments have a message in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import diagnostics

FLOW = """
from flowc import *
from flowc import FlowSpec, step

class G(FlowSpec):
    @step
    def start(self):
        self.r = 1
        self.next(self.end)

    @step
    def end(self):
        pass

class F(FlowSpec):
    p = Parameter("p", default="a")
    LIMIT = 3
    config = Config("config", default_value={{}})

    @step
    def start(self):
        self.next(self.middle)

    @{decorator}
    @step
    def middle(self):
        self.next({targets})

    @step
    def end(self):
        pass
"""
USES = {
    "catch": "catch(var='{}')",
    "call_flow": "call_flow(G, returns={{'{}': 'r'}})",
    "container": "container(image='x', command=['a'], outputs={{'{}': 'file'}})",
    "approval": "approval(choices=['a', 'b'])",
}


@pytest.mark.parametrize("decorator", USES)
@pytest.mark.parametrize(
    ("name", "code"),
    [
        *((name, "FC321") for name in ("p", "LIMIT", "config")),
        *((name, "FC305") for name in ("input", "index", "next", "script_name")),
        ("mine", ""),
    ],
)
def test_what_a_decorator_sets(tmp_path: Path, decorator: str, name: str, code: str) -> None:
    targets = "self.end"
    if decorator == "approval":
        targets = f"{{'a': self.end, 'b': self.end}}, condition={name!r}"
    text = FLOW.format(decorator=USES[decorator].format(name), targets=targets)
    found = [item for item in diagnostics(tmp_path, text, flow_name="F") if item.severity == "error"]
    assert [item.code for item in found] == [code] * bool(code)
    if code:
        assert f"self.{name}" in found[0].message
        assert found[0].span is not None
        assert found[0].span.line == 24


@pytest.mark.parametrize(
    ("decorator", "message"),
    [
        ("approval", "`choices` of `@approval`: it has to be given"),
        ("approval(choices=['a'])", "`choices` of `@approval`: it needs at least 2, and has 1"),
        ("approval(choices=['a', 1])", "`choices` of `@approval`: 1 is not a text"),
        (
            "approval(choices=['a', 'b'], timeout=float('nan'))",
            "`timeout` of `@approval`: nan is not a finite number",
        ),
        ("approval(choices=['a', 'b'], timeout=-1)", "`timeout` of `@approval`: -1 is not more than 0"),
        (
            "concurrency('Warehouse')",
            "`name` of `@concurrency`: 'Warehouse' is not of its form: lowercase letters, digits and `-`, with a "
            "letter or a digit first and last",
        ),
        (
            "concurrency('a' * 51)",
            f"`name` of `@concurrency`: '{'a' * 51}' has more than 50 characters",
        ),
        ("wait_for('http://x', status=[])", "`status` of `@wait_for`: it needs at least 1, and has 0"),
        ("wait_for('/a', every=1e-9)", "`every` of `@wait_for`: 1e-09 is less than 0.1"),
        ("wait_for('/a\\0b')", "`url` of `@wait_for`: no name can have a NUL character in it"),
        (
            "wait_for('http://a b/')",
            "`url` of `@wait_for`: 'http://a b/' is not an address: it names no server: write "
            "'https://prices.example/ready'",
        ),
        (
            "wait_for('http://a:port/')",
            "`url` of `@wait_for`: 'http://a:port/' is not an address: Port could not be cast to integer value as "
            "'port'",
        ),
        (
            "kubernetes(sidecars=[{'name': 'X_y', 'image': 'i'}])",
            "`sidecars` of `@kubernetes`: 0.name: 'X_y' is not the name of a container",
        ),
        (
            "kubernetes(init_containers=[{'name': 'a', 'image': 'i'}], sidecars=[{'name': 'a', 'image': 'i'}])",
            "`@kubernetes` has two containers named `a`",
        ),
        (
            "kubernetes(sidecars=[{'name': 'a', 'image': 'i', 'restartPolicy': 'Never'}])",
            "the sidecar `a` of `@kubernetes` has a restartPolicy, and sidecars go on",
        ),
        ("retry(on=[])", "`on` of `@retry` names no kind of failures, which means all of them"),
        (
            "wait_for('/day={schedule:%F}/')",
            "`{schedule:%F}` in what `@wait_for` waits for stands for itself",
        ),
    ],
)
def test_what_is_wrong_is_said_once_and_in_words(tmp_path: Path, decorator: str, message: str) -> None:
    text = FLOW.format(decorator=decorator, targets="self.end")
    assert [item.message for item in diagnostics(tmp_path, text, flow_name="F")] == [message]


@pytest.mark.parametrize(
    "url", ["http://a/day={scheduled:%d %b}/ok ☃", "http://[::1]:80/x", "https://user@a.b:1/?x=y#z"]
)
def test_addresses_that_are_well(tmp_path: Path, url: str) -> None:
    text = FLOW.format(decorator=f"wait_for({url!r})", targets="self.end")
    assert diagnostics(tmp_path, text, flow_name="F") == ()
