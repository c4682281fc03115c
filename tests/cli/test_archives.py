"""`flowc export` and `flowc import`: a run as one file, from each kind of store into each other."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from flowc.client import Run
from flowc.store import Store, artifacts, open_store
from flowc.store.documents import IMPORTED
from flowc.store.run_layout import RunLayout
from flowc.store.run_owner import this_owner
from flowc_cli import archive_file, run_importing
from flowc_cli.archive_file import ArchiveWriter
from flowc_cli.value_files import AT_ONCE
from tests.cli.test_keeping import DAY, age, blob, call, make, values

BIG = bytes(range(256)) * (AT_ONCE // 200)
"""A value that is read in pieces."""


def a_run(store: Store) -> Run:
    """A run with each kind of file: attempts, logs, a mark, tags, parameters, and values in and beside manifests."""
    run = make(store, "one", blob("a"), 1.0, parameters={"p": "3"}, tags=["first"])
    layout = run.layout
    layout.keep_parameters({"p": artifacts.save(store, "Train", "p", blob("b"))})
    layout.write_json(f"{layout.prefix}/graph.json", {"steps": {"end": {"next": [], "type": "end"}}, "end": "end"})
    layout.begin("end", (), 0, {"version": 1, "started": 5.0})
    layout.write_json(f"{layout.prefix}/end/-/1/from-zero", {"run": "zero", "by": "one"})
    refs = {"big": artifacts.save(store, "Train", "big", BIG), "n": artifacts.save(store, "Train", "n", 7)}
    manifest = {"step": "end", "index": "-", "attempt": 1, "run": "one", "created": 7.0}
    layout.commit("end", (), 1, {**manifest, "artifacts": refs, "parameters": {}})
    store.write(f"{layout.prefix}/end/-/0/stdout.log", [b"hello\n" * 3])
    store.write(f"{layout.prefix}/end/-/1/stdout.log", [b"\x00\xff" * AT_ONCE])
    run.add_tags(["good", "ünïcode"])
    return run


def content(store: Store, run: str = "one") -> dict[str, bytes]:
    """All that a store has of a run, and all values."""
    keys = [key for name in (run, "data") for key in store.keys(f"Train/{name}/")]
    return {key: bytes(store.read(key)) for key in keys}


def export(capsys: pytest.CaptureFixture[str], store: Store, path: Path, *more: str) -> bytes:
    assert call(capsys, "export", "Train/one", "-o", str(path), "--root", store.url, *more)[0] == 0
    return path.read_bytes()


def take_in(capsys: pytest.CaptureFixture[str], path: Path | str, root: str, *more: str) -> tuple[int, str]:
    return call(capsys, "import", str(path), "--root", root, *more)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_there_and_back(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    a_run(store)
    before = content(store)
    first = export(capsys, store, tmp_path / f"a{suffix}")
    folder = str(tmp_path / "other")
    code, said = take_in(capsys, tmp_path / f"a{suffix}", folder)
    assert code == 0
    assert "imported Train/one: 11 files and 3 values (" in said
    assert content(open_store(folder)) == before
    assert export(capsys, open_store(folder), tmp_path / f"b{suffix}") == first, "the same bytes from any store"
    assert call(capsys, "rm", "Train/one", "--root", store.url)[0] == 0
    age(store, 2 * DAY)
    assert call(capsys, "gc", "--root", store.url)[0] == 0
    assert not list(store.keys("Train/"))
    assert take_in(capsys, tmp_path / f"b{suffix}", store.url)[0] == 0
    assert content(store) == before
    run = Run("Train/one", root=store.url)
    assert run.data.big == BIG
    assert run.data.n == 7
    assert run.user_tags >= {"good", "ünïcode"}
    assert run.successful
    assert call(capsys, "fsck", "--root", store.url)[0] == 0


def test_it_is_a_tar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(str(tmp_path / "root"))
    a_run(store)
    store.write(f"Train/one/end/-/1/{'long' * 50}.log", [b"x"])
    export(capsys, store, tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as file:
        names = file.getnames()
        assert {(member.mtime, member.uid, member.mode) for member in file} == {(0, 0, 0o644)}
    assert names[0] == "flowc-run.json"
    assert names[-3:] == ["run/graph.json", "run/run.json", "flowc-end.json"]
    assert f"run/end/-/1/{'long' * 50}.log" in names
    assert take_in(capsys, tmp_path / "a.tar", str(tmp_path / "other"))[0] == 0
    assert content(open_store(str(tmp_path / "other"))) == content(store)


def test_under_another_name(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a_run(store)
    export(capsys, store, tmp_path / "a.tar")
    code, said = take_in(capsys, tmp_path / "a.tar", store.url)
    assert code == 2
    assert "run Train/one is in" in said
    assert "--as ID" in said
    assert take_in(capsys, tmp_path / "a.tar", store.url, "--as", "two")[0] == 0
    assert call(capsys, "fsck", "Train/two", "--root", store.url)[0] == 0
    run = Run("Train/two", root=store.url)
    assert run.data.big == BIG
    assert run.created_at == Run("Train/one", root=store.url).created_at
    assert run.layout.manifest("end", ())["run"] == "two"
    assert run.record["run"] == "two"
    for wrong in ("", "data", "a/b", "..", ".x"):
        assert take_in(capsys, tmp_path / "a.tar", store.url, "--as", wrong)[0] == 2


@pytest.mark.parametrize("end", [b"", bytes(512), bytes(1024), bytes(10240), bytes(1 << 23)])
def test_blocks_of_zeros_at_its_end_are_padding(tmp_path: Path, capsys: pytest.CaptureFixture[str], end: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(archive(RECORD)[:-1024] + end)
    assert take_in(capsys, tmp_path / "a.tar", str(tmp_path / "root"))[0] == 0


@pytest.mark.parametrize(("run", "simulated", "where"), [
    ("argo-1", False, "argo"), ("argo-2", True, "simulate"), ("manual__1", False, "airflow"),
    ("argonaut", False, "airflow"),
])  # fmt: skip
@pytest.mark.parametrize("begun", ["start", "end"])
def test_the_engine_of_a_run_under_another_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run: str, simulated: bool, where: str, begun: str
) -> None:
    store = open_store(str(tmp_path / "root"))
    layout = RunLayout(store, "Train", run)
    layout.begin("start", (), 0, {"version": 1, "started": 5.0, **({"engine": "simulate"} if simulated else {})})
    if begun == "end":
        steps: dict[str, Any] = {"start": {"next": ["end"], "type": "start"}, "end": {"next": [], "type": "end"}}
        layout.write_json(f"{layout.prefix}/graph.json", {"steps": steps, "start": "start", "end": "end"})
        manifest: dict[str, Any] = {"step": "start", "index": "-", "attempt": 0, "run": run, "created": 7.0}
        layout.commit("start", (), 0, {**manifest, "artifacts": {}, "parameters": {}})
    for name, other in ((run, "two"), ("two", "argo-3"), ("argo-3", "four")):
        archived = str(tmp_path / f"{name}.tar")
        assert call(capsys, "export", f"Train/{name}", "-o", archived, "--root", store.url)[0] == 0
        assert take_in(capsys, archived, store.url, "--as", other)[0] == 0
        assert call(capsys, "rm", f"Train/{name}", "--force", "--root", store.url)[0] == 0
        rows = json.loads(call(capsys, "runs", "--json", "--root", store.url)[1])
        assert [(row["run"], row["where"]) for row in rows] == [(f"Train/{other}", where)]
        said = call(capsys, "logs", f"Train/{other}", "--root", store.url)[1]
        assert (f"`flowc logs Train/{run} --target {where}`" in said) == (not simulated)


@pytest.mark.process
def test_through_a_pipe(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "root"))
    a_run(store)
    command = [sys.executable, "-m", "flowc_cli"]
    out = [*command, "export", "Train/one", "-o", "-", "--root", store.url]
    done = subprocess.run(out, capture_output=True, check=True)
    assert b"exported Train/one" in done.stderr
    back = [*command, "import", "-", "--root", str(tmp_path / "other")]
    subprocess.run(back, input=gzip.compress(done.stdout), capture_output=True, check=True)
    assert content(open_store(str(tmp_path / "other"))) == content(store)


def test_a_run_under_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(str(tmp_path / "root"))
    make(store, "one", blob("a"), 0.0, owner=this_owner(), end="later")
    code, said = call(capsys, "export", "Train/one", "-o", str(tmp_path / "a.tar"), "--root", store.url)
    assert code == 0
    assert "is under way: the archive has what it had stored until now" in said
    assert take_in(capsys, tmp_path / "a.tar", str(tmp_path / "other"))[0] == 0


@pytest.mark.parametrize("harm", ["value", "large value", "no value", "document"])
def test_what_is_damaged(tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str) -> None:
    store = open_store(str(tmp_path / "root"))
    a_run(store)
    sizes = {file.key: file.size for file in store.files("Train/data/")}
    small, large = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    if harm == "document":
        damaged = "Train/one/end/-/1/manifest.json"
        store.write(damaged, [bytes(store.read(damaged)).replace(b"attempt", b"attempd")])
    elif harm == "no value":
        store.delete(damaged := small)
    else:
        damaged = small if harm == "value" else large
        store.write(damaged, [bytes(sizes[damaged])])
    code, said = call(capsys, "export", "Train/one", "-o", str(tmp_path / "a.tar"), "--root", store.url)
    assert code == 1
    assert damaged in said
    assert "--damaged" in said
    assert [path.name for path in tmp_path.iterdir()] == ["root"]
    export(capsys, store, tmp_path / "a.tar", "--damaged")
    code, said = take_in(capsys, tmp_path / "a.tar", str(tmp_path / "other"))
    assert code == 0
    assert ("1 value was lost" in said) == (harm != "document")
    assert call(capsys, "fsck", "--root", str(tmp_path / "other"))[0] == 1
    if harm != "document":
        assert take_in(capsys, tmp_path / "a.tar", str(tmp_path / "other"), "--as", "two")[0] == 0


HEAD = {"version": 1, "format": 2, "flow": "Train", "run": "one"}


def archive(*files: tuple[str, bytes], head: Any = HEAD, end: dict[str, Any] | None = None) -> bytes:
    """An archive with these files, whose digest is right."""
    out = io.BytesIO()
    writer = ArchiveWriter(out, compress=False)
    writer.add_record("flowc-run.json", head)
    for name, data in files:
        writer.add(name, len(data), [data])
    writer.end(**(end or {}))
    return out.getvalue()


def special(**fields: Any) -> bytes:
    """An archive whose second file is not a plain one."""
    entry = tarfile.TarInfo("run/x.log")
    for name, value in fields.items():
        setattr(entry, name, value)
    return archive()[:1024] + entry.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 14)


def named(*digests: str) -> bytes:
    """A manifest that names values."""
    refs = {f"v{n}": {"hash": digest, "codec": "pickle", "size": 9, "type": "x"} for n, digest in enumerate(digests)}
    document = {"step": "end", "index": "-", "attempt": 0, "created": 1.0, "artifacts": refs, "parameters": {}}
    return json.dumps(document).encode()


RECORD = ("run/run.json", json.dumps({"flow": "Train", "run": "one", "created": 1.0}).encode())
MANIFEST = "run/end/-/0/manifest.json"
ABC = hashlib.sha256(b"abc").hexdigest()
HOSTILE: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "nothing": (b"", "ends too early"),
    "text": (b"hello" * 200, "not a tar"),
    "another tar": (special()[1024:], "its first file is not flowc-run.json"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(600), "zstd -dc"),
    "gzip cut": (gzip.compress(os.urandom(2000))[:900], "cannot be read to its end|not a tar"),
    "cut": (archive(RECORD)[:1600], "ends too early"),
    "cut between files": (archive(RECORD)[:2048] + bytes(1024), "has no end"),
    "bit": (archive(("run/x.log", b"LINE"), RECORD).replace(b"LINE", b"LIME"), "damaged"),
    "up": (archive(("run/../../two/run.json", b"{}"), RECORD), "no file of a run"),
    "absolute": (archive(("/etc/passwd", b"x")), "no file of a run"),
    "absolute below": (archive(("run//etc/passwd", b"x")), "no file of a run"),
    "backslash": (archive(("run/a\\..\\b", b"x")), "no file of a run"),
    "hidden": (archive(("run/.x", b"x")), "no file of a run"),
    "control": (archive(("run/a\nb", b"x")), "no file of a run"),
    "surrogate": (archive(("run/a\udcff", b"x")), "no file of a run"),
    "deep": (archive(("run/" + "a/" * 9 + "b", b"x")), "no file of a run"),
    "long": (archive(("run/" + "a" * 300, b"x")), "no file of a run"),
    "mark": (archive((f"run/{IMPORTED}", b"{}")), "no file of a run"),
    "elsewhere": (archive(("data/../x", b"x")), "not the hash"),
    "value of another hash": (archive((MANIFEST, named(ABC)), (f"data/{ABC}", b"abd"), RECORD), "hash of its name"),
    "value that nobody names": (archive(RECORD, (f"data/{ABC}", b"abc")), "named by no file"),
    "value that is not there": (archive((MANIFEST, named(ABC)), RECORD), f"the value {ABC}"),
    "value twice": (archive((MANIFEST, named(ABC)), (f"data/{ABC}", b"abc"), (f"data/{ABC}", b"abc")), "twice"),
    "file twice": (archive(("run/a", b"1"), ("run/a", b"2")), "twice"),
    "number of lost values": (archive(RECORD, end={"missing": 5}), "not the hash"),
    "no files": (archive(), "no files"),
    "file after its end": (archive(RECORD)[:-1024] + archive(RECORD)[512:], "something follows its end"),
    "archive after it": (archive(RECORD) + archive(RECORD), "something follows its end"),
    "text after it": (archive(RECORD) + bytes(512) + b"x", "something follows its end"),
    "gzip after it": (gzip.compress(archive(RECORD)) + gzip.compress(b"x"), "something follows its end"),
    "text after gzip": (gzip.compress(archive(RECORD)) + b"text", "cannot be read to its end"),
    "gzip without its end": (gzip.compress(archive(RECORD))[:-4], "cannot be read to its end"),
    "engine is none": (archive(RECORD, head={**HEAD, "engine": 5}), "its engine has the name"),
    "flow elsewhere": (archive(RECORD, head={**HEAD, "flow": ".."}), "its flow has the name"),
    "run elsewhere": (archive(RECORD, head={**HEAD, "run": "a/b"}), "its run has the name"),
    "run is data": (archive(RECORD, head={**HEAD, "run": "data"}), "its run has the name"),
    "no run": (archive(RECORD, head={"version": 1, "flow": "Train"}), "its run has the name"),
    "head is a list": (archive(RECORD, head=[1]), "not JSON"),
    "newer archive": (archive(RECORD, head={**HEAD, "version": 2}), "newer release"),
    "newer run": (archive(RECORD, head={**HEAD, "format": 3}), "newer release"),
    "newer document": (archive((MANIFEST, named().replace(b"{", b'{"version":9,', 1)), RECORD), "newer release"),
    "link": (special(type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a link or the like"),
    "hard link": (special(type=tarfile.LNKTYPE, linkname="run/a"), "a link or the like"),
    "device": (special(type=tarfile.CHRTYPE), "a link or the like"),
    "folder": (special(type=tarfile.DIRTYPE), "a link or the like"),
    "sparse": (special(type=tarfile.GNUTYPE_SPARSE), "a link or the like"),
    "long name of GNU": (special(name="run/" + "n" * 200), "a link or the like"),
    "size below zero": (special(size=-512), "has no size"),
    "pax of many bytes": (special(type=tarfile.XHDTYPE, size=1 << 40), "is too long"),
    "pax of zeros": (special(type=tarfile.XHDTYPE, size=512), "a header in it is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    data, problem = HOSTILE[name]
    (tmp_path / "a.tar").write_bytes(data if isinstance(data, bytes) else data())
    root = tmp_path / "root"
    code, said = take_in(capsys, tmp_path / "a.tar", str(root))
    assert code == 2
    assert "a.tar is not imported: " in said
    assert any(text in said.replace("\n", " ") for text in problem.split("|")), said
    assert not [file for file in root.rglob("*") if file.is_file() and "data" not in file.parts]
    assert {path.name for path in tmp_path.iterdir()} <= {"a.tar", "root"}


def test_a_bomb(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_file, "_SOME", 1 << 23)
    out = io.BytesIO()
    writer = ArchiveWriter(out, compress=True)
    writer.add_record("flowc-run.json", HEAD)
    writer.add("run/x.log", 1 << 26, (bytes(1 << 20) for _ in range(64)))
    writer.add(RECORD[0], len(RECORD[1]), [RECORD[1]])
    writer.end()
    (tmp_path / "a.tar.gz").write_bytes(out.getvalue())
    tracemalloc.start()
    code, said = take_in(capsys, tmp_path / "a.tar.gz", str(tmp_path / "root"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert code == 2
    assert "--any-size" in said
    assert peak < 1 << 25
    assert take_in(capsys, tmp_path / "a.tar.gz", str(tmp_path / "root"), "--any-size")[0] == 0


def test_the_memory_of_a_large_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(str(tmp_path / "root"))
    run = make(store, "one", os.urandom(1 << 26))
    store.write(f"{run.layout.prefix}/end/-/0/stdout.log", [os.urandom(1 << 26)])
    tracemalloc.start()
    assert call(capsys, "export", "Train/one", "-o", str(tmp_path / "a.tar"), "--root", store.url)[0] == 0
    assert take_in(capsys, tmp_path / "a.tar", str(tmp_path / "other"))[0] == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 25
    assert content(open_store(str(tmp_path / "other"))) == content(store)


def killed_import(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, after: int, owner: Any = None) -> bool:
    """An import that ends, without any cleanup, after so many writes. Whether it did."""
    kind = type(store)
    write, written = kind.write, 0

    def killed(self: Store, key: str, parts: Sequence[Any]) -> None:
        nonlocal written
        written += 1
        if written > after:
            raise KeyboardInterrupt
        write(self, key, parts)

    with monkeypatch.context() as patch, path.open("rb") as file:
        patch.setattr(kind, "write", killed)
        patch.setattr(run_importing, "remove_run", print)
        patch.setattr(run_importing, "this_owner", lambda: owner or {**this_owner(), "pid": 999999, "began": "never"})
        if store.remote:  # whatever was begun elsewhere ends, too
            patch.setattr(run_importing, "THREADS", 1)
        try:
            run_importing.import_run(archive_file.ArchiveReader(file), open_store(store.url), None)
        except KeyboardInterrupt:
            return True
    return False


def test_a_killed_import(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run(store)
    before = content(store)
    export(capsys, store, tmp_path / "a.tar")
    age(store, 2 * DAY)  # what is there already is renewed
    root = ("--root", store.url)
    after = 0
    for number, after in enumerate(range(2, 20, 3)):
        if list(store.keys("Train/one/")):
            assert call(capsys, "rm", "Train/one", *root)[0] == 0
        if not killed_import(store, tmp_path / "a.tar", monkeypatch, after):
            break
        assert not list(Run.of(_flow(store), "one").step_names())
        assert not Run.of(_flow(store), "one").exists()
        assert call(capsys, "runs", "Train", *root)[1].count("importing") == 1
        assert call(capsys, "show", "Train/one", *root)[0] == 2
        assert call(capsys, "export", "Train/one", "-o", str(tmp_path / "b.tar"), *root)[0] == 2
        assert call(capsys, "fsck", *root)[0] == 0
        if number % 3 == 0:
            assert call(capsys, "gc", *root)[0] == 0
            assert not list(store.keys("Train/one/"))
        elif number % 3 == 1:
            assert take_in(capsys, tmp_path / "a.tar", store.url)[0] == 0
            assert content(store) == before
    assert after > 10
    assert content(store) == before


def _flow(store: Store) -> Any:
    from flowc.client import Flow

    return Flow.of(store, "Train", trusted=False)


def test_an_import_under_way(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`gc` keeps it and its values; it cannot be begun again."""
    a_run(store)
    export(capsys, store, tmp_path / "a.tar")
    assert call(capsys, "rm", "Train/one", "--root", store.url)[0] == 0
    assert killed_import(store, tmp_path / "a.tar", monkeypatch, 10, this_owner())
    age(store, 2 * DAY)
    before = values(store)
    assert call(capsys, "gc", "--keep", "0", "--root", store.url)[0] == 0
    assert values(store) == before
    assert list(store.keys("Train/one/"))
    code, said = take_in(capsys, tmp_path / "a.tar", store.url)
    assert code == 2
    assert "is being imported already" in said
    code, said = call(capsys, "rm", "Train/one", "--root", store.url)
    assert code == 2
    assert "is being imported" in said
    assert call(capsys, "rm", "--force", "Train/one", "--root", store.url)[0] == 0
    assert not list(store.keys("Train/one/"))


