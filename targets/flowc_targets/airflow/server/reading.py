"""Runs as Airflow has them, put together from several answers: a run, its task instances, its DAG's file."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, cast

from flowc_targets.airflow.dag_lowering import FLOWC_TAG
from flowc_targets.airflow.server.api import PAGE
from flowc_targets.airflow.server.dagfile import DagText, read_dag_text
from flowc_targets.airflow.server.run_states import airflow_ids, run_state, stored_id, task_state, widths_needed
from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_maps

if TYPE_CHECKING:
    from flowc_targets.airflow.server.answers import Json
    from flowc_targets.airflow.server.api import Api
    from flowc_targets.base.engine import RunState, TaskState


class Reader:
    """Reads from one Airflow, and keeps what stays the same: a DAG's file, the index paths of a run."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._files: dict[str, DagText | None] = {}
        self._paths: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def file(self, dag_id: str, dag: Json | None = None) -> DagText | None:
        """What a DAG's file says; `None` for one that is not flowc's, or that the user may not read."""
        if dag_id not in self._files:
            try:
                text = self._api.source(dag if dag is not None else self._api.dag(dag_id))
            except EngineError as error:
                if "does not answer" in error.message:
                    raise
                text = ""
            self._files[dag_id] = read_dag_text(text)
        return self._files[dag_id]

    def dag_ids(self) -> list[str]:
        """The DAGs that flowc has made."""
        found: list[str] = []
        while True:
            page = self._api.dags(FLOWC_TAG, len(found))
            items = as_maps(page.get("dags"))
            found += [str(item.get("dag_id")) for item in items]
            if not items or len(found) >= int(page.get("total_entries") or 0):
                return found

    def runs(self, limit: int) -> list[Json]:
        """The latest runs of those, the newest first."""
        dag_ids = self.dag_ids()
        return as_maps(self._api.runs(dag_ids, min(limit, PAGE)).get("dag_runs")) if dag_ids else []

    def find(self, name: str) -> Json:
        """A run by any of its names. Raises EngineError FC602."""
        place, separator, identifier = name.partition("/")
        if not separator:
            for run in self.runs(PAGE):
                if name in {run.get("dag_run_id"), stored_id(str(run.get("dag_run_id")))}:
                    return run
        else:
            found = self._run_of(place, identifier)
            others = (dag_id for dag_id in self.dag_ids() if dag_id != place) if found is None else ()
            for dag_id in others:
                file = self.file(dag_id)
                if found is None and file is not None and file.flow == place:
                    found = self._run_of(dag_id, identifier)
            if found is not None:
                return found
        raise EngineError.unknown(
            f"Airflow has no run {name!r}", "`flowc status --target airflow` lists the latest runs"
        )

    def _run_of(self, dag_id: str, identifier: str) -> Json | None:
        for run_id in airflow_ids(identifier):
            try:
                return self._api.run(dag_id, run_id)
            except EngineError as error:
                if error.code != "FC602":
                    raise
        return None

    def state(self, run: Json) -> tuple[RunState, list[tuple[Json, TaskState]]]:
        """The state of a run, and each of its task instances with the state of its own, in the same order."""
        dag_id, run_id = str(run.get("dag_id")), str(run.get("dag_run_id"))
        file = self.file(dag_id)
        instances = self._instances(dag_id, run_id)
        paths = {task_id: self._listed(dag_id, run_id, task_id) for task_id in widths_needed(file, instances)}
        state = run_state(run, instances, file, paths)
        order = {task.name: number for number, task in enumerate(state.tasks)}
        found = [(item, task_state(item, file, paths)) for item in instances]
        return state, sorted(found, key=lambda entry: order.get(entry[1].name, len(order)))

    def _instances(self, dag_id: str, run_id: str) -> list[Json]:
        found: dict[tuple[str, int], Json] = {}
        offset = 0
        while True:
            page = self._api.tasks(dag_id, run_id, offset)
            items = as_maps(page.get("task_instances"))
            found.update({(str(item.get("task_id")), int(item.get("map_index") or 0)): item for item in items})
            offset += len(items)
            if not items or offset >= int(page.get("total_entries") or 0):
                return list(found.values())

    def _listed(self, dag_id: str, run_id: str, task_id: str) -> tuple[str, ...]:
        """The index paths that a task has listed."""
        key = (dag_id, run_id, task_id)
        if key not in self._paths:
            value: object = self._api.xcom(dag_id, run_id, task_id).get("value")
            if isinstance(value, str):  # Airflow 2 has it as Python's text
                try:
                    value = ast.literal_eval(value)
                except (SyntaxError, ValueError):
                    value = None
            items = cast("list[object]", value) if isinstance(value, list) else []
            self._paths[key] = tuple(str(item) for item in items)
        return self._paths[key]
