"""Airflow 2.x: its stable API, v1, over HTTP itself; apache-airflow-client of release 3 does not speak it.

User and password go by basic authentication, which Airflow 2 takes where `[api] auth_backends` has
`airflow.api.auth.backend.basic_auth`; a token as `Authorization: Bearer`, as hosted Airflows take it.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from flowc_targets.airflow.server.answers import ROLES, TIMEOUTS, Denied, json_of, text_of
from flowc_targets.airflow.server.api import PAGE, library
from flowc_targets.airflow.server.connection import nobody
from flowc_targets.base.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_targets.airflow.server.answers import Json
    from flowc_targets.airflow.server.connection import Access

T = TypeVar("T")


class V1:
    """An Api."""

    def __init__(self, access: Access, pool: Any) -> None:
        self.access = access
        self._pool = pool
        self._timeout = library("urllib3").Timeout(connect=TIMEOUTS[0], read=TIMEOUTS[1])

    def dag(self, dag_id: str) -> Json:
        """A DAG with its params."""
        return self._json("GET", ("dags", dag_id, "details"))

    def dags(self, tag: str, offset: int) -> Json:
        """A page of the DAGs with a tag."""
        return self._json("GET", ("dags",), {"tags": tag, "limit": PAGE, "offset": offset})

    def source(self, dag: Json) -> str:
        """The text of the file that a DAG was read from."""
        return self._guarded(text_of, "GET", ("dagSources", str(dag["file_token"])), accept="text/plain")

    def reparse(self, dag: Json) -> None:
        """Have a DAG's file read again soon."""
        self._json("PUT", ("parseDagFile", str(dag["file_token"])))

    def import_errors(self) -> Json:
        """The latest files that could not be imported."""
        return self._json("GET", ("importErrors",), {"order_by": "-timestamp", "limit": PAGE})

    def pool(self, name: str) -> Json:
        """A pool."""
        return self._json("GET", ("pools", name))

    def trigger(self, dag_id: str, conf: Mapping[str, object]) -> Json:
        """Start a run."""
        return self._json("POST", ("dags", dag_id, "dagRuns"), body={"conf": dict(conf)})

    def run(self, dag_id: str, run_id: str) -> Json:
        """A run."""
        return self._json("GET", ("dags", dag_id, "dagRuns", run_id))

    def runs(self, dag_ids: list[str], limit: int) -> Json:
        """The latest runs of some DAGs."""
        body = {"dag_ids": dag_ids, "order_by": "-execution_date", "page_limit": limit}
        return self._json("POST", ("dags", "~", "dagRuns", "list"), body=body)

    def tasks(self, dag_id: str, run_id: str, offset: int) -> Json:
        """A page of a run's task instances."""
        place = ("dags", dag_id, "dagRuns", run_id, "taskInstances")
        return self._json("GET", place, {"limit": PAGE, "offset": offset})

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """What a task has returned."""
        place = ("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id, "xcomEntries", "return_value")
        return self._json("GET", place)

    def set_run(self, dag_id: str, run_id: str, state: str) -> Json:
        """Give a run a state."""
        return self._json("PATCH", ("dags", dag_id, "dagRuns", run_id), body={"state": state})

    def set_task(self, task: Json, state: str) -> None:
        """Give a task instance a state."""
        place = ("dags", str(task["dag_id"]), "dagRuns", str(task["dag_run_id"]), "taskInstances", str(task["task_id"]))
        index = task["map_index"]
        self._json("PATCH", (*place, str(index)) if index >= 0 else place, body={"dry_run": False, "new_state": state})

    def log(self, task: Json, attempt: int, token: str | None) -> Json:
        """A part of the log of an attempt, and the token of the next part."""
        place = ("dags", str(task["dag_id"]), "dagRuns", str(task["dag_run_id"]), "taskInstances", str(task["task_id"]))
        query = {"map_index": task["map_index"], "full_content": "true", **({"token": token} if token else {})}
        return self._json("GET", (*place, "logs", str(attempt)), query)

    def _json(
        self, method: str, path: tuple[str, ...], query: Mapping[str, object] | None = None, body: Json | None = None
    ) -> Json:
        return self._guarded(json_of, method, path, query, body)

    def _guarded(
        self,
        read: Callable[[str, Callable[[], Any]], T],
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, object] | None = None,
        body: Json | None = None,
        accept: str = "application/json",
    ) -> T:
        """The answer to one request."""
        url = f"{self.access.url}/api/v1/" + "/".join(quote(part, safe="~") for part in path)
        if query:
            url += "?" + urlencode(query)
        sent = {"json": body} if body is not None else {}
        headers = {"Accept": accept, **self._authorization()}
        if body is not None:
            headers["Content-Type"] = "application/json"

        def send() -> Any:
            return self._pool.request(method, url, headers=headers, timeout=self._timeout, **sent)

        try:
            return read(self.access.url, send)
        except Denied as denied:
            if not self.access.user and not self.access.token:
                raise nobody() from None
            what = "AIRFLOW_API_TOKEN is" if self.access.token else "--user and AIRFLOW_API_PASSWORD are"
            help_ = f"see that {what} right, that [api] auth_backends takes that, and the user's roles: {ROLES}"
            message = f"Airflow does not know who asks, or does not allow it: {denied}"
            raise EngineError.unusable(message, help_) from None

    def _authorization(self) -> dict[str, str]:
        access = self.access
        if access.token:
            return {"Authorization": f"Bearer {access.token}"}
        if not access.user:
            return {}
        pair = f"{access.user}:{access.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
