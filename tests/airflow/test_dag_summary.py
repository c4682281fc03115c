"""What commands know about a DAG file: its summary, and the states of tasks by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_targets.airflow.dag_summary import DagSummary, read_summary
from flowc_targets.airflow.server.run_states import run_state, task_state
from flowc_targets.base.engine import stored_id
from tests.airflow.emitting import ROOT, emit, emit_text
from tests.airflow.flows import NESTED, PLAIN
from tests.conftest import REPOSITORY

FLOWS = REPOSITORY / "tests" / "cluster" / "flows"


def summary_of(text: str) -> DagSummary:
    summary = read_summary(text)
    assert summary is not None
    return summary


def test_a_foreach_in_another_names_the_task_that_lists_its_index_paths(tmp_path: Path) -> None:
    text, _ = emit_text(tmp_path, NESTED, pool="small", dag_id="other.id")
    summary = summary_of(text)
    assert (summary.dag_id, summary.flow, summary.root, summary.pools) == ("other.id", "NestedFlow", ROOT, ("small",))
    assert summary.tasks[:3] == ("start", "row", "left")
    assert "row" not in summary.nested, "its map index is its index path"
    assert {summary.nested[name] for name in ("part", "part_done")} == {"cell_indices"}
    assert summary.nested["cell"] == "left_indices"
    assert (summary.hooks, summary.iterations) == ((), {})


def test_iterations_and_hooks() -> None:
    summary = summary_of(emit(REPOSITORY / "examples" / "choose_model.py")[0])
    assert summary.iterations["refine"] == ("refine", 0)
    assert summary.iterations["refine_20"] == ("refine", 19)
    assert summary.pools == ()
    hooks = summary_of(emit(FLOWS / "hooks.py")[0])
    assert len(hooks.hooks) == 3
    assert not set(hooks.hooks) & set(hooks.tasks)


@pytest.mark.parametrize("operator", ["kubernetes", "local"])
def test_a_file_that_says_nothing(operator: str, tmp_path: Path) -> None:
    text, _ = emit_text(tmp_path, PLAIN, operator=operator)
    assert summary_of(text).flow == "PlainFlow"
    header = text.partition("\n")[0]
    assert read_summary(text.removeprefix(header)) is None, "not flowc's"
    assert read_summary(text.replace("FLOWC = {", "OTHER = {")) is None, "of an older flowc"
    called = text.replace("FLOWC = {", "FLOWC = make({").replace("}\n\n# flowc's shim", "})\n\n# flowc's shim")
    assert called != text
    assert read_summary(called) is None
    assert read_summary(f"{header}\nROOT = (\n") is None
    assert read_summary(f"{header}\nROOT = 1\nFLOWC = []\n") is None


def test_the_states_of_tasks(tmp_path: Path) -> None:
    summary = summary_of(emit_text(tmp_path, NESTED)[0])
    part = {"task_id": "part", "map_index": 1, "state": "success", "try_number": 2}
    assert task_state(part, summary, {"cell_indices": ["0.0.0", "0.1.0"]}).id == "part/0.1.0"
    assert task_state(part, summary, {}).id == "part/1", "Airflow has forgotten the list"
    assert task_state({**part, "task_id": "row"}, summary, {}).id == "row/1"
    loop = summary_of(emit(REPOSITORY / "examples" / "choose_model.py")[0])
    assert task_state({"task_id": "refine_3", "map_index": -1, "state": "queued"}, loop, {}).id == "refine/2"
    assert task_state({"task_id": "refine_3", "map_index": 4, "state": None}, loop, {}).id == "refine/4.2"
    run = {"dag_id": "D", "dag_run_id": "a:b+c", "state": "failed"}
    between = {"task_id": "cell_indices", "map_index": -1, "state": "success"}
    start = {"task_id": "start", "map_index": -1, "state": "success"}
    state = run_state(run, [part, between, start], summary, {})
    assert [task.step for task in state.tasks] == ["start", "part"], "flowc's own tasks are shown when they fail"
    assert (state.done, state.total, state.phase, state.run_id) == (2, 2, "failed", stored_id("a:b+c"))
    failed = run_state(run, [{**between, "state": "failed"}, start], summary, {})
    assert [task.name for task in failed.tasks] == ["start", "cell_indices"]
    unknown = run_state(run, [part, between], None, {})
    assert (unknown.flow, unknown.root, unknown.total) == ("D", None, 2)
