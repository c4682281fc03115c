"""What a DAG file has for a missed deadline: the callback of the DAG or an alert of Airflow, and what is reported."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.emitting import CLEAN, emit, ruff, without_code
from tests.airflow.flows import LATE

ALERT = """\
DeadlineAlert(
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    interval=timedelta(seconds=3600),
    callback=SyncCallback(f'{__name__}.LATE'),
)"""


def late(folder: Path, channel: str = "webhook='HOOK'", **options: Any) -> tuple[str, list[tuple[str, str]]]:
    """The DAG file, and the code and message of what is reported."""
    path = folder / "late.py"
    path.write_text(LATE.format(notify=f'on=["late", "error"], {channel}'))
    text, diagnostics = emit(path, **options)
    return text, [(item.severity, f"{item.code} {item.message}") for item in diagnostics]


@pytest.mark.parametrize("operator", ["kubernetes", "local"])
@pytest.mark.parametrize("alerts", [False, True])
def test_a_file_has_the_callback_or_the_alert(tmp_path: Path, operator: str, alerts: bool) -> None:
    text, reported = late(tmp_path, operator=operator, deadline_alerts=alerts)
    assert reported == []
    module = ast.parse(text)
    places = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    assert places["late_notice"].lineno < places["flow"].lineno, "its decorator's arguments call it"
    [decorator] = places["flow"].decorator_list
    assert isinstance(decorator, ast.Call)
    found = {item.arg: ast.unparse(item.value) for item in decorator.keywords}
    alert = "".join(line.strip() for line in ALERT.splitlines()).replace(",", ", ").replace(", )", ")")
    assert found.get("deadline") == (alert if alerts else None)
    assert ("on_failure_callback" in found) != alerts
    assert found["dagrun_timeout"] == "timedelta(seconds=3600)"


@pytest.mark.process
@pytest.mark.parametrize("alerts", [False, True])
def test_a_linter_has_nothing_to_say(tmp_path: Path, alerts: bool) -> None:
    text, _ = late(tmp_path, operator="local", deadline_alerts=alerts)
    assert ruff("check", *CLEAN, text=without_code(text)) == ""
    assert ruff("format", "--check", "--diff", "--line-length", "120", text=text) == ""


@pytest.mark.parametrize(
    ("options", "sender"),
    [
        ({}, "Airflow's DAG processor notifies of a missed deadline"),
        ({"deadline_alerts": True}, "the worker notifies of a missed deadline"),
        ({"operator": "local"}, "the worker notifies"),
    ],
)
def test_who_has_no_secrets_of_kubernetes(tmp_path: Path, options: dict[str, Any], sender: str) -> None:
    _, reported = late(tmp_path, "slack='team/url'", **options)
    assert reported == [("warning", f"FC501 {sender}, and reads no Kubernetes Secrets (target airflow)")]


@pytest.mark.parametrize("alerts", [False, True])
def test_code_in_config_maps_is_out_of_reach(tmp_path: Path, alerts: bool) -> None:
    text, [(severity, message)] = late(tmp_path, code="configmap", deadline_alerts=alerts)
    assert (text, severity) == ("", "error")
    assert message.startswith("FC501 Airflow itself notifies of a missed deadline")
