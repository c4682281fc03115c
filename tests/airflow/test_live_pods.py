"""Pods that a live Airflow starts on the cluster: the members of a gang, which `airflow dags test` runs one by one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.live import live_airflow
from tests.cluster.cluster import NAMESPACE, PYTHON_IMAGE, SECRET, run_locally, store_inside
from tests.cluster.compare import assert_same_artifacts
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.live, pytest.mark.cluster]


@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_members_of_a_gang_find_each_other(series: str, root: str, tmp_path: Path) -> None:
    """Submitted to each Airflow that is installed; the members add up over TCP, from pod to pod."""
    file = REPOSITORY / "examples" / "parallel_sum.py"
    expected = run_locally(file, tmp_path / "local")
    (tmp_path / "home").mkdir()
    inside = store_inside(os.environ.get("FLOWC_S3_INSIDE"))
    variables = [part for name, value in inside.items() for part in ("--env", f"{name}={value}")]
    reach = ["--set", f"config_file={os.environ['KUBECONFIG']}", "--set", "in_cluster=false"]
    pods = ["--image", PYTHON_IMAGE, "--namespace", NAMESPACE, "--env-from-secret", SECRET, *variables, *reach]
    with live_airflow(series, tmp_path / "home") as live:
        folder = ["--dags-folder", str(live.dags)]
        done = live.flowc("submit", str(file), "--target", "airflow", "--root", root, *pods, *folder, "--watch")
        assert done.returncode == 0, done.stderr + live.said()
    run = Run(done.stdout.splitlines()[0], root=root)
    assert_same_artifacts(expected, run)
