"""Runs of one deployment that compete, on the real Argo: they wait, end the one before, or do not begin."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.test_live_notices import COMPETING
from tests.cluster.cluster import Cluster, Submitted
from tests.cluster.listener import most_at_a_time
from tests.cluster.test_deploy import objects, submit

pytestmark = pytest.mark.cluster


def deployed(cluster: Cluster, folder: Path, kind: str, policy: str, seconds: int) -> str:
    """Deploy the flow, whose runs take so long; returns the name of the object."""
    file = folder / f"{policy}.py"
    above = '@schedule(cron="0/1 * * * ? *")' if kind == "cron" else ""
    file.write_text(COMPETING.format(above=above, policy=policy, seconds=seconds))
    name = f"flowc-{policy}-{uuid.uuid4().hex[:6]}"
    manifest = cluster.compile(file, "--kind", kind, "--set", f"name={name}")
    cluster.kubectl("apply", "-f", "-", text=manifest)
    cluster.applied.append(manifest)
    return str(objects(manifest)["CronWorkflow" if kind == "cron" else "WorkflowTemplate"]["metadata"]["name"])


def test_a_run_waits_for_the_one_before(cluster: Cluster, tmp_path: Path) -> None:
    template = deployed(cluster, tmp_path, "template", "queue", 10)
    runs = [submit(cluster, template) for _ in range(2)]
    try:
        data = [Submitted(cluster, run.name, run.uid, "Competing", run.root).wait().data for run in runs]
        assert most_at_a_time([(item.begun, item.ended) for item in data]) == 1
    finally:
        cluster.kubectl("delete", "workflow", *(run.name for run in runs), "--ignore-not-found", "--wait=false")


def test_a_run_ends_the_one_before_or_does_not_begin(cluster: Cluster, tmp_path: Path) -> None:
    """Both CronWorkflows have a run each minute that takes longer."""
    crons = {policy: deployed(cluster, tmp_path, "cron", policy, 600) for policy in ("skip", "replace")}
    try:
        deadline = time.monotonic() + 300
        while len(workflows(cluster, crons["replace"])) < 2:
            assert time.monotonic() < deadline, cluster.get("cronworkflow", crons["replace"]).get("status")
            time.sleep(2)
        time.sleep(10)  # the other one's minute has come, too
        [kept] = workflows(cluster, crons["skip"])
        assert kept["status"]["phase"] == "Running"
        first, second, *_ = workflows(cluster, crons["replace"])
        assert cluster.ended(first["metadata"]["name"])["phase"] == "Failed"
        assert second["spec"].get("shutdown") is None
    finally:
        for cron in crons.values():
            cluster.kubectl("delete", "cronworkflow", cron, "--ignore-not-found")
            cluster.kubectl("delete", "workflow", "-l", f"workflows.argoproj.io/cron-workflow={cron}", "--wait=false")


def workflows(cluster: Cluster, cron: str) -> list[dict[str, Any]]:
    """The Workflows of a CronWorkflow, the oldest first."""
    items: list[dict[str, Any]] = cluster.get("workflows", "-l", f"workflows.argoproj.io/cron-workflow={cron}")["items"]
    return sorted(items, key=lambda item: str(item["metadata"]["creationTimestamp"]))
