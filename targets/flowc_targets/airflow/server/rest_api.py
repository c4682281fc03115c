"""What flowc asks of Airflow, by whichever REST API it has: v2 of Airflow 3.x, or the stable one, v1, of 2.x.

Answers are plain JSON as the server sent it: the fields that flowc reads have the same names in both.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

from flowc_targets.airflow.server.connection import (
    NEEDED_ROLES,
    PAGE,
    TIMEOUTS,
    DeniedError,
    NotAirflowError,
    UnreachableError,
    library,
    login_failed,
    login_required,
    not_airflow,
    read_json,
    read_text,
)
from flowc_targets.base.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_targets.airflow.server.connection import Access, Json

T = TypeVar("T")


class ApiV1:
    """Airflow 2.x over HTTP: apache-airflow-client of release 3 does not speak its API.

    User and password go by basic authentication, which Airflow 2 takes if `[api] auth_backends` has
    `airflow.api.auth.backend.basic_auth`; a token goes as `Authorization: Bearer`, as hosted Airflows take it.
    """

    def __init__(self, access: Access, pool: Any) -> None:
        self._access = access
        self._pool = pool
        self._timeout = library("urllib3").Timeout(connect=TIMEOUTS[0], read=TIMEOUTS[1])

    def dag(self, dag_id: str) -> Json:
        """Return a DAG with its params."""
        return self._json("GET", ("dags", dag_id, "details"))

    def dags(self, tag: str, offset: int) -> Json:
        """Return a page of the DAGs with a tag."""
        return self._json("GET", ("dags",), {"tags": tag, "limit": PAGE, "offset": offset})

    def source(self, dag: Json) -> str:
        """Return the text of the file that a DAG was read from."""
        return self._read(read_text, "GET", ("dagSources", str(dag["file_token"])), accept="text/plain")

    def reparse(self, dag: Json) -> None:
        """Have a DAG's file read again soon."""
        self._json("PUT", ("parseDagFile", str(dag["file_token"])))

    def import_errors(self) -> Json:
        """Return the latest files that could not be imported."""
        return self._json("GET", ("importErrors",), {"order_by": "-timestamp", "limit": PAGE})

    def pool(self, name: str) -> Json:
        """Return a pool."""
        return self._json("GET", ("pools", name))

    def trigger(self, dag_id: str, conf: Mapping[str, object]) -> Json:
        """Start a run."""
        return self._json("POST", ("dags", dag_id, "dagRuns"), body={"conf": dict(conf)})

    def run(self, dag_id: str, run_id: str) -> Json:
        """Return a run."""
        return self._json("GET", ("dags", dag_id, "dagRuns", run_id))

    def runs(self, dag_ids: list[str], limit: int) -> Json:
        """Return the latest runs of some DAGs."""
        body = {"dag_ids": dag_ids, "order_by": "-execution_date", "page_limit": limit}
        return self._json("POST", ("dags", "~", "dagRuns", "list"), body=body)

    def tasks(self, dag_id: str, run_id: str, offset: int) -> Json:
        """Return a page of a run's task instances."""
        place = ("dags", dag_id, "dagRuns", run_id, "taskInstances")
        return self._json("GET", place, {"limit": PAGE, "offset": offset})

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """Return what a task has returned."""
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
        """Return a part of the log of an attempt, and the token of the next part."""
        place = ("dags", str(task["dag_id"]), "dagRuns", str(task["dag_run_id"]), "taskInstances", str(task["task_id"]))
        query = {"map_index": task["map_index"], "full_content": "true", **({"token": token} if token else {})}
        return self._json("GET", (*place, "logs", str(attempt)), query)

    def _json(
        self, method: str, path: tuple[str, ...], query: Mapping[str, object] | None = None, body: Json | None = None
    ) -> Json:
        """Return the object of the answer to one request."""
        return self._read(read_json, method, path, query, body)

    def _read(
        self,
        read: Callable[[str, Callable[[], Any]], T],
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, object] | None = None,
        body: Json | None = None,
        accept: str = "application/json",
    ) -> T:
        """Return the answer to one request, as `read` takes it."""
        url = f"{self._access.url}/api/v1/" + "/".join(quote(part, safe="~") for part in path)
        if query:
            url += "?" + urlencode(query)
        headers = {"Accept": accept, **self._authorization()}
        content = {"json": body} if body is not None else {}

        def send() -> Any:
            return self._pool.request(method, url, headers=headers, timeout=self._timeout, **content)

        try:
            return read(self._access.url, send)
        except DeniedError as denied:
            if not self._access.user and not self._access.token:
                raise login_required() from None
            what = "AIRFLOW_API_TOKEN is" if self._access.token else "--user and AIRFLOW_API_PASSWORD are"
            help_ = f"check that {what} right, that [api] auth_backends takes it, and the user's roles: {NEEDED_ROLES}"
            raise login_failed(denied, help_) from None

    def _authorization(self) -> dict[str, str]:
        access = self._access
        if access.token:
            return {"Authorization": f"Bearer {access.token}"}
        if not access.user:
            return {}
        pair = f"{access.user}:{access.password}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


