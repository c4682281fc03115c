"""Answering the question that a task asks on Airflow 3.1 and newer, where a person has chosen by `flowc approve`.

The choice itself is in the store, where the step reads it. Before Airflow 3.1 a sensor looks for it there.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from flowc_targets.airflow.server.connection import read_access
from flowc_targets.airflow.server.rest_api import ApiV1, open_api
from flowc_targets.airflow.server.run_states import RunReader
from flowc_targets.base.engine import EngineError

if TYPE_CHECKING:
    from flowc_targets.airflow.server.connection import Json
    from flowc_targets.base.engine import Address, WaitingTask

TEXT = "text"
"""The param for a text, as in operators/approval_operator.py."""
_ASKS = frozenset({"awaiting_input", "deferred"})
_TRIES, _PAUSE_SECONDS = 10, 3.0
"""Airflow asks a moment after the question was written down."""


_UNASKED = (
    "the choice is in the store, where a sensor finds it before Airflow 3.1; from 3.1 on, set AIRFLOW_API_URL and give "
    "the command again, or choose the same in Airflow\n"
)


def release(address: Address, task: WaitingTask) -> str:
    """Answer the question before a task. Raises EngineError: FC602 for no such run, FC611 where nothing is asked."""
    if not (address.server or os.environ.get("AIRFLOW_API_URL")):
        return _UNASKED
    api = open_api(read_access(address, os.environ))
    if isinstance(api, ApiV1):
        return f"run {task.run} goes on when its sensor looks next\n"
    reader = RunReader(api)
    run = reader.find(task.run)
    summary = reader.summary(str(run.get("dag_id")))
    if summary is None:
        raise EngineError.refused(f"the DAG of run {task.run} is not flowc's any more", "choose the same in Airflow")
    asking, name = summary.asking, task.run
    for left in reversed(range(_TRIES)):
        state, instances = reader.state(run)
        name = state.name
        for item, shown in instances:
            asked = asking.get(str(item.get("task_id"))) == task.step and (shown.index or "-") == task.index
            if asked and item.get("state") in _ASKS:
                api.answer(item, *_answer(item, task, summary.texts))
                return f"run {task.run} ({state.name}) goes on\n"
        if left and not state.ended:
            time.sleep(_PAUSE_SECONDS)
    message = f"run {task.run} ({name}) asks nothing before {task.step}"
    raise EngineError.refused(message, "`flowc status` says how far it is; the choice is in the store")


def _answer(item: Json, task: WaitingTask, texts: tuple[str, ...]) -> tuple[list[str], Json]:
    """The options and the params of an answer: one of the choices, or a text."""
    if item.get("task_id") in texts:
        return ["OK"], {TEXT: task.choice}
    return [task.choice], {}
