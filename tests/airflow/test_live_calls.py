"""A flow that calls a deployed one, on whole Airflows: the other DAG runs, and the caller has what it returns."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Flow
from tests.airflow.live import Live
from tests.airflow.test_live import run_of
from tests.local.test_calls_between_front_ends import DEPLOYED, DEPLOYED_REPORT
from tests.local.test_deployed_calls import CALLER, SCORES, TRAINING
from tests.support import write_files

pytestmark = pytest.mark.live


def test_a_deployed_flow_is_called(live: Live, tmp_path: Path) -> None:
    write_files(tmp_path, {"training.py": TRAINING, "nightly.py": CALLER})
    where = ("--root", str(live.root), "--dags-folder", str(live.dags))
    file = str(tmp_path / "training.py")
    deployed = live.flowc("deploy", file, "--target", "airflow", "--operator", "local", *where)
    assert deployed.returncode == 0, deployed.stderr
    done = live.submit(tmp_path / "nightly.py", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr + live.said()
    data = run_of(live, done).data
    assert (data.scores, data.sizes, data.best) == (SCORES, [30_000, 60_000], (3 * 0.1, []))
    assert [run.successful for run in Flow("Train", root=str(live.root))] == [True] * 3


def test_a_pipeline_calls_deployed_flows(live: Live, tmp_path: Path) -> None:
    file, root = tmp_path / "deployed.py", str(live.root)
    write_files(tmp_path, {"deployed.py": DEPLOYED})
    where = ("--target", "airflow", "--operator", "local", "--root", root, "--dags-folder", str(live.dags))
    for flow in ("Squares", "add_all"):
        deployed = live.flowc("deploy", str(file), "--flow", flow, *where)
        assert deployed.returncode == 0, deployed.stderr
    done = live.submit(file, "--flow", "calls_deployed", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr + live.said()
    assert run_of(live, done)["report"].task.data.output == DEPLOYED_REPORT
    assert [len(list(Flow(flow, root=root))) for flow in ("Squares", "add_all")] == [2, 1]
