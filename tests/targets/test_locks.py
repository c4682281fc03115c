"""What `@concurrency` becomes on Argo and Airflow, and what they report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from tests.support import compiled, emitted, yaml_documents

FLOW = """
from flowc import *

{flow}
@schedule(daily=True)
class Locked(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.work, foreach="items")

    {step}
    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def documents(folder: Path, flow: str = "", step: str = "", **options: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """The objects for Argo, and what is reported."""
    sink = DiagnosticSink()
    files, sink = emitted(compiled(folder, FLOW.format(flow=flow, step=step)), "argo", sink, **options)
    told = [item.message for item in sink.diagnostics if "schedule" not in item.message]
    return yaml_documents(files[0].text) if files else [], told


def spec_of(found: list[dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = found[-1]["spec"]
    inner: dict[str, Any] = spec.get("workflowSpec", spec)
    return inner


SEMAPHORE = {"configMapKeyRef": {"name": "flowc-lock-warehouse", "key": "limit"}}


@pytest.mark.parametrize(
    ("version", "limit", "wanted"),
    [
        ("3.6", 1, {"mutexes": [{"name": "warehouse"}]}),
        ("3.6", 2, {"semaphores": [SEMAPHORE]}),
        ("4.1", 2, {"semaphores": [SEMAPHORE]}),
        ("3.5", 1, {"mutex": {"name": "warehouse"}}),
        ("3.5", 2, {"semaphore": SEMAPHORE}),
    ],
)
def test_a_step_on_argo(tmp_path: Path, version: str, limit: int, wanted: dict[str, Any]) -> None:
    found, told = documents(tmp_path, step=f"@concurrency('warehouse', limit={limit})", argo_version=version)
    templates = {item["name"]: item for item in spec_of(found)["templates"]}
    assert templates["s-work"]["synchronization"] == wanted
    assert [name for name, item in templates.items() if "synchronization" in item] == ["s-work"]
    maps = [item for item in found if item["metadata"]["name"].startswith("flowc-lock-")]
    assert [item["data"] for item in maps] == ([{"limit": "2"}] if limit == 2 else [])
    assert all(item["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "flowc"} for item in maps)
    assert not told


def test_a_flow_on_argo(tmp_path: Path) -> None:
    found, told = documents(tmp_path, "@concurrency('all', limit=3)\n@concurrency(runs=2)")
    names = ["flowc-lock-all", "flowc-lock-locked-runs"]
    references = [{"configMapKeyRef": {"name": name, "key": "limit"}} for name in names]
    assert spec_of(found)["synchronization"] == {"semaphores": references}
    assert [item["data"]["limit"] for item in found if item["metadata"]["name"] in names] == ["3", "2"]
    assert not told


@pytest.mark.parametrize(
    ("policy", "kind", "wanted", "message"),
    [
        ("queue", "cron", "Allow", ""),
        ("skip", "cron", "Forbid", ""),
        ("replace", "cron", "Replace", ""),
        ("skip", "workflow", None, "a Workflow runs once"),
    ],
)
def test_runs_of_a_deployment_on_argo(tmp_path: Path, policy: str, kind: str, wanted: str | None, message: str) -> None:
    found, told = documents(tmp_path, f"@concurrency(runs=1, policy={policy!r})", kind=kind)
    assert found[-1]["spec"].get("concurrencyPolicy") == wanted
    assert ("synchronization" in spec_of(found)) == (policy == "queue")
    assert [message in item for item in told] == [True] * bool(message)


def test_the_option_counts_more_than_the_flow(tmp_path: Path) -> None:
    found, _ = documents(tmp_path, "@concurrency(runs=1, policy='skip')", kind="cron", concurrency_policy="Replace")
    assert found[-1]["spec"]["concurrencyPolicy"] == "Replace"


@pytest.mark.parametrize(
    ("target", "flow", "step", "options", "message"),
    [
        ("argo", "@concurrency(runs=2, policy='skip')", "", {"kind": "cron"}, "cannot skip runs beyond 2"),
        ("argo", "", "@concurrency('a')\n    @concurrency('b')", {"argo_version": "3.5"}, "one lock at a time"),
        ("airflow", "@concurrency('a')", "", {}, "no lock for a whole run"),
        ("airflow", "@concurrency(runs=1, policy='replace')", "", {}, "cannot replace runs"),
        ("airflow", "@concurrency(runs=1, policy='skip')", "", {}, "cannot skip runs"),
        ("airflow", "", "@concurrency('a')\n    @concurrency('b')", {}, "has 2 locks"),
        ("airflow", "", "@concurrency('a')\n    @airflow_options(pool='p')", {}, "the pool 'p'"),
    ],
)
def test_what_an_engine_cannot_hold(
    tmp_path: Path, target: str, flow: str, step: str, options: dict[str, Any], message: str
) -> None:
    files, sink = emitted(compiled(tmp_path, FLOW.format(flow=flow, step=step)), target, **options)
    assert not files
    assert [item.code for item in sink.diagnostics if item.severity == "error"] == ["FC501"]
    assert any(message in item.message for item in sink.diagnostics)


def test_airflow_has_pools(tmp_path: Path) -> None:
    text = FLOW.format(flow="@concurrency(runs=3)", step="@concurrency('warehouse', limit=2)")
    files, sink = emitted(compiled(tmp_path, text), "airflow")
    command = "airflow pools set warehouse 2 'a lock of flowc' --include-deferred"
    assert 'pool="warehouse"' in files[0].text
    assert "max_active_runs=3" in files[0].text
    assert command in files[0].text, "in the DAG's documentation"
    [warning] = [item for item in sink.diagnostics if "pool 'warehouse'" in item.message]
    assert command in (warning.help or "")
