"""`current.checkpoint` and `current.spot_termination_notice`: a loop that is killed again and again, and a notice."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flowc.client import Flow, namespace
from flowc.protocol.plan import PlanStep
from flowc.shim import spot_notice
from flowc.shim.checkpoints import CheckpointError, Checkpoints
from flowc.shim.task_identity import Task
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from tests.support import flowc

TRAINING = """
import json
import os
from flowc import FlowSpec, checkpoint, current, retry, step

class Training(FlowSpec):
    @retry(times=6, on="lost", minutes_between_retries=0)
    @checkpoint{arguments}
    @step
    def start(self):
        state = {{"epochs": []}}
        if current.checkpoint.is_loaded:
            assert current.checkpoint.info["name"] == "epoch"
            with open(os.path.join(current.checkpoint.directory, "state.json")) as file:
                state = json.load(file)
        for epoch in range(len(state["epochs"]), 12):
            state["epochs"].append([epoch, current.retry_count])
            os.makedirs(os.path.join(current.checkpoint.directory, "deep"), exist_ok=True)
            with open(os.path.join(current.checkpoint.directory, "state.json"), "w") as file:
                json.dump(state, file)
            open(os.path.join(current.checkpoint.directory, "deep", "empty"), "w").close()
            current.checkpoint.save(name="epoch", metadata={{"epoch": epoch}})
            if epoch % 2 and current.retry_count < 5:
                os.kill(os.getpid(), 9)
        self.epochs = state["epochs"]
        self.known = [[item["attempt"], item["metadata"]["epoch"]] for item in current.checkpoint.list()]
        assert len(current.checkpoint.list(attempt=0)) == 2 and not current.checkpoint.list(name="other")
        self.next(self.end)

    @step
    def end(self):
        pass
"""

PIPELINE = """
import os
from flowc import checkpoint, current, pipeline, retry, step

@retry(times=2, minutes_between_retries=0)
@checkpoint(keep="none")
@step
def train() -> int:
    place = os.path.join(current.checkpoint.directory, "count")
    count = int(open(place).read()) + 1 if current.checkpoint.is_loaded else 0
    path = os.path.join(current.tempdir, f"count-{os.getpid()}")
    with open(path, "w") as file:
        file.write(str(count))
    saved = current.checkpoint.save(path, name="one")
    os.rename(os.path.join(current.checkpoint.load(saved, current.checkpoint.directory), os.path.basename(path)), place)
    current.checkpoint.save()
    if current.retry_count < 2:
        raise ValueError
    return count

@pipeline
def Trained():
    train()

if __name__ == "__main__":
    Trained()
