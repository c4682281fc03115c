"""Tasks whose code breaks what a report of its failure takes, or leaves the step in a process that it has forked."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from flowc.errors import CorruptArtifact, error_text
from flowc.store.run_owner import this_owner
from tests.runtime.shim import Shim
from tests.runtime.test_run_states import NOW, run_of

pytestmark = pytest.mark.process

OURS = re.compile(r'File "[^"]*flowc/(shim|store)/[^"]*", line \d+, in')
SOURCE = """
    import os, resource, sys
    from flowc import FlowSpec, step

    class Leaves(Exception):
        def __str__(self):
            sys.exit(3)

    class BadWriter:
        def write(self, text):
            raise KeyError("write")

    class Odd(FlowSpec):
        @step
        def start(self):
            self.before = 7
            self.odd()
            self.next(self.end)

        @step
        def end(self):
            print(self.before)

        def odd(self):
"""


def _shim(folder: Path, body: str) -> Shim:
    return Shim(folder, textwrap.dedent(SOURCE) + textwrap.indent(body, " " * 8) + "\n")


def _error(shim: Shim) -> str:
    record = shim.layout.read_json(f"{shim.layout.folder('start', (), 0)}/error.json")
    assert record is not None
    return f"{record['type']}: {record['message']}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.stderr.reconfigure(errors='strict'); raise ValueError('odd \\ud800')", "ValueError: odd \ud800"),
        ("sys.stderr = sys.stdout = BadWriter(); raise ValueError('odd')", "ValueError: odd"),
        ("sys.stderr = None; raise ValueError('odd')", "ValueError: odd"),
        ("raise Leaves", "Leaves: <no text: str() raises SystemExit>"),
        ("sys.modules.clear(); raise ValueError('odd')", "ValueError: odd"),
        ("sys.meta_path.clear(); raise ValueError('odd')", "ValueError: odd"),
        ("import builtins; builtins.__import__ = None; raise ValueError('odd')", "ValueError: odd"),
        ("resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); raise ValueError('odd')", ""),
        ("e = SyntaxError('odd', ('f', 'x', 'y', 'z')); raise e", "SyntaxError: odd (f)"),
    ],
)
def test_a_failure_is_reported_whatever_the_step_has_broken(tmp_path: Path, body: str, message: str) -> None:
    shim = _shim(tmp_path, body)
    done = shim.attempt("start")
    assert done.returncode == 1
    assert message.partition(":")[0] in done.stderr
    assert OURS.search(done.stderr) is None
    if message:  # where no file can be opened, stderr alone has it
        assert _error(shim) == message


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("pass", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('bye')", 1, ""),
        ("raise ValueError('odd')", 1, "flowc: in a process that the step has forked:\nTraceback"),
    ],
)
def test_a_forked_process_does_not_end_the_task(tmp_path: Path, body: str, code: int, said: str) -> None:
    fork = "child = os.fork()\nif child:\n    self.status = os.waitpid(child, 0)[1] >> 8\nelse:\n    self.before = 8"
    shim = _shim(tmp_path, f"{fork}\n    {body}")
    done = shim.attempt("start")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(said)
    assert OURS.search(done.stderr) is None
    folder = shim.layout.folder("start", (), 0)
    manifest = shim.layout.manifest("start", ())
    assert (manifest["artifacts"]["before"]["inline"], manifest["artifacts"]["status"]["inline"]) == (7, code)
    assert shim.layout.read_json(f"{folder}/error.json") is None
    assert shim.task("end") == "7\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_cannot_be_flushed_fails_no_step(tmp_path: Path, stream: str) -> None:
    assert _shim(tmp_path, f"sys.{stream} = BadWriter()").attempt("start").returncode == 0


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(4)"])
def test_a_process_that_the_file_forks_runs_no_step(tmp_path: Path, end: str) -> None:
    shim = _shim(tmp_path, "print('step')")
    fork = f"if os.fork():\n    print('status', os.wait()[1] >> 8)\nelse:\n    {end}\n\n"
    shim.file.write_text(shim.file.read_text().replace("class Leaves", f"{fork}class Leaves"))
    done = shim.attempt("start")
    assert (done.returncode, done.stdout) == (0, f"status {0 if end == 'pass' else 4}\nstep\n"), done.stderr


@pytest.mark.parametrize("error", ["SystemExit(0)", "KeyboardInterrupt"])
def test_a_value_that_exits_when_it_is_pickled(tmp_path: Path, error: str) -> None:
    shim = _shim(tmp_path, "self.bad = Bad()")
    bad = f"class Bad:\n    def __reduce__(self): raise {error}\n\n"
    shim.file.write_text(shim.file.read_text().replace("class Odd", f"{bad}class Odd"))
    done = shim.attempt("start")
    assert done.returncode == (1 if "Exit" in error else 130), done.stderr
    assert error.partition("(")[0] in _error(shim)
    failed = json.loads((Path(shim.root) / shim.layout.folder("start", (), 0) / "failed.json").read_bytes())
    assert list(failed["artifacts"]) == ["before"]


def test_attributes_that_are_set_while_others_are_stored(tmp_path: Path) -> None:
    """As by a thread of the step that goes on."""
    shim = _shim(tmp_path, "self.big, self.setter = 0, Setter(self)")
    setter = "class Setter:\n    def __init__(self, flow): self.flow = flow\n    def __reduce__(self):\n"
    body = "        if self.flow is not None: self.flow.late = 1\n        return Setter, (None,)\n\n"
    shim.file.write_text(shim.file.read_text().replace("class Odd", f"{setter}{body}class Odd"))
    done = shim.attempt("start")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_key_that_is_no_name_is_reported(tmp_path: Path) -> None:
    shim = _shim(tmp_path, "self.__dict__[5] = 1")
    done = shim.attempt("start")
    assert done.stderr == "flowc: UnpicklableArtifact: self.__dict__ has a key of type int; name artifacts by strings\n"
    failed = json.loads((Path(shim.root) / shim.layout.folder("start", (), 0) / "failed.json").read_bytes())
    assert failed["artifacts"]["before"]["inline"] == 7


@pytest.mark.parametrize("end", ["pass", "raise ValueError('odd')"])
def test_a_step_may_replace_the_clock(tmp_path: Path, end: str) -> None:
    shim = _shim(tmp_path, f"import time\ntime.time = lambda: 'x'\n{end}")
    shim.attempt("start")
    folder = shim.layout.folder("start", (), 0)
    document = shim.layout.read_json(f"{folder}/{'manifest' if end == 'pass' else 'error'}.json")
    assert document is not None
    assert isinstance(document["created"], float)


def test_a_manifest_without_a_time_is_damaged(tmp_path: Path) -> None:
    shim = _shim(tmp_path, "pass")
    shim.task("start")
    manifest = shim.layout.manifest("start", ())
    shim.layout.commit("start", (), 0, {**manifest, "created": "x"})
    with pytest.raises(CorruptArtifact, match=r"manifest\.json has a 'created' that cannot be"):
        shim.layout.manifest("start", ())


def test_what_flowc_raises_itself_is_one_line_with_its_place(tmp_path: Path) -> None:
    done = _shim(tmp_path, "os.open = None").attempt("start")
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[0] == "flowc: TypeError: 'NoneType' object is not callable"
    assert lines[1].startswith("flowc: raised by flowc itself, at file_store.py:")
    assert len(lines) <= 4


def test_the_text_of_an_exception_that_exits() -> None:
    class LeavesError(Exception):
        def __str__(self) -> str:
            raise SystemExit(3)

    assert error_text(LeavesError()) == "<no text: str() raises SystemExit>"
    assert error_text(CorruptArtifact("x")) == "x"


def test_an_attempt_whose_process_is_gone_from_this_machine_was_killed(tmp_path: Path) -> None:
    def status(**more: Any) -> str:
        record = {"started": NOW - 5, "last": True, **this_owner(), **more}
        return run_of(tmp_path, {"a/-/0/attempt.json": record}).status

    assert status() == "running"
    assert status(began="1") == "failed"
    assert status(began="1", last=False) == "running", "another attempt follows"
    assert status(began="1", host="pod-1") == "running"
    assert status(began="1", space="pid:[1]") == "running"
