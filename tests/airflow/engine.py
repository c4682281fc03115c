"""Real Airflow, from the environments of `tests/airflow/setup`, headless."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowc import Run

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Airflow:
    """One Airflow, and an empty metadata database to copy."""

    environment: Path
    template: Path

    @classmethod
    def of_series(cls, series: str, template: Path) -> Airflow:
        """The Airflow of that series, with a fresh database in `template`; skips the test where it is not installed."""
        environment = HERE / f"env-{series}"
        if not (environment / "ready").exists():
            pytest.skip(f"tests/airflow/env-{series} is not there: run tests/airflow/setup {series}")
        airflow = cls(environment, template)
        airflow._command(template, template, "db", "migrate").check_returncode()
        return airflow

    def run(
        self, text: str, folder: Path, conf: str = "{}", beside: Sequence[Path] = ()
    ) -> subprocess.CompletedProcess[str]:
        """`airflow dags test` of one DAG file, with a database and a folder of its own: 0, or 1 for a failed run.

        Copies of other files are `beside` it.
        """
        home, dags = self.new_home(folder), folder / "dags"
        dags.mkdir()
        (dags / "flow.py").write_text(text)
        for file in beside:
            shutil.copy(file, dags)
        dag_id = text.split('dag_id="', 1)[1].split('"', 1)[0]
        return self._command(home, dags, "dags", "test", dag_id, "-c", conf)

    def new_home(self, folder: Path) -> Path:
        """An AIRFLOW_HOME in the folder, with a database of its own."""
        home = folder / "home"
        home.mkdir()
        shutil.copy(self.template / "airflow.db", home)
        return home

    def variables(self, home: Path, dags: Path) -> dict[str, str]:
        """The environment of a process of this Airflow, whose database is in `home`."""
        return {
            **os.environ,
            "PATH": f"{self.environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONWARNINGS": "ignore",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",  # what a DAG imports takes long on a busy machine
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
            # The steps run in the environment of these tests, so that both engines have the same libraries.
            "FLOWC_PYTHON": sys.executable,
        }

    def _command(self, home: Path, dags: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Airflow's handler of SIGTERM waits for its tasks: -k ends what is left.
        command = ["timeout", "-k", "5", "600", str(self.environment / "bin" / "airflow"), *arguments]
        return subprocess.run(command, env=self.variables(home, dags), capture_output=True, text=True, check=False)


def contents(run: Run) -> dict[str, dict[str, Any]]:
    """Task id to what it committed: equal references are equal values."""
    return {
        task.id: {
            "index": task.index,
            "attempt": task.attempt,
            **{name: task.manifest["artifacts"].get(name) for name in task.artifact_names},
        }
        for step in run
        for task in step
    }
