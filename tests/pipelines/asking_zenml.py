"""What ZenML itself says of files with pipelines, where tests/bench/setup has made its environment."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENVIRONMENT = REPOSITORY / "tests" / "bench" / "env-zenml"


def answers_of_zenml(folder: Path, files: Sequence[Path]) -> dict[str, Any]:
    """What came of the pipeline `main` of each file, by the file's name without `.py`: see `zenml_reading`."""
    if not (ENVIRONMENT / "ready").exists():
        pytest.skip("tests/bench/env-zenml is not there: run tests/bench/setup")
    own = {"ZENML_CONFIG_PATH": str(folder / "config"), "ZENML_ANALYTICS_OPT_IN": "false", "NO_COLOR": "1"}
    variables = {**os.environ, **own, "PYTHONPATH": str(REPOSITORY), "ZENML_LOGGING_VERBOSITY": "ERROR"}
    reading = ["python", "-m", "tests.pipelines.zenml_reading", "answers.json", *map(str, files)]
    for program, *arguments in (["zenml", "init"], reading):
        command = [str(ENVIRONMENT / "bin" / program), *arguments]
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    return answers
