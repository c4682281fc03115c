"""Metaflow's options for notifications, deadline and priority."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import flowc, write_files, yaml_documents

FLOW = """
from metaflow import FlowSpec, step


class Plain(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
ON_ERROR, SLACK = "--notify-on-error", "--notify-slack-webhook-url"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path, {"flow.py": FLOW})
    return tmp_path


def test_they_reach_the_manifest(folder: Path) -> None:
    done = flowc(
        folder, "compile", "flow.py", "--root", "s3://b/p", ON_ERROR, "--notify-on-success", SLACK, "team/url",
        "--notify-incident-io-api-key", "KEY", "--incident-io-alert-source-config-id", "01X",
        "--incident-io-metadata", "team=data", "--workflow-timeout", "60", "--workflow-priority", "7",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    spec = yaml_documents(done.stdout)[-1]["spec"]
    assert (spec["activeDeadlineSeconds"], spec["priority"], spec["onExit"]) == (60, 7, "on-exit")
    assert '"on": ["error", "success"], "slack": "TEAM_URL"' in done.stdout
    assert '"alert_metadata": {"team": "data"}' in done.stdout
    notify = next(item for item in spec["templates"] if item["name"] == "notify")
    secret = {"secretKeyRef": {"name": "team", "key": "url", "optional": True}}
    assert {"name": "TEAM_URL", "valueFrom": secret} in notify["container"]["env"]


def test_airflow_has_them_but_for_the_priority(folder: Path) -> None:
    arguments = ("compile", "flow.py", "-t", "airflow", "--root", "s3://b/p", ON_ERROR, SLACK, "URL")
    done = flowc(folder, *arguments, "--workflow-timeout", "60")
    assert done.returncode == 0, done.stderr
    assert "dagrun_timeout=timedelta(seconds=60)" in done.stdout
    assert 'task_id="notify_failure"' in done.stdout
    refused = flowc(folder, *arguments, "--workflow-priority", "7")
    assert "FC504" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((ON_ERROR,), "FC505", "--notify-on-error tells nobody"),
        (
            (ON_ERROR, SLACK, "https://hooks.slack.com/T0/x"),
            "FC505",
            "give the name of a secret, not the secret itself",
        ),
        ((SLACK, "URL"), "FC506", "has no effect without an event"),
        ((ON_ERROR, "--notify-incident-io-api-key", "KEY"), "FC505", "needs the alert source of incident.io"),
        ((ON_ERROR, SLACK, "URL", "--incident-io-metadata", "x"), "FC505", "is not NAME=VALUE"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: tuple[str, ...], code: str, said: str) -> None:
    done = flowc(folder, "compile", "flow.py", "--root", "s3://b/p", *arguments)
    assert code in done.stderr
    assert said in done.stderr
    assert "hooks.slack.com" not in done.stdout
    assert bool(done.returncode) == (code == "FC505")
