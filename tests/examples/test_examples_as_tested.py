"""The examples as their users test them: steps alone, whole runs with faults, and what is compiled."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flowc import Run, Task
from flowc.flowspec import constants, parameters
from flowc.testing import RunFlow, StepResult, run_step
from tests.conftest import REPOSITORY

CLASS_FLOWS = {
    "nested_foreach": {"shelves": 3},
    "retry_once": {},
    "choose_model": {},
    "daily_report": {},
    "empty_foreach": {"count": 2},
}


@pytest.fixture(autouse=True)
def examples_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(REPOSITORY / "examples"), *sys.path])


def _flow(example: str) -> Any:
    module = importlib.import_module(example)
    return next(found for name, found in vars(module).items() if name.endswith("Flow") and found.__module__ == example)


def _artifacts(flow: Any, task: Task) -> dict[str, Any]:
    others = {*constants(flow), *parameters(flow)}
    return {name: task.value(name) for name in task.artifact_names if name not in others}


def _given(flow: Any, run: Run, task: Task) -> dict[str, Any]:
    """What a test has to give so that the step does what the task did."""
    index = task.path
    parents = sorted(task.parent_tasks, key=lambda parent: parent.path)
    if run.graph["steps"][task.step]["type"] == "join":
        inputs = [StepResult(_artifacts(flow, parent), None) for parent in parents]
        if parents and len(parents[0].path) > len(task.path):
            return {"inputs": inputs}
        return {"inputs": {parent.step: one for parent, one in zip(parents, inputs, strict=True)}}
    found: dict[str, Any] = {"artifacts": _artifacts(flow, parents[-1]) if parents else {}, "index": index}
    items = list(_items(run, task))
    return {**found, "input": items[-1], "outer": items[:-1]} if items else found


def _items(run: Run, task: Task) -> Iterator[Any]:
    """The items of the foreach scopes around a task, the outermost first."""
    tasks = {(other.step, other.path): other for step in run for other in step}
    for level in range(len(task.path) - task.parent.loops()):
        names = [name for name, path in tasks if path == task.path[:level] and "foreach" in tasks[name, path].manifest]
        opener = tasks[names[0], task.path[:level]]
        variable = opener.manifest["foreach"].get("variable")
        if variable is not None:
            yield opener.value(variable)[task.path[level]]


@pytest.mark.process
@pytest.mark.parametrize("example", CLASS_FLOWS)
def test_a_step_alone_does_what_it_did_in_the_run(example: str, run_flow: RunFlow) -> None:
    flow = _flow(example)
    run = run_flow(flow, CLASS_FLOWS[example])
    assert run.successful
    tasks = [task for step in run for task in step]
    for task in tasks:
        given = _given(flow, run, task)
        given["attempt"] = task.current_attempt
        result = run_step(flow, task.step, parameters=CLASS_FLOWS[example], **given)
        assert result.artifacts == _artifacts(flow, task), task
        assert (result.next is None) == (task.step == "end")
