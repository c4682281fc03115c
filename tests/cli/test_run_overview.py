"""`flowc show`: states, times, totals and attempts of a run, as text and as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc_cli.reporting.run_snapshot import Snapshot
from flowc_cli.reporting.state_marks import StepMarks
from flowc_cli.stored_runs import ended_at
from tests.cli.test_run_tasks import DONE, FOREACH, NESTED, NOW, SWITCH, Steps, read
from tests.conftest import REPOSITORY
from tests.support import flowc

CAUGHT = {"type": "ValueError", "message": "no luck"}


def show(folder: Path, *arguments: str) -> str:
    """What the command prints, without times."""
    done = flowc(folder, "show", "Flow/argo-1", "--root", folder, *arguments)
    assert done.returncode == 0, done.stderr
    text = re.sub(r"\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC|\d\d:\d\d:\d\d", "TIME", done.stdout)
    return re.sub(r"\b\d+ (min \d+ |m)?s\b|\b\d\.\d s\b", "LONG", text)


@pytest.mark.parametrize(
    ("steps", "tasks", "lines"),
    [
        (FOREACH, {"start": None}, [
            "tasks: 0 of 3+ done, 1 running",
            "  start  running  TIME, LONG",
            "    start running since TIME, on pod, for LONG",
            "  each  not known yet",
            "  join  waiting",
            "  end  waiting",
        ]),
        (FOREACH, {"start": 5, "each/0": DONE, "each/1": None}, [
            "tasks: 2 of 8 done, 1 running",
            "  start  TIME, LONG",
            "  each  1 of 5 tasks, 1 running  TIME, LONG",
            "    each-1 running since TIME, on pod, for LONG",
            "  join  waiting",
            "  end  waiting",
        ]),
        (NESTED, {"start": 2, "outer/0": 4}, [
            "tasks: 2 of 11+ done",
            "  start  TIME, LONG",
            "  outer  1 of 2 tasks  TIME, LONG",
            "  inner  4 tasks waiting",
            "  collect  2 tasks waiting",
            "  join  waiting",
            "  end  waiting",
        ]),
        (SWITCH, {"start": "large", "large": DONE, "end": DONE}, [
            "tasks: 3 of 3 done",
            "  start  TIME, LONG",
            "  small  no tasks",
            "  large  TIME, LONG",
            "  end  TIME, LONG",
        ]),
    ],
)  # fmt: skip
def test_the_text_of_a_run(tmp_path: Path, steps: Steps, tasks: dict[str, Any], lines: list[str]) -> None:
    read(tmp_path, steps, tasks)
    assert show(tmp_path).splitlines()[2:] == lines


def test_what_has_not_begun_when_a_run_is_over(tmp_path: Path) -> None:
    read(tmp_path, FOREACH, {"start": 2, "each/0": None}, status="interrupted", ended=0.0)
    text = show(tmp_path)
    assert "tasks: 1 of 5 done, 1 stopped\n" in text
    assert "    each-0 stopped: the run was interrupted\n" in text
    assert "  join  not begun\n" in text


def test_what_a_failure_has_stopped_is_no_failure_of_its_own(tmp_path: Path) -> None:
    """`show` names the task that has failed, and the page of the run counts one failure."""
    read(tmp_path, FOREACH, {"start": 2, "each/0": None, "each/1": None}, status="failed", ended=NOW, failed="each/1")
    error = {"version": 1, "type": "ValueError", "message": "no", "traceback": "", "created": NOW}
    layout = RunLayout(open_store(str(tmp_path)), "Flow", "argo-1")
    layout.write_json(f"{layout.folder('each', (1,), 0)}/error.json", error)
    text = show(tmp_path)
    assert "tasks: 1 of 5 done, 1 failed, 1 stopped\n" in text
    assert "    each-0 stopped: task each/1 had failed\n" in text
    assert "    each-1 failed: ValueError: no\n" in text
    view = Snapshot(Run("Flow/argo-1", root=str(tmp_path), _namespace_check=False)).refresh()
    marks = StepMarks(view)
    assert [row.state for row in view.tasks] == ["successful", "stopped", "failed"]
    assert marks.notes["each"][0] == "0 of 2 · 1 failed · 1 stopped"


def test_what_a_switch_had_not_decided_when_a_run_failed(tmp_path: Path) -> None:
    read(tmp_path, SWITCH, {"start": None}, status="failed", ended=0.0)
    text = show(tmp_path)
    assert "+ done" in text
    assert "  small  not begun\n" in text
    assert "no tasks" not in text


def test_what_was_caught_and_what_was_taken_over(tmp_path: Path) -> None:
    layout: RunLayout = read(tmp_path, FOREACH, {"start": 3, "each/0": DONE, "each/1": DONE, "each/2": DONE}).run.layout
    for path, changes in (
        ((0,), {"caught": True, "caught_failure": CAUGHT}),
        ((1,), {"run": "argo-0", "started": 1e9 - 5000}),
    ):
        manifest = layout.manifest("each", path, 0)
        manifest.pop("digest", None)
        layout.commit("each", path, 0, {**manifest, **changes})
    lines = show(tmp_path).splitlines()
    assert lines[2] == "tasks: 4 of 6 done, 1 caught"
    assert lines[4] == "  each  3 of 3 tasks, 1 caught, 1 taken over  TIME, LONG"
    assert "    each-0 caught: ValueError: no luck" in lines
    assert show(tmp_path, "--task", "each/0").splitlines()[3].startswith("    attempt 0  caught  ")
    assert "taken over" not in show(tmp_path, "--task", "each/2")


def test_one_task_with_its_attempts(tmp_path: Path) -> None:
    layout: RunLayout = read(tmp_path, FOREACH, {"start": 2, "each/0": DONE}).run.layout
    for number, begun in enumerate((1e9, 1e9 + 60)):
        record = {"version": 1, "started": begun, "host": f"pod-{number}", "last": False}
        layout.begin("each", (1,), number, record)
    error = {"version": 1, "type": "ValueError", "message": "no", "traceback": "", "created": 1e9 + 12}
    layout.write_json(f"{layout.folder('each', (1,), 0)}/error.json", error)
    lines = show(tmp_path, "--task", "each/1").splitlines()[2:]
    assert lines[0].startswith("  each  0 of 1 task, 1 running, 1 retried  ")
    assert lines[1] == "    attempt 0  failed  TIME, LONG, on pod-0"
    assert lines[2].startswith("    attempt 1  running  TIME, ")
    assert lines[2].endswith(", on pod-1, waited LONG")
    assert lines[3:] == ["    each-1 attempt 0 failed: ValueError: no"]


def test_json_has_times_totals_and_readable_values(tmp_path: Path) -> None:
    layout = read(tmp_path, FOREACH, {"start": 2, "each/0": None}).run.layout
    manifest = layout.manifest("start", (), 0)
    data = pickle.dumps({"rate": 0.5}, protocol=5)
    inline = {"hash": hashlib.sha256(data).hexdigest(), "codec": "pickle", "size": len(data), "type": "dict"}
    inline["inline"] = base64.b64encode(data).decode()
    manifest.pop("digest", None)
    layout.commit("start", (), 0, {**manifest, "artifacts": {"settings": inline}})
    document = json.loads(flowc(tmp_path, "show", "Flow/argo-1", "--root", tmp_path, "--json").stdout)
    assert document["tasks"] == {"done": 1, "expected": 5, "open": False}
    assert document["totals"]["each"]["running"] == 1
    (start,) = document["steps"]["start"]
    assert (start["state"], start["host"], start["ended"] - start["started"]) == ("successful", "pod", 0.5)
    assert start["values"] == {"settings": {"rate": 0.5}}
    assert document["duration"] > 0
    assert set(document["steps"]) == {"start", "each"}
    assert start["attempts"][0]["queued"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("steps", "tasks", "task", "says"),
    [
        (FOREACH, {"start": 2, "each/0": DONE}, "join", "error[FC602]: step join of run Flow/argo-1 has not begun"),
        (FOREACH, {"start": None}, "each/1", "error[FC602]: step each of run Flow/argo-1 has not begun"),
        (SWITCH, {"start": "large", "large": DONE, "end": DONE}, "small", "has no tasks: no switch has chosen it"),
        (FOREACH, {"start": 2}, "jion", "help: did you mean `join`?"),
        (FOREACH, {"start": 2}, "strat-0", "help: did you mean `start`?"),
        (FOREACH, {"start": 2}, "other", "has no step other; it has start, each, join, end"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["show", "--task"], ["logs", "--step"]])
def test_a_step_without_tasks(
    tmp_path: Path, command: list[str], steps: dict[str, Any], tasks: dict[str, Any], task: str, says: str
) -> None:
    read(tmp_path, steps, tasks)
    done = flowc(tmp_path, command[0], "Flow/argo-1", "--root", tmp_path, command[1], task)
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize("arguments", [["--task", "nothing"], ["--task", "each/7"]])
def test_a_task_that_is_not_there(tmp_path: Path, arguments: list[str]) -> None:
    read(tmp_path, FOREACH, {"start": 2, "each/0": DONE})
    done = flowc(tmp_path, "show", "Flow/argo-1", "--root", tmp_path, *arguments)
    assert done.returncode == 2
    assert "error[FC602]" in done.stderr


def test_a_run_that_failed_on_an_engine_has_lasted_until_then(tmp_path: Path) -> None:
    run = read(tmp_path, FOREACH, {"start": 1}).run
    run.layout.begin("each", (0,), 0, {"version": 1, "started": 2e9 + 5, "host": "pod", "last": True})
    error = {"version": 1, "type": "ValueError", "message": "no", "traceback": "", "created": 2e9 + 12}
    run.layout.write_json(f"{run.layout.folder('each', (0,), 0)}/error.json", error)
    assert run.status == "failed"
    assert ended_at(run) == 2e9 + 12


def test_the_page_lists_the_fields_of_json(tmp_path: Path) -> None:
    read(tmp_path, FOREACH, {"start": 2, "each/0": DONE, "each/1": None})
    page = (REPOSITORY / "docs" / "keeping.md").read_text(encoding="utf-8").partition("### As JSON")[2]
    listed = set(re.findall(r"`(\w+)`", page.partition("\n## ")[0]))
    shown = json.loads(flowc(tmp_path, "show", "Flow/argo-1", "--root", tmp_path, "--json").stdout)
    [row] = json.loads(flowc(tmp_path, "runs", "--root", tmp_path, "--json").stdout)
    [task] = shown["steps"]["start"]
    used = {*shown, *shown["tasks"], *shown["totals"]["each"], *task, *task["attempts"][0], *row}
    assert used <= listed, used - listed
