"""`@retry`, checkpoints and items that may fail in Airflow's pods, on the cluster that KUBECONFIG names."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.engine import Airflow
from tests.airflow.test_pods import dag_text
from tests.cluster.cluster import PYTHON_IMAGE, Cluster

pytestmark = [pytest.mark.airflow, pytest.mark.cluster]
FLOWS = Path(__file__).parents[1] / "cluster" / "flows"


@pytest.fixture(scope="module", params=["3.3", "2.11"])
def airflow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Each Airflow that is installed."""
    return Airflow.of_series(request.param, tmp_path_factory.mktemp("airflow"))


def said(result: subprocess.CompletedProcess[str]) -> str:
    """The end of what Airflow has logged."""
    return result.stdout[-8000:] + result.stderr[-8000:]


def test_each_failure_has_its_attempts(airflow: Airflow, root: str, tmp_path: Path) -> None:
    result = airflow.run(dag_text(FLOWS / "retries.py", root, PYTHON_IMAGE), tmp_path)
    assert result.returncode != 0, said(result)
    run = Run.latest("RetriesFlow", root=root)
    assert run["join"].task.data.tries == [1, 1, 0], said(result)
    assert "enough" in str(run["end"].task.exception)
    assert run["end"].task.current_attempt == 1


def test_a_loop_that_is_killed_and_one_that_is_told(airflow: Airflow, root: str, tmp_path: Path) -> None:
    cluster, over = Cluster(root), threading.Event()

    def drain() -> None:
        """Delete the pod that waits for it, once its code has begun."""
        while not over.wait(1):
            pods = json.loads(cluster.kubectl("get", "pods", "-o", "json"))["items"]
            found = [
                pod for pod in pods if "drained" in pod["metadata"]["name"] and pod["status"]["phase"] == "Running"
            ]
            if found:
                time.sleep(8)
                cluster.kubectl("delete", "pod", found[0]["metadata"]["name"], "--wait=false", "--ignore-not-found")
                return

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        result = airflow.run(dag_text(FLOWS / "epochs.py", root, PYTHON_IMAGE), tmp_path)
    finally:
        over.set()
        thread.join()
    assert result.returncode == 0, said(result)
    data = Run.latest("EpochsFlow", root=root)["end"].task.data
    assert data.said.startswith("signal 15")
    assert [epoch for epoch, _ in data.epochs] == list(range(12))
    assert data.epochs[-1] == [11, 5]


def test_a_share_of_the_items_fails(airflow: Airflow, root: str, tmp_path: Path) -> None:
    result = airflow.run(dag_text(FLOWS / "failed_items.py", root, PYTHON_IMAGE), tmp_path)
    assert result.returncode == 0, said(result)
    data = Run.latest("FailedItemsFlow", root=root)["end"].task.data
    assert data.good == [0, 3]
    assert data.bad == [[1, "first", "ValueError"], [2, "first", "TaskKilled"]]
