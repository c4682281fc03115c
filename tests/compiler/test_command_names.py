"""`Runner`, `Deployer` and their like in a flow's own file: what a task certainly uses is a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.syntax.unserved_names import unserved_names
from tests.support import diagnostics, flowc, flowc_process

FLOW = """\
from {package} import FlowSpec, step
{top}


def launch():
    {function}


class F(FlowSpec):
    @step
    def start(self):
        {start}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    {main}
"""
IMPORT = "from {package} import Runner, Deployer, NBRunner, NBDeployer, DeployedFlow"
USE = "Runner('x.py')"
IMPORT_AND_USE = "from {package} import Runner; Runner('x.py')"
PLACES: dict[str, tuple[dict[str, str], bool]] = {
    "imported": ({}, False),
    "annotated": ({"top": f"{IMPORT}\ndef get(runner: Runner = None) -> Deployer: pass"}, False),
    "function": ({"function": USE}, False),
    "main": ({"main": f"F() if len('x') else {USE}.run()"}, False),
    "main_alone": ({"main": "with Runner(__file__).run() as running:\n        print(running.run)"}, False),
    "main_import": ({"top": "", "main": IMPORT_AND_USE}, False),
    "in_a_function": ({"top": "", "function": IMPORT_AND_USE}, False),
    "reached": ({"function": USE, "start": "launch()"}, False),
    "step": ({"start": USE}, True),
    "in_a_step": ({"top": "", "start": IMPORT_AND_USE}, True),
    "top": ({"top": f"{IMPORT}\nRUNNER = {USE}"}, True),
    "base": ({"top": f"{IMPORT}\nclass Mine(Deployer): pass"}, True),
    "attribute": ({"top": "import {package} as mf", "start": "mf.Runner('x.py')"}, True),
}
"""By name: what stands where, and whether it is reported."""


def flow_text(package: str, places: dict[str, str]) -> str:
    """A flow with these statements at its places."""
    default = {"top": IMPORT, "function": "pass", "start": "pass", "main": "F()"}
    filled = {place: text.replace("{package}", package) for place, text in (default | places).items()}
    return FLOW.format(package=package, **filled)


@pytest.mark.parametrize("package", ["flowc", "metaflow"])
@pytest.mark.parametrize("name", PLACES)
def test_what_is_reported(name: str, package: str, tmp_path: Path) -> None:
    places, reported = PLACES[name]
    text = flow_text(package, places)
    found = [(item.code, item.severity) for item in diagnostics(tmp_path, text)]
    assert found == ([("FC106", "warning")] if reported else [])
    assert not unserved_names([text])


@pytest.mark.process
@pytest.mark.parametrize("package", ["flowc", "metaflow"])
def test_a_task_has_them_where_flowc_is_installed(package: str, tmp_path: Path) -> None:
    """`flowc run` has it; a pod with the shim alone gets a placeholder, and fails where it uses that."""
    code = "print('file', Runner('x.py').flow_file)"
    (tmp_path / "flow.py").write_text(flow_text(package, {"function": code, "start": "launch()"}))
    (tmp_path / "x.py").touch()  # without it, a Runner cannot be made
    done = flowc_process(tmp_path, "run", "flow.py", "--root", "store")
    assert done.returncode == 0, done.stderr
    assert "/x.py" in done.stdout + done.stderr
    compiled = flowc(tmp_path, "compile", "flow.py", "--root", "file:///store", "-o", "flow.yaml")
    assert compiled.returncode == 0, compiled.stderr
    pods = flowc_process(tmp_path, "simulate", "flow.yaml")
    assert pods.returncode == 1
    assert f"NotServedError: {package}.Runner starts the `flowc` command" in pods.stdout + pods.stderr
