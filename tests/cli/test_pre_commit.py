"""The hooks for pre-commit, by pre-commit itself."""

from __future__ import annotations

import os
import shlex
import shutil
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


CONFIG = """\
repos:
  - repo: {url}
    rev: {rev}
    hooks: [{{id: flowc-check}}, {{id: flowc-fix}}]
"""
INSTALLED = (
    ".pre-commit-hooks.yaml",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "docs",
    "compiler",
    "targets",
    "runtime",
)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True).stdout


def repository(folder: Path) -> str:
    """Make a repository of what is installed of this checkout, as it is now. Returns its revision."""
    for name in filter(None, git(ROOT, "ls-files", "-z", *INSTALLED).split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "flowc")
    return git(folder, "rev-parse", "HEAD").strip()


@pytest.mark.slow
@pytest.mark.process
def test_pre_commit_installs_and_runs_it(tmp_path: Path) -> None:
    """It clones the repository, installs it once for all hooks, and runs them on what is to be committed.

    `pre-commit try-repo` would install it anew for each run.
    """
    environment = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home")}
    folder = tmp_path / "project"

    def run(hook: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "run", hook, "--all-files"]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    files = project(folder, BROKEN)
    config = CONFIG.format(url=(tmp_path / "flowc").as_uri(), rev=repository(tmp_path / "flowc"))
    (folder / ".pre-commit-config.yaml").write_text(config)
    git(folder, "init", "-q")
    git(folder, "add", *files)
    failed = run("flowc-check")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "Installing environment" in failed.stderr + failed.stdout
    assert "error[FC201]" in failed.stdout
    fixed = run("flowc-fix")
    assert "files were modified by this hook" in fixed.stdout, fixed.stdout + fixed.stderr
    passed = run("flowc-check")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Installing environment" not in fixed.stdout + fixed.stderr + passed.stdout + passed.stderr
