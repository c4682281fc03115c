"""Airflow's API where it fails: what 2.11 has answered, in the order in which it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowc_targets.airflow.server import client as client_module
from flowc_targets.airflow.server import dags_folder as folder_module
from flowc_targets.airflow.server.client import AirflowClient
from flowc_targets.airflow.server.connection import Access
from flowc_targets.airflow.server.dags_folder import wait_for_dag
from flowc_targets.airflow.server.rest_api import open_api
from flowc_targets.base.engine import Address, EngineError
from tests.argoserver import Replay, replaying

Answer = tuple[int, object]
PAGE = '<!DOCTYPE html>\n<html lang="en"><h1> Ooops! </h1>\nSomething bad has happened.</html>'
FORBIDDEN: dict[str, object] = {
    "detail": None,
    "status": 403,
    "title": "Forbidden",
    "type": "https://airflow.apache.org/docs/...",
}
NO_TASKS: dict[str, object] = {"task_instances": [], "total_entries": 0}


class Turns(dict[str, Answer]):
    """Answers of which a request's first ones come once each, and its last one for ever."""

    def __init__(self, turns: dict[str, list[Answer]]) -> None:
        super().__init__()
        health: list[Answer] = [(200, {"metadatabase": {}})]
        self._turns = {"GET /api/v1/health": health, **turns}

    def get(self, key: str, default: object = None) -> Answer:
        left = self._turns.get(key) or [(404, {"title": "Not Found"})]
        return left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture(autouse=True)
def _in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(client_module, "RETRY_SECONDS", (0.01, 0.01, 0.01))
    monkeypatch.setattr(folder_module, "PAUSE_SECONDS", 0.01)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replay]:
    """An Airflow that fails now and then when it is asked about a run of DAG `D`."""
    run = {"dag_id": "D", "dag_run_id": "r", "state": "running"}
    ended = {**run, "state": "success"}
    turns: dict[str, list[Answer]] = {
        "GET /api/v1/dags/D/dagRuns/r": [(200, run), (500, PAGE), (503, PAGE), (200, ended)],
        "GET /api/v1/dags/D/dagRuns/r/taskInstances": [(200, NO_TASKS), (500, PAGE), (200, NO_TASKS)],
    }
    with replaying(Turns(turns)) as replay:
        monkeypatch.setenv("AIRFLOW_API_URL", f"http://{replay.address}")
        for name in ("AIRFLOW_API_USER", "AIRFLOW_API_PASSWORD", "AIRFLOW_API_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield replay


def test_a_new_dag_whose_code_airflow_has_not_yet(tmp_path: Path) -> None:
    """2.11 knows a DAG before it has its parts and its code, and fails when asked for them."""
    turns: dict[str, list[Answer]] = {
        "GET /api/v1/importErrors": [(200, {"import_errors": []})],
        "GET /api/v1/dags/D/details": [(404, {"title": "Not Found"}), (500, PAGE), (200, {"file_token": "token"})],
        "GET /api/v1/dagSources/token": [(500, PAGE), (200, "old"), (200, "new text")],
    }
    with replaying(Turns(turns)) as replay:
        api = open_api(Access(f"http://{replay.address}"))
        assert wait_for_dag(api, "D", "new text", tmp_path / "d.py", timeout=20) == {"file_token": "token"}


def test_a_run_that_is_waited_for_outlives_failures_of_the_server(failing: Replay) -> None:
    assert [state.phase for state in AirflowClient(Address(None, None, None)).follow("D/r")] == ["running", "succeeded"]


def test_a_server_that_goes_on_failing(failing: Replay) -> None:
    client = AirflowClient(Address(None, None, None))
    assert client.status("D/r").phase == "running"
    with pytest.raises(EngineError) as caught:
        client.status("D/r")
    assert caught.value.code == "FC610"
    assert caught.value.message.endswith("fails: 500"), "its page of errors is for browsers"


@pytest.mark.parametrize(
    ("access", "code", "help_"),
    [
        (Access("", "me", "wrong"), "FC610", "AIRFLOW_API_PASSWORD"),
        (Access("", token="wrong"), "FC610", "AIRFLOW_API_TOKEN"),
        (Access(""), "FC502", "AIRFLOW_API_PASSWORD"),
    ],
)
def test_airflow_2_takes_a_stranger_for_its_public(access: Access, code: str, help_: str) -> None:
    with replaying(Turns({"GET /api/v1/dags/D/details": [(403, FORBIDDEN)]})) as replay:
        api = open_api(Access(f"http://{replay.address}", access.user, access.password, access.token))
        with pytest.raises(EngineError) as caught:
            api.dag("D")
    assert caught.value.code == code
    assert help_ in caught.value.help
