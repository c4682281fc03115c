"""The `flowc` command in the tests' own process: what a user would type, without a new Python for each.

Whole processes, with their signals and pipes, are tested in tests/cli/test_running.py and tests/cli/test_script.py.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from flowc_cli.app import app

if TYPE_CHECKING:
    from pathlib import Path


def flowc(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, without what this process's environment says to flowc."""
    own = {name: None for name in os.environ if name.startswith(("FLOWC_", "METAFLOW_"))}
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, arguments, env={**own, **variables}, prog_name="flowc", catch_exceptions=False)
    return subprocess.CompletedProcess(["flowc", *arguments], done.exit_code, done.stdout, done.stderr)
