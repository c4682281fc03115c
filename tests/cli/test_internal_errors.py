"""What nobody foresaw: one line, its own exit code, and no file that is half written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowc_cli import __main__ as entry
from flowc_cli import app
from tests.support import flowc, flowc_process, write_files

if TYPE_CHECKING:
    from pathlib import Path

FLOW = """
    from flowc import FlowSpec, step

    class A(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass
"""


def _fails(arguments: list[str], error: Exception, monkeypatch: pytest.MonkeyPatch) -> int:
    def load(name: str) -> Any:
        raise error

    monkeypatch.setattr(app, "load_command", load)
    with pytest.raises(SystemExit) as end:
        entry.main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize("error", [TypeError("a\nb"), RecursionError("deep"), MemoryError(), UnicodeError("\ud800")])
def test_a_fault_of_flowc_is_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fails(["check", "flow.py"], error, monkeypatch) == 70
    said = capsys.readouterr().err
    assert said.startswith(f"flowc: internal error: {type(error).__name__}")
    assert said.count("\n") == 1
    for part in ("flowc_cli/app.py:", "flowc 0.", "report it with this line", "--traceback shows more"):
        assert part in said


def test_the_traceback_is_there_for_the_asking(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fails(["check", "--traceback", "flow.py"], KeyError("x"), monkeypatch) == 70
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):")
    assert said.splitlines()[-1].startswith("flowc: internal error: KeyError: 'x'")


@pytest.mark.process
def test_the_option_changes_nothing_else(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW})
    done = flowc_process(tmp_path, "check", "flow.py", "--traceback")
    assert (done.returncode, "no errors" in done.stdout + done.stderr) == (0, True)


@pytest.mark.process
def test_tables_that_are_no_tables(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW, "pyproject.toml": "[tool]\nflowc = 3\n"})
    done = flowc(tmp_path, "check", "flow.py")
    assert done.returncode == 2
    assert "[FC505]" in done.stderr
    assert "`flowc` of [tool] is 3, and not a table: write [tool.flowc]" in done.stderr
    (tmp_path / "pyproject.toml").write_text("tool = 'flowc'\n", encoding="utf-8")
    assert flowc(tmp_path, "check", "flow.py").returncode == 0


@pytest.mark.process
@pytest.mark.parametrize("code", ["def p(n, n): pass", "return 1", "break", "x = (yield)", "def f():\n    nonlocal x"])
def test_what_no_python_can_run(tmp_path: Path, code: str) -> None:
    (tmp_path / "flow.py").write_text(f"from flowc import pipeline, step\n{code}\n", encoding="utf-8")
    done = flowc(tmp_path, "check", "flow.py")
    assert (done.returncode, "[FC101]" in done.stderr) == (2, True)
