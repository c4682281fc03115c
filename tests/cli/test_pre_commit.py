"""The hooks for pre-commit, by pre-commit itself."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowc_cli.batch import check_batch
from tests.support import START_AND_END, flowc, write_files

ROOT = Path(__file__).parents[2]
GOOD = f"from flowc import FlowSpec, step\n\n\nclass Good(FlowSpec):{START_AND_END}"
BROKEN = GOOD.replace("self.next(self.end)", "self.next(self.ende)")


def hooks() -> list[dict[str, Any]]:
    return list(yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()))


def project(folder: Path, flow: str) -> list[str]:
    write_files(folder, {"flow.py": flow, "helpers.py": "import os\n", "setup.py": "print(1)\n"})
    return ["flow.py", "helpers.py", "setup.py"]


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: processes are tested where they are marked."""
    monkeypatch.setattr(check_batch, "SOON", 1e9)


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: str(hook["id"]))
def test_the_command_of_a_hook_takes_any_files(tmp_path: Path, hook: dict[str, Any]) -> None:
    command, *arguments = shlex.split(hook["entry"])
    assert command == "flowc"
    assert flowc(tmp_path, *arguments, *project(tmp_path, GOOD)).returncode == 0
    done = flowc(tmp_path, *arguments, *project(tmp_path, BROKEN))
    fixes = hook["id"] == "flowc-fix"
    assert done.returncode == (0 if fixes else 2)
    assert (tmp_path / "flow.py").read_text() == (GOOD if fixes else BROKEN)


@pytest.mark.slow
@pytest.mark.process
def test_pre_commit_installs_and_runs_it(tmp_path: Path) -> None:
    """It clones this repository, installs it from there, and runs the hook on what is to be committed."""
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home")}

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=tmp_path / "project",
            env=environment,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )

    files = project(tmp_path / "project", BROKEN)
    run("git", "init", "-q")
    run("git", "add", *files)
    pre_commit = [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT)]
    failed = run(*pre_commit, "flowc-check", "--all-files")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "error[FC201]" in failed.stdout
    fixed = run(*pre_commit, "flowc-fix", "--all-files")
    assert "files were modified by this hook" in fixed.stdout
    passed = run(*pre_commit, "flowc-check", "--all-files")
    assert passed.returncode == 0, passed.stdout + passed.stderr
