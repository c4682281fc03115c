"""What a step has printed, and why its pod waits, in logs of Airflow's tasks as 2.11 and 3.3 send them."""

from __future__ import annotations

from typing import Any

import pytest

from flowc_cli.run_states import state_text, transitions
from flowc_targets.airflow.server.task_logs import printed, waiting_reason
from flowc_targets.base.engine import RunState, TaskState

OWN = {"dag.py", "pod_manager.py"}
WAITS = [
    ("pod_manager.py", "::group::Waiting up to 600s to get the POD scheduled..."),
    ("pod_manager.py", "The Pod has an Event: 0/2 nodes are available: 2 Insufficient cpu. from None"),
]
PULLS = [
    *WAITS,
    ("pod_manager.py", "The Pod has an Event: Successfully assigned flows/start-abc to node-1 from None"),
    ("pod_manager.py", 'The Pod has an Event: Back-off pulling image "none:1" from spec.containers{base}'),
]
RUNS = [
    *PULLS,
    ("pod_manager.py", "The Pod has an Event: Started container base from spec.containers{base}"),
    ("pod_manager.py", "[base] first"),
    ("pod_manager.py", "[base] The Pod has an Event: printed from here"),
    ("pod_manager.py", "Pod start-abc has phase Running"),
    ("pod.py", "Found matching pod start-abc"),
]


def as_airflow_3(lines: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Entries of JSON."""
    return [{"event": text, "filename": file, "level": "info"} for file, text in lines]


def as_airflow_2(lines: list[tuple[str, str]]) -> str:
    """The `repr` of a list of texts by host."""
    log = "".join(f"[2026-11-28T20:00:00.000+0000] {{{file}:12}} INFO - {text}\n" for file, text in lines)
    return repr([("worker", log)])


@pytest.mark.parametrize("sent", [as_airflow_2, as_airflow_3])
def test_lines_of_steps_only(sent: Any) -> None:
    assert list(printed(sent(RUNS), OWN)) == ["first", "The Pod has an Event: printed from here"]
    deferred = [
        ("pod.py", "Found matching pod start-abc"),
        ("pod.py", "[base] logs: first"),
        ("pod.py", "[base] logs: [base] second"),
        ("pod.py", "[proxy] logs: no step"),
        ("pod.py", "Trigger emitted an success event"),
    ]
    assert list(printed(sent(deferred), OWN)) == ["first", "[base] second"], "of a task that the triggerer waited for"
    local = [("dag.py", "by a local process"), ("flowc_runtime_1_0_12ab.py", "by one of a folder")]
    assert list(printed(sent(local), OWN)) == ["by a local process", "by one of a folder"]


@pytest.mark.parametrize("sent", [as_airflow_2, as_airflow_3])
def test_why_a_pod_waits(sent: Any) -> None:
    assert waiting_reason(sent(WAITS)) == "0/2 nodes are available: 2 Insufficient cpu."
    assert waiting_reason(sent(PULLS)) == 'Back-off pulling image "none:1"'
    assert waiting_reason(sent(RUNS)) == ""
    assert waiting_reason(sent(RUNS[:5])) == ""
    assert waiting_reason(sent([])) == ""


def test_the_state_of_a_run_says_why_tasks_wait() -> None:
    reason = "Unschedulable: 0/2 nodes are available"
    tasks = tuple(TaskState("each", str(number), "pending", f"pod-{number}", message=reason) for number in range(3))
    done = TaskState("start", None, "succeeded", "pod")
    state = RunState("w", "Flow", "argo-1", "running", "", tasks=(done, *tasks))
    assert f"    each/0 and 2 more pending: {reason}\n" in state_text(state)
    assert transitions(None, state)[1] == f"each/0 pending: {reason}"
    quiet = RunState("w", "Flow", "argo-1", "running", "", tasks=(done, TaskState("each", "0", "pending", "pod-0")))
    assert transitions(quiet, state)[0] == f"each/0 pending: {reason}"
    assert transitions(state, state) == []
