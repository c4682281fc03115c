"""The facts of `current` in a task, most of which are looked up when they are first read."""

from __future__ import annotations

import contextlib
import os

from flowc.current import current, running, set_current
from flowc.errors import FlowError
from flowc.protocol import env_names
from flowc.store import open_store
from flowc.store.run_layout import RunLayout, task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Dict, List

    from flowc.protocol.plan import Plan
    from flowc.shim.task_identity import Task
    from flowc.shim.trigger_events import Trigger


def set_facts(plan: Plan, names: List[str], task: Task, graph: Callable[[], Dict[str, Any]]) -> None:
    """Fill `current`: `names` are the parameters; `graph` makes the graph when it is first read."""
    identifier = task_id(task.step, task.path)
    user = os.environ.get(env_names.NAMESPACE) or (f"user:{current.username}" if current.username else None)
    gangs: Dict[str, Any] = {}
    if plan.gangs:
        from flowc.shim.gang import ALONE

        gangs = {"parallel": ALONE}
    running.cards = running.checkpoints = running.notice = None
    saves = {"checkpoint": lambda: _checkpoints(plan, task)} if plan.step(task.step).checkpoint is not None else {}
    set_current(
        {
            **gangs,
            "flow_name": plan.flow,
            "run_id": task.run,
            "step_name": task.step,
            "task_id": identifier,
            "retry_count": task.attempt,
            "pathspec": f"{plan.flow}/{task.run}/{task.step}/{identifier}",
            "origin_run_id": os.environ.get(env_names.ORIGIN_RUN_ID) or None,
            "namespace": user,
            "tags": set(task.tags),
            "parameter_names": names,
            **plan.project,
        },
        {
            "graph": graph,
            "card": lambda: _cards(plan, task),
            "failed_items": lambda: _failed_items(plan, task),
            "spot_termination_notice": _watched_notice,
            **saves,
            **({"approval": lambda: running.approval} if running.approval is not None else {}),
            **({"trigger": _trigger} if os.environ.get(env_names.TRIGGER) else {}),
            **({"scheduled_time": _scheduled_time} if os.environ.get(env_names.SCHEDULED) else {}),
        },
    )


def _trigger() -> Trigger | None:
    from flowc.shim.trigger_events import trigger_of_run

    return trigger_of_run()


def _scheduled_time() -> datetime | None:
    from flowc.protocol.scheduled import scheduled_time

    return scheduled_time(os.environ)


def _cards(plan: Plan, task: Task) -> Any:
    from flowc.shim.task_cards import CardStore

    layout = RunLayout(open_store(task.root), plan.flow, task.run)
    folder = layout.folder(task.step, task.path, task.attempt)
    running.cards = CardStore(layout, folder, plan.step(task.step).cards)
    return running.cards.cards


def _checkpoints(plan: Plan, task: Task) -> Any:
    from flowc.shim.checkpoints import Checkpoints

    layout = RunLayout(open_store(task.root), plan.flow, task.run)
    running.checkpoints = Checkpoints(layout, plan.step(task.step), task)
    return running.checkpoints


def _failed_items(plan: Plan, task: Task) -> Any:
    from flowc.shim.failed_items import items_before

    return items_before(RunLayout(open_store(task.root), plan.flow, task.run), plan, task.path)


def _watched_notice() -> str:
    from flowc.shim.spot_notice import watch

    running.notice = watch()
    return running.notice


def end_checkpoints(*, committed: bool) -> None:
    """Remove what the task's checkpoints have on this machine, and those that its step does not keep."""
    if running.checkpoints is not None:
        with contextlib.suppress(FlowError, OSError):
            running.checkpoints.end(committed=committed)


def store_cards() -> None:
    """Write the cards that the task has filled, if it has."""
    if running.cards is not None:
        running.cards.write()
