"""`flowc fsck` finds what is damaged in a store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import flowc, write_files

pytestmark = pytest.mark.process

FLOW = """
    from flowc import FlowSpec, step

    class Checked(FlowSpec):
        @step
        def start(self):
            self.data = "0123456789" * 1000
            self.items = [1, 2, 3]
            self.next(self.one, foreach="items")

        @step
        def one(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checked")
    write_files(folder, {"flow.py": FLOW})
    done = flowc(folder, "run", "flow.py", "--root", "store", "--run-id-file", "id")
    assert done.returncode == 0, done.stderr
    return folder


def checked(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and the output."""
    done = flowc(folder, "fsck", *arguments, "--root", "store")
    return done.returncode, done.stdout + done.stderr


def test_nothing_is_damaged(made: Path) -> None:
    run = (made / "id").read_text(encoding="utf-8").strip()
    for arguments in ((), ("Checked",), (f"Checked/{run}",)):
        code, text = checked(made, *arguments)
        assert code == 0, text
        assert text.startswith("1 run, ")
        assert text.endswith("files and 1 value are right; 0 are damaged\n")
    code, text = checked(made, "Checked/other")
    assert (code, "FC602" in text) == (2, True)


def test_what_is_damaged_is_named(made: Path) -> None:
    run = made / "store" / "Checked" / (made / "id").read_text(encoding="utf-8").strip()
    (blob,) = [path for path in (made / "store" / "Checked" / "data").rglob("*") if path.is_file()]
    start, one = run / "start/-/0/manifest.json", run / "one/1/0/manifest.json"
    texts = {
        blob: b"x" + blob.read_bytes()[1:],
        start: start.read_bytes().replace(b'"count":3', b'"count":2'),
        one: (run / "one/0/0/manifest.json").read_bytes(),
        run / "run.json": b"{",
    }
    for path, damaged in texts.items():
        right = path.read_bytes()
        path.write_bytes(damaged)
        code, text = checked(made)
        path.write_bytes(right)
        assert code == 1
        assert str(path) in text
    assert checked(made)[0] == 0


def test_a_run_that_resumes_itself_is_a_diagnostic(made: Path) -> None:
    run = (made / "id").read_text(encoding="utf-8").strip()
    record = made / "store" / "Checked" / run / "run.json"
    right = record.read_bytes()
    document = json.loads(right)
    del document["digest"]
    record.write_text(json.dumps({**document, "origin": run, "rerun": []}), encoding="utf-8")
    done = flowc(made, "resume", "flow.py", "--root", "store", "--origin-run-id", run)
    record.write_bytes(right)
    assert done.returncode == 1, done.stderr
    assert "says that the run resumes itself" in done.stderr


def test_a_look_leaves_a_damaged_value_where_it_is(made: Path) -> None:
    (blob,) = [path for path in (made / "store" / "Checked" / "data").rglob("*") if path.is_file()]
    right = blob.read_bytes()
    blob.write_bytes(b"x" + right[1:])
    said = [flowc(made, "show", "Checked", "--values", "--root", "store").stdout for _ in range(2)]
    _, text = checked(made)
    there = blob.exists()
    blob.write_bytes(right)
    assert there
    assert said[0] == said[1]
    assert "gone from the store" not in said[0]
    assert "does not have the hash" in said[0]
    assert text.endswith("; 1 is damaged\n")
    assert text.count(str(blob)) == 1
