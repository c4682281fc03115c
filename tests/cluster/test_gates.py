"""What steps wait for, on Argo: an object that comes later, and persons who choose by Argo Server and by kubectl."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Run
from flowc.store import open_store
from tests.cluster.cluster import BUCKET, Cluster
from tests.gatesflow import CALLED, CHOICES, GATES, RESUMED, answer_called, check_called, check_ended, waits
from tests.support import flowc_process

pytestmark = [pytest.mark.cluster, pytest.mark.process]


def test_an_object_and_persons(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is asked for the first one, where it answers; else, and for the second, it is kubectl."""
    file = tmp_path / "gates.py"
    file.write_text(GATES.format(url=f"s3://{BUCKET}/{cluster.prefix}-go/_SUCCESS"))
    run = cluster.apply(cluster.compile(file))
    name = f"Gates/argo-{run.uid}"
    (waiting,) = waits(name, run.root, bool)
    assert (waiting.step, waiting.question) == ("start", None)
    open_store(f"s3://{BUCKET}").write(f"{cluster.prefix}-go/_SUCCESS", [b""])
    asked = waits(name, run.root, lambda found: len(found) == 2)
    assert [task.place for task in asked] == list(CHOICES)
    for step, choice in CHOICES.items():
        command = ["approve", name, step, "--choose", choice, "--note", f"the {step}", "--root", cluster.root]
        done = flowc_process(tmp_path, *command, "-n", cluster.namespace)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "goes on" in done.stderr
        monkeypatch.delenv("ARGO_SERVER", raising=False)
    check_ended(run.wait())


def test_a_called_flow_waits_and_asks(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "called.py"
    file.write_text(CALLED.format(url="/etc/hosts"))
    run = cluster.apply(cluster.compile(file, "--flow", "CallsGates"))
    name = f"CallsGates/argo-{run.uid}"

    def approve(place: str, choice: str) -> None:
        command = ["approve", name, place, "--choose", choice, "--root", cluster.root, "-n", cluster.namespace]
        done = flowc_process(tmp_path, *command)
        assert done.returncode == 0, done.stdout + done.stderr

    answer_called(name, run.root, approve)
    check_called(run.wait())


def test_what_a_resumed_run_has_done_waits_for_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """The pause is over at once, unless the step is to run again; the file that the first run saw is in no pod."""
    file, go = tmp_path / "gates.py", tmp_path / "go"
    go.touch()
    file.write_text(RESUMED.format(url=go, mended="/nowhere"))
    options: list[str | Path] = ["--root", cluster.outside or cluster.root, "--run-id-file", tmp_path / "id"]
    assert flowc_process(tmp_path, "run", file, "--approve", "review=yes", *options).returncode == 1
    file.write_text(RESUMED.format(url=go, mended="/etc/hosts"))
    origin = (tmp_path / "id").read_text()
    run = cluster.apply(cluster.compile(file, "--resume", origin)).wait()
    assert run.reused == {"start": 1, "review": 1}
    assert run["review"].task.manifest["approval"]["choice"] == "yes"
    again = cluster.apply(cluster.compile(file, "--resume", f"{origin}/review"))
    name = f"Resumed/argo-{again.uid}"
    waits(name, again.root, lambda found: bool(found) and found[0].question is not None)
    command = ["approve", name, "--choose", "no", "--root", cluster.root, "-n", cluster.namespace]
    assert "goes on" in flowc_process(tmp_path, *command).stderr
    again.wait("Failed")
    assert Run(name, root=again.root)["review"].task.manifest["approval"]["choice"] == "no"