def test_a_disk_that_is_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(str(tmp_path / "root"))
    a_run(store)
    code, said = call(capsys, "export", "Train/one", "-o", str(tmp_path / "no" / "a.tar"), "--root", store.url)
    assert code == 2
    assert "cannot write" in said
    code, said = call(capsys, "export", "Train/one", "-o", str(tmp_path / "a.zip"), "--root", store.url)
    assert code == 2
    assert "ends in neither" in said
    code, said = take_in(capsys, tmp_path / "nowhere.tar", store.url)
    assert code == 2
    assert "cannot read" in said


@pytest.mark.parametrize("size", ["1e999", "-1", "1" + "0" * 18, '"x"', "null"])
def test_a_size_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], size: str) -> None:
    """Whoever wrote the run says how large its values are."""
    store = open_store(str(tmp_path / "root"))
    run = make(store, "one", blob("a"))
    key = f"{run.pathspec}/end/-/0/manifest.json"
    document = json.loads(bytes(store.read(key)))
    text = json.dumps({name: value for name, value in document.items() if name != "digest"} | {"version": 1})
    store.write(key, [text.replace(f'"size": {document["artifacts"]["value"]["size"]}', f'"size": {size}').encode()])
    for command in (["export", "Train/one", "-o", str(tmp_path / "a.tar")], ["runs"], ["fsck"], ["gc"]):
        code, said = call(capsys, *command, "--root", store.url)
        assert code in (0, 1), said
        assert "Traceback" not in said
    assert values(store) == 1
