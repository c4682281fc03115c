"""The tasks of a run as they are read from its store: totals, states, times, and what is damaged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc_cli.run_tasks import RunTasks, read_tasks

NOW = time.time()

Steps = dict[str, dict[str, Any]]
DONE = ("done",)


def linear(*following: str, **more: Any) -> dict[str, Any]:
    """A step of a graph."""
    return {"type": "linear", "next": list(following), "loops": False, **more}


FOREACH: Steps = {
    "start": linear("each", type="split-foreach"),
    "each": linear("join"),
    "join": linear("end", type="join", closes="start"),
    "end": linear(type="end"),
}
NESTED: Steps = {
    "start": linear("outer", type="split-foreach"),
    "outer": linear("inner", type="split-foreach"),
    "inner": linear("collect"),
    "collect": linear("join", type="join", closes="outer"),
    "join": linear("end", type="join", closes="start"),
    "end": linear(type="end"),
}
SWITCH: Steps = {
    "start": linear("small", "large", type="split-switch"),
    "small": linear("end"),
    "large": linear("end"),
    "end": linear(type="end"),
}
BRANCH: Steps = {
    "start": linear("a", "b", type="split-static"),
    "a": linear("end"),
    "b": linear("end"),
    "end": linear(type="end", closes="start"),
}
LOOP: Steps = {
    "start": linear("again"),
    "again": linear("end", "again", type="split-switch", loops=True),
    "end": linear(type="end"),
}


def read(folder: Path, steps: Steps, tasks: dict[str, Any], **run_end: Any) -> RunTasks:
    """A run that has left these tasks: `step/index` to what it has opened or chosen; `None` while it runs."""
    layout = RunLayout(open_store(str(folder)), "Flow", "argo-1")
    for number, (task, decided) in enumerate(tasks.items()):
        step, _, index = task.partition("/")
        place = f"{layout.prefix}/{step}/{index or '-'}/0"
        begun = NOW - 100 + number
        layout.write_json(f"{place}/attempt.json", {"version": 1, "started": begun, "host": "pod", "last": False})
        if decided is not None:
            parts = {"step": step, "index": index or "-", "attempt": 0, "flow": "Flow", "run": "argo-1"}
            more = {"count": {"foreach": {"count": decided}}, "choice": {"choice": decided}}
            kind = "count" if isinstance(decided, int) else "choice" if isinstance(decided, str) else ""
            manifest = {**parts, "artifacts": {}, "parameters": {}, "created": begun + 0.5, **more.get(kind, {})}
            layout.write_json(f"{place}/manifest.json", {**manifest, "version": 2})
    if steps:
        graph: dict[str, Any] = {"version": 1, "start": "start", "end": "end", "tags": [], "steps": steps}
        layout.write_json(f"{layout.prefix}/graph.json", graph)
    if run_end:
        layout.write_json(f"{layout.prefix}/run-end.json", {"version": 1, **run_end})
    return read_tasks(Run("Flow/argo-1", root=str(folder), _namespace_check=False))


@pytest.mark.parametrize(
    ("steps", "tasks", "expected", "done", "more"),
    [
        ({}, {"start": None}, 1, 0, True),
        (FOREACH, {"start": None}, 3, 0, True),
        (FOREACH, {"start": 5}, 8, 1, False),
        (FOREACH, {"start": 5, "each/0": DONE, "each/1": None}, 8, 2, False),
        (FOREACH, {"start": 0, "join": DONE, "end": DONE}, 3, 3, False),
        (NESTED, {"start": 3}, 1 + 3 + 3 + 1 + 1, 1, True),
        (NESTED, {"start": 2, "outer/0": 4, "outer/1": None}, 1 + 2 + 4 + 2 + 1 + 1, 2, True),
        (NESTED, {"start": 2, "outer/0": 4, "outer/1": 0}, 1 + 2 + 4 + 2 + 1 + 1, 3, False),
        (SWITCH, {"start": None}, 1, 0, True),
        (SWITCH, {"start": "large"}, 3, 1, False),
        (BRANCH, {"start": DONE, "a": None}, 4, 1, False),
        (LOOP, {"start": DONE}, 2, 1, True),
        (LOOP, {"start": DONE, "again/0": "again", "again/1": "again"}, 4, 3, True),
        (LOOP, {"start": DONE, "again/0": "again", "again/1": "end"}, 4, 3, False),
    ],
)
def test_totals(tmp_path: Path, steps: Steps, tasks: dict[str, Any], expected: int, done: int, more: bool) -> None:
    found = read(tmp_path, steps, tasks)
    assert (found.expected, found.done, found.open) == (expected, done, more)
    older = {name: {key: item for key, item in step.items() if key != "closes"} for name, step in steps.items()}
    again = read(tmp_path / "older", older, tasks)  # runs of earlier releases do not say what a join closes
    assert (again.expected, again.done, again.open) == (expected, done, more)


def test_a_deep_flow_takes_linear_time(tmp_path: Path) -> None:
    steps: Steps = {"start": linear("a0", "b0", type="split-static")}
    for number in range(1500):
        steps[f"a{number}"] = linear(f"j{number}")
        steps[f"b{number}"] = linear(f"j{number}")
        join = linear(f"a{number + 1}", f"b{number + 1}", type="split-static") if number < 1499 else linear("end")
        steps[f"j{number}"] = {**join, "type": "join"}
        steps[f"s{number}"] = linear(f"a{number + 1}", f"b{number + 1}", type="split-static")
        if number < 1499:
            steps[f"j{number}"]["next"] = [f"s{number}"]
    steps["end"] = linear(type="end")
    del steps["s1499"]
    begun = time.monotonic()
    assert read(tmp_path, steps, {"start": DONE}).expected == len(steps)
    assert time.monotonic() - begun < 2


def test_times_wait_for_the_last_task_before(tmp_path: Path) -> None:
    found = read(tmp_path, FOREACH, {"start": 2, "each/0": DONE, "each/1": DONE, "join": DONE, "end": DONE})
    by_id = {task.id: task for task in found.tasks}
    assert by_id["start"].ready == pytest.approx(found.created)
    for task, waited in (("each/1", 1.5), ("join", 0.5)):
        assert by_id[task].queued(by_id[task].last) == pytest.approx(waited)
    assert [step.name for step in found.steps] == ["start", "each", "join", "end"]
    each = found.steps[1]
    assert each.started == pytest.approx(NOW - 99)
    assert each.ended == pytest.approx(NOW - 97.5)


def test_attempts_of_a_task_that_was_killed_and_retried(tmp_path: Path) -> None:
    layout = RunLayout(open_store(str(tmp_path)), "Flow", "argo-1")
    for number, begun in enumerate((NOW - 60, NOW - 30, NOW - 5)):
        record = {"version": 1, "started": begun, "host": f"pod-{number}", "last": False}
        layout.write_json(f"{layout.prefix}/work/3.0/{number}/attempt.json", record)
    error = {"version": 1, "type": "ValueError", "message": "no", "traceback": "", "created": NOW - 10}
    layout.write_json(f"{layout.prefix}/work/3.0/1/error.json", error)
    (task,) = read_tasks(Run("Flow/argo-1", root=str(tmp_path), _namespace_check=False)).tasks
    assert [attempt.state for attempt in task.attempts] == ["killed", "failed", "running"]
    assert (task.id, task.state, task.done, task.started) == ("work/3.0", "running", False, NOW - 60)
    assert task.queued(task.attempts[2]) == pytest.approx(5)
    assert task.queued(task.attempts[1]) == pytest.approx(0)  # the killed one was over when the next began


def test_a_damaged_file_is_the_problem_of_its_task_only(tmp_path: Path) -> None:
    read(tmp_path, FOREACH, {"start": 2, "each/0": DONE, "each/1": DONE})
    for name, index in (("manifest", "0"), ("attempt", "1")):
        path = tmp_path / "Flow" / "argo-1" / "each" / index / "0" / f"{name}.json"
        path.write_text(path.read_text().replace("each", "eech"))
    found = read_tasks(Run("Flow/argo-1", root=str(tmp_path), _namespace_check=False))
    assert [(task.state, bool(task.problem)) for task in found.tasks] == [
        ("successful", False),
        ("successful", True),
        ("successful", True),
    ]


def test_what_runs_no_more_when_the_run_is_over(tmp_path: Path) -> None:
    found = read(tmp_path, FOREACH, {"start": 2, "each/0": None}, status="interrupted", ended=NOW)
    assert [task.state for task in found.tasks] == ["successful", "stopped"]
    assert [task.ended for task in found.tasks][1] == NOW
