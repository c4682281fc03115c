"""`flowc backfill` on Argo: the times that have no run, and what a task knows of its time."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.test_live_schedules import FLOW
from tests.cluster.test_server import Server, server  # pyright: ignore[reportUnusedImport]

__all__ = ["server"]

pytestmark = pytest.mark.cluster


def test_backfill(server: Server, tmp_path: Path) -> None:
    name, file, cluster = f"Nightly{uuid.uuid4().hex[:6]}", tmp_path / "nightly.py", server.cluster
    file.write_text(FLOW.replace("Nightly", name))
    span = ["--from", "2026-03-28", "--to", "2026-03-29", "--parallel", "2", "--json"]
    try:
        for new in (True, False):
            done = server.command("backfill", str(file), "--target", "argo", *span, *cluster.options())
            assert done.returncode == 0, done.stderr
            rows = json.loads(done.stdout)
            assert [(row["state"], row["new"]) for row in rows] == [("successful", new)] * 2
    finally:
        cluster.kubectl("delete", "workflow", "-l", f"flowc/flow={name}", "--wait=false")
    found = [Run(f"{name}/{row['run']}", root=cluster.root).data for row in rows]
    assert [(data.day, data.time) for data in found] == [
        ("2026-03-28", "2026-03-28 03:30:00+01:00"),
        ("2026-03-29", "2026-03-29 03:30:00+02:00"),
    ]
