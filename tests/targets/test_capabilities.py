"""A target of somebody else's, of which the base checks what it can express: it declares that, and checks nothing."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import flowc

if TYPE_CHECKING:
    from pathlib import Path

TOY = """\
from dataclasses import dataclass

from flowc_targets.base.target import Capabilities, EmittedFile, TargetOptions


@dataclass(frozen=True, slots=True)
class ToyTarget:
    name: str = "toy"
    capabilities: Capabilities = Capabilities({capabilities})
    options_model: type[TargetOptions] = TargetOptions

    def emit(self, flow, source, options, sink):
        return (EmittedFile("toy.txt", " ".join(step.name for step in flow.steps) + "\\n"),)


TARGET = ToyTarget()
"""
ALL = 'frozenset({"linear", "branch", "foreach", "parallel", "switch", "join"})'
FLOW = """\
from flowc import FlowSpec, step


class Toy(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.outer, foreach="items")

    @step
    def outer(self):
        self.next(self.inner, foreach="items")

    @step
    def inner(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.meet)

    @step
    def b(self):
        self.next(self.meet)

    @step
    def meet(self, inputs):
        self.next(self.close)

    @step
    def close(self, inputs):
        self.next(self.merge)

    @step
    def merge(self, inputs):
        self.next(self.again)

    @step
    def again(self):
        self.more = "no"
        self.next({"yes": self.again, "no": self.end}, condition="more")

    @step
    def end(self):
        pass
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a flow, and a place for packages that Python finds."""
    packages = tmp_path / "packages"
    (packages / "toy-1.dist-info").mkdir(parents=True)
    (packages / "toy-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
    monkeypatch.setattr(sys, "path", [str(packages), *sys.path])
    (tmp_path / "flow.py").write_text(FLOW)
    return packages


def check(packages: Path, module: str, capabilities: str) -> tuple[int, str]:
    """What `flowc check --target toy` returns and says. A module is imported once, so each test has its own."""
    (packages / f"{module}.py").write_text(TOY.format(capabilities=capabilities))
    entry = f"[flowc.targets]\ntoy = {module}:TARGET\n"
    (packages / "toy-1.dist-info/entry_points.txt").write_text(entry)
    importlib.invalidate_caches()
    done = flowc(packages.parent, "check", "flow.py", "--target", "toy")
    return done.returncode, done.stdout + done.stderr


def test_a_flow_within_the_capabilities_is_emitted(installed: Path) -> None:
    code, output = check(installed, "toy_all", ALL)
    assert (code, output.count("FC501")) == (0, 0), output
    done = flowc(installed.parent, "compile", "flow.py", "--target", "toy", "--root", "s3://bucket")
    assert done.stdout == "start outer inner a b meet close merge again end\n"


EXCESS = {
    "kinds": ('frozenset({"linear", "foreach", "join", "switch"})', {16: "`inner` splits into branches"}),
    "depth": (f"{ALL}, max_foreach_depth=1", {12: "`outer` opens a foreach at depth 2, and the limit is 1"}),
    "branches": (f"{ALL}, branch_in_foreach=False", {16: "`inner` splits into branches within a foreach"}),
    "loops": (f"{ALL}, unbounded_loops=False", {41: "`again` leads to itself without a bound"}),
    "linear": ('frozenset({"linear"})', {8: "`start` opens a foreach", 27: "`meet` joins", 41: "`again` chooses"}),
}


@pytest.mark.parametrize("name", EXCESS)
def test_what_exceeds_the_capabilities_is_reported_at_its_line(installed: Path, name: str) -> None:
    capabilities, expected = EXCESS[name]
    code, output = check(installed, f"toy_{name}", capabilities)
    assert code == 2, output
    for line, text in expected.items():
        at = output.index(text)
        assert output.startswith("error[FC501]", output.rindex("error", 0, at))
        assert f"flow.py:{line}:" in output[at : at + 300], output
