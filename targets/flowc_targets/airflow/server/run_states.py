"""From a DAG run and its task instances to the state of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from flowc_targets.base.engine import RunState, TaskState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flowc_targets.airflow.server.answers import Json
    from flowc_targets.airflow.server.dagfile import DagText
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
    "upstream_failed": "a task before it has failed",
    "up_for_retry": "waits for its next attempt",
    "queued": "waits for a worker",
    "removed": "the DAG has it no more",
}


def stored_id(run_id: str) -> str:
    """The id of a run in the artifact store, as DAG files make it: stores dislike `:` and `+`."""
    return quote(run_id, safe="").replace("%", "=")


def airflow_ids(name: str) -> tuple[str, ...]:
    """The ids that Airflow may know a run by: what was given, and that of which it is the store's."""
    return tuple(dict.fromkeys((name, unquote(name.replace("=", "%")))))


def run_state(
    run: Json, instances: Sequence[Json], file: DagText | None, paths: Mapping[str, Sequence[str]]
) -> RunState:
    """The state of a run: its tasks are those of the flow's steps, and others where they have failed."""
    dag_id, run_id = str(run.get("dag_id")), str(run.get("dag_run_id"))
    tasks = in_order(file, [(item, task_state(item, file, paths)) for item in instances if _shown(item, file)])
    steps = [task for task, item in tasks if file is None or item.get("task_id") in file.steps]
    return RunState(
        name=f"{dag_id}/{run_id}",
        flow=file.flow if file is not None else dag_id,
        run_id=stored_id(run_id),
        phase=_PHASES.get(str(run.get("state")), "pending"),
        root=(file.root or None) if file is not None else None,
        message=str(run.get("note") or ""),
        created=str(run.get("queued_at") or run.get("run_after") or run.get("execution_date") or ""),
        finished=str(run.get("end_date") or ""),
        done=sum(task.phase == "succeeded" for task in steps),
        total=len(steps),
        tasks=tuple(task for task, _ in tasks),
    )


def task_state(item: Json, file: DagText | None, paths: Mapping[str, Sequence[str]]) -> TaskState:
    """One task instance."""
    task_id, number, state = str(item.get("task_id")), map_index(item), str(item.get("state") or "")
    place = file.steps.get(task_id) if file is not None else None
    index = None if number < 0 else str(number)
    if place is not None and place.width is not None and place.width.nested and number >= 0:
        known = paths.get(place.width.task_id, ())
        index = known[number] if number < len(known) else index
    if place is not None and place.iteration is not None:
        index = f"{index}.{place.iteration}" if index is not None else str(place.iteration)
    return TaskState(
        step=place.step if place is not None else task_id,
        index=index,
        phase=_PHASES.get(state, "pending"),
        name=task_id if number < 0 else f"{task_id}[{number}]",
        kind="task",
        attempts=max(attempts(item), 1),
        started=str(item.get("start_date") or ""),
        message=_MESSAGES.get(state, ""),
    )


def attempts(item: Json) -> int:
    """How many attempts of a task have begun."""
    found = item.get("try_number")
    return found if isinstance(found, int) else 0


def map_index(item: Json) -> int:
    """Which of a mapped task's instances it is; -1 for one that is not mapped, or not yet."""
    found = item.get("map_index")
    return found if isinstance(found, int) else -1


def in_order(file: DagText | None, tasks: list[tuple[Json, TaskState]]) -> list[tuple[TaskState, Json]]:
    """As the file has them, and the tasks of a step by index."""
    order = {task_id: number for number, task_id in enumerate(file.steps)} if file is not None else {}

    def place(entry: tuple[Json, TaskState]) -> tuple[int, str, list[int]]:
        item, task = entry
        numbers = [int(part) for part in (task.index or "").split(".") if part.isdecimal()]
        return order.get(str(item.get("task_id")), len(order)), task.step, numbers

    return [(task, item) for item, task in sorted(tasks, key=place)]


def widths_needed(file: DagText | None, instances: Sequence[Json]) -> Iterator[str]:
    """The ids of the tasks whose lists of index paths the tasks of a run take theirs from."""
    mapped = {str(item.get("task_id")) for item in instances if map_index(item) >= 0}
    places = (place for task_id, place in (file.steps.items() if file is not None else ()) if task_id in mapped)
    yield from dict.fromkeys(place.width.task_id for place in places if place.width is not None and place.width.nested)


def _shown(item: Json, file: DagText | None) -> bool:
    return file is None or item.get("task_id") in file.steps or item.get("state") == "failed"
