"""What steps wait for, on a live Airflow: a file that comes later, and persons who choose by `flowc approve`.

From 3.1 on Airflow itself asks, and is answered by its API; 2.11 has a sensor that looks into the store.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowc import Run
from flowc.store import open_store
from tests.airflow.live import Live, live_airflow
from tests.cluster.cluster import BUCKET, NAMESPACE, PYTHON_IMAGE, SECRET, store_inside
from tests.gatesflow import (
    CALLED,
    CHOICES,
    GATES,
    RESUMED,
    answer_called,
    check_called,
    check_ended,
    waits,
)

pytestmark = pytest.mark.live


def test_a_file_and_persons(live: Live, tmp_path: Path) -> None:
    go = tmp_path / "go"
    file = tmp_path / "gates.py"
    file.write_text(GATES.format(url=go))
    done = live.submit(file)
    assert done.returncode == 0, done.stderr + live.said()
    name, root = done.stdout.splitlines()[0], str(live.root)
    (waiting,) = waits(name, root, bool)
    assert (waiting.step, waiting.question) == ("start", None)
    go.touch()
    asked = waits(name, root, lambda found: len(found) == 2)
    assert [task.place for task in asked] == list(CHOICES)
    for step, choice in CHOICES.items():
        done = live.flowc("approve", name, step, "--choose", choice, "--note", f"the {step}", "--root", root)
        assert done.returncode == 0, done.stdout + done.stderr + live.said()
    live.until(name, "succeeded")
    check_ended(Run(name, root=root))
    assert all(task["attempts"] == 1 for task in live.status(name)["tasks"])


def test_a_called_flow_waits_and_asks(live: Live, tmp_path: Path) -> None:
    file, root = tmp_path / "called.py", str(live.root)
    file.write_text(CALLED.format(url="/etc/hosts"))
    done = live.submit(file, "--flow", "CallsGates")
    assert done.returncode == 0, done.stderr + live.said()
    name = done.stdout.splitlines()[0]

    def approve(place: str, choice: str) -> None:
        done = live.flowc("approve", name, place, "--choose", choice, "--root", root)
        assert done.returncode == 0, done.stdout + done.stderr + live.said()

    answer_called(name, root, approve)
    live.until(name, "succeeded")
    check_called(Run(name, root=root))


def test_what_a_resumed_run_has_done_waits_for_nothing(live: Live, tmp_path: Path) -> None:
    file, go, root = tmp_path / "gates.py", tmp_path / "go", str(live.root)
    go.touch()
    file.write_text(RESUMED.format(url=go, mended="/nowhere"))
    options = ["--root", root, "--run-id-file", str(tmp_path / "id")]
    assert live.flowc("run", str(file), "--approve", "review=yes", *options).returncode == 1
    go.unlink()
    file.write_text(RESUMED.format(url=go, mended="/etc/hosts"))
    options = ["--target", "airflow", "--operator", "local", "--root", root, "--dags-folder", str(live.dags)]
    done = live.flowc("resume", str(file), f"Resumed/{(tmp_path / 'id').read_text()}", *options, "--watch")
    assert done.returncode == 0, done.stderr + live.said()
    run = Run(done.stdout.splitlines()[0], root=root)
    assert run.reused == {"start": 1, "review": 1}
    assert run["review"].task.manifest["approval"]["choice"] == "yes"


@pytest.mark.cluster
@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_pods_look(series: str, root: str, tmp_path: Path) -> None:
    """A pod looks for an object, and is there again only for the next look."""
    key = f"{root.removeprefix(f's3://{BUCKET}/')}-go"
    file = tmp_path / "gates.py"
    file.write_text(GATES.format(url=f"s3://{BUCKET}/{key}"))
    (tmp_path / "home").mkdir()
    inside = store_inside(os.environ.get("FLOWC_S3_INSIDE"))
    variables = [part for name, value in inside.items() for part in ("--env", f"{name}={value}")]
    reach = ["--set", f"config_file={os.environ['KUBECONFIG']}", "--set", "in_cluster=false"]
    pods = ["--image", PYTHON_IMAGE, "--namespace", NAMESPACE, "--env-from-secret", SECRET, *variables, *reach]
    with live_airflow(series, tmp_path / "home") as live:
        folder = ["--dags-folder", str(live.dags)]
        done = live.flowc("submit", str(file), "--target", "airflow", "--root", root, *pods, *folder)
        assert done.returncode == 0, done.stderr + live.said()
        name = done.stdout.splitlines()[0]
        assert waits(name, root, bool)[0].step == "start"
        open_store(f"s3://{BUCKET}").write(key, [b""])
        waits(name, root, lambda found: len(found) == 2)
        for step, choice in CHOICES.items():
            done = live.flowc("approve", name, step, "--choose", choice, "--note", f"the {step}", "--root", root)
            assert done.returncode == 0, done.stdout + done.stderr + live.said()
        live.until(name, "succeeded", seconds=500)
    check_ended(Run(name, root=root))