class ApiV2:
    """Airflow 3.x by the methods of apache-airflow-client, with a token from its login.

    The library's models are those of one release, so answers are not turned into them.
    """

    def __init__(self, access: Access, pool: Any) -> None:
        self._access = access
        self._pool = pool
        self._library = library("airflow_client.client")
        settings = self._library.Configuration(host=access.url, access_token=access.token or self._login())
        settings.retries = False
        self._settings = settings
        self._client = self._library.ApiClient(settings)

    def dag(self, dag_id: str) -> Json:
        """Return a DAG with its params."""
        return self._json("DAGApi", "get_dag_details", dag_id=dag_id)

    def dags(self, tag: str, offset: int) -> Json:
        """Return a page of the DAGs with a tag."""
        return self._json("DAGApi", "get_dags", tags=[tag], limit=PAGE, offset=offset)

    def source(self, dag: Json) -> str:
        """Return the text of the file that a DAG was read from."""
        found = self._json("DagSourceApi", "get_dag_source", dag_id=dag["dag_id"], accept="application/json")
        return str(found.get("content", ""))

    def reparse(self, dag: Json) -> None:
        """Have a DAG's file read again soon."""
        self._json("DagParsingApi", "reparse_dag_file", file_token=dag["file_token"])

    def import_errors(self) -> Json:
        """Return the latest files that could not be imported."""
        return self._json("ImportErrorApi", "get_import_errors", order_by=["-timestamp"], limit=PAGE)

    def pool(self, name: str) -> Json:
        """Return a pool."""
        return self._json("PoolApi", "get_pool", pool_name=name)

    def trigger(self, dag_id: str, conf: Mapping[str, object]) -> Json:
        """Start a run."""
        body = self._library.TriggerDAGRunPostBody(logical_date=None, conf=dict(conf))
        return self._json("DagRunApi", "trigger_dag_run", dag_id=dag_id, trigger_dag_run_post_body=body)

    def run(self, dag_id: str, run_id: str) -> Json:
        """Return a run."""
        return self._json("DagRunApi", "get_dag_run", dag_id=dag_id, dag_run_id=run_id)

    def runs(self, dag_ids: list[str], limit: int) -> Json:
        """Return the latest runs of some DAGs."""
        body = self._library.DAGRunsBatchBody(dag_ids=dag_ids, order_by="-run_after", page_limit=limit)
        return self._json("DagRunApi", "get_list_dag_runs_batch", dag_id="~", dag_runs_batch_body=body)

    def tasks(self, dag_id: str, run_id: str, offset: int) -> Json:
        """Return a page of a run's task instances."""
        where = {"dag_id": dag_id, "dag_run_id": run_id}
        return self._json("TaskInstanceApi", "get_task_instances", **where, limit=PAGE, offset=offset)

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """Return what a task has returned."""
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
        """Return a part of the log of an attempt, and the token of the next part."""
        where = {"dag_id": task["dag_id"], "dag_run_id": task["dag_run_id"], "task_id": task["task_id"]}
        options = {"map_index": task["map_index"], "token": token, "accept": "application/json"}
        return self._json("TaskInstanceApi", "get_log", **where, try_number=attempt, **options)

    def _json(self, service: str, method: str, **arguments: object) -> Json:
        """Return the answer to a method of the library. An expired token is replaced once."""
        api = getattr(self._library, service)(self._client)
        call = getattr(api, f"{method}_without_preload_content")

        def send() -> Any:
            return call(**arguments, _request_timeout=TIMEOUTS)

        try:
            return self._answer(send)
        except DeniedError as denied:
            if self._access.token:
                raise login_failed(denied, "make a new token, and set AIRFLOW_API_TOKEN to it") from None
        self._settings.access_token = self._login()
        try:
            return self._answer(send)
        except DeniedError as denied:
            raise login_failed(denied, "check that AIRFLOW_API_USER and AIRFLOW_API_PASSWORD are right") from None

    def _answer(self, send: Callable[[], Any]) -> Json:
        errors = library("airflow_client.client.exceptions")
        try:
            return read_json(self._access.url, send)
        except errors.ApiException as error:
            raise EngineError.refused(f"Airflow refuses it: {error.reason}", "correct that, and try again") from None

    def _login(self) -> str:
        """Return a token for the user; without one, the token of a server that admits everybody."""
        access = self._access
        timeout = library("urllib3").Timeout(connect=TIMEOUTS[0], read=TIMEOUTS[1])
        body = {"json": {"username": access.user, "password": access.password}} if access.user else {}
        method, url = "POST" if access.user else "GET", f"{access.url}/auth/token"
        try:
            found = read_json(access.url, lambda: self._pool.request(method, url, timeout=timeout, **body))
        except DeniedError as denied:
            if access.user:
                raise login_failed(denied, "check that --user and AIRFLOW_API_PASSWORD are right") from None
            raise login_required() from None
        except EngineError as error:
            if access.user or isinstance(error, UnreachableError):
                raise
            raise login_required() from None
        return str(found.get("access_token", ""))


Api: TypeAlias = ApiV1 | ApiV2
"""One Airflow's API. Every method may raise EngineError: FC602 if Airflow does not have it."""


def open_api(access: Access) -> Api:
    """Return the API that the server has. Raises EngineError FC610 if it has none, or the library is not installed."""
    pool = library("urllib3").PoolManager(retries=False)
    if _answers(pool, access, "/api/v2/version", "version"):
        return ApiV2(access, pool)
    if _answers(pool, access, "/api/v1/health", "metadatabase"):
        return ApiV1(access, pool)
    raise not_airflow(access.url, "nothing at /api/v2/version, and nothing at /api/v1/health")


def _answers(pool: Any, access: Access, path: str, key: str) -> bool:
    """Whether a path that needs no login answers with JSON that has the key."""
    timeout = library("urllib3").Timeout(connect=TIMEOUTS[0], read=TIMEOUTS[1])
    try:
        return key in read_json(access.url, lambda: pool.request("GET", access.url + path, timeout=timeout))
    except DeniedError:
        return False
    except EngineError as error:
        # To a path that is not there, Airflow 3 answers with its web page, and Airflow 2 with 404.
        if error.code == "FC602" or isinstance(error, NotAirflowError):
            return False
        raise
