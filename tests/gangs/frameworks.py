"""The environment with PyTorch and Ray, which tests/gangs/setup makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ENVIRONMENT = Path(__file__).parent / "env"
PYTHON = str(_ENVIRONMENT / "bin" / "python")
"""The Python of tasks."""


def require_frameworks() -> None:
    """Skip the test where the environment has not been made."""
    if not (_ENVIRONMENT / "ready").exists():
        pytest.skip("tests/gangs/setup has not been run here")


def simulated(folder: Path, file: Path) -> str:
    """Compile a flow for Argo, and simulate that with tasks in the environment; returns what it prints."""
    compiled = folder / "compiled"
    root = f"file://{folder}/store"
    _flowc("compile", str(file), "--root", "s3://bucket/flows", "-o", str(compiled))
    return _flowc("simulate", str(compiled), "--python", PYTHON, "--root", root, "--output")


def _flowc(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "flowc_cli", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