"""


def run(tmp_path: Path, text: str, *arguments: str) -> Any:
    path = tmp_path / "flow.py"
    path.write_text(text)
    done = flowc(tmp_path, "run", path, "--root", tmp_path / "store", *arguments)
    assert done.returncode == 0, done.stderr
    namespace(None)
    return done


def saved(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "store").rglob("checkpoint.json"))


@pytest.mark.process
def test_a_loop_that_is_killed_five_times_runs_each_epoch_once(tmp_path: Path) -> None:
    run(tmp_path, TRAINING.format(arguments=""))
    found = Flow("Training", root=str(tmp_path / "store")).latest_successful_run
    task = found["start"].task if found is not None else None
    assert task is not None
    epochs = [[0, 0], [1, 0], [2, 1], [3, 1], [4, 2], [5, 2], [6, 3], [7, 3], [8, 4], [9, 4], [10, 5], [11, 5]]
    assert task["epochs"].data == epochs
    assert task["known"].data == [[attempt, epoch] for epoch, attempt in reversed(epochs)]
    assert len(saved(tmp_path)) == 12
    fsck = flowc(tmp_path, "fsck", "--root", tmp_path / "store")
    assert fsck.returncode == 0, fsck.stdout
    eager = TRAINING.format(arguments="(load_policy='eager', keep='latest')").replace(
        '"epochs": []', '"epochs": [], "new": 1'
    )
    run(tmp_path, eager.replace("assert len", "assert True or len"))
    assert len(saved(tmp_path)) == 12, "the second run had nothing left to do"
    assert flowc(tmp_path, "gc", "--root", tmp_path / "store").returncode == 0
    assert len(saved(tmp_path)) == 12


@pytest.mark.process
def test_simulated_pods_do_likewise(tmp_path: Path) -> None:
    """They are killed, and told."""
    for name, text in {"Training": TRAINING.format(arguments=""), "Noticed": NOTICED}.items():
        (tmp_path / "flow.py").write_text(text)
        root = ("--root", f"file://{tmp_path}/store")
        assert flowc(tmp_path, "compile", "flow.py", *root, "-o", "flow.yaml").returncode == 0
        done = flowc(tmp_path, "simulate", "flow.yaml", "--backoff", "0")
        assert done.returncode == 0, done.stderr
        run = Flow(name, root=str(tmp_path / "store")).latest_successful_run
        assert run is not None
        task = run["start"].task
        assert task is not None
        assert task.attempt == (5 if name == "Training" else 1)
        assert name == "Noticed" or [epoch for epoch, _ in task["epochs"].data] == list(range(12))


@pytest.mark.process
def test_a_pipelines_step_keeps_none(tmp_path: Path) -> None:
    run(tmp_path, PIPELINE)
    found = Flow("Trained", root=str(tmp_path / "store")).latest_successful_run
    task = found["train"].task if found is not None else None
    assert task is not None
    assert task["output"].data == 2
    assert saved(tmp_path) == []


class _Metadata(BaseHTTPRequestHandler):
    """The metadata service of a machine that is about to be taken back."""

    answers: dict[str, str] = {}  # noqa: RUF012 (of one test at a time)

    def _answer(self) -> None:
        text = self.answers.get(f"{self.command} {self.path}")
        self.send_response(200 if text is not None else 404)
        self.end_headers()
        self.wfile.write((text or "").encode())

    do_GET = do_PUT = _answer  # noqa: N815 (http.server's names)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


AWS = {
    "PUT /latest/api/token": "t",
    "GET /latest/meta-data/instance-life-cycle": "spot",
    "GET /latest/meta-data/spot/termination-time": "2030-01-01T00:00:00Z",
}
GOOGLE = {
    "GET /computeMetadata/v1/instance/scheduling/preemptible": "TRUE",
    "GET /computeMetadata/v1/instance/preempted": "TRUE",
}


OF_OTHERS = {"EventType": "Preempt", "Resources": ["pool_1"], "NotBefore": ""}
OTHERWISE = {"EventType": "Reboot", "Resources": ["pool_0"], "NotBefore": ""}
OWN = {"EventType": "Preempt", "Resources": ["pool_1", "pool_0"], "NotBefore": "Mon, 19 Sep 2022 18:29:47 GMT"}


def attempt(tmp_path: Path, number: int, **spec: str) -> Checkpoints:
    """`current.checkpoint` of an attempt of the task `start`."""
    layout = RunLayout(open_store(str(tmp_path / "store")), "Flow", "run")
    step = PlanStep(
        "start", {"kind": "linear", "parents": [], "next": ["end"], "depth": 0, "checkpoint": {"keep": "all", **spec}}
    )
    task = Task("start", (), number, environment={"FLOWC_ROOT": str(tmp_path / "store"), "FLOWC_RUN_ID": "run"})
    layout.begin("start", (), number, {"version": 1})
    return Checkpoints(layout, step, task)


def test_an_attempt_begins_with_the_newest_checkpoint_that_is_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = attempt(tmp_path, 0)
    place = Path(first.directory, "state")
    references: list[dict[str, Any]] = []
    for text in ("one", "two", "three"):
        place.write_text(text)
        references.append(first.save())
    store = tmp_path / "store"
    (store / references[2]["key"] / "0").write_text("other")
    (store / references[1]["key"] / "0").unlink()
    second = attempt(tmp_path, 1)
    assert second.is_loaded
    assert Path(second.directory, "state").read_text() == "one"
    said = capsys.readouterr().out
    assert said.count("cannot be loaded, and the one before it is tried") == 2
    assert "goes on from checkpoint 1 of attempt 0" in said


def test_an_attempt_that_begins_anew_replaces_nothing(tmp_path: Path) -> None:
    first = attempt(tmp_path, 0)
    Path(first.directory, "state").write_text("one")
    saved = [first.save()["version_id"], first.save()["version_id"]]
    again = attempt(tmp_path, 0)
    saved.append(again.save()["version_id"])
    assert saved == [1, 2, 3]
    assert [item["version_id"] for item in attempt(tmp_path, 1).list()] == [3, 2, 1]


def test_what_links_lead_to_is_saved_and_what_is_no_file_is_refused(tmp_path: Path) -> None:
    found = attempt(tmp_path, 0)
    folder = Path(found.directory)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "weights").write_text("w")
    (folder / "latest").symlink_to(tmp_path / "outside")
    (folder / "outside").mkdir()
    (folder / "outside" / "up").symlink_to(folder)
    loaded = Path(found.load(found.save(), tmp_path / "out"))
    assert [str(path.relative_to(loaded)) for path in sorted(loaded.rglob("*")) if path.is_file()] == ["latest/weights"]
    os.mkfifo(folder / "pipe")
    with pytest.raises(CheckpointError, match="pipe' is neither a file nor a folder"):
        found.save()


def test_what_is_no_checkpoint_and_no_task_is_said(tmp_path: Path) -> None:
    found = attempt(tmp_path, 0)
    with pytest.raises(CheckpointError, match=r"\{'bogus': 1\} is no checkpoint: give what `save` returned"):
        found.load({"bogus": 1})
    with pytest.raises(CheckpointError, match="'nope' names no task"):
        found.list(task="nope")
    with pytest.raises(CheckpointError, match="there is no file in '/not/there'"):
        found.save("/not/there")


def azure(*events: Mapping[str, object]) -> dict[str, str]:
    """What a spot VM's metadata says."""
    return {
        "GET /metadata/instance/compute?api-version=2021-02-01": json.dumps({"priority": "Spot", "name": "pool_0"}),
        "GET /metadata/scheduledevents?api-version=2020-07-01": json.dumps({"Events": events}),
    }


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (AWS, "2030-01-01T00:00:00Z"),
        (GOOGLE, "preempted"),
        (azure(OF_OTHERS, OTHERWISE, OWN), "preempted Mon, 19 Sep 2022 18:29:47 GMT"),
        (azure(OF_OTHERS, OTHERWISE), ""),
        ({}, ""),
    ],
)
def test_the_clouds_notice_is_a_file(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str], said: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Metadata)
    _Metadata.answers = answers
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://{address}")
    monkeypatch.setenv("GCE_METADATA_HOST", address)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://{address}")
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(spot_notice.watch(0.02)))  # no signal handler of the tests'
    thread.start()
    thread.join()
    path = Path(found[0])
    end = time.monotonic() + (5 if said else 0.5)
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert (path.read_text().splitlines()[0] if path.exists() else "") == said
    path.touch()  # else the thread goes on asking, and asks the servers of later tests
    server.shutdown()
    server.server_close()


NOTICED = """
import os
import time
from flowc import FlowSpec, current, retry, step

class Noticed(FlowSpec):
    @retry(times=1, on="lost", minutes_between_retries=0)
    @step
    def start(self):
        notice = current.spot_termination_notice
        assert not os.path.exists(notice)
        if not current.retry_count:
            os.kill(os.getpid(), 15)
            assert open(notice).read().startswith("signal 15")
            raise RuntimeError("saved, and gone")
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.process
def test_what_fails_after_a_notice_is_lost(tmp_path: Path) -> None:
    done = run(tmp_path, NOTICED)
    assert "saved, and gone" in done.stderr
    (error,) = (tmp_path / "store").rglob("error.json")
    assert json.loads(error.read_text())["code"] == 143
