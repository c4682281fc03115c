"""What flowc requests from Airflow, by whichever REST API it has: v2 of Airflow 3.x, or the stable one, v1, of 2.x.

Answers are plain JSON as the server sent it: the fields that flowc reads have the same names in both.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from string import Formatter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
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
from flowc_targets.base.json_parts import as_maps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_targets.airflow.server.connection import Access, Json

T = TypeVar("T")

_RUN = "dags/{dag_id}/dagRuns/{dag_run_id}"
_TASK = f"{_RUN}/taskInstances/{{task_id}}"


class Request(NamedTuple):
    """A request in the terms of both APIs."""

    v1: str
    """An HTTP method and a path, with arguments in braces."""
    v2: str
    """A service of apache-airflow-client and a method of that."""
    arguments: Json
    """The arguments of the method. In v1, those that are not in the path are the query of a GET."""
    v1_only: Json
    """More of the query of a GET, or the body of another method."""
    v2_only: Json
    """More arguments of the method."""


class Api(ABC):
    """One Airflow's API. Every method may raise EngineError: FC602 if Airflow does not have the object."""

    def __init__(self, access: Access, pool: Any) -> None:
        self._access = access
        self._pool = pool
        self._timeout = library("urllib3").Timeout(connect=TIMEOUTS[0], read=TIMEOUTS[1])

    @abstractmethod
    def _send(self, request: Request) -> Json:
        """Return the answer to a request."""

    def _call(
        self, v1: str, v2: str, arguments: Json, v1_only: Json | None = None, v2_only: Json | None = None
    ) -> Json:
        return self._send(Request(v1, v2, arguments, v1_only or {}, v2_only or {}))

    @abstractmethod
    def source(self, dag: Json) -> str:
        """Return the text of the file that a DAG was read from."""

    def dag(self, dag_id: str) -> Json:
        """Return a DAG with its params."""
        return self._call("GET dags/{dag_id}/details", "DAGApi.get_dag_details", {"dag_id": dag_id})

    def dags(self, tag: str, offset: int) -> Json:
        """Return a page of the DAGs with a tag."""
        return self._call("GET dags", "DAGApi.get_dags", {"tags": [tag], "limit": PAGE, "offset": offset})

    def pause(self, dag_id: str, paused: bool) -> Json:
        """Turn the switch of a DAG."""
        arguments, body = {"dag_id": dag_id}, {"is_paused": paused}
        return self._call("PATCH dags/{dag_id}", "DAGApi.patch_dag", arguments, body, {"dag_patch_body": body})

    def reparse(self, dag: Json) -> None:
        """Have a DAG's file read again soon."""
        arguments = {"file_token": dag["file_token"]}
        self._call("PUT parseDagFile/{file_token}", "DAGParsingApi.reparse_dag_file", arguments)

    def import_errors(self) -> Json:
        """Return the latest files that could not be imported."""
        arguments: Json = {"order_by": ["-timestamp"], "limit": PAGE}
        return self._call("GET importErrors", "ImportErrorApi.get_import_errors", arguments)

    def pool(self, name: str) -> Json:
        """Return a pool."""
        return self._call("GET pools/{pool_name}", "PoolApi.get_pool", {"pool_name": name})

    def trigger(self, dag_id: str, conf: Mapping[str, object]) -> Json:
        """Start a run."""
        return self._call(
            "POST dags/{dag_id}/dagRuns", "DagRunApi.trigger_dag_run", {"dag_id": dag_id}, {"conf": dict(conf)},
            {"trigger_dag_run_post_body": {"logical_date": None, "conf": dict(conf)}},
        )  # fmt: skip

    @abstractmethod
    def publish(self, asset: str, extra: Mapping[str, object]) -> Json:
        """Say that an asset has been updated. Raises EngineError FC602 for one that Airflow does not have."""

    def run(self, dag_id: str, run_id: str) -> Json:
        """Return a run."""
        return self._call(f"GET {_RUN}", "DagRunApi.get_dag_run", {"dag_id": dag_id, "dag_run_id": run_id})

    def runs(self, dag_ids: list[str], limit: int) -> Json:
        """Return the latest runs of some DAGs."""
        body: Json = {"dag_ids": dag_ids, "page_limit": limit}
        return self._call(
            "POST dags/{dag_id}/dagRuns/list", "DagRunApi.get_list_dag_runs_batch", {"dag_id": "~"},
            {**body, "order_by": "-execution_date"}, {"dag_runs_batch_body": {**body, "order_by": "-run_after"}},
        )  # fmt: skip

    def tasks(self, dag_id: str, run_id: str, offset: int) -> Json:
        """Return a page of a run's task instances."""
        arguments: Json = {"dag_id": dag_id, "dag_run_id": run_id, "limit": PAGE, "offset": offset}
        return self._call(f"GET {_RUN}/taskInstances", "TaskInstanceApi.get_task_instances", arguments)

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """Return what a task has returned."""
        arguments = {"dag_id": dag_id, "dag_run_id": run_id, "task_id": task_id, "xcom_key": "return_value"}
        path = f"GET {_TASK}/xcomEntries/{{xcom_key}}"
        return self._call(path, "XComApi.get_xcom_entry", arguments, v2_only={"map_index": -1})

    def set_run(self, dag_id: str, run_id: str, state: str) -> Json:
        """Give a run a state."""
        arguments, body = {"dag_id": dag_id, "dag_run_id": run_id}, {"state": state}
        return self._call(f"PATCH {_RUN}", "DagRunApi.patch_dag_run", arguments, body, {"dag_run_patch_body": body})

    def set_task(self, task: Json, state: str) -> None:
        """Give a task instance a state."""
        path, method, arguments = f"PATCH {_TASK}", "TaskInstanceApi.patch_task_instance", _place(task)
        if task["map_index"] >= 0:
            path, method = f"{path}/{{map_index}}", f"{method}_by_map_index"
            arguments["map_index"] = task["map_index"]
        body = {"new_state": state}
        self._call(path, method, arguments, {"dry_run": False, **body}, {"patch_task_instance_body": body})

    def answer(self, task: Json, options: list[str], params: Json) -> None:
        """Answer the question that a task instance asks, which only Airflow 3 does."""
        arguments: Json = {**_place(task), "map_index": task["map_index"]}
        body: Json = {"chosen_options": options, "params_input": params}
        self._call("", "TaskInstanceApi.update_hitl_detail", arguments, v2_only={"update_hitl_detail_payload": body})

    def log(self, task: Json, attempt: int, token: str | None) -> Json:
        """Return a part of the log of an attempt, and the token of the next part."""
        arguments: Json = {**_place(task), "map_index": task["map_index"], "try_number": attempt}
        if token:
            arguments["token"] = token
        return self._call(
            f"GET {_TASK}/logs/{{try_number}}", "TaskInstanceApi.get_log", arguments, {"full_content": "true"},
            {"accept": "application/json"},
        )  # fmt: skip


