"""`flowc resume` as a user types it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import flowc, write_files

FLOW = """\
import os
from flowc import FlowSpec, Parameter, step


class Resumed(FlowSpec):
    limit = Parameter("limit", type=int, default=3)

    @step
    def start(self):
        self.items = list(range(self.limit))
        self.next(self.body, foreach="items")

    @step
    def body(self):
        print("body", self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        if os.environ.get("JOIN") != "works":
            raise ValueError("not yet")
        self.next(self.end)

    @step
    def end(self):
        print("limit", self.limit)
"""


@pytest.mark.process
def test_a_failed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    assert flowc(tmp_path, "run", "flow.py", "--limit", "2", "--run-id-file", "first").returncode == 1
    first = (tmp_path / "first").read_text(encoding="utf-8")
    monkeypatch.setenv("JOIN", "works")
    result = flowc(tmp_path, "resume", "flow.py", "--run-id-file", "second", "--tag", "again")
    assert result.returncode == 0, result.stderr
    assert f"3 tasks of run {first} are done already" in result.stderr
    assert "limit 2" in result.stdout
    assert "body" not in result.stdout
    assert "is under way" not in result.stderr
    second = (tmp_path / "second").read_text(encoding="utf-8")
    shown = flowc(tmp_path, "show", f"Resumed/{second}").stdout
    assert f"resumed from: Resumed/{first}" in shown
    assert "body  2 of 2 tasks, 2 taken over" in shown
    assert "again" in shown
    assert "[body-1] body 1" in flowc(tmp_path, "logs", f"Resumed/{second}").stdout
    again = flowc(tmp_path, "resume", "flow.py", "body", "--origin-run-id", first)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("body") == 4
    script = flowc(tmp_path, "resume", "flow.py", "--root", ".flowc", "end")
    assert "5 tasks of run" not in script.stderr
    assert "4 tasks of run" in script.stderr


@pytest.mark.process
def test_a_run_that_is_under_way_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    assert flowc(tmp_path, "run", "flow.py", "--limit", "2", "--run-id-file", "first").returncode == 1
    first = (tmp_path / "first").read_text(encoding="utf-8")
    folder = next(tmp_path.joinpath(".flowc").rglob(first))
    (folder / "run-end.json").unlink()  # its owner, this process, lives
    monkeypatch.setenv("JOIN", "works")
    said = flowc(tmp_path, "resume", "flow.py", "--quiet").stderr
    assert f"run {first} is under way" in said
    assert "done already" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["--limit", "3"], "FC609", 2),
        (["start", "--limit=3"], "FC609", 2),
        (["-p", "limit=3"], "FC609", 2),
        (["--nothing"], "FC504", 2),
        (["start", "end"], "FC504", 2),
        (["stat"], "FC608", 2),
        (["--origin-run-id", "x"], "FC607", 2),
    ],
)
def test_what_cannot_be_resumed(tmp_path: Path, arguments: list[str], code: str, exit_code: int) -> None:
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    result = flowc(tmp_path, "resume", "flow.py", *arguments)
    assert f"error[{code}]" in result.stderr
    assert "help: " in result.stderr
    assert result.returncode == exit_code
    assert not (tmp_path / ".flowc").exists()


CONFIGURED = """\
import os
from flowc import Config, FlowSpec, step


class Configured(FlowSpec):
    settings = Config("settings", default="settings.json")

    @step
    def start(self):
        self.before = self.settings.rate
        self.next(self.after)

    @step
    def after(self):
        if os.environ.get("AFTER") != "works":
            raise ValueError("not yet")
        print("rates", self.before, self.settings.rate)
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.process
def test_configs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flow.py").write_text(CONFIGURED, encoding="utf-8")
    (tmp_path / "settings.json").write_text('{"rate": 1}', encoding="utf-8")
    assert flowc(tmp_path, "run", "flow.py").returncode == 1
    (tmp_path / "settings.json").write_text('{"rate": 2}', encoding="utf-8")
    monkeypatch.setenv("AFTER", "works")
    result = flowc(tmp_path, "resume", "flow.py")
    assert result.returncode == 0, result.stderr
    assert "rates 1 1" in result.stdout
    result = flowc(tmp_path, "resume", "flow.py", "--config", "settings=settings.json")
    assert "error[FC609]" in result.stderr
    assert "rates 1 1" in flowc(tmp_path, "resume", "flow.py", "start").stdout
    assert "rates 2 2" in flowc(tmp_path, "run", "flow.py").stdout


@pytest.mark.process
def test_a_run_of_a_flow_that_was_renamed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its values are copied, parameters and items too, so that the old flow's runs may be removed; logs name it."""
    large = FLOW.replace("list(range(self.limit))", "[str(number) * 5000 for number in range(self.limit)]")
    large = large.replace('"limit", type=int', '"limit"').replace(
        'print("body"', 'self.text = self.input; print("body"'
    )
    (tmp_path / "flow.py").write_text(large.replace("self.input)", "len(self.input))"), encoding="utf-8")
    assert flowc(tmp_path, "run", "flow.py", "--run-id-file", "first").returncode == 1
    first = (tmp_path / "first").read_text(encoding="utf-8")
    renamed = (tmp_path / "flow.py").read_text(encoding="utf-8").replace("Resumed", "Renamed")
    (tmp_path / "flow.py").write_text(renamed, encoding="utf-8")
    monkeypatch.setenv("JOIN", "works")
    result = flowc(tmp_path, "resume", "flow.py", "--origin", f"Resumed/{first}", "--run-id-file", "second")
    assert result.returncode == 0, result.stderr
    assert f"4 tasks of run {first} are done already" in result.stderr
    second = (tmp_path / "second").read_text(encoding="utf-8")
    assert f"resumed from: Resumed/{first}" in flowc(tmp_path, "show", f"Renamed/{second}").stdout
    assert "[body-2] body 5000" in flowc(tmp_path, "logs", f"Renamed/{second}").stdout
    assert flowc(tmp_path, "rm", f"Resumed/{first}").returncode == 0
    shutil.rmtree(tmp_path / ".flowc" / "Resumed")
    assert flowc(tmp_path, "fsck", f"Renamed/{second}").returncode == 0
    assert "text = '2222" in flowc(tmp_path, "show", f"Renamed/{second}/body", "--values").stdout
    assert flowc(tmp_path, "resume", "flow.py", "--origin-run-id", second).returncode == 0
    assert flowc(tmp_path, "resume", "flow.py", "--origin", "Resumed").returncode == 2


def test_one_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW, encoding="utf-8")
    result = flowc(tmp_path, "resume", "flow.py", "--origin", "Other/1", "--origin-run-id", "1")
    assert result.returncode == 2
    assert "FC504" in result.stderr


@pytest.mark.process
def test_a_step_that_never_ran_is_noted(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "flow.py": """
        from flowc import FlowSpec, step

        class Chosen(FlowSpec):
            @step
            def start(self):
                self.mood = "good"
                self.next({"good": self.enjoy, "bad": self.worry}, condition="mood")

            @step
            def enjoy(self):
                self.next(self.end)

            @step
            def worry(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
        },
    )
    assert flowc(tmp_path, "run", "flow.py").returncode == 0
    never, again = (flowc(tmp_path, "resume", "flow.py", step) for step in ("worry", "enjoy"))
    assert "has no task of step worry, so that none is run again for it" in never.stderr
    assert ("has no task of step" in again.stderr, again.returncode) == (False, 0)
