"""The repositories of docs/ported-in-an-hour.md on Airflow, ported as it says: artifacts as the local engine's."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from flowc import Run
from tests.airflow.engine import Airflow
from tests.cluster.cluster import NAMESPACE, PYTHON_IMAGE, Cluster, run_locally, store_inside
from tests.cluster.cluster import SECRET as STORE_SECRET
from tests.cluster.compare import assert_same_artifacts
from tests.cluster.test_ported_repositories import REPOSITORIES, SECRET, portable
from tests.support import flowc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize("series", ["2.11", "3.3"])
@pytest.mark.parametrize("name", REPOSITORIES)
def test_the_ported_repository_runs_as_local_processes(
    name: str, series: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(tmp_path / "root")
    compiled_and_run(name, series, root, tmp_path, monkeypatch, "--set", "operator=local")


@pytest.mark.cluster
@pytest.mark.parametrize("series", ["2.11", "3.3"])
@pytest.mark.parametrize("name", REPOSITORIES)
def test_the_ported_repository_runs_in_pods(
    name: str, series: str, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cluster("").kubectl("apply", "-f", "-", text=json.dumps(SECRET))
    inside = store_inside(os.environ.get("FLOWC_S3_INSIDE"))
    options = [part for key, value in inside.items() for part in ("--env", f"{key}={value}")]
    options += ["--image", PYTHON_IMAGE, "--namespace", NAMESPACE, "--env-from-secret", STORE_SECRET]
    options += ["--set", f"config_file={os.environ['KUBECONFIG']}", "--set", "in_cluster=false"]
    printed = compiled_and_run(name, series, root, tmp_path, monkeypatch, *options)
    assert (" tracked\n" in printed) == (name == "churn")  # the Secret reaches the step


def compiled_and_run(
    name: str, series: str, root: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> str:
    """Compile and run a repository by the commands of the page; returns what Airflow prints."""
    (folder / "airflow").mkdir()
    airflow = Airflow.of_series(series, folder / "airflow")
    repository = portable(folder, name)
    monkeypatch.chdir(folder / name)
    file = folder / name / repository.file
    expected = run_locally(file, folder / "local", *repository.arguments)
    arguments = ["--target", "airflow", "--root", root, *options, *repository.arguments]
    compiled = flowc(folder / name, "compile", str(file), *arguments)
    assert compiled.returncode == 0, compiled.stderr
    result = airflow.run(compiled.stdout, folder)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    assert_same_artifacts(Run.latest(expected.parent.id, root=root), expected)
    return result.stdout + result.stderr
