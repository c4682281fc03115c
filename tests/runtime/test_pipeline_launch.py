"""Calling a pipeline: in a script, in another program, where there is the shim only, and while a task imports it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from flowc.client import Run
from flowc_compiler.driver import compile_file
from flowc_targets.package.code_package import build_package
from tests.runtime.shim import runtime_folder
from tests.runtime.test_pythons import interpreter

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

SOURCE = """
    from flowc import pipeline, step

    @step
    def work(x: int) -> int:
        if x > 5:
            raise ValueError("too many")
        return x

    @pipeline
    def small(n: int = 1) -> None:
        work(n)

    if __name__ == "__main__":
        run = small(n=3)
        print(run.status, run.steps["work"].output.load())
        small(6)
        print("not reached")
"""
PROGRAM = """
    import small_flow
    from flowc.pipeline_calls import PipelineRunFailed

    print(small_flow.small().steps["work"].output.load())
    try:
        small_flow.small(n=7)
    except PipelineRunFailed as error:
        print(error)
    try:
        small_flow.small(7, m=1)
    except TypeError as error:
        print(error)
"""


def _run(folder: Path, source: str, python: str = sys.executable, **env: str) -> subprocess.CompletedProcess[str]:
    (folder / "small_flow.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    program = folder / ("small_flow.py" if source == SOURCE else "program.py")
    program.write_text(textwrap.dedent(source), encoding="utf-8")
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "USER": "ada", **env}
    return subprocess.run(
        [python, str(program)], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_a_script_runs_its_pipeline_and_ends_when_that_fails(tmp_path: Path) -> None:
    done = _run(tmp_path, SOURCE)
    assert done.returncode == 1, done.stderr
    assert "completed 3\n" in done.stdout
    assert "not reached" not in done.stdout
    assert "too many" in done.stderr
    assert "launch.py" not in done.stderr, "no traceback of flowc's"


def test_another_program_gets_an_exception(tmp_path: Path) -> None:
    done = _run(tmp_path, PROGRAM)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "1"
    assert lines[1].startswith("the run of small has failed (small/")
    assert "unexpected keyword argument 'm'" in lines[2]


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_a_container_has_the_shim_only(tmp_path: Path, version: str) -> None:
    done = _run(tmp_path, SOURCE, interpreter(version), PYTHONPATH=runtime_folder())
    assert done.returncode == 2
    assert "this Python has what flows are written with, but not the flowc command" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_code_package_runs_a_pipelines_task(tmp_path: Path) -> None:
    """A container's Python, without packages: calling the pipeline at the end of the file does nothing there."""
    file = tmp_path / "small_flow.py"
    file.write_text(textwrap.dedent(SOURCE).partition("if __name__")[0] + "small(n=3)\n", encoding="utf-8")
    compilation = compile_file(file)
    package = tmp_path / "elsewhere" / "flow.pyz"
    package.parent.mkdir()
    package.write_bytes(build_package(compilation.flow, compilation.source))
    root = tmp_path / "packaged"
    env = {"FLOWC_ROOT": f"file://{root}", "FLOWC_RUN_ID": "r", "PATH": os.environ["PATH"]}
    for step in [step.name for step in compilation.flow.steps if not step.virtual]:
        command = [interpreter("3.9"), "-S", str(package), "task", "--step", step, "--index", "-"]
        subprocess.run(command, env=env, cwd=package.parent, check=True)
    assert Run("small/r", root=str(root))["work"].task.data.output == 3


@pytest.mark.parametrize(
    ("arguments", "where"),
    [(["-"], "was read from the standard input"), (["-c", SOURCE], "is the text of `python -c`")],
)
def test_a_pipeline_that_is_in_no_file(tmp_path: Path, arguments: list[str], where: str) -> None:
    command = [sys.executable, *map(textwrap.dedent, arguments)]
    source = textwrap.dedent(SOURCE)
    done = subprocess.run(command, cwd=tmp_path, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"flowc: pipeline small {where}")
    assert "save it as a file such as small.py, and run `python small.py`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "not reached" not in done.stdout
