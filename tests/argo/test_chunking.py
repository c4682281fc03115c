"""DAGs of more tasks than the CRDs allow: cut into parts, nothing runs too early, and nothing waits that need not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from flowc_targets.argo.argo_expressions import (
    Depends,
    Equals,
    InputParameter,
    Or,
    TaskOutput,
    TaskStatus,
    all_of,
    map_finished,
    tasks_of,
)
from flowc_targets.argo.chunking import chunked
from flowc_targets.argo.workflow_objects import DagTask, Parameter, Template
from tests.argo.manifests import codes, objects, tasks, templates

Before = dict[str, set[str]]


def dag(*dag_tasks: DagTask, inputs: tuple[Parameter, ...] = ()) -> Template:
    return Template(name="main", inputs=inputs, dag=dag_tasks)


def needs_of(*names: str | None) -> Depends | None:
    return all_of(TaskStatus(name) for name in names if name is not None)


def all_before(parts: Sequence[Template]) -> Before:
    """Every task, with all tasks that have ended when it begins."""
    by_name = {template.name: template for template in parts}
    before: Before = {}

    def run(template: Template, ended: set[str]) -> set[str]:
        names = {task.name for task in template.dag}
        inside: dict[str, set[str]] = {}
        for task in template.dag:
            needs = set(tasks_of(task.depends))
            assert needs <= names, f"{task.name} depends on {needs - names}, not in its DAG"
            assert needs <= set(inside), f"{task.name} stands before what it depends on"
            begun = ended.union(*(inside[need] for need in needs))
            if task.template in by_name:
                inside[task.name] = run(by_name[task.template], begun)
            else:
                before[task.name] = begun
                inside[task.name] = begun | {task.name}
        return set[str]().union(*inside.values())

    run(parts[0], set())
    return before


def check(*dag_tasks: DagTask, most: int) -> tuple[Before, Before]:
    """What each task waits for before and after; no DAG is too large, and none of the tasks is lost."""
    whole = dag(*dag_tasks)
    parts = chunked([whole], most)
    assert all(len(part.dag) <= most for part in parts)
    left = [task.name for part in parts for task in part.dag if task.template == "leaf"]
    assert sorted(left) == sorted(task.name for task in dag_tasks)
    return all_before([whole]), all_before(parts)


def nested(random_: random.Random, size: int, prefix: str, before: Depends | None) -> list[DagTask]:
    """A series of tasks and branches of such series."""
    result: list[DagTask] = []
    while size > 0:
        name = f"{prefix}{len(result)}"
        result.append(DagTask(name=name, template="leaf", depends=before))
        before, size = needs_of(name), size - 1
        if size > 4 and random_.random() < 0.4:
            width = random_.randint(2, 6)
            arms = [
                nested(random_, max(1, (size - 1) // width), f"{name}-{arm}-", needs_of(name)) for arm in range(width)
            ]
            for arm in arms:
                result += arm
            before, name = needs_of(*(arm[-1].name for arm in arms)), f"{prefix}j{len(result)}"
            result.append(DagTask(name=name, template="leaf", depends=before))
            before, size = needs_of(name), size - sum(map(len, arms)) - 1
    return result


@pytest.mark.parametrize("seed", range(40))
def test_branches_wait_for_nothing_more(seed: int) -> None:
    random_ = random.Random(seed)
    graph = nested(random_, random_.randint(12, 120), "s-", None)
    before, after = check(*graph, most=random_.randint(7, 11))
    assert before == after


@pytest.mark.parametrize("seed", range(40))
def test_any_graph_keeps_its_order(seed: int) -> None:
    random_ = random.Random(seed)
    graph: list[DagTask] = []
    for number in range(random_.randint(12, 80)):
        needs = random_.sample([task.name for task in graph], min(len(graph), random_.randint(0, 3)))
        graph.append(DagTask(name=f"s-{number}", template="leaf", depends=needs_of(*needs)))
    before, after = check(*graph, most=random_.randint(5, 12))
    assert all(before[name] <= after[name] for name in before)


def test_wide_and_long() -> None:
    arms = [DagTask(name=f"s-{i}", template="leaf", depends=needs_of("s-start")) for i in range(70)]
    end = DagTask(name="s-end", template="leaf", depends=needs_of(*(arm.name for arm in arms)))
    before, after = check(DagTask(name="s-start", template="leaf"), *arms, end, most=5)
    assert before == after
    chain = [DagTask(name=f"s-{i}", template="leaf", depends=needs_of(f"s-{i - 1}" if i else None)) for i in range(70)]
    before, after = check(*chain, most=5)
    assert before == after


def test_what_reads_outputs_stays_together() -> None:
    """An opener with its fan-out; a switch with its arms and the step in which they come together."""
    chosen = Equals(TaskOutput("s-2", "choice"), "a")
    count = TaskOutput("s-5", "count")
    merged = Or((TaskStatus("s-3", "Succeeded"), TaskStatus("e-1", "Succeeded")))
    graph = [
        DagTask(name="s-1", template="leaf"),
        DagTask(name="s-2", template="leaf", depends=needs_of("s-1")),
        DagTask(name="s-3", template="leaf", depends=needs_of("s-2"), when=chosen),
        DagTask(name="s-4", template="leaf", depends=merged),
        DagTask(name="s-5", template="leaf", depends=needs_of("s-4")),
        DagTask(name="s-6", template="leaf", depends=needs_of("s-5"), with_sequence=count),
        DagTask(name="s-7", template="leaf", depends=map_finished("s-6")),
        DagTask(name="s-8", template="leaf", depends=needs_of("s-7")),
    ]
    graph.insert(3, DagTask(name="e-1", template="leaf", depends=needs_of("s-2"), when=chosen))
    parts = chunked([dag(*graph)], 4)
    part_of = {task.name: part.name for part in parts for task in part.dag}
    assert part_of["s-2"] == part_of["s-3"] == part_of["s-4"] == part_of["e-1"]
    assert part_of["s-5"] == part_of["s-6"]
    assert all(len(part.dag) <= 4 for part in parts)


def test_a_part_passes_the_index_on() -> None:
    inputs = (Parameter(name="index"),)
    chain = [DagTask(name=f"s-{i}", template="leaf", depends=needs_of(f"s-{i - 1}" if i else None)) for i in range(9)]
    top, *parts = chunked([dag(*chain, inputs=inputs)], 3)
    for task in top.dag:
        assert task.arguments == (Parameter(name="index", value=InputParameter("index")),)
    assert [part.inputs for part in parts] == [inputs] * 3


def long_flow(steps: int) -> str:
    lines = ["from flowc import FlowSpec, step", "class LongFlow(FlowSpec):"]
    names = ["start", *(f"s{i}" for i in range(steps - 2)), "end"]
    for name, following in zip(names, [*names[1:], None], strict=True):
        lines += ["    @step", f"    def {name}(self):"]
        lines += [f"        self.next(self.{following})" if following else "        pass"]
    return "\n".join(lines) + "\n"


def test_a_flow_of_many_steps(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, long_flow(450))
    found = templates(workflow)
    assert list(tasks(found["main"])) == ["part-1", "part-2", "part-3"]
    assert sum(len(tasks(found[f"part-{i}"])) for i in (1, 2, 3)) == 450
    _, workflow = objects(tmp_path, long_flow(450), crds="minimal")
    assert len(tasks(templates(workflow)["main"])) == 450


def test_an_arm_of_too_many_steps_is_reported(tmp_path: Path) -> None:
    """What runs in an arm of a switch may not run at all, and so stays in one DAG."""
    text = long_flow(230).replace(
        "self.next(self.s0)", "self.k = 'a'\n        self.next({'a': self.s0, 'b': self.end}, condition='k')"
    )
    assert [code for code, severity, _ in codes(tmp_path, text) if severity == "error"] == ["FC503"]
