"""The run protocol: attempts, commits, lazy reads, joins, and what happens when something is missing or wrong."""

from __future__ import annotations

import json
import re
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flowc.client import Run, Task
from flowc.errors import CorruptArtifact
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from tests.runtime.shim import RUN, Shim
from tests.support import unchecked_artifacts

FOREACH = """
    from flowc import FlowSpec, current, step

    class Squares(FlowSpec):
        factor = 10

        @step
        def start(self):
            self.items = [3, 1, 2]
            self.shared = list(range(2000))
            self.next(self.body, foreach="items")

        @step
        def body(self):
            self.out = self.input * self.factor
            self.tried = current.retry_count
            self.next(self.join)

        @step
        def join(self, inputs):
            self.outs = [i.out for i in inputs]
            self.tries = [i.tried for i in inputs]
            self.sizes = [len(i.shared) for i in inputs]
            self.seen = hasattr(self, "shared")
            self.places = [(i.index, i.input, i.foreach_stack()) for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            print("total", sum(self.outs))
"""


@pytest.mark.process
def test_a_foreach_and_its_join(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    shim.tasks("start", "body/0", "body/1", "body/2", "join")
    assert shim.task("end") == "total 60\n"
    assert (tmp_path / "outputs" / "count").read_text(encoding="utf-8") == "3"
    assert shim.value("join", "outs") == [30, 10, 20]
    assert shim.value("join", "seen") is False, "a join starts with parameters and constants only"
    assert shim.value("join", "places")[1] == (1, 1, [(1, 3, 1)])


@pytest.mark.process
@pytest.mark.parametrize("kind", ["count", "Endless"])
def test_an_iterable_without_an_end_stops_at_the_limit(tmp_path: Path, kind: str) -> None:
    source = FOREACH.replace("self.items = [3, 1, 2]", f"self.items = {kind}()")
    assert source != FOREACH
    endless = "from itertools import count\n\nclass Endless:\n    def __getitem__(self, index): return index\n"
    shim = Shim(tmp_path, endless + textwrap.dedent(source))
    failed = shim.attempt("start", FLOWC_MAX_NUM_SPLITS="50")
    assert failed.returncode == 1
    assert f"foreach='items' is a {kind} with more than 50 items, or without an end" in failed.stderr


@pytest.mark.process
def test_the_highest_committed_attempt_is_read(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    shim.tasks("start", "body/0", "body/2")
    shim.task("body", "1", 0)
    shim.task("body", "1", 2)
    uncommitted = Path(shim.root, "Squares", RUN, "body", "1", "3")
    uncommitted.mkdir()
    shim.task("join")
    assert shim.value("join", "tries") == [0, 2, 0]


@pytest.mark.process
def test_a_join_names_the_inputs_that_are_missing(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    shim.tasks("start", "body/1")
    done = shim.attempt("join")
    assert done.returncode == 2
    assert "2 of the join's 3 inputs have not finished: body-0, body-2" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    done = shim.attempt("body", "0")
    assert done.returncode == 2
    assert "task start of run Squares/run-1 has not finished" in done.stderr


@pytest.mark.process
def test_the_depth_of_an_index_is_checked(tmp_path: Path) -> None:
    done = Shim(tmp_path, FOREACH).attempt("body", "0.1")
    assert done.returncode == 2
    assert "an index of 1 numbers" in done.stderr


@pytest.mark.process
def test_corrupt_bytes_are_found_out(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    shim.tasks("start", "body/0", "body/1", "body/2")
    digest = shim.manifest("body", "1")["artifacts"]["shared"]["hash"]
    blob = Path(shim.root, "Squares", "data", digest[:2], digest)
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    done = shim.attempt("join")
    assert done.returncode == 2
    assert "artifact 'shared'" in done.stderr
    assert digest in done.stderr
    assert not blob.exists(), "it is set aside"
    assert "is gone from the store" in shim.attempt("join").stderr
    shim.task("start", attempt=1)
    assert shim.attempt("join").returncode == 0


@pytest.mark.process
def test_a_damaged_value_that_is_stored_again_is_right_again(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    shim.task("start")
    digest = shim.manifest("start")["artifacts"]["shared"]["hash"]
    blob = Path(shim.root, "Squares", "data", digest[:2], digest)
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    shim.task("start", attempt=1)
    assert blob.read_bytes() == content


@pytest.mark.process
def test_a_corrupt_inline_value_is_found_out(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    shim.tasks("start", "body/0", "body/1", "body/2")
    manifest = Path(shim.root, "Squares", RUN, "body", "0", "0", "manifest.json")
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"inline":30', '"inline":31'), encoding="utf-8")
    done = shim.attempt("join")
    assert done.returncode == 2
    assert f"{manifest} does not have the digest that it was stored with" in done.stderr
    document: dict[str, Any] = {**json.loads(text), "version": 1, "digest": None}
    document["artifacts"]["out"]["inline"] = 31
    manifest.write_text(json.dumps(document), encoding="utf-8")
    assert "does not have the hash" in shim.attempt("join").stderr, "one of release 0.1.0"


DOCUMENTS: dict[str, dict[str, Any]] = {
    "run.json": {"version": 1, "flow": "F", "run": "7", "created": 1.5, "owner": None, "tags": ["a"]},
    "run-end.json": {"version": 1, "status": "failed", "ended": 12.25},
    "heartbeat.json": {"version": 1, "time": 1.0},
    "tags.json": {"version": 1, "tags": ["one", "two"]},
    "graph.json": {"version": 1, "start": "start", "steps": {"start": {"next": []}}},
    "code.json": {"version": 1, "file": "f.py", "files": {"f.py": "x = 12\n"}, "others": {}, "class": "F"},
    "parameters.json": {"version": 1, "parameters": {"p": {"inline": 3, "codec": "json", "hash": "ab" * 32}}},
    "resumed.json": {"version": 1, "reused": {"start": 1}},
    "origin.json": {"version": 1, "origin": "6", "rerun": []},
    "s/-/0/attempt.json": {"version": 1, "started": 1.0, "host": "h", "last": True},
    "s/-/0/error.json": {"version": 1, "type": "E", "message": "m", "traceback": "", "created": 2.0},
    "s/-/0/manifest.json": {
        "artifacts": {"x": {"inline": 12, "codec": "json", "hash": "ab" * 32}},
        "parameters": {},
        "foreach": {"count": 12},
    },
}
"""What is in the files of a run."""


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_flipped_bit_of_a_document_is_found_out(tmp_path: Path, name: str) -> None:
    layout = RunLayout(open_store(str(tmp_path)), "F", "7")
    key, file = f"F/7/{name}", tmp_path / "F" / "7" / name
    if name.endswith("manifest.json"):
        layout.commit("s", (), 0, DOCUMENTS[name])
    else:
        layout.write_json(key, DOCUMENTS[name])
    right, data = layout.read_json(key), file.read_bytes()
    seal = 8 * len(data) - 8 * len(f',"digest":"{"0" * 64}"}}')
    for bit in (
        *range(0, seal, 11),
        *range(seal, seal + 8 * len(',"digest":"')),
        *range(seal + 100, 8 * len(data), 11),
    ):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        file.write_bytes(flipped)
        with pytest.raises(CorruptArtifact) as raised:
            layout.read_json(key)
        assert str(file) in str(raised.value)
    file.write_bytes(data)
    assert layout.read_json(key) == right
    elsewhere = f"F/8/{name}"
    layout.store.write(elsewhere, [data])
    with pytest.raises(CorruptArtifact, match=re.escape(f"{tmp_path}/{elsewhere} is")):
        layout.of_run("8").manifest("s", (), 0) if name.endswith("manifest.json") else layout.read_json(elsewhere)


@pytest.mark.process
def test_a_manifest_counts_in_its_place_only(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    shim.tasks("start", "body/0", "body/1", "body/2")
    folder = Path(shim.root, "Squares", RUN)
    right = (folder / "body/1/0/manifest.json").read_bytes()
    for other in ("body/0/0", "body/2/0", "start/-/0"):
        (folder / "body/1/0/manifest.json").write_bytes((folder / other / "manifest.json").read_bytes())
        done = shim.attempt("join")
        assert done.returncode == 2
        assert f"body/1/0/manifest.json is the manifest of Squares/{RUN}/{other}" in done.stderr
    (folder / "body/1/0/manifest.json").write_bytes(right)
    start = folder / "start/-/0/manifest.json"
    text = start.read_text(encoding="utf-8")
    for count in ("2", "4", "-1", '"3"', "null"):
        start.write_text(text.replace('"count":3', f'"count":{count}'), encoding="utf-8")
        assert "does not have the digest" in shim.attempt("join").stderr
        old: dict[str, Any] = {**json.loads(text), "version": 1, "digest": None}
        old["foreach"]["count"] = json.loads(count)
        start.write_text(json.dumps(old), encoding="utf-8")
        done = shim.attempt("join")
        assert done.returncode == 2
        assert "CorruptArtifact" in done.stderr, "one of release 0.1.0 has no digest"
    start.write_text(text, encoding="utf-8")
    assert shim.attempt("join").returncode == 0


@pytest.mark.process
@pytest.mark.parametrize("index", ["0", "1"])
def test_a_foreach_child_reads_its_own_item_only(tmp_path: Path, index: str) -> None:
    """All other items are overwritten with garbage: whoever read them would find out by their hash."""
    shim = Shim(
        tmp_path,
        """
        from flowc import FlowSpec, step

        class Large(FlowSpec):
            @step
            def start(self):
                self.items = [bytes([65 + i]) * 50_000 for i in range(2)]
                self.next(self.body, foreach="items")

            @step
            def body(self):
                self.first = self.input[:1]
                self.next(self.join)

            @step
            def join(self, inputs):
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
    )
    shim.task("start")
    ref = shim.manifest("start")["foreach"]
    blob = Path(shim.root, "Large", "data", ref["hash"][:2], ref["hash"])
    content = bytearray(blob.read_bytes())
    half = len(content) // 2
    wrong = slice(half + 100, None) if index == "0" else slice(100, half - 100)
    content[wrong] = bytes(len(content[wrong]))
    blob.write_bytes(content)
    shim.task("body", index)
    assert shim.value("body", "first", index) == (b"A" if index == "0" else b"B")
    other = shim.attempt("body", "1" if index == "0" else "0")
    assert other.returncode == 2
    assert f"item {1 - int(index)} of items" in other.stderr


@pytest.mark.process
def test_equal_values_are_stored_once(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    shim.tasks("start", "body/0", "body/1", "body/2")
    files = [path for path in Path(shim.root, "Squares", "data").rglob("*") if path.is_file()]
    assert len(files) == 1
    assert not list(Path(shim.root).rglob("*.tmp"))


@pytest.mark.process
def test_user_errors_exit_with_1_and_are_recorded(tmp_path: Path) -> None:
    shim = Shim(
        tmp_path,
        """
        from flowc import FlowSpec, step

        class Fails(FlowSpec):
            @step
            def start(self):
                self.handle = (i for i in range(3))
                self.next(self.end)

            @step
            def end(self):
                raise ValueError("no luck")
        """,
    )
    done = shim.attempt("start")
    assert done.returncode == 1
    assert "artifact 'handle' of type generator cannot be stored" in done.stderr
    assert shim.layout.latest("start", ()) is None
    shim.file.write_text(shim.file.read_text(encoding="utf-8").replace("(i for i in range(3))", "3"), encoding="utf-8")
    shim.task("start")
    done = shim.attempt("end")
    assert done.returncode == 1
    assert 'raise ValueError("no luck")' in done.stderr
    assert "runtime/flowc" not in done.stderr, "the traceback starts at the user's code"
    run = Run(f"Fails/{RUN}", root=shim.root)
    assert not run.successful
    exception = run["end"].task.exception
    assert exception is not None
    assert (exception.type, exception.exception) == ("builtins.ValueError", "no luck")
    assert str(exception) == exception.stacktrace == done.stderr


FAILING = """
    from threading import Lock

    from flowc import FlowSpec, Parameter, current, step

    class Failing(FlowSpec):
        rate = Parameter("rate", default=0.5)

        @step
        def start(self):
            self.words = {"a", "b"}
            self.next(self.work)

        @step
        def work(self):
            assert not hasattr(self, "half")
            self.half = current.retry_count
            self.big = list(range(5000))
            self.lock = Lock()
            if self.half == 0:
                raise ValueError("not yet")
            del self.lock
            self.next(self.end)

        @step
        def end(self):
            print("half", self.half)
"""


@pytest.mark.process
def test_what_a_failed_attempt_had_set_is_for_people_only(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FAILING)
    shim.task("start")
    assert shim.attempt("work").returncode == 1
    failed = Run(f"Failing/{RUN}", root=shim.root)["work"].task
    assert not failed.successful
    assert failed.finished
    assert {artifact.id: artifact.data for artifact in failed} == {
        "words": {"a", "b"}, "half": 0, "big": [*range(5000)], "rate": 0.5
    }  # fmt: skip
    assert failed.data.half == failed["half"].data == 0
    assert failed["half"].finished_at == failed.finished_at
    assert "has not finished" in shim.attempt("end").stderr, "it is no input"
    with pytest.raises(AttributeError, match="no artifact 'lock'; it has big, half, rate, words"):
        _ = failed.data.lock

    shim.task("work", attempt=1)
    assert shim.task("end") == "half 1\n"
    run = Run(f"Failing/{RUN}", root=shim.root)
    assert run["work"].task.data.half == 1
    assert Task(f"Failing/{RUN}/work/work", attempt=0, root=shim.root).data.half == 0
    assert Task(f"Failing/{RUN}/work/work", attempt=1, root=shim.root).data.half == 1


@pytest.mark.process
def test_a_failed_attempt_is_not_taken_over(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FAILING)
    shim.task("start")
    assert shim.attempt("work").returncode == 1
    shim.env = {"FLOWC_RUN_ID": "run-2", "FLOWC_ORIGIN_RUN_ID": RUN}
    assert "taken over" in shim.attempt("start").stderr
    assert "ValueError: not yet" in shim.attempt("work").stderr
    shim.task("work", attempt=1)
    assert shim.task("end") == "half 1\n"


@pytest.mark.process
def test_the_step_must_go_where_the_plan_says(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    changed = shim.file.read_text(encoding="utf-8").replace(
        "self.next(self.body, foreach", "self.next(self.join, foreach"
    )
    shim.file.write_text(changed, encoding="utf-8")
    done = shim.attempt("start")
    assert done.returncode == 1
    assert "the compiled flow goes to body foreach 'items'; compile the file again" in done.stderr


def test_a_store_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    store = open_store((tmp_path / "deep").as_uri())
    store.write("a/b", [b"one", bytearray(b"two"), memoryview(b"three")])
    assert bytes(store.read("a/b")) == b"onetwothree"
    assert bytes(store.read_range("a/b", 3, 3)) == b"two"
    assert sorted(store.keys("a")) == ["a/b"]
    assert store.children("nothing") == []
    with ThreadPoolExecutor(8) as pool:
        for write in [pool.submit(store.write, "same", [b"x" * 100_000]) for _ in range(64)]:
            write.result()
    assert bytes(store.read("same")) == b"x" * 100_000
    assert sorted(store.children("")) == ["a", "same"]


@pytest.mark.process
def test_tracebacks_show_the_users_frames_only(tmp_path: Path) -> None:
    with unchecked_artifacts():
        shim = Shim(
            tmp_path,
            """
            from flowc import FlowSpec, step

            class Lost(FlowSpec):
                @step
                def start(self):
                    print(self.nothing)
                    self.next(self.end)

                @step
                def end(self):
                    pass
            """,
        )
    done = shim.attempt("start")
    assert done.returncode == 1
    frames = [line for line in done.stderr.splitlines() if line.startswith("  File ")]
    assert len(frames) == 1
    assert "flow_file.py" in frames[0]
