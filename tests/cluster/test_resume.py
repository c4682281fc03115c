"""Runs that fail and are resumed: on Argo, from Argo here, and from here on Argo; and a flow that calls another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.test_live_resume import FLOW, MENDED, TAKEN, assert_lineage
from tests.cluster.cluster import run_locally
from tests.cluster.compare import assert_same_artifacts
from tests.cluster.test_server import Server, server  # pyright: ignore[reportUnusedImport]
from tests.conftest import REPOSITORY
from tests.support import flowc_process

__all__ = ["server"]

pytestmark = pytest.mark.cluster


def resumed(argo: Server, file: Path, *arguments: str) -> tuple[Run, str]:
    """The run that `flowc resume` has started on Argo and waited for, and what it said."""
    options = [*argo.cluster.options(), "--watch"]
    done = argo.command("resume", str(file), *arguments, "--target", "argo", *options)
    assert done.returncode == 0, done.stderr
    return argo.run(done), done.stderr


def test_a_run_is_resumed(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "flow_file.py"
    file.write_text(FLOW)
    _, failed = server.submit(str(file), "-p", "scale=5", "--wait")
    assert failed.returncode == 1, failed.stderr
    first = server.run(failed)
    file.write_text(MENDED)
    run, said = resumed(server, file, first.pathspec)
    assert f"taken over from run {first.id}: start, work (3), gang (6), ungang (3)\nruns: join, end\n" in said
    assert (run.reused, run["end"].task.data.total) == (TAKEN, 15.0)
    assert_lineage(tmp_path, first, run, server.cluster.root, "argo")
    file.write_text(MENDED.replace("self.input * self.scale", "self.input * self.scale * 10"))
    run, said = resumed(server, file, run.pathspec, "--rerun-changed")
    assert "changed since: work\n" in said
    assert (run.reused, run["end"].task.data.total) == ({"start": 1}, 150.0)
    here = flowc_process(tmp_path, "resume", file, run.pathspec, "join", "--root", server.cluster.root)
    assert here.returncode == 2, "a run and a step are two options"
    root = ("--root", server.cluster.root)
    here = flowc_process(tmp_path, "resume", file, "join", "--origin-run-id", run.id, *root)
    assert here.returncode == 0, here.stderr
    file.write_text(FLOW)
    failed = flowc_process(tmp_path, "run", file, "-p", "scale=5", *root)
    assert failed.returncode == 1, failed.stderr
    file.write_text(MENDED)
    run, _ = resumed(server, file)
    assert (run.reused, run["end"].task.data.total) == (TAKEN, 15.0)


def test_a_flow_calls_a_flow(server: Server, tmp_path: Path) -> None:
    example = REPOSITORY / "examples" / "calling_flows.py"
    name, done = server.submit(str(example), "--wait")
    assert done.returncode == 0, done.stderr
    assert_same_artifacts(run_locally(example, tmp_path), server.run(done))
    assert "shop__raise_one" in {task["step"] for task in server.status(name)["tasks"]}
