"""Decorators that follow runs: what they are where their package is installed, and nothing where it isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import diagnostics, flowc_process, write_files

FLOW = """\
from metaflow import FlowSpec, step
from wandb.integration.metaflow import wandb_log


@wandb_log(datasets=True)
class TrackedFlow(FlowSpec):
    @wandb_log
    @step
    def start(self):
        print("RESULT", "ran")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TrackedFlow()
"""
PACKAGE = {
    "site/wandb/__init__.py": "",
    "site/wandb/integration/__init__.py": "",
    "site/wandb/integration/metaflow.py": """
        from functools import wraps

        def wandb_log(target=None, **options):
            if target is None:
                return wandb_log
            if isinstance(target, type):
                return target
            @wraps(target)
            def logged(flow):
                print("RESULT", "tracked", target.__name__)
                target(flow)
            return logged
    """,
}


@pytest.mark.process
@pytest.mark.parametrize("is_there", [True, False])
def test_it_runs_where_its_package_is(is_there: bool, tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW, **(PACKAGE if is_there else {})})
    done = flowc_process(tmp_path, "run", "flow.py", "--root", tmp_path / "store", PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "RESULT ran" in said
    assert ("RESULT tracked start" in said) is is_there
    assert ("wandb is not installed here: @wandb_log does nothing" in said) is not is_there


@pytest.mark.process
def test_pods_run_it_likewise(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW})
    store = tmp_path / "store"
    compiled = flowc_process(tmp_path, "compile", "flow.py", "--root", store, "-o", "manifest.yaml")
    assert compiled.returncode == 0, compiled.stderr
    done = flowc_process(tmp_path, "simulate", "manifest.yaml", "--root", store, "--show-output")
    assert done.returncode == 0, done.stderr
    assert "RESULT ran" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("above", "warned"),
    [("", 2), ('@pypi_base(packages={"wandb": "0.17"})\n', 0), ("@kubernetes(image='team/ml')\n", 0)],
)
def test_a_warning_says_so_unless_the_file_says_where_it_is_from(above: str, warned: int, tmp_path: Path) -> None:
    text = FLOW.replace("import FlowSpec, step", "import FlowSpec, kubernetes, pypi_base, step")
    at = "@wandb_log(" if "base" in above else "    @wandb_log\n"
    text = text.replace(at, f"{'' if 'base' in above else '    '}{above}{at}" if above else at)
    found = diagnostics(tmp_path, text)
    assert [item.code for item in found] == ["FC409"] * warned
