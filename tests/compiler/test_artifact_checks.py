"""Attributes that no later step will have: what is reported at the line, and what is not."""

from __future__ import annotations

import concurrent.futures
import queue
import socket
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowc.errors import UnpicklableArtifact
from flowc.store import codec
from flowc_compiler.frontend.classflow.artifact_checks import UNPICKLABLE
from tests.support import diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable

FLOW = """
import collections, functools, threading
import json as js
from threading import Lock as Mutex
from metaflow import Config, FlowSpec, Parameter, step

def helper():
    return 1

def numbers():
    yield 1

@functools.lru_cache
def cached():
    return 1

twice = 1
def twice():
    return 2

class Kind:
    pass

class F(FlowSpec):
    {member}

    def method(self):
        return 1

    @property
    def prop(self):
        return 1

    @step
    def start(self):
        {body}
        self.items = [1]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def found(folder: Path, body: str = "pass", member: str = "pass") -> list[str]:
    """The severity and the code of each diagnostic, at the line of the body or the member."""
    text = FLOW.replace("{body}", body.replace("\n", "\n        ")).replace("{member}", member)
    found = diagnostics(folder, text)
    shown = [f"{item.severity} {item.code}" for item in found]
    lines = text.splitlines()
    for item in found:
        assert item.span is not None
        assert lines[item.span.line - 1].strip() in (*body.splitlines(), *member.splitlines())
    return shown


@pytest.mark.parametrize(
    "body",
    [
        "self.f = lambda: 1",
        "self.f = helper",
        "self.f = self.method",
        "self.f = self.work",
        "def inner(): pass\nself.f = inner",
        "self.a, self.f = 1, lambda: 1",
        "self.f: object = helper",
        "setattr(self, 'f', lambda: 1)",
        "self.f = self.g = lambda: 1",
    ],
)
def test_functions_are_dropped(tmp_path: Path, body: str) -> None:
    assert set(found(tmp_path, body)) == {"warning FC316"}


@pytest.mark.parametrize(
    "value",
    [
        "(i for i in [1])", "numbers()", "[lambda: 1]", "{'a': (1, lambda: 1)}", "collections.defaultdict(lambda: 0)",
        "functools.partial(lambda x: x, 1)", "open('x')", "threading.Lock()", "Mutex()", "js", "threading",
    ],
)  # fmt: skip
def test_what_cannot_be_pickled(tmp_path: Path, value: str) -> None:
    assert found(tmp_path, f"self.f = {value}") == ["warning FC316"]


@pytest.mark.parametrize("value", ["Inner", "Inner()", "[Inner()]"])
def test_classes_within_a_step(tmp_path: Path, value: str) -> None:
    assert found(tmp_path, f"class Inner: pass\nself.f = {value}") == ["warning FC316"]


@pytest.mark.parametrize(
    "body",
    [
        "self.f = len",
        "self.f = Kind",
        "self.f = Kind()",
        "self.f = cached",
        "self.f = twice",
        "self.f = helper()",
        "self.f = lambda: 1\ndel self.f",
        "self.f = open('x')\nself.f = 1",
        "self.f = open('x')\ndelattr(self, 'f')",
        "helper = 1\nself.f = helper",
        "f = lambda: 1",
        "other = Kind()\nother.f = lambda: 1\nother.input = 3",
        "self.f = functools.partial(helper)",
        "self.f = [i for i in [1]]",
        "self.f = sorted([1], key=lambda i: i)",
        "self.f = list(numbers())",
        "self.name = 'x'",
        "self.cmd = 'x'",
        "self.f = self.prop",
    ],
)
def test_nothing_is_reported_where_all_is_well(tmp_path: Path, body: str) -> None:
    assert found(tmp_path, body) == []


def test_the_iterator_of_a_foreach_is_stored_as_a_list(tmp_path: Path) -> None:
    text = FLOW.replace("self.items = [1]", "self.items = (i for i in [1])").replace("{body}", "pass")
    assert diagnostics(tmp_path, text.replace("{member}", "pass")) == ()


@pytest.mark.parametrize(
    ("body", "severity"),
    [
        ("self.input = 3", "error"),
        ("self.index = 3", "error"),
        ("self.script_name = 3", "error"),
        ("self.next = 3", "error"),
        ("setattr(self, 'input', 3)", "error"),
        ("for self.index in [1]: pass", "error"),
        ("self.foreach_stack = 3", "warning"),
        ("self.merge_artifacts = 3", "warning"),
        ("self.work = 3", "warning"),
        ("self.start = 3", "warning"),
        ("self.method = 3", "warning"),
        ("self.method += 3", "warning"),
    ],
)
def test_names_that_are_taken(tmp_path: Path, body: str, severity: str) -> None:
    assert found(tmp_path, body) == [f"{severity} FC305"]


@pytest.mark.parametrize("name", ["input", "index", "next", "foreach_stack", "merge_artifacts"])
@pytest.mark.parametrize("kind", ["Parameter", "Config"])
def test_parameters_that_hide_what_a_flow_has(tmp_path: Path, name: str, kind: str) -> None:
    default = "default='x'" if kind == "Parameter" else "default_value={}"
    assert found(tmp_path, member=f"{name} = {kind}('option', {default})") == ["error FC305"]


def test_a_parameter_may_be_called_like_that_on_the_command_line(tmp_path: Path) -> None:
    assert found(tmp_path, member="source = Parameter('input', default='x')") == []


def test_constants_and_methods_that_hide_what_a_flow_has(tmp_path: Path) -> None:
    assert found(tmp_path, member="input = 3") == ["warning FC305"]
    assert found(tmp_path, member="next = 3") == ["error FC305"]
    assert found(tmp_path, member="def index(self): return 3") == ["warning FC305"]
    assert found(tmp_path, member="def next(self, *targets, **more): super().next(*targets, **more)") == []


def _process() -> Any:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process


MAKE: dict[str, Callable[[], Any]] = {
    "open": lambda: Path(__file__).open(encoding="utf-8"),  # noqa: SIM115
    "queue.Queue": queue.Queue,
    "socket.socket": socket.socket,
    "sqlite3.connect": lambda: sqlite3.connect(":memory:"),
    "subprocess.Popen": _process,
    "concurrent.futures.ThreadPoolExecutor": concurrent.futures.ThreadPoolExecutor,
    "concurrent.futures.ProcessPoolExecutor": concurrent.futures.ProcessPoolExecutor,
    "threading.Barrier": lambda: threading.Barrier(2),
}


@pytest.mark.process
@pytest.mark.parametrize("name", UNPICKLABLE)
def test_these_cannot_be_pickled(name: str) -> None:
    make = MAKE[name] if name in MAKE else getattr(threading, name.rpartition(".")[2])
    made = make()
    with pytest.raises(UnpicklableArtifact):
        codec.encode(made, "it")
    getattr(made, "close", lambda: None)()


@pytest.mark.parametrize(
    ("code", "is_reported"),
    [
        ("if False and self.zz: pass", False),
        ("if self.k and not True: print(self.zz)", False),
        ("if DEBUG: print(self.zz)", False),
        ("y = self.zz if DEBUG or 1 == 2 else 3", False),
        ("y = not DEBUG or self.zz", False),
        ("while DEBUG: print(self.zz)", False),
        ("if not DEBUG: print(self.zz)", True),
        ("y = DEBUG or self.zz", True),
        ("y = self.k and True and self.zz", True),
        ("if DEBUG: self.zz = 1\n        print(self.zz)", False),
    ],
)
def test_what_never_runs_reads_nothing(tmp_path: Path, code: str, is_reported: bool) -> None:
    text = f"""
from flowc import FlowSpec, step

DEBUG = False

class F(FlowSpec):
    @step
    def start(self):
        self.k = 1
        {code}
        self.next(self.end)

    @step
    def end(self):
        pass
"""
    assert [each.code for each in diagnostics(tmp_path, text)] == ["FC317"] * is_reported
