"""The states of runs, from several answers: a run, its task instances, and its DAG's file."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from flowc_targets.airflow.dag_arguments import FLOWC_TAG
from flowc_targets.airflow.dag_summary import DagSummary, read_summary
from flowc_targets.airflow.server.connection import PAGE, UnreachableError
from flowc_targets.base.engine import EngineError, RunState, TaskState, stored_id
from flowc_targets.base.json_parts import as_maps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowc_targets.airflow.server.connection import Json
    from flowc_targets.airflow.server.rest_api import Api
    from flowc_targets.base.engine import Phase

_PHASES: dict[str, Phase] = {
    "running": "running",
    "restarting": "running",
    "deferred": "running",
    "success": "succeeded",
    "failed": "failed",
    "skipped": "skipped",
    "upstream_failed": "skipped",
    "removed": "skipped",
}
_MESSAGES = {
    "upstream_failed": "a task before it failed",
    "up_for_retry": "waiting for its next attempt",
    "queued": "waiting for a worker",
    "removed": "the DAG no longer has it",
}


def airflow_ids(name: str) -> tuple[str, ...]:
    """Return the ids that Airflow may have for a run: the name itself, or the id that the store writes as the name."""
    return tuple(dict.fromkeys((name, unquote(name.replace("=", "%")))))


class RunReader:
    """Reads runs from one Airflow, and caches what does not change: DAGs' summaries, and index paths of runs."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._summaries: dict[str, DagSummary | None] = {}
        self._paths: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def summary(self, dag_id: str, dag: Json | None = None) -> DagSummary | None:
        """Return the summary of a DAG; `None` if the DAG is not flowc's, or the user may not read its file."""
        if dag_id not in self._summaries:
            try:
                text = self._api.source(dag if dag is not None else self._api.dag(dag_id))
            except EngineError as error:
                if isinstance(error, UnreachableError):
                    raise
                text = ""
            self._summaries[dag_id] = read_summary(text)
        return self._summaries[dag_id]

    def dag_ids(self) -> list[str]:
        """Return the ids of flowc's DAGs."""
        found: list[str] = []
        while True:
            page = self._api.dags(FLOWC_TAG, len(found))
            items = as_maps(page.get("dags"))
            found += [str(item.get("dag_id")) for item in items]
            if not items or len(found) >= int(page.get("total_entries") or 0):
                return found

    def runs(self, limit: int) -> list[Json]:
        """Return the latest runs of flowc's DAGs, the newest first."""
        dag_ids = self.dag_ids()
        return as_maps(self._api.runs(dag_ids, min(limit, PAGE)).get("dag_runs")) if dag_ids else []

    def find(self, name: str) -> Json:
        """Find a run by any of its names. Raises EngineError FC602."""
        place, separator, identifier = name.partition("/")
        if not separator:
            for run in self.runs(PAGE):
                if name in {run.get("dag_run_id"), stored_id(str(run.get("dag_run_id")))}:
                    return run
        else:
            found = self._run_of(place, identifier)
            others = (dag_id for dag_id in self.dag_ids() if dag_id != place) if found is None else ()
            for dag_id in others:
                summary = self.summary(dag_id)
                if found is None and summary is not None and summary.flow == place:
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
        """Return the state of a run, and its task instances with their states, in the same order."""
        dag_id, run_id = str(run.get("dag_id")), str(run.get("dag_run_id"))
        summary = self.summary(dag_id)
        instances = self._instances(dag_id, run_id)
        mapped = {str(item.get("task_id")) for item in instances if map_index(item) >= 0}
        nested: Mapping[str, str] = summary.nested if summary is not None else {}
        listing = {by for task_id, by in nested.items() if task_id in mapped}
        paths = {task_id: self._listed(dag_id, run_id, task_id) for task_id in sorted(listing)}
        state = run_state(run, instances, summary, paths)
        order = {task.name: number for number, task in enumerate(state.tasks)}
        found = [(item, task_state(item, summary, paths)) for item in instances]
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
        """Return the index paths that a task has listed."""
        key = (dag_id, run_id, task_id)
        if key not in self._paths:
            value: object = self._api.xcom(dag_id, run_id, task_id).get("value")
            if isinstance(value, str):  # Airflow 2 returns the `repr` of the list
                try:
                    value = ast.literal_eval(value)
                except (SyntaxError, ValueError):
                    value = None
            items = cast("list[object]", value) if isinstance(value, list) else []
            self._paths[key] = tuple(str(item) for item in items)
        return self._paths[key]


def run_state(
    run: Json, instances: Sequence[Json], summary: DagSummary | None, paths: Mapping[str, Sequence[str]]
) -> RunState:
    """Return the state of a run: its tasks are those that run the flow's steps, and others that failed."""
    dag_id, run_id = str(run.get("dag_id")), str(run.get("dag_run_id"))
    runs_step = [summary is None or item.get("task_id") in summary.tasks for item in instances]
    states = [task_state(item, summary, paths) for item in instances]
    order = {task_id: number for number, task_id in enumerate(summary.tasks)} if summary is not None else {}

    def place(entry: tuple[Json, TaskState]) -> tuple[int, str, list[int]]:
        """As the file has the tasks, and those of one step by index."""
        item, task = entry
        numbers = [int(part) for part in (task.index or "").split(".") if part.isdecimal()]
        return order.get(str(item.get("task_id")), len(order)), task.step, numbers

    shown = [
        (item, task)
        for item, task, own in zip(instances, states, runs_step, strict=True)
        if own or item.get("state") == "failed"
    ]
    return RunState(
        name=f"{dag_id}/{run_id}",
        flow=summary.flow if summary is not None else dag_id,
        run_id=stored_id(run_id),
        phase=_PHASES.get(str(run.get("state")), "pending"),
        root=(summary.root or None) if summary is not None else None,
        message=str(run.get("note") or ""),
        created=str(run.get("queued_at") or run.get("run_after") or run.get("execution_date") or ""),
        finished=str(run.get("end_date") or ""),
        done=sum(own and task.phase == "succeeded" for own, task in zip(runs_step, states, strict=True)),
        total=sum(runs_step),
        tasks=tuple(task for _, task in sorted(shown, key=place)),
    )


def task_state(item: Json, summary: DagSummary | None, paths: Mapping[str, Sequence[str]]) -> TaskState:
    """Return the state of one task instance. `paths` are index paths by the task that lists them."""
    task_id, number, state = str(item.get("task_id")), map_index(item), str(item.get("state") or "")
    step, index = task_id, None if number < 0 else str(number)
    if summary is not None and number >= 0:
        listed = paths.get(summary.nested.get(task_id, ""), ())
        index = listed[number] if number < len(listed) else index
    if summary is not None and task_id in summary.iterations:
        step, iteration = summary.iterations[task_id]
        index = f"{index}.{iteration}" if index is not None else str(iteration)
    return TaskState(
        step=step,
        index=index,
        phase=_PHASES.get(state, "pending"),
        name=task_id if number < 0 else f"{task_id}[{number}]",
        kind="task",
        attempts=max(attempts(item), 1),
        started=str(item.get("start_date") or ""),
        message=_MESSAGES.get(state, ""),
    )


def attempts(item: Json) -> int:
    """Return how many attempts of a task have begun."""
    found = item.get("try_number")
    return found if isinstance(found, int) else 0


def map_index(item: Json) -> int:
    """Return the index of a mapped task's instance; -1 if the task is not mapped, or not yet."""
    found = item.get("map_index")
    return found if isinstance(found, int) else -1
