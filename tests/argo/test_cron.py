"""`--kind cron`, and what deployments are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_compiler.ir import ProjectSpec
from flowc_targets.argo.manifest_text import deployed_name
from flowc_targets.kubernetes.labels import label_value, run_labels
from tests.argo.deploying import deployed, flow
from tests.argo.manifests import codes
from tests.support import emitted

HOURLY = '@schedule(hourly=True, timezone="Europe/Berlin")'


def test_a_cron_workflow_has_the_spec_in_it(tmp_path: Path) -> None:
    found = deployed(tmp_path, flow(HOURLY), kind="cron")
    assert list(found) == ["ConfigMap", "CronWorkflow"]
    spec = found["CronWorkflow"]["spec"]
    assert spec["schedules"] == ["0 * * * *"]
    assert spec["timezone"] == "Europe/Berlin"
    assert "schedule" not in spec
    assert "workflowMetadata" not in spec["workflowSpec"]
    assert spec["workflowSpec"]["entrypoint"] == "main"
    assert spec["workflowMetadata"]["labels"]["flowc/flow"] == "DeployedFlow"
    assert found["CronWorkflow"]["metadata"]["name"] == "deployed-flow"


@pytest.mark.parametrize(
    ("version", "field", "value"),
    [("3.5", "schedule", "0 * * * *"), ("3.6", "schedules", ["0 * * * *"]), ("4.1", "schedules", ["0 * * * *"])],
)
def test_the_field_is_that_of_the_version(tmp_path: Path, version: str, field: str, value: Any) -> None:
    spec = deployed(tmp_path, flow(HOURLY), kind="cron", argo_version=version)["CronWorkflow"]["spec"]
    assert [(key, spec[key]) for key in ("schedule", "schedules") if key in spec] == [(field, value)]


SEVERAL = """@schedule(cron=["0 5 * * *", "0 17 * * *"])
@schedule(hourly=True)"""


def test_several_crons(tmp_path: Path) -> None:
    """Argo 3.5 has one schedule: what one cron cannot say is an error there."""
    new = deployed(tmp_path, flow(SEVERAL), kind="cron")["CronWorkflow"]["spec"]
    assert new["schedules"] == ["0 5 * * *", "0 17 * * *", "0 * * * *"]
    old = deployed(tmp_path, flow(SEVERAL), kind="cron", argo_version="3.5")["CronWorkflow"]["spec"]
    assert old["schedule"] == "0 * * * *"
    apart = '@schedule(cron=["0 5 * * *", "30 17 * * *"])'
    assert codes(tmp_path, flow(apart), kind="cron", argo_version="3.5")[0][:2] == ("FC501", "error")


def test_every_option_is_written(tmp_path: Path) -> None:
    options = {
        "concurrency_policy": "Forbid", "starting_deadline_seconds": 0, "successful_history": 0, "failed_history": 7,
        "suspend": True, "timezone": "America/New_York", "schedule": "cron".replace("cron", "30 6 ? * MON-FRI *"),
    }  # fmt: skip
    spec = deployed(tmp_path, flow(HOURLY), kind="cron", **options)["CronWorkflow"]["spec"]
    assert {key: item for key, item in spec.items() if not key.startswith("workflow")} == {
        "schedules": ["30 6 * * 1-5"],
        "timezone": "America/New_York",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 0,
        "successfulJobsHistoryLimit": 0,
        "failedJobsHistoryLimit": 7,
        "suspend": True,
    }


def test_without_a_time_zone_it_is_utc(tmp_path: Path) -> None:
    """And not the zone of the controller's machine, which is Argo's default."""
    spec = deployed(tmp_path, flow("@schedule(daily=True)"), kind="cron")["CronWorkflow"]["spec"]
    assert spec["timezone"] == "UTC"


def test_hooks_and_parameters_are_in_it(tmp_path: Path) -> None:
    text = flow(f"{HOURLY}\n@exit_hook(on_error=[told])", 'n = Parameter("n", default=3)')
    spec = deployed(tmp_path, text, kind="cron")["CronWorkflow"]["spec"]["workflowSpec"]
    assert spec["onExit"] == "on-exit"
    assert spec["arguments"]["parameters"][0] == {"name": "n", "value": "3"}


@pytest.mark.parametrize(
    ("decorators", "options", "expected"),
    [
        ("", {}, ["FC502"]),
        ("@schedule(daily=False)", {}, ["FC502"]),
        ("", {"schedule": "0 5 * * *"}, []),
        ("", {"schedule": "0 5 * *"}, ["FC505"]),
        ("", {"schedule": "0 0 5 LW * ?"}, ["FC505"]),
        (HOURLY, {"timezone": "Mars/Phobos"}, ["FC404"]),
        (HOURLY, {"name": "x" * 53}, ["FC505"]),
        (HOURLY, {"kind": "template"}, ["FC501"]),
    ],
)
def test_what_is_wrong_with_a_schedule(
    tmp_path: Path, decorators: str, options: dict[str, Any], expected: list[str]
) -> None:
    found = codes(tmp_path, flow(decorators), **{"kind": "cron", **options})
    assert [code for code, _, _ in found] == expected


@pytest.mark.parametrize(
    ("decorators", "way_out"),
    [
        ("", "put @schedule("),
        ('@trigger(event="new")', "compile with --kind template"),
        ('@trigger_on_finish(flow="Up")', "compile with --kind template"),
    ],
)
def test_the_way_out_of_a_missing_schedule(tmp_path: Path, decorators: str, way_out: str) -> None:
    """A flow that starts on events has a template and a Sensor, and needs no schedule."""
    path = tmp_path / "flow_file.py"
    path.write_text(flow(decorators))
    sink = DiagnosticSink()
    emitted(compile_file(path), "argo", sink, kind="cron", root="s3://b/p", namespace="flows", event_source="shops")
    assert [item.help.startswith(way_out) for item in sink.diagnostics if item.code == "FC502"] == [True]


def test_nobody_gives_a_scheduled_run_a_value(tmp_path: Path) -> None:
    text = flow(HOURLY, 'n = Parameter("n", required=True)')
    assert [code for code, _, _ in codes(tmp_path, text, kind="cron")] == ["FC304"]
    assert codes(tmp_path, text, kind="cron", parameters={"n": "1"}) == []


def test_a_long_name_is_cut_for_the_controller(tmp_path: Path) -> None:
    name = deployed(tmp_path, flow(HOURLY, name="Very" + "Long" * 20), kind="cron")["CronWorkflow"]["metadata"]["name"]
    assert len(name) <= 52


def named(tmp_path: Path, name: str, project: ProjectSpec | None = None) -> Any:
    path = tmp_path / "flow_file.py"
    path.write_text(flow(name=name))
    found = compile_file(path).flow
    return found.model_copy(update={"specs": found.specs.model_copy(update={"project": project})})


def test_no_two_deployments_share_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_OWNER", "test_b")
    flows = [
        named(tmp_path, name, project)
        for name in ("MyFlow", "My_Flow", "MYFlow", "Myflow", "XFlow", "Flow")
        for project in (
            None,
            ProjectSpec(name="a", production=True),
            ProjectSpec(name="a", branch="x", production=True),
            ProjectSpec(name="a", branch="b"),
            ProjectSpec(name="a_test", branch="b"),
            ProjectSpec(name="a"),
            ProjectSpec(name="a_user"),
        )
    ]
    assert len({deployed_name(item) for item in flows}) == len(flows)
    assert deployed_name(flows[0]) == "my-flow"
    assert len({run_labels(item)["flowc/deployment"] for item in flows}) == len(flows)


@pytest.mark.parametrize("text", ["x" * 64, "_Flow", "user.jo@x", "a b", "é", "__", "a.", ""])
def test_every_text_is_made_a_label(text: str) -> None:
    value = label_value(text)
    assert 0 < len(value) <= 63
    assert value[0].isalnum()
    assert value[-1].isalnum()
    assert value != text
