"""The few things that are asked of Airflow, by whichever of its APIs: v2 of Airflow 3 or the stable one, v1, of 2.x.

Answers are plain JSON as the server sent it. The fields that are read have the same names in both.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from flowc_targets.airflow.server.answers import Denied, json_of, no_airflow
from flowc_targets.base.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.airflow.server.answers import Json
    from flowc_targets.airflow.server.connection import Access

PAGE = 100
"""How many items of a list to ask for at a time: what servers allow if nobody has set it."""


class Api(Protocol):
    """One Airflow's API. Every method may raise EngineError: FC602 where there is no such thing."""

    access: Access

    def dag(self, dag_id: str) -> Json:
        """A DAG with its params."""
        ...

    def dags(self, tag: str, offset: int) -> Json:
        """A page of the DAGs with a tag."""
        ...

    def source(self, dag: Json) -> str:
        """The text of the file that a DAG was read from."""
        ...

    def reparse(self, dag: Json) -> None:
        """Have a DAG's file read again soon."""
        ...

    def import_errors(self) -> Json:
        """The latest files that could not be imported."""
        ...

    def pool(self, name: str) -> Json:
        """A pool."""
        ...

    def trigger(self, dag_id: str, conf: Mapping[str, object]) -> Json:
        """Start a run."""
        ...

    def run(self, dag_id: str, run_id: str) -> Json:
        """A run."""
        ...

    def runs(self, dag_ids: list[str], limit: int) -> Json:
        """The latest runs of some DAGs."""
        ...

    def tasks(self, dag_id: str, run_id: str, offset: int) -> Json:
        """A page of a run's task instances."""
        ...

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """What a task has returned."""
        ...

    def set_run(self, dag_id: str, run_id: str, state: str) -> Json:
        """Give a run a state."""
        ...

    def set_task(self, task: Json, state: str) -> None:
        """Give a task instance a state."""
        ...

    def log(self, task: Json, attempt: int, token: str | None) -> Json:
        """A part of the log of an attempt, and the token of the next part."""
        ...


def open_api(access: Access) -> Api:
    """The API that the server has. Raises EngineError FC610 where it has none, or the library is not installed."""
    from flowc_targets.airflow.server.v1 import V1
    from flowc_targets.airflow.server.v2 import V2

    pool = http_pool()
    if _answers(pool, access, "/api/v2/version", "version"):
        return V2(access, pool)
    if _answers(pool, access, "/api/v1/health", "metadatabase"):
        return V1(access, pool)
    raise no_airflow(access.url, "nothing at /api/v2/version, and nothing at /api/v1/health")


def http_pool() -> Any:
    """A pool of connections of urllib3, which the library stands on. Raises EngineError FC610 without it."""
    return library("urllib3").PoolManager(retries=False)


def library(name: str) -> Any:
    """A module of the extra. Raises EngineError FC610 where it is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        if (error.name or "").split(".")[0] not in {"airflow_client", "urllib3"}:
            raise
        message = "the library apache-airflow-client is not installed, which talks to Airflow"
        raise EngineError.unusable(message, "pip install 'flowc[airflow]'") from None


def _answers(pool: Any, access: Access, path: str, key: str) -> bool:
    """Whether there is JSON with that key at a path that needs no login."""
    from flowc_targets.airflow.server.answers import TIMEOUTS

    timeout = library("urllib3").Timeout(connect=TIMEOUTS[0], read=TIMEOUTS[1])
    try:
        return key in json_of(access.url, lambda: pool.request("GET", access.url + path, timeout=timeout))
    except Denied:
        return False
    except EngineError as error:
        # Airflow 3 answers with its web page, Airflow 2 with 404, where there is no such path.
        if error.code == "FC602" or "is not Airflow's API" in error.message:
            return False
        raise
