"""DAGs as deployments, with an Airflow that answers as 2.11 does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.argoserver import Replay, replaying
from tests.conftest import REPOSITORY
from tests.support import flowc

Answer = tuple[int, object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dags folder with the DAG of an example."""
    dags = tmp_path / "dags"
    dags.mkdir()
    done = flowc(
        tmp_path, "compile", REPOSITORY / "examples" / "retry_once.py", "-t", "airflow", "-o", dags / "retry.py",
        "--root", "s3://bucket/flows",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dags


@pytest.fixture
def airflow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    dag: dict[str, Any] = {
        "dag_id": "RetryOnceFlow", "file_token": "token", "fileloc": "/opt/airflow/dags/retry.py",
        "timetable_summary": None, "is_paused": True,
    }  # fmt: skip
    answers: dict[str, Answer] = {
        "GET /api/v1/health": (200, {"metadatabase": {}}),
        "GET /api/v1/dags": (200, {"dags": [dag], "total_entries": 1}),
        "GET /api/v1/dags/RetryOnceFlow/details": (200, dag),
        "GET /api/v1/dagSources/token": (200, (folder / "retry.py").read_text()),
        "PATCH /api/v1/dags/RetryOnceFlow": (200, dag),
    }
    with replaying(answers) as replay:
        monkeypatch.setenv("AIRFLOW_API_URL", f"http://{replay.address}")
        for name in ("AIRFLOW_API_USER", "AIRFLOW_API_PASSWORD", "AIRFLOW_API_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield replay


def switched(airflow: Replay) -> list[Any]:
    """The requests that set the DAG's switch."""
    return [body for key, _, body in airflow.asked if key == "PATCH /api/v1/dags/RetryOnceFlow"]


def test_dags_are_listed(airflow: Replay, tmp_path: Path) -> None:
    done = flowc(tmp_path, "deployments", "-t", "airflow", AIRFLOW_API_URL=f"http://{airflow.address}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split() == ["RetryOnceFlow", "RetryOnceFlow", "DAG", "suspended"]


def test_a_dag_is_paused(airflow: Replay, tmp_path: Path) -> None:
    done = flowc(tmp_path, "suspend", "RetryOnceFlow", "-t", "airflow")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "DAG RetryOnceFlow suspended\n"
    assert flowc(tmp_path, "unsuspend", "RetryOnceFlow", "-t", "airflow").returncode == 0
    assert switched(airflow) == [{"is_paused": True}, {"is_paused": False}]


def test_a_file_that_cannot_be_removed_is_named(airflow: Replay, folder: Path, tmp_path: Path) -> None:
    done = flowc(tmp_path, "undeploy", "RetryOnceFlow", "-t", "airflow")
    assert done.returncode == 0, done.stderr
    assert "delete /opt/airflow/dags/retry.py, or say --dags-folder" in done.stderr
    assert (folder / "retry.py").exists()
    assert switched(airflow) == [{"is_paused": True}]


def test_a_file_is_removed_from_the_dags_folder(airflow: Replay, folder: Path, tmp_path: Path) -> None:
    del airflow
    (folder / "other.py").write_text("# another's\n")
    done = flowc(tmp_path, "undeploy", "RetryOnceFlow", "-t", "airflow", "--dags-folder", folder)
    assert done.returncode == 0, done.stderr
    assert not (folder / "retry.py").exists()
    assert (folder / "other.py").exists()
    done = flowc(tmp_path, "undeploy", "RetryOnceFlow", "-t", "airflow", "--dags-folder", folder)
    assert "is not the file of DAG RetryOnceFlow" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("undeploy", "Other"), "FC602", "Airflow has no DAG 'Other'"),
        (("suspend", "RetryOnceFlow/manual__2026"), "FC501", "airflow cannot suspend a run"),
        (("deploy", str(REPOSITORY / "examples" / "retry_once.py"), "--root", "s3://b/f"), "FC502", "no dags folder"),
    ],
)
def test_what_is_refused(airflow: Replay, tmp_path: Path, words: tuple[str, ...], code: str, said: str) -> None:
    del airflow
    done = flowc(tmp_path, *words, "-t", "airflow")
    assert done.returncode != 0
    assert f"error[{code}]" in done.stderr
    assert said in done.stderr
