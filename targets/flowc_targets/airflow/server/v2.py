"""Airflow 3.x: its API v2 by the methods of apache-airflow-client, and a token of its login.

The library's models are those of one release, so that answers are taken as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowc_targets.airflow.server.answers import TIMEOUTS, Denied, json_of
from flowc_targets.airflow.server.api import PAGE, library
from flowc_targets.airflow.server.connection import nobody
from flowc_targets.base.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_targets.airflow.server.answers import Json
    from flowc_targets.airflow.server.connection import Access


class V2:
    """An Api."""

    def __init__(self, access: Access, pool: Any) -> None:
        self.access = access
        self._pool = pool
        self._library = library("airflow_client.client")
        settings = self._library.Configuration(host=access.url, access_token=access.token or self._login())
        settings.retries = False
        self._settings = settings
        self._client = self._library.ApiClient(settings)

    def dag(self, dag_id: str) -> Json:
        """A DAG with its params."""
        return self._json("DAGApi", "get_dag_details", dag_id=dag_id)

    def dags(self, tag: str, offset: int) -> Json:
        """A page of the DAGs with a tag."""
        return self._json("DAGApi", "get_dags", tags=[tag], limit=PAGE, offset=offset)

    def source(self, dag: Json) -> str:
        """The text of the file that a DAG was read from."""
        found = self._json("DagSourceApi", "get_dag_source", dag_id=dag["dag_id"], accept="application/json")
        return str(found.get("content", ""))

    def reparse(self, dag: Json) -> None:
        """Have a DAG's file read again soon."""
        self._json("DagParsingApi", "reparse_dag_file", file_token=dag["file_token"])

    def import_errors(self) -> Json:
        """The latest files that could not be imported."""
        return self._json("ImportErrorApi", "get_import_errors", order_by=["-timestamp"], limit=PAGE)

    def pool(self, name: str) -> Json:
        """A pool."""
        return self._json("PoolApi", "get_pool", pool_name=name)

    def trigger(self, dag_id: str, conf: Mapping[str, object]) -> Json:
        """Start a run."""
        body = self._library.TriggerDAGRunPostBody(logical_date=None, conf=dict(conf))
        return self._json("DagRunApi", "trigger_dag_run", dag_id=dag_id, trigger_dag_run_post_body=body)

    def run(self, dag_id: str, run_id: str) -> Json:
        """A run."""
        return self._json("DagRunApi", "get_dag_run", dag_id=dag_id, dag_run_id=run_id)

    def runs(self, dag_ids: list[str], limit: int) -> Json:
        """The latest runs of some DAGs."""
        body = self._library.DAGRunsBatchBody(dag_ids=dag_ids, order_by="-run_after", page_limit=limit)
        return self._json("DagRunApi", "get_list_dag_runs_batch", dag_id="~", dag_runs_batch_body=body)

    def tasks(self, dag_id: str, run_id: str, offset: int) -> Json:
        """A page of a run's task instances."""
        where = {"dag_id": dag_id, "dag_run_id": run_id}
        return self._json("TaskInstanceApi", "get_task_instances", **where, limit=PAGE, offset=offset)

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """What a task has returned."""
        where = {"dag_id": dag_id, "dag_run_id": run_id, "task_id": task_id, "xcom_key": "return_value"}
        return self._json("XComApi", "get_xcom_entry", **where, map_index=-1)

    def set_run(self, dag_id: str, run_id: str, state: str) -> Json:
        """Give a run a state."""
        body = self._library.DAGRunPatchBody(state=state)
        return self._json("DagRunApi", "patch_dag_run", dag_id=dag_id, dag_run_id=run_id, dag_run_patch_body=body)

    def set_task(self, task: Json, state: str) -> None:
        """Give a task instance a state."""
        where = {key: task[key] for key in ("dag_id", "dag_run_id", "task_id")}
        body = self._library.PatchTaskInstanceBody(new_state=state)
        method = "patch_task_instance_by_map_index" if task["map_index"] >= 0 else "patch_task_instance"
        place = {"map_index": task["map_index"]} if task["map_index"] >= 0 else {}
        self._json("TaskInstanceApi", method, **where, **place, patch_task_instance_body=body)

    def log(self, task: Json, attempt: int, token: str | None) -> Json:
        """A part of the log of an attempt, and the token of the next part."""
        where = {"dag_id": task["dag_id"], "dag_run_id": task["dag_run_id"], "task_id": task["task_id"]}
        options = {"map_index": task["map_index"], "token": token, "accept": "application/json"}
        return self._json("TaskInstanceApi", "get_log", **where, try_number=attempt, **options)

    def _json(self, service: str, method: str, **arguments: object) -> Json:
        """What a method of the library answers. A token that has run out is replaced once."""
        api = getattr(self._library, service)(self._client)
        call = getattr(api, f"{method}_without_preload_content")

        def send() -> Any:
            return call(**arguments, _request_timeout=TIMEOUTS)

        try:
            return self._answer(send)
        except Denied as denied:
            if self.access.token:
                raise _unknown_user(denied, "make a new token, and set AIRFLOW_API_TOKEN to it") from None
        self._settings.access_token = self._login()
        try:
            return self._answer(send)
        except Denied as denied:
            raise _unknown_user(denied, "see that AIRFLOW_API_USER and AIRFLOW_API_PASSWORD are right") from None

    def _answer(self, send: Callable[[], Any]) -> Json:
        errors = library("airflow_client.client.exceptions")
        try:
            return json_of(self.access.url, send)
        except errors.ApiException as error:
            raise EngineError.refused(f"Airflow refuses it: {error.reason}", "correct what it names") from None

    def _login(self) -> str:
        """A token for the user, or for nobody in particular where the server lets all in."""
        access = self.access
        timeout = library("urllib3").Timeout(connect=TIMEOUTS[0], read=TIMEOUTS[1])
        body = {"json": {"username": access.user, "password": access.password}} if access.user else {}
        method, url = "POST" if access.user else "GET", f"{access.url}/auth/token"
        try:
            found = json_of(access.url, lambda: self._pool.request(method, url, timeout=timeout, **body))
        except Denied as denied:
            if access.user:
                raise _unknown_user(denied, "see that --user and AIRFLOW_API_PASSWORD are right") from None
            raise nobody() from None
        except EngineError as error:
            if access.user or error.code not in {"FC602", "FC610", "FC611"} or "does not answer" in error.message:
                raise
            raise nobody() from None
        return str(found.get("access_token", ""))


def _unknown_user(denied: Denied, help_: str) -> EngineError:
    return EngineError.unusable(f"Airflow does not know who asks: {denied}", help_)
