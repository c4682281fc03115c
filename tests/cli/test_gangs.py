"""Gangs by the command line: what is understood of them, and what targets say that do not emit them yet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import flowc, write_files

NESTED = """\
    from metaflow import FlowSpec, parallel, step

    class NestedGangs(FlowSpec):
        @step
        def start(self):
            self.items = [1, 2]
            self.next(self.each, foreach="items")

        @step
        def each(self):
            self.kind = "big" if self.input > 1 else "small"
            self.next({"big": self.open, "small": self.alone}, condition="kind")

        @step
        def open(self):
            self.nodes = 2
            self.next(self.train, num_parallel=self.nodes)

        @parallel
        @step
        def train(self):
            self.next(self.gather)

        @step
        def gather(self, inputs):
            self.next(self.leave)

        @step
        def alone(self):
            self.next(self.leave)

        @step
        def leave(self):
            self.next(self.pair, num_parallel=2)

        @step
        @parallel
        def pair(self):
            self.next(self.gather_pair)

        @step
        def gather_pair(self, inputs):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass
"""
LINES = [17, 34]
"""Where gangs are opened in it."""


def invoke(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command of flowc on the flow."""
    write_files(folder, {"flow.py": NESTED})
    done = flowc(folder, arguments[0], "flow.py", *arguments[1:])
    return done.returncode, done.stdout


def test_gangs_are_understood(tmp_path: Path) -> None:
    code, text = invoke(tmp_path, "ir")
    assert code == 0
    steps = {step["name"]: step for step in json.loads(text)["steps"]}
    assert (steps["open"]["kind"], steps["open"]["num_parallel"]) == ("parallel", None)
    assert (steps["leave"]["kind"], steps["leave"]["num_parallel"]) == ("parallel", 2)
    assert steps["train"]["specs"]["parallel"] is not None
    assert steps["gather"]["closes"] == "open"
    for kind in ("mermaid", "dot", "text"):
        assert invoke(tmp_path, "graph", "--format", kind)[0] == 0


@pytest.mark.parametrize(("target", "said"), [("argo", set[int]()), ("airflow", set(LINES))])
def test_targets_take_gangs_and_say_what_they_need(tmp_path: Path, target: str, said: set[int]) -> None:
    options = ["--target", target, "--root", "s3://bucket/prefix", "--format", "json", "-o", str(tmp_path / "made")]
    code, text = invoke(tmp_path, "compile", *options)
    assert code == 0
    found = json.loads(text)["diagnostics"]
    assert {(item["code"], item["severity"]) for item in found} <= {("FC503", "warning")}
    assert {item["span"]["line"] for item in found} == said
