"""What flowc requests from Airflow's two REST APIs, without a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flowc_targets.airflow.server.connection import Access
from flowc_targets.airflow.server.rest_api import Api, ApiV1, ApiV2

TASK = {"dag_id": "D/x", "dag_run_id": "r:1+2", "task_id": "t", "map_index": 3}
UNMAPPED = {**TASK, "map_index": -1}
RUN = "/dags/D/dagRuns/r%3A1%2B2"
INSTANCE = "/dags/D%2Fx/dagRuns/r%3A1%2B2/taskInstances/t"
WHOLE = {"include_downstream": False, "include_future": False, "include_past": False, "include_upstream": False}
REQUESTS: list[tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]] = [
    (("dag", "D/x"), ("GET", "/dags/D%2Fx/details"), ("GET", "/dags/D%2Fx/details")),
    (
        ("dags", "flowc", 100),
        ("GET", "/dags?tags=flowc&limit=100&offset=100"),
        ("GET", "/dags?limit=100&offset=100&tags=flowc"),
    ),
    (
        ("source", {"dag_id": "D/x", "file_token": "a.b/c"}),
        ("GET", "/dagSources/a.b%2Fc"),
        ("GET", "/dagSources/D%2Fx"),
    ),
    (("reparse", {"file_token": "a.b"}), ("PUT", "/parseDagFile/a.b"), ("PUT", "/parseDagFile/a.b")),
    (
        ("import_errors",),
        ("GET", "/importErrors?order_by=-timestamp&limit=100"),
        ("GET", "/importErrors?limit=100&order_by=-timestamp"),
    ),
    (("pool", "p q"), ("GET", "/pools/p%20q"), ("GET", "/pools/p%20q")),
    (
        ("trigger", "D", {"a": [1], "b": "{{ x }}"}),
        ("POST", "/dags/D/dagRuns", {"conf": {"a": [1], "b": "{{ x }}"}}),
        ("POST", "/dags/D/dagRuns", {"conf": {"a": [1], "b": "{{ x }}"}, "logical_date": None}),
    ),
    (("run", "D", "r:1+2"), ("GET", RUN), ("GET", RUN)),
    (
        ("runs", ["D", "E"], 7),
        ("POST", "/dags/~/dagRuns/list", {"dag_ids": ["D", "E"], "order_by": "-execution_date", "page_limit": 7}),
        (
            "POST",
            "/dags/~/dagRuns/list",
            {"dag_ids": ["D", "E"], "order_by": "-run_after", "page_limit": 7, "page_offset": 0},
        ),
    ),
    (
        ("tasks", "D", "r:1+2", 100),
        ("GET", f"{RUN}/taskInstances?limit=100&offset=100"),
        ("GET", f"{RUN}/taskInstances?limit=100&offset=100"),
    ),
    (
        ("xcom", "D", "r:1+2", "t-indices"),
        ("GET", f"{RUN}/taskInstances/t-indices/xcomEntries/return_value"),
        ("GET", f"{RUN}/taskInstances/t-indices/xcomEntries/return_value?map_index=-1"),
    ),
    (
        ("set_run", "D", "r:1+2", "failed"),
        ("PATCH", RUN, {"state": "failed"}),
        ("PATCH", RUN, {"state": "failed"}),
    ),
    (
        ("set_task", TASK, "failed"),
        ("PATCH", f"{INSTANCE}/3", {"dry_run": False, "new_state": "failed"}),
        ("PATCH", f"{INSTANCE}/3", {**WHOLE, "new_state": "failed"}),
    ),
    (
        ("set_task", UNMAPPED, "failed"),
        ("PATCH", INSTANCE, {"dry_run": False, "new_state": "failed"}),
        ("PATCH", INSTANCE, {**WHOLE, "new_state": "failed"}),
    ),
    (
        ("log", TASK, 2, None),
        ("GET", f"{INSTANCE}/logs/2?map_index=3&full_content=true"),
        ("GET", f"{INSTANCE}/logs/2?map_index=3"),
    ),
    (
        ("log", UNMAPPED, 1, "more"),
        ("GET", f"{INSTANCE}/logs/1?map_index=-1&token=more&full_content=true"),
        ("GET", f"{INSTANCE}/logs/1?map_index=-1&token=more"),
    ),
]
"""A method of an Api and its arguments, and then what v1 and v2 get: method, path, body."""
ANSWER = SimpleNamespace(status=200, data=b'{"content": "x"}')


class Pool:
    """As much of urllib3 as v1 uses."""

    def __init__(self) -> None:
        self.requests: list[tuple[Any, ...]] = []

    def request(self, method: str, url: str, **options: Any) -> SimpleNamespace:
        """Take down a request."""
        body = options.get("json")
        self.requests.append((method, url.removeprefix("http://host/api/v1"), *([] if body is None else [body])))
        return ANSWER


def call(api: Api, request: tuple[Any, ...]) -> None:
    getattr(api, request[0])(*request[1:])


@pytest.mark.parametrize(("request_", "v1", "v2"), REQUESTS, ids=lambda item: str(item[0]))
def test_requests(
    request_: tuple[Any, ...], v1: tuple[Any, ...], v2: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The method of each API, by the library's own models for v2."""
    pool = Pool()
    call(ApiV1(Access("http://host", "me", "secret"), pool), request_)
    assert pool.requests == [v1]
    rest = pytest.importorskip("airflow_client.client.rest")
    sent: list[tuple[Any, ...]] = []

    def request(_client: object, method: str, url: str, **options: Any) -> SimpleNamespace:
        body = options.get("body")
        sent.append((method, url.removeprefix("http://host/api/v2"), *([] if body is None else [body])))
        return SimpleNamespace(response=ANSWER)

    monkeypatch.setattr(rest.RESTClientObject, "request", request)
    call(ApiV2(Access("http://host", token="t"), Pool()), request_)
    assert sent == [v2]