def _place(task: Json) -> Json:
    return {key: task[key] for key in ("dag_id", "dag_run_id", "task_id")}


class ApiV1(Api):
    """Airflow 2.x over HTTP: apache-airflow-client of release 3 does not speak its API.

    User and password go by basic authentication, which Airflow 2 takes if `[api] auth_backends` has
    `airflow.api.auth.backend.basic_auth`; a token goes as `Authorization: Bearer`, as hosted Airflows take it.
    """

    def source(self, dag: Json) -> str:
        """Return the text of the file that a DAG was read from."""
        path = f"dagSources/{quote(str(dag['file_token']), safe='')}"
        return self._read(read_text, "GET", path, accept="text/plain")

    def publish(self, asset: str, extra: Mapping[str, object]) -> Json:
        """Say that a dataset has been updated: Airflow 2's name for assets."""
        return self._read(read_json, "POST", "datasets/events", {"dataset_uri": asset, "extra": dict(extra)})

    def _send(self, request: Request) -> Json:
        method, _, template = request.v1.partition(" ")
        names = {name for _, name, _, _ in Formatter().parse(template) if name}
        path = template.format(**{name: quote(str(request.arguments[name]), safe="~") for name in names})
        if method != "GET":
            return self._read(read_json, method, path, request.v1_only or None)
        query = {name: value for name, value in request.arguments.items() if name not in names} | request.v1_only
        return self._read(read_json, method, f"{path}?{urlencode(query, doseq=True)}" if query else path)

    def _read(
        self,
        read: Callable[[str, Callable[[], Any]], T],
        method: str,
        path: str,
        body: Json | None = None,
        accept: str = "application/json",
    ) -> T:
        """Return the answer to one request, as `read` takes it."""
        headers = {"Accept": accept, **self._authorization()}
        content = {"json": body} if body is not None else {}
        url = f"{self._access.url}/api/v1/{path}"

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


class ApiV2(Api):
    """Airflow 3.x by the methods of apache-airflow-client, with a token from its login.

    The library's models are those of one release, so answers are not turned into them.
    """

    def __init__(self, access: Access, pool: Any) -> None:
        super().__init__(access, pool)
        self._library = library("airflow_client.client")
        self._settings = self._library.Configuration(host=access.url, access_token=access.token or self._login())
        self._settings.retries = False
        self._client = self._library.ApiClient(self._settings)

    def source(self, dag: Json) -> str:
        """Return the text of the file that a DAG was read from."""
        arguments = {"dag_id": dag["dag_id"], "accept": "application/json"}
        return str(self._call("", "DagSourceApi.get_dag_source", arguments).get("content", ""))

    def publish(self, asset: str, extra: Mapping[str, object]) -> Json:
        """Say that an asset has been updated. Its id is found by its name."""
        found = self._call("", "AssetApi.get_assets", {"name_pattern": asset, "limit": PAGE})
        own = next((item for item in as_maps(found.get("assets")) if item.get("name") == asset), None)
        if own is None:
            raise EngineError.unknown(f"Airflow has no asset {asset!r}", "deploy a DAG that waits for it first")
        body: Json = {"asset_id": own["id"], "extra": dict(extra)}
        return self._call("", "AssetApi.create_asset_event", {"create_asset_events_body": body})

    def _send(self, request: Request) -> Json:
        """Return the answer to a request. An expired token is replaced once."""
        service, _, method = request.v2.partition(".")
        call = getattr(getattr(self._library, service)(self._client), f"{method}_without_preload_content")

        def send() -> Any:
            return call(**request.arguments, **request.v2_only, _request_timeout=TIMEOUTS)

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
        body = {"json": {"username": access.user, "password": access.password}} if access.user else {}
        method, url = "POST" if access.user else "GET", f"{access.url}/auth/token"
        try:
            found = read_json(access.url, lambda: self._pool.request(method, url, timeout=self._timeout, **body))
        except DeniedError as denied:
            if access.user:
                raise login_failed(denied, "check that --user and AIRFLOW_API_PASSWORD are right") from None
            raise login_required() from None
        except EngineError as error:
            if access.user or isinstance(error, UnreachableError):
                raise
            raise login_required() from None
        return str(found.get("access_token", ""))


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
