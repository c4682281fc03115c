"""What sources, file names, values, logs, failures and engines say never reaches a terminal as an instruction."""

from __future__ import annotations

import io
import json
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc_cli import output
from flowc_cli.engine_connection import Place
from flowc_targets.base.engine import EngineError, LogLine, RunState, TaskState
from tests.support import flowc

HOSTILE = {
    "screen": "\x1b[2J",
    "title": "\x1b]0;title\x07",
    "link": "\x1b]8;;http://x\x1b\\",
    "c1": "\x9b2J\x90",
    "backspaces": "ok\x08\x08",
    "return": "a\rb",
    "delete": "\x7f",
    "bidirectional": "\u202eabc\u2066\u2029",
}


def is_safe(text: str) -> bool:
    """Whether a terminal prints all of it, and does nothing."""
    kinds = ((character, unicodedata.category(character)) for character in text if character not in "\n\t")
    return not [
        character
        for character, kind in kinds
        if kind in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character)[-1:] in ("I", "E", "O", "F")
    ]


def test_the_test_sees_what_is_hostile() -> None:
    assert not any(map(is_safe, HOSTILE.values()))
    assert is_safe("plain ␛ text, שלום\n\t")


@pytest.fixture(params=list(HOSTILE.values()), ids=list(HOSTILE))
def hostile(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def check(folder: Path, *arguments: str | Path, marker: str = "MARK") -> None:
    """Nothing of a command's output is an instruction, and what is printed has the marked text at all."""
    result = flowc(folder, *arguments)
    assert result.returncode != 70, result.stderr
    printed = result.stdout + result.stderr
    assert marker in printed, (arguments, printed)
    assert is_safe(printed), (arguments, printed)


SOURCE = '''
from flowc import FlowSpec, Parameter, conda, step

class Shown(FlowSpec):
    """MARK{0}"""

    size = Parameter("size", default="MARK{0}", help="MARK{0}")

    @step
    def start(self):
        self.next({next})  # MARK{0}

    @conda(libraries={{"MARK{0}": "1"}})
    @step
    def end(self):
        pass
'''


def test_commands_that_read_sources(tmp_path: Path, hostile: str) -> None:
    hostile = hostile.replace("\\", "\\\\")
    text = SOURCE.format(hostile.replace("\r", "\\r"), next="self.end")
    (tmp_path / "flow.py").write_text(text, newline="")
    (tmp_path / "bad.py").write_text(SOURCE.format(hostile.replace("\r", ""), next="self.nope"), newline="")
    for form in ("text", "json", "sarif", "github"):
        check(tmp_path, "check", "bad.py", "--format", form, marker="FC201")
    check(tmp_path, "graph", "flow.py", "--format", "text")
    check(tmp_path, "ir", "flow.py")
    for form in ("mermaid", "dot"):
        check(tmp_path, "graph", "flow.py", "--format", form, marker="start")
    result = flowc(tmp_path, "ir", "flow.py")
    assert json.loads(result.stdout)["doc"].startswith("MARK")


def test_commands_that_name_files(tmp_path: Path, hostile: str) -> None:
    name = f"MARK{hostile.replace('/', '')}.py"
    (tmp_path / name).write_text(SOURCE.format("", next="self.end"))
    (tmp_path / f"bad{name}").write_text(SOURCE.format("", next="self.nope"))
    check(tmp_path, "check", name)
    check(tmp_path, "check", f"bad{name}")
    check(tmp_path, "check", f"absent{name}")
    check(tmp_path, "package", name)
    check(tmp_path, "package", name, "--json")
    (tmp_path / name).write_text(SOURCE.format("", next="self.end").replace("flowc", "metaflow"))
    said = flowc(tmp_path, "migrate", name).stderr  # what it writes is the file's content
    assert "MARK" in said
    assert is_safe(said)
    check(tmp_path, "compile", name, "-t", "nowhere", marker="nowhere")


def stored(folder: Path, hostile: str) -> RunLayout:
    """A run in which whatever somebody else could choose is hostile."""
    text = f"MARK{hostile}"
    name = text.replace("/", "").replace(".", "")
    layout = RunLayout(open_store(str(folder / "root")), "F", "1")
    owned = {"version": 1, "flow": "F", "run": "1", "created": 1.0, "tags": [text], "user": text, "end": "end"}
    layout.write_json("F/1/run.json", {**owned, "origin": text})
    refs = {
        text: {"hash": "0" * 64, "codec": "pickle", "size": 9000, "type": text},
        "one": {"hash": "1" * 64, "codec": "json", "size": 3, "type": text, "inline": text},
    }
    layout.commit(name, (), 0, {"artifacts": refs, "parameters": {}, "run": "1", "created": 2.0})
    failure = {"type": text, "message": f"{text}\nsecond", "traceback": text, "created": 3.0}
    layout.write_json(f"{layout.folder('end', (), 0)}/error.json", failure)
    failed = {"artifacts": refs, "parameters": {}, "step": "end", "index": "-", "attempt": 0}
    layout.write_json(f"{layout.folder('end', (), 0)}/failed.json", failed)
    layout.begin("open", (), 0, {"started": 1.0, "host": text, "last": False})
    for step in (name, "end"):
        for stream in ("stdout", "stderr"):
            layout.store.write(f"{layout.folder(step, (), 0)}/{stream}.log", [f"{text}\n\xff".encode()])
    layout.store.write(f"{layout.folder(name, (), 1)}/broken.json", [b"{"])
    return layout


@pytest.mark.parametrize("arguments", [
    ("show", "F/1"), ("show", "F/1", "--json"), ("show", "F"), ("show", "F/1/MARK"), ("logs", "F/1"),
    ("logs", "F/1/end"), ("logs", "F/1", "--stderr"), ("fsck",), ("fsck", "F/1"),
])  # fmt: skip
def test_commands_that_read_runs(tmp_path: Path, hostile: str, arguments: tuple[str, ...]) -> None:
    stored(tmp_path, hostile)
    check(tmp_path, *arguments, "--root", "root")


def test_names_stay_on_their_line(tmp_path: Path) -> None:
    stored(tmp_path, "\n  end  3 of 3 tasks")
    result = flowc(tmp_path, "show", "F/1", "--root", "root")
    assert "    MARK␊  end  3 of 3 tasks, one\n" in result.stdout
    assert "tags: MARK␊  end  3 of 3 tasks\n" in result.stdout


class Engine:
    """An engine that says hostile things."""

    def __init__(self, hostile: str) -> None:
        self._text = text = f"MARK{hostile}"
        task = TaskState(text, None, "failed", text, message=text, started=text, attempts=2, exit_code=1)
        waiting = TaskState(text, "1", "pending", text, message=text)
        self.state = RunState(text, text, text, "failed", text, text, text, text, tasks=(task, waiting))

    def runs(self, limit: int) -> list[RunState]:
        return [self.state] * min(limit, 2)

    def status(self, name: str) -> RunState:
        if name == "absent":
            raise EngineError("FC611", self._text, self._text)
        return self.state

    def follow(self, name: str) -> Iterator[RunState]:
        yield self.status(name)

    def logs(self, name: str, step: str | None, *, follow: bool) -> Iterator[LogLine]:
        del step, follow
        yield LogLine(self.status(name).name, self._text)


@pytest.mark.parametrize("arguments", [
    ("status",), ("status", "--json"), ("status", "x"), ("status", "x", "--json"), ("status", "x", "--watch"),
    ("status", "x", "--wait"), ("status", "absent"), ("logs", "x", "--target", "argo"),
    ("logs", "absent", "--target", "argo"),
])  # fmt: skip
def test_commands_that_ask_engines(
    tmp_path: Path, hostile: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(hostile)

    def client(place: Place) -> Engine:
        del place
        return engine

    monkeypatch.setattr(Place, "client", client)
    check(tmp_path, *arguments)


class Terminal(io.StringIO):
    """A terminal to write to."""

    def isatty(self) -> bool:
        return True


def test_contents_of_files_are_exact_for_pipes_only(monkeypatch: pytest.MonkeyPatch, hostile: str) -> None:
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stream)
        output.write_content(hostile)
        assert is_safe(stream.getvalue()) == stream.isatty()
        assert len(stream.getvalue()) == len(hostile)
