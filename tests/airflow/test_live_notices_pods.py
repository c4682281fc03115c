"""Notifications and locks of pods that a live Airflow starts on the cluster."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.live import live_airflow
from tests.cluster.cluster import NAMESPACE, PYTHON_IMAGE, SECRET, Cluster, store_inside
from tests.cluster.listener import listening, most_at_a_time

pytestmark = [pytest.mark.live, pytest.mark.cluster]


@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_pods_share_a_pool_and_tell_how_they_end(series: str, root: str, tmp_path: Path) -> None:
    """The pod that tells has the secret from Kubernetes; no more items are at work than the pool has slots."""
    (tmp_path / "home").mkdir()
    inside = store_inside(os.environ.get("FLOWC_S3_INSIDE"))
    variables = [part for name, value in inside.items() for part in ("--env", f"{name}={value}")]
    reach = ["--set", f"config_file={os.environ['KUBECONFIG']}", "--set", "in_cluster=false"]
    pods = ["--image", PYTHON_IMAGE, "--namespace", NAMESPACE, "--env-from-secret", SECRET, *variables, *reach]
    with (
        listening(Cluster(f"told-{uuid.uuid4().hex[:8]}")) as listener,
        live_airflow(series, tmp_path / "home") as live,
    ):
        live.airflow("pools", "set", "flowc-told", "2", "a lock of flowc", "--include-deferred")
        options = ["--target", "airflow", "--root", root, *pods, "--dags-folder", str(live.dags), "--watch"]
        for ends in ("success", "error"):
            file = listener.flow(tmp_path)
            done = live.flowc("submit", str(file), *options, "--env", f"ENDS={ends}")
            assert done.returncode == (ends == "error"), done.stderr + live.said()
            run = Run(done.stdout.splitlines()[0], root=root)
            found = listener.told(run.id, seconds=180)
            assert found["event"] == ends
            assert found.get("exception") == ("ValueError: as asked" if ends == "error" else None)
            assert most_at_a_time(run["join"].task.data.spans) <= 2
