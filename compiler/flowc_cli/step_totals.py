"""How many tasks each step of a run has, by its graph and by what its tasks have decided so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from flowc_cli.run_tasks import TaskRecord

_FAN_OUTS = frozenset({"split-foreach", "split-parallel"})
_SPLITS = frozenset({*_FAN_OUTS, "split-static"})
"""The types of steps that a join closes. Where arms of a switch come together there is none."""


class StepTotals(NamedTuple):
    """The number of a step's tasks."""

    expected: int
    """Those that certainly belong to the run, begun or not."""
    open: bool
    """Whether more may follow: a foreach or a switch before it has yet to say how it goes on."""


def step_totals(graph: Mapping[str, Any], tasks: Mapping[str, Sequence[TaskRecord]]) -> dict[str, StepTotals]:
    """The totals of each step of a run's `graph.json`, by the tasks that have begun. Linear in edges and tasks."""
    steps: Mapping[str, Mapping[str, Any]] = graph.get("steps", {})
    found: dict[str, StepTotals] = {}
    incoming: dict[str, StepTotals] = {}
    scopes: dict[str, tuple[str, ...]] = {}
    for name in _in_order(steps, str(graph.get("start", "start"))):
        step, scope = steps[name], scopes.get(name, ())
        opener = _closed(step, scope)
        totals = found[opener] if opener in found else incoming.get(name, StepTotals(1, open=False))
        if step.get("loops"):
            again = sum(task.choice == name for task in tasks.get(name, ()))
            totals = StepTotals(totals.expected + again, totals.open)
        found[name] = totals
        scope = scope[:-1] if opener is not None else scope
        undecided = totals.open or sum(task.done for task in tasks.get(name, ())) < totals.expected
        for target in step["next"]:
            if target != name:
                scopes[target] = (*scope, name) if step["type"] in _SPLITS else scope
                share = _share(step, target, tasks.get(name, ()), totals, undecided=undecided)
                before = incoming.get(target, StepTotals(0, open=False))
                incoming[target] = StepTotals(before.expected + share.expected, before.open or share.open)
        if step.get("loops"):
            found[name] = StepTotals(totals.expected, undecided)
    return found


def _closed(step: Mapping[str, Any], scope: tuple[str, ...]) -> str | None:
    """The step whose scope a join closes; `None` for other steps. Older runs do not say it of all joins."""
    if step.get("closes"):
        return str(step["closes"])
    return scope[-1] if scope and step["type"] in ("join", "end") else None


def _share(
    step: Mapping[str, Any], target: str, tasks: Sequence[TaskRecord], totals: StepTotals, *, undecided: bool
) -> StepTotals:
    """How many tasks of the step `target` a step leads to."""
    if step.get("virtual"):
        return StepTotals(totals.expected, totals.open or step["type"] == "split-switch")
    if step["type"] in _FAN_OUTS:
        return StepTotals(sum(task.count or 0 for task in tasks if task.done), undecided)
    if step["type"] == "split-switch":
        return StepTotals(sum(task.choice == target for task in tasks if task.done), undecided)
    return totals


def _in_order(steps: Mapping[str, Mapping[str, Any]], start: str) -> list[str]:
    """The steps, each behind those that lead to it; a step may lead to itself."""
    waiting: dict[str, int] = dict.fromkeys(steps, 0)
    for name, step in steps.items():
        for target in step["next"]:
            if target in waiting and target != name:
                waiting[target] += 1
    ready = deque(name for name in ([start] if start in steps else []) if not waiting[name])
    order: list[str] = []
    while ready:
        name = ready.popleft()
        order.append(name)
        for target in steps[name]["next"]:
            if target in waiting and target != name:
                waiting[target] -= 1
                if not waiting[target]:
                    ready.append(target)
    return order
