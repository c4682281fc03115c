"""`flowc runs`, `flowc rm` and `flowc gc`, on runs that are put into a store by hand."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowc.client import Run
from flowc.store import Store, artifacts, open_store, reused_values
from flowc.store.file_store import FileStore
from flowc.store.run_layout import RunLayout
from flowc.store.run_owner import this_owner
from flowc_cli.__main__ import main
from flowc_cli.sweeping import find_unnamed, remove_run, sweep
from flowc_targets.package.code_package import shim_digest
from tests.support import START_AND_END

DAY = 86400.0
LARGE = 5000
"""Bytes of a value that stands in a file of its own."""


def age(store: Store, seconds: float) -> None:
    """Make all that is there older."""
    if not isinstance(store, FileStore):
        store.server.age("bucket", seconds)  # type: ignore[attr-defined]
        return
    for file in Path(store.path).rglob("*"):
        if file.is_file():
            then = file.stat().st_mtime - seconds
            os.utime(file, (then, then))


def make(store: Store, run: str, value: bytes, days: float = 0.0, flow: str = "Train", **more: Any) -> Run:
    """A run that ended well, so many days ago, with a value; `more` goes to its record."""
    layout = RunLayout(store, flow, run)
    created = time.time() - days * DAY
    layout.write_json(f"{layout.prefix}/run.json", {"flow": flow, "run": run, "created": created, **more})
    ref = artifacts.save(store, flow, "value", value)
    manifest = {"step": "end", "index": "-", "attempt": 0, "run": run, "created": created + 2.5}
    layout.commit("end", (), 0, {**manifest, "artifacts": {"value": ref}, "parameters": {}})
    if "owner" not in more:
        layout.write_json(f"{layout.prefix}/run-end.json", {"status": "successful", "ended": created + 2.5})
    return Run(f"{flow}/{run}", root=store.url, _namespace_check=False)


def blob(letter: str) -> bytes:
    """A value that is large enough for a file."""
    return letter.encode() * LARGE


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and the output of a command."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def values(store: Store) -> int:
    """How many values there are in files."""
    return sum("/data/" in key for key in store.keys(""))


def folders(root: Path) -> set[str]:
    """The names in the folder of the flow."""
    return {path.name for path in (root / "Train").iterdir()}


def test_runs(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    make(store, "a", blob("a"), 3)
    make(store, "b", b"small", 1).add_tags(["nightly", "good"])
    make(store, "argo-c", blob("c"), 2, flow="Score")
    RunLayout(store, "Score", "argo-c").store.delete("Score/argo-c/run.json")
    make(store, "d", b"", 0.001, owner=this_owner())
    store.delete("Train/d/end/-/0/manifest.json")
    code, text = call(capsys, "runs", "--root", store.url)
    assert code == 0
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["RUN", "WHERE", "STATE", "CREATED", "DURATION", "SIZE", "TAGS"]
    assert [line[:3] for line in lines[1:]] == [
        ["Train/d", "local", "running"],
        ["Train/b", "local", "successful"],
        ["Score/argo-c", "argo", "successful"],
        ["Train/a", "local", "successful"],
    ]
    assert lines[2][5:7] == ["2.5", "s"]
    assert lines[2][-2:] == ["good,", "nightly"]
    document = json.loads(call(capsys, "runs", "Train", "--json", "--root", store.url)[1])
    assert [run["run"] for run in document] == ["Train/d", "Train/b", "Train/a"]
    assert [run["caught"] for run in document] == [0, 0, 0]
    assert LARGE < document[2]["size"] < LARGE + 2000
    assert document[1]["size"] < 2000
    few = call(capsys, "runs", "--last", "1", "--state", "successful", "--root", store.url)[1]
    assert [line.split()[0] for line in few.splitlines()[1:]] == ["Train/b"]
    tagged = call(capsys, "runs", "--tag", "nightly", "--tag", "good", "--root", store.url)[1]
    assert [line.split()[0] for line in tagged.splitlines()[1:]] == ["Train/b"]


def test_runs_counts_what_was_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each task once, whichever attempt it was; the run has succeeded all the same."""
    store = open_store(str(tmp_path))
    layout = make(store, "a", b"").layout
    for place, attempt in (((0,), 0), ((0,), 1), ((1,), 0), ((2,), 0)):
        manifest = {"step": "work", "index": str(place[0]), "attempt": attempt, "run": "a", "created": time.time()}
        caught = {"caught": True} if place != (2,) else {}
        layout.commit("work", place, attempt, {**manifest, **caught, "artifacts": {}, "parameters": {}})
    text = call(capsys, "runs", "--state", "successful", "--root", store.url)[1]
    assert "  successful, 2 caught  " in text
    assert json.loads(call(capsys, "runs", "--json", "--root", store.url)[1])[0]["state"] == "successful"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["runs", "Other"], 2, "there is no flow Other"),
        (["runs", "--state", "ended"], 2, "'ended' is not one of running, successful"),
        (["runs", "--tag", "none"], 0, "there are no such runs"),
        (["rm", "Train"], 2, "help: name its runs as Train/run-id"),
        (["rm", "Train/none"], 2, "there is no run Train/none"),
        (["rm", "none"], 2, "there is no flow or run none in"),
        (["rm", "Train/a/end"], 2, "name the run: Train/a"),
        (["report", "Train/none"], 2, "there is no run Train/none"),
        (["fsck", "Trian"], 2, "did you mean `Train`?"),
        (["lineage", "Train/a/end/none"], 2, "has no artifact none"),
        (["export", "Train/none", "-o", "a.tar"], 2, "there is no run Train/none"),
        (["import", "/nothing.tar"], 2, "cannot read /nothing.tar"),
        (["gc", "Other"], 2, "there is no flow Other"),
        (["gc", "--grace", "1h"], 2, "at least 12h"),
        (["gc", "--older-than", "1d 12h"], 0, ""),
        (["gc", "--older-than", "soon"], 2, "'soon' is not a time: write 30m, 12h or 7d"),
        (["gc", "--older-than", "30"], 2, "'30' is not a time: write 30m, 12h or 7d"),
        (["gc", "--grace", "90000"], 2, "'90000' is not a time: write 30m, 12h or 7d"),
    ],
)
def test_what_is_wrong(
    arguments: list[str], code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(open_store(str(tmp_path)), "a", b"")
    found, text = call(capsys, *arguments, "--root", str(tmp_path))
    assert (found, says in " ".join(text.split())) == (code, True), text


def test_the_run_of_an_id_that_one_flow_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(str(tmp_path))
    for run, flow in (("one", "Train"), ("both", "Train"), ("both", "Other"), ("Other", "Train")):
        make(store, run, b"", flow=flow)
    code, text = call(capsys, "rm", "both", "--root", str(tmp_path))
    assert (code, "help: name one: Other/both, Train/both" in text) == (2, True), text
    assert call(capsys, "rm", "Other", "--root", str(tmp_path))[0] == 2
    assert call(capsys, "rm", "one", "--root", str(tmp_path)) == (0, "removed Train/one\n")
    assert {*store.children("Train"), *store.children("Other")} == {"both", "Other"}


@pytest.mark.parametrize("command", [["runs"], ["show", "F"], ["logs", "F"], ["rm", "F/1"], ["run", "flow.py"]])
def test_a_root_that_can_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    (tmp_path / "flow.py").write_text(f"from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):\n{START_AND_END}")
    monkeypatch.chdir(tmp_path)
    code, text = call(capsys, *command, "--root", "s4://bucket")
    assert (code, "error[FC601]" in text, "unknown scheme" in text) == (2, True, True), text


@pytest.mark.parametrize("command", ["runs", "fsck", "gc"])
def test_a_root_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, text = call(capsys, command, "--root", str(tmp_path / "typo"))
    assert (code, f"there is no folder {tmp_path}/typo; --root names the store" in text) == (0, True), text
    assert not (tmp_path / "typo").exists()
    assert "no folder" not in call(capsys, command, "--root", str(tmp_path))[1]


@pytest.mark.parametrize("command", [["rm"], ["rm", "--force"], ["tag"], ["show"], ["logs"], ["export", "-o", "x.tar"]])
@pytest.mark.parametrize("name", ["Train/..", "../..", "Train/.", "../beside", ".flowc/code", "Train/\0"])
def test_no_name_leads_out_of_the_store(
    command: list[str], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("beside/deep", "in/root/.flowc/code"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "kept.txt").write_text("kept")
    make(open_store(str(tmp_path / "in/root")), "a", blob("a"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found, text = call(capsys, command[0], name, *command[1:], "--root", str(tmp_path / "in/root"))
    assert (found, "FC60" in text) == (2, True), text
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_no_run_is_neither_counted_nor_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "root"
    store = open_store(str(root))
    make(store, "a", blob("a"), days=5)
    make(store, "b", blob("b"), days=4)
    (root / "Train/b/run.json").write_text("damaged")
    for name in ("notes/todo.txt", ".ipynb_checkpoints/a", "notes/sub/0/x"):
        (root / "Train" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "Train" / name).write_text("x")
    (root / "Train/file.txt").write_text("x")
    assert [line.split()[0] for line in call(capsys, "runs", "--root", store.url)[1].splitlines()[1:]] == [
        "Train/b", "Train/a",
    ]  # fmt: skip
    assert "would remove 0 runs" in call(capsys, "gc", "--keep", "2", "--dry-run", "--root", store.url)[1]
    assert "removed Train/a\n" in call(capsys, "gc", "--keep", "1", "--root", store.url)[1]
    assert (root / "Train/notes/todo.txt").exists()
    assert (root / "Train/b/end").exists()


def test_links_are_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    store = open_store(str(root))
    make(store, "a", blob("a"), days=5)
    make(open_store(str(other)), "z", blob("z"), days=9)
    (root / "Train/z").symlink_to(other / "Train/z")
    (root / "Train/machine").symlink_to("/")
    found, text = call(capsys, "rm", "Train/z", "--root", store.url)
    assert (found, "is a symbolic link" in text) == (1, True), text
    call(capsys, "gc", "--older-than", "1d", "--root", store.url)
    assert (other / "Train/z/run.json").exists()
    assert not (other / "Train/z/removed.json").exists()
    assert not (root / "Train/a").exists()


def test_gc_removes_bytecode_that_tasks_of_other_releases_have_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ".flowc/bytecode"
    folder.mkdir(parents=True)
    own = f"{shim_digest()}-a70d0d0a-0.zip"
    for name in (own, "0123456789abcdef-a70d0d0a-0.zip", "0123456789abcdef-a70d0d0a-0.zip.12.tmp", "young.zip"):
        (folder / name).write_bytes(bytes(1000))
        when = time.time() - (0 if name == "young.zip" else 2 * DAY)
        os.utime(folder / name, (when, when))
    (tmp_path / ".flowc/code").mkdir()
    root = ("--root", str(tmp_path))
    assert json.loads(call(capsys, "gc", "--dry-run", "--json", *root)[1])["removed_bytecode"] == {
        "number": 2, "size": 2000
    }  # fmt: skip
    assert len(list(folder.iterdir())) == 4
    assert call(capsys, "gc", *root)[1].endswith("removed bytecode of other releases: 2 files (2 kB)\n")
    assert sorted(path.name for path in folder.iterdir()) == sorted([own, "young.zip"])


def test_rm_and_gc(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for run, value in {"a": "x", "b": "x", "c": "y"}.items():
        make(store, run, blob(value))
    assert call(capsys, "rm", "Train/a", "Train/c", "--root", store.url) == (0, "removed Train/a\nremoved Train/c\n")
    assert not [key for key in store.keys("Train/") if key.startswith(("Train/a/", "Train/c/"))]
    assert values(store) == 2
    call(capsys, "gc", "--root", store.url)
    assert values(store) == 2, "it is too young"
    age(store, 2 * DAY)
    dry = json.loads(call(capsys, "gc", "--dry-run", "--json", "--root", store.url)[1])
    assert dry["flows"][0]["removed_values"]["number"] == 1
    assert values(store) == 2
    code, text = call(capsys, "gc", "--root", store.url)
    assert (code, text.count("removed 0 runs and 1 value (5.")) == (0, 1), text
    assert values(store) == 1
    assert Run("Train/b", root=store.url)["end"].task["value"].data == blob("x")
    code, text = call(capsys, "gc", "--keep", "0", "--dry-run", "--root", store.url)
    removed = re.search(r"would remove [1-9]\d* runs? \(([1-9]\d*) files?, ([\d.]+ k?B)\) and ", text)
    assert removed is not None, text
    code, text = call(capsys, "gc", "--keep", "0", "--root", store.url)
    assert re.search(rf" runs? \({removed[1]} files?, {re.escape(removed[2])}\) and ", text), text


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--older-than", "5d"], {"a", "b", "c"}),
        (["--keep", "1"], {"a"}),
        (["--keep", "2", "--older-than", "2d"], {"a", "b"}),
        (["--keep", "1", "--older-than", "5d"], {"a", "b", "c"}),
        (["--keep", "0"], set[str]()),
        ([], {"a", "b", "c", "d"}),
    ],
)
def test_which_runs_are_old(
    options: list[str], left: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(str(tmp_path))
    for days, run in enumerate("abcd"):
        make(store, run, blob(run), 2 * days + 0.5)
    code, text = call(capsys, "gc", "Train", *options, "--root", str(tmp_path))
    assert code == 0, text
    assert folders(tmp_path) - {"data"} == left


def test_runs_under_way_stay_and_so_does_what_they_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(str(tmp_path))
    for run in "abc":
        make(store, run, blob(run), 30)
    running = make(store, "r", blob("r"), 20, owner=this_owner(), origin="b")
    store.delete(f"{running.pathspec}/end/-/0/manifest.json")
    code, text = call(capsys, "rm", "Train/r", "--root", str(tmp_path))
    assert (code, "is under way" in text) == (2, True)
    code, text = call(capsys, "rm", "Train/b", "--root", str(tmp_path))
    assert (code, "is resumed by a run that is under way" in text) == (2, True)
    call(capsys, "gc", "--keep", "0", "--root", str(tmp_path))
    assert folders(tmp_path) == {"data", "b", "r"}
    assert call(capsys, "rm", "Train/b", "--force", "--root", str(tmp_path))[0] == 0


def test_a_removal_that_was_killed_is_ended(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = make(store, "a", blob("a"))
    make(store, "b", blob("b"))
    delete, left = store.delete, [2]

    def killed(key: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        delete(key)

    run.layout.store.delete = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        remove_run(run.layout)
    listed = {line.split()[0]: line.split()[2] for line in call(capsys, "runs", "--root", store.url)[1].splitlines()}
    assert listed == {"RUN": "STATE", "Train/a": "removed", "Train/b": "successful"}
    assert call(capsys, "gc", "--root", store.url)[0] == 0
    assert not [key for key in store.keys("Train/") if key.startswith("Train/a/")]
    assert store.exists("Train/b/run.json")


def used_again(store: Store, value: bytes) -> str:
    """Use a value, as a task does before it commits. Returns its key."""
    return artifacts.data_key("Train", artifacts.save(store, "Train", "value", value)["hash"])


def test_a_value_that_is_used_again_is_renewed_and_stays(store: Store) -> None:
    remove_run(make(store, "a", blob("a")).layout)
    remove_run(make(store, "b", blob("b")).layout)
    age(store, 2 * DAY)
    doomed = find_unnamed(store, "Train", DAY).doomed
    assert len(doomed) == 2
    key = used_again(store, blob("a"))
    assert sweep(store, "Train", doomed, DAY).number == 1
    assert list(store.keys("Train/")) == [key]
    assert bytes(store.read(key))


def test_a_young_value_is_not_renewed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    used_again(store, blob("a"))

    def renewed(key: str) -> None:
        pytest.fail(f"{key} is renewed")

    monkeypatch.setattr(store, "renew", renewed)
    used_again(store, blob("a"))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_value_that_is_used_while_it_is_removed(
    when: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its age and its removal, and right behind that: it is stored anew."""
    monkeypatch.setattr(reused_values, "_PAUSE", 0.01)
    key = used_again(store, blob("a"))
    age(store, 2 * DAY)
    doomed = find_unnamed(store, "Train", DAY).doomed
    user = threading.Thread(target=used_again, args=(store, blob("a")))
    delete: Callable[[str], None] = store.delete

    def slowly(name: str) -> None:
        if name == key and when == "before":
            user.start()
            time.sleep(0.2)
        delete(name)
        if name == key and when == "after":
            user.start()
            time.sleep(0.2)

    monkeypatch.setattr(store, "delete", slowly)
    assert sweep(store, "Train", doomed, DAY).number == 1
    user.join(30)
    assert not user.is_alive()
    assert bytes(store.read(key))
    assert list(store.children("Train/data/leases")) == []


def test_the_lease_of_a_killed_gc_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reused_values, "_PAUSE", 0.01)
    monkeypatch.setattr(reused_values, "CLOCK_SECONDS", 0.0)
    store = open_store(str(tmp_path))
    used_again(store, blob("a"))
    soon = json.dumps({"until": time.time() + 0.5, "owner": this_owner()}).encode()
    gone = json.dumps({"until": time.time() + 500, "owner": {**this_owner(), "pid": 1, "began": "x"}}).encode()
    for name, text in {"a": soon, "b": b'{"until', "c": b"[]", "d": gone}.items():
        store.write(f"{reused_values.lease_folder('Train')}/{name}.json", [text])
    age(store, 2 * DAY)
    began = time.monotonic()
    used_again(store, blob("a"))
    assert 0.1 < time.monotonic() - began < 10


def test_a_second_gc_stops(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    used_again(store, blob("a"))
    age(store, 2 * DAY)
    lease = f"{reused_values.lease_folder('Train')}/other.json"
    store.write(lease, [reused_values.new_lease()])
    code, text = call(capsys, "gc", "--root", store.url)
    assert (code, "another `flowc gc` removes values of Train" in text) == (1, True), text
    assert sum("/data/" in key for key in store.keys("")) == 2
    store.delete(lease)
    assert call(capsys, "gc", "--root", store.url)[0] == 0
    assert not list(store.keys("Train/"))


def test_half_written_files_and_damaged_ones_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(str(tmp_path))
    key = used_again(store, blob("a"))
    make(store, "a", blob("a"))
    (tmp_path / f"{key}.damaged").write_bytes(b"x")
    (tmp_path / key).with_name(".abc.0123.tmp").write_bytes(b"x")
    age(store, 2 * DAY)
    assert "removed 0 runs and 2 values (2 B)" in call(capsys, "gc", "--root", str(tmp_path))[1]
    assert [path.name for path in (tmp_path / "Train" / "data").rglob("*") if path.is_file()] == [key[-64:]]


def test_tags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(open_store(str(tmp_path)), "a", b"")
    root = ("--root", str(tmp_path))
    assert call(capsys, "tag", "Train/a", "good", "nightly", *root) == (0, "good\nnightly\n")
    assert call(capsys, "tag", "Train/a", "best", "--remove", "good", *root) == (0, "best\nnightly\n")
    assert call(capsys, "tag", "Train/a", *root) == (0, "best\nnightly\n")
    code, text = call(capsys, "tag", "Train/a", "--remove", "nope", *root)
    assert (code, "flowc: Train/a had no tag nope\n" in text) == (0, True), text
    code, text = call(capsys, "tag", "Train/a", "", *root)
    assert (code, "is not a tag" in text) == (2, True)


def test_the_differences_of_runs(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    for run, value in {"a": blob("a"), "b": blob("b"), "c": blob("a")}.items():
        layout = make(store, run, value).layout
        scalar = artifacts.save(store, "Train", "n", {"a": 1, "b": 2.5, "c": 1}[run])
        layout.keep_parameters({"n": scalar, "only": scalar} if run == "b" else {"n": scalar})
    root = ("--root", store.url)
    assert call(capsys, "diff-runs", "Train/a", "Train/c", *root)[0] == 0
    code, text = call(capsys, "diff-runs", "Train/a", "Train/b", *root)
    assert code == 1
    first, second = (artifacts.save(store, "Train", "", blob(letter))["hash"][:8] for letter in "ab")
    assert text.splitlines() == [
        "- Train/a",
        "+ Train/b",
        "parameters",
        "  n: 1 -> 2.5",
        "  only: (none) -> 2.5",
        "end",
        f"  value: bytes of 5.02 kB {first} -> bytes of 5.02 kB {second}",
    ]
    document = json.loads(call(capsys, "diff-runs", "Train/a", "Train/b", "--json", *root)[1])
    assert [item["name"] for item in document["differences"]] == ["n", "only", "value"]
    assert document["differences"][0]["second"] == {**document["differences"][0]["second"], "value": 2.5}
    assert call(capsys, "diff-runs", "Train/a", "Train/none", *root)[0] == 2


def test_what_differs_is_said_where_it_is_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(str(tmp_path))
    saved = {value: artifacts.save(store, "Train", "value", value) for value in (1, 2, 3, 4)}
    order = ("start", "left", "right", "join")
    nexts: tuple[list[str], ...] = (["left", "right"], ["join"], ["join"], [])
    graph = {"steps": {name: {"type": "linear", "next": after} for name, after in zip(order, nexts, strict=True)}}
    for run, x, y in (("a", 1, 3), ("b", 2, 4)):
        layout = RunLayout(store, "Train", run)
        layout.write_json(f"{layout.prefix}/run.json", {"flow": "Train", "run": run, "created": 1.0})
        layout.write_json(f"{layout.prefix}/graph.json", graph)
        named = {"start": {"x": x}, "left": {"x": x, "y": y}, "right": {"x": x, "y": y}, "join": {"x": y, "y": y}}
        for number, name in enumerate(order):
            manifest = {"step": name, "index": "-", "attempt": 0, "run": run, "created": 2.0 + number}
            refs = {key: saved[value] for key, value in named[name].items()}
            layout.begin(name, (), 0, {"version": 1, "started": 2.0 + number, "host": "pod", "last": True})
            layout.commit(name, (), 0, {**manifest, "artifacts": refs, "parameters": {}})
    command = ("diff-runs", "Train/a", "Train/b", "--root", str(tmp_path))
    assert call(capsys, *command)[1].splitlines()[2:] == [
        "start", "  x: 1 -> 2", "left", "  y: 3 -> 4", "right", "  y: 3 -> 4", "join", "  x: 3 -> 4",
        "and 3 more that steps have from these: see them with --inherited",
    ]  # fmt: skip
    assert call(capsys, *command, "--inherited")[1].count(" -> ") == 7
    document = json.loads(call(capsys, *command, "--json")[1])
    assert [item["inherited"] for item in document["differences"]].count(True) == 3


def test_a_run_that_begins_just_now_is_not_old(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """An engine's first task has written down its parameters, and nothing that has a time."""
    make(store, "a", blob("a"), 9.0)
    layout = RunLayout(store, "Train", "argo-1")
    layout.keep_parameters({"p": artifacts.save(store, "Train", "p", blob("b"))})
    assert call(capsys, "gc", "--older-than", "1h", "--root", store.url)[0] == 0
    assert (store.exists("Train/a/run.json"), store.exists("Train/argo-1/parameters.json")) == (False, True)
    age(store, 2 * DAY)
    assert call(capsys, "gc", "--older-than", "1h", "--root", store.url)[0] == 0
    assert not list(store.keys("Train/"))
