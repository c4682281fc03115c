"""What earlier releases wrote is read by all that reads runs, and what a later one may write is refused by it.

`stores/NAME.tar.gz` is a root with four runs of `stores/kept.txt`, as the code of its time wrote it; it never changes.
A release adds one: `flowc run kept.py -p n=2 --tag first --tag nightly`, a run that stops at its end (KEPT_STOP=1), one
that resumes it, and one by `flowc simulate`, each with another file in KEPT_MARK.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowc.client import Flow, Run
from flowc.errors import NewerFormat
from flowc.store import open_store
from flowc.store.documents import FORMAT, IMPORTED
from flowc.store.run_layout import RunLayout
from tests.cli.test_keeping import DAY, call
from tests.support import flowc

STORES = Path(__file__).with_name("stores")
NAMES = sorted(path.name.removesuffix(".tar.gz") for path in STORES.glob("*.tar.gz"))
BIG = list(range(2000))
OLD = time.time() - 9 * DAY
Call = Callable[..., tuple[int, str]]


@pytest.fixture(params=NAMES)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that an earlier release wrote."""
    with tarfile.open(STORES / f"{request.param}.tar.gz") as file:
        file.extractall(tmp_path / "root", filter="data")
    return str(tmp_path / "root")


@pytest.fixture
def kept(root: str, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls a command on that store, which must succeed, and returns what it printed."""

    def called(command: str, *arguments: str) -> str:
        code, said = call(capsys, command, *arguments, "--root", root)
        assert code == 0, said
        return said

    return called  # type: ignore[return-value]


def runs_of(root: str) -> dict[str, Run]:
    """The runs by what became of them."""
    found = list(Flow("Kept", root=root, _namespace_check=False))
    kinds: dict[str, Callable[[Run], bool]] = {
        "tagged": lambda run: run.tags >= {"first"},
        "failed": lambda run: run.status == "failed",
        "resumed": lambda run: run.origin_id is not None,
        "engine": lambda run: not run.record,
    }
    return {kind: next(run for run in found if is_it(run)) for kind, is_it in kinds.items()}


def test_the_client(root: str) -> None:
    runs = runs_of(root)
    assert {name: run.status for name, run in runs.items()} == {
        "tagged": "successful", "failed": "failed", "resumed": "successful", "engine": "successful",
    }  # fmt: skip
    for name, run in runs.items():
        data = run["join"].task.data
        assert (data.greeting, data.big, data.lengths) == ("hello world", BIG, [3500] * (2 if name == "tagged" else 3))
        assert run["start"].task.data.table == {"a": [1.5, None, True], "b": {1, 2}}
        assert run["end"].task.successful == (name != "failed")
        assert [task.data.length for task in run["body"]] == data.lengths
    assert runs["resumed"].origin_id == runs["failed"].id
    assert runs["resumed"].reused == {"body": 3, "join": 1, "last": 1, "start": 1}
    assert runs["tagged"]["start"].task.stdout == "hello world\n"
    retried = runs["tagged"]["body"]["1"]
    assert [attempt.failure is None for attempt in retried.attempts] == [False, True]
    assert "stopped" in str(runs["failed"]["end"].task.exception)


def test_commands(root: str, kept: Callable[..., str], tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in Path(root).rglob("*") if path.is_file()}
    runs = runs_of(root)
    tagged, failed = runs["tagged"].pathspec, runs["failed"].pathspec
    assert kept("runs").count("Kept/") == 4
    assert "first, nightly" in kept("runs", "Kept")
    assert "attempt" in kept("show", f"{tagged}/body/1")
    assert "hello world" in kept("show", tagged, "--values")
    assert "stopped" in kept("show", failed)
    assert "hello world" in kept("logs", tagged)
    assert "; 0 are damaged" in kept("fsck")
    assert kept("report", tagged, "-o", str(tmp_path / "run.html")) is not None
    for path in before:
        os.utime(path, (OLD, OLD))
    assert "0 runs and 0 values" in kept("gc")
    assert {path: path.read_bytes() for path in Path(root).rglob("*") if path.is_file()} == before
    for run in runs.values():
        kept("export", run.pathspec, "-o", str(tmp_path / f"{run.id}.tar.gz"))
        kept("rm", run.pathspec)
    assert "0 runs and " in kept("gc")
    assert not [path for path in Path(root).rglob("*") if path.is_file()]
    for run in runs.values():
        kept("import", str(tmp_path / f"{run.id}.tar.gz"))
    assert {path: path.read_bytes() for path in Path(root).rglob("*") if path.is_file()} == before
    kept("import", str(tmp_path / f"{runs['tagged'].id}.tar.gz"), "--as", "again")
    assert Run("Kept/again", root=root, _namespace_check=False).data.big == BIG
    assert "; 0 are damaged" in kept("fsck")
    assert kept("tag", "Kept/again", "good", "--remove", "nightly") == "first\ngood\n"


@pytest.mark.process
def test_resuming(root: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.copy(STORES / "kept.txt", tmp_path / "kept.py")
    failed = runs_of(root)["failed"]
    done = flowc(tmp_path, "resume", "kept.py", "--root", root, "--origin-run-id", failed.id, KEPT_MARK=__file__)
    assert done.returncode == 0, done.stderr
    run = Flow("Kept", root=root).latest_run
    assert run is not None
    assert run.data.done == [3500] * 3
    assert run.reused == {"body": 3, "join": 1, "last": 1, "start": 1}


def test_resuming_what_is_not_whole(root: str, tmp_path: Path) -> None:
    shutil.copy(STORES / "kept.txt", tmp_path / "kept.py")
    failed = runs_of(root)["failed"]
    failed.layout.write_json(f"{failed.pathspec}/{IMPORTED}", {"version": 1})
    done = flowc(tmp_path, "resume", "kept.py", "--root", root, "--origin-run-id", failed.id)
    assert done.returncode == 2
    assert "is not whole" in done.stderr


def newer(root: str, key: str) -> RunLayout:
    """Let a document be of a later format. Returns its run."""
    store = open_store(root)
    flow, run, *_ = key.split("/")
    layout = RunLayout(store, flow, run)
    document = json.loads(bytes(store.read(key)))
    document.pop("digest", None)
    layout.write_json(key, {**document, "version": FORMAT + 1})
    return layout


@pytest.mark.parametrize("name", ["run.json", "start/-/0/manifest.json", "graph.json"])
def test_a_newer_format(root: str, capsys: pytest.CaptureFixture[str], name: str, tmp_path: Path) -> None:
    run = runs_of(root)["tagged"]
    key = f"{run.pathspec}/{name}"
    layout = newer(root, key)
    expected = f"written by a newer release of flowc, in format {FORMAT + 1}"
    with pytest.raises(NewerFormat, match=expected):
        layout.read_json(key)
    output = str(tmp_path / "a.tar")
    commands = {"show": (1,), "export": (1,), "fsck": (1,), "logs": (0, 1), "gc": (1,)}
    for command, codes in commands.items():
        about = () if command == "gc" else (run.pathspec,)
        more = ("-o", output) if command == "export" else ()
        code, said = call(capsys, command, *about, *more, "--root", root)
        assert code in codes, (command, said)
        assert code == 0 or expected in said.replace("\n", " "), (command, said)
    assert not Path(output).exists()
    code, said = call(capsys, "runs", "--root", root)
    assert (code, said.count("Kept/")) == (0, 4)
    assert " newer " in said


def test_a_flow_with_a_newer_run_keeps_its_values(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = runs_of(root)["tagged"]
    newer(root, f"{run.pathspec}/end/-/0/manifest.json")
    data = [path for path in (Path(root) / "Kept" / "data").rglob("*") if path.is_file()]
    for path in data:
        os.utime(path, (OLD, OLD))
    code, said = call(capsys, "gc", "--root", root)
    assert code == 1
    assert "values of its flow are removed by that release only" in said.replace("\n", " ")
    assert all(path.exists() for path in data)


def test_the_stores_are_not_empty() -> None:
    assert NAMES == ["0.1.0", "0.1.0-without-digests"]
    for name in NAMES:
        with tarfile.open(STORES / f"{name}.tar.gz") as file:
            assert len(file.getnames()) > 60
