"""The examples as their users test them: steps alone, whole runs with faults, and what is compiled."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from flowc import Run, Task
from flowc.flowspec import constants, parameters
from flowc.testing import RunFlow, StepResult, Transition, compiled, run_step
from tests.conftest import REPOSITORY

CLASS_FLOWS = {
    "nested_foreach": {"shelves": 3},
    "retry_once": {},
    "choose_model": {},
    "daily_partitions": {},
    "daily_report": {},
    "empty_foreach": {"count": 2},
}


@pytest.fixture(autouse=True)
def examples_are_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(REPOSITORY / "examples"), *sys.path])


def _module(example: str) -> Any:
    return importlib.import_module(example)


def _flow(example: str) -> Any:
    names: dict[str, Any] = _module(example).__dict__
    return next(found for name, found in names.items() if name.endswith("Flow") and found.__module__ == example)


def _artifacts(flow: Any, task: Task) -> dict[str, Any]:
    others = {*constants(flow), *parameters(flow)}
    return {name: task.value(name) for name in task.artifact_names if name not in others}


def _given(flow: Any, run: Run, task: Task) -> dict[str, Any]:
    """What a test has to give so that the step does what the task did."""
    index = task.path
    parents = sorted(task.parent_tasks, key=lambda parent: parent.path)
    if run.graph["steps"][task.step]["type"] == "join":
        inputs = [StepResult(_artifacts(flow, parent), None) for parent in parents]
        if not parents or len(parents[0].path) > len(task.path):
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


EXAMPLES = {path.stem: path for path in sorted((REPOSITORY / "examples").glob("*.py"))}


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_pods_of_an_example(example: str) -> None:
    found = compiled(EXAMPLES[example])
    assert found.templates
    for template in found.templates:
        assert template.image is not None
        assert set(template.limits) <= {"nvidia.com/gpu", "cpu", "memory"}
        assert template.env["FLOWC_ROOT"] == "s3://bucket/prefix"


def test_the_gpus_of_the_training() -> None:
    for target in ("argo", "airflow"):
        train = compiled(EXAMPLES["gpu_training"], target=target).template("train")
        assert train.limits["nvidia.com/gpu"] == "1"
        assert train.node_selector["cloud.google.com/gke-accelerator"] == "nvidia-tesla-t4"


def test_steps_of_the_pipelines() -> None:
    pick_model = _module("pick_model").pick_model
    assert run_step(_module("fan_out_map").process_step, artifacts={"input_data": "x"}).artifacts == {"output": "x"}
    choice = run_step(pick_model, "size_of", artifacts={"data": list(range(500))})
    assert (choice.artifacts, choice.next) == ({"output": "small"}, Transition(["look_up"], choice="look_up"))


@pytest.mark.process
def test_a_pipeline_with_a_step_replaced(run_flow: RunFlow) -> None:
    def size_of(data: Any) -> str:
        return "small"

    run = run_flow(_module("pick_model").pick_model, {"rows": 3}, replace={"size_of": size_of})
    assert run.successful
    assert "look_up" in run


@pytest.mark.process
def test_a_branch_that_is_lost_runs_again(simulate_flow: RunFlow) -> None:
    run = simulate_flow(_flow("retry_once"), kill={"work": [0]})
    assert [task.data.attempt for task in run["work"]] == [1, 1, 1]
    assert run.successful
