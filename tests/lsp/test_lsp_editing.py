"""What a real client gets while somebody types: unsaved texts, broken syntax, other files, settings, faults."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lsprotocol import types

from tests.lsp.editor import Editor, edited, place_of
from tests.support import write_files

pytestmark = pytest.mark.process

FLOW = """\
from flowc import FlowSpec, Parameter, resources, step


class TinyFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5)

    @resources(cpu=2, memory="4Gi")
    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        \"\"\"Double one item.\"\"\"
        self.double = 2 * self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(item.double for item in inputs)
        self.next(self.end)

    @step
    def end(self):
        print(self.total, self.alpha)
"""
_CRASHES = """
import sys
from flowc_cli.lsp import check_scheduler

check = check_scheduler.analyze


def analyze(document, texts):
    if "BOOM" in document.text:
        raise SystemExit("a fault of flowc")
    return check(document, texts)


check_scheduler.analyze = analyze
from flowc_cli.__main__ import main

main(["lsp"])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def editor(folder: Path) -> Iterator[Editor]:
    with Editor(folder, (sys.executable, "-c", _CRASHES)) as editor:
        yield editor


def test_each_change_is_checked_without_being_saved(editor: Editor, folder: Path) -> None:
    path = folder / "tiny.py"
    editor.open(path, FLOW)  # the file does not exist
    assert editor.codes(path) == []
    line, column = place_of(FLOW, "self.join)")
    editor.type(path, line, column + len("self."), "", delete=1)
    (found,) = editor.diagnostics(path)
    assert (found.code, found.severity, found.source) == ("FC201", types.DiagnosticSeverity.Error, "flowc")
    assert found.message == "step `work` leads to `oin`, which is not a step\ndid you mean `join`?"
    assert found.range == types.Range(types.Position(line, column), types.Position(line, column + len("self.oin")))
    editor.replace(path, FLOW)
    assert editor.codes(path) == []
    editor.close(path)
    editor.wait_for_codes(path, [])


def test_of_many_changes_the_last_one_counts(editor: Editor, folder: Path) -> None:
    path = folder / "many.py"
    editor.open(path, FLOW)
    editor.diagnostics(path)
    before = editor.count[path.as_uri()]
    line, column = place_of(FLOW, "self.join)", end=True)
    for number, character in enumerate("abcdefghijklmnopqrst"):
        editor.type(path, line, column - 1 + number, character)
    (found,) = editor.diagnostics(path)
    assert "`joinabcdefghijklmnopqrst`" in found.message
    assert editor.count[path.as_uri()] - before < 20
    editor.close(path)


def test_columns_are_in_units_of_utf_16_by_default(editor: Editor, folder: Path) -> None:
    _check_columns(editor, folder / "by_default.py", "utf-16-le", 2)


def test_columns_are_in_the_units_that_the_editor_prefers(folder: Path) -> None:
    with Editor(folder, encodings=[types.PositionEncodingKind.Utf8]) as editor:
        _check_columns(editor, folder / "preferred.py", "utf-8", 1)


def _check_columns(editor: Editor, path: Path, form: str, size: int) -> None:
    text = FLOW.replace("self.items = [1, 2, 3]", 'self.items = ["ä😀"]; self.x = self.itms').replace("\n", "\r\n")
    assert editor.capabilities.position_encoding == form.removesuffix("-le")
    editor.open(path, text)
    (found,) = editor.diagnostics(path)
    line = next(item for item in text.split("\r\n") if "itms" in item)
    start = len(line[: line.index("self.itms")].encode(form)) // size
    assert found.code == "FC317"
    assert (found.range.start.character, found.range.end.character) == (start, start + len("self.itms"))
    # Typing is in the same units.
    editor.type(path, found.range.start.line, start + len("self.it"), "e")
    assert editor.codes(path) == []
    editor.close(path)


def test_lines_end_where_python_has_it(editor: Editor, folder: Path) -> None:
    path = folder / "feeds.py"
    text = f"# one\x0cline\u2028of\x1cmany\n{FLOW}"
    editor.open(path, text)
    assert editor.codes(path) == []
    line, column = place_of(text, "self.join)")
    editor.type(path, line, column + len("self."), "x")
    (found,) = editor.diagnostics(path)
    assert found.range.start == types.Position(line, column)
    editor.close(path)


def test_broken_syntax_leaves_what_was_known(editor: Editor, folder: Path) -> None:
    path = folder / "broken.py"
    editor.open(path, FLOW)
    assert editor.codes(path) == []
    line, column = place_of(FLOW, "self.next(self.join)")
    editor.type(path, line, 0, "        if (\n\n")
    assert editor.codes(path) == ["FC101"]
    line += 2
    shown = editor.hover(path, line, column + len("self.next(self."))
    assert "**step `join`**: joins the foreach that `start` opens" in shown
    (found,) = editor.definition(path, line, column + len("self.next(self."))
    assert found.range.start.line == place_of(FLOW, "def join")[0] + 2
    assert {item.label for item in editor.completions(path, line, column + len("self.next(self."))} == {
        "start", "work", "join", "end",
    }  # fmt: skip
    assert [item.name for item in editor.symbols(path)] == ["TinyFlow"]
    editor.close(path)


def test_a_step_is_explained(editor: Editor, folder: Path) -> None:
    path = folder / "explained.py"
    editor.open(path, FLOW)
    line, column = place_of(FLOW, "def start")
    shown = editor.hover(path, line, column + len("def "))
    for part in ("opens a foreach over `items`", "before: `work`", "sets: `items: list", "CPU: 2", "memory: 4 GiB"):
        assert part in shown
    line, column = place_of(FLOW, "def work")
    assert "Double one item." in editor.hover(path, line, column + len("def "))
    line, column = place_of(FLOW, "self.alpha")
    assert "**parameter `alpha: float`**" in editor.hover(path, line, column + len("self."))
    line, column = place_of(FLOW, "self.total, ")
    assert "set in: `join`" in editor.hover(path, line, column + len("self."))
    line, column = place_of(FLOW, "resources(cpu")
    assert "memory: int | None = None" in editor.hover(path, line, column)
    editor.close(path)


def test_unsaved_modules_count_for_the_flows_that_read_them(editor: Editor, folder: Path) -> None:
    base = """\
from flowc import FlowSpec, step


class Base(FlowSpec):
    @step
    def middle(self):
        self.next(self.end)
"""
    flow = """\
from flowc import step
from steps_of_base import Base


class Derived(Base):
    @step
    def start(self):
        self.next(self.middle)

    @step
    def end(self):
        pass
"""
    write_files(folder, {"steps_of_base.py": base, "derived.py": flow})
    module, path = folder / "steps_of_base.py", folder / "derived.py"
    editor.open(path)
    assert editor.codes(path) == []
    editor.open(module)
    editor.replace(module, base.replace("middle", "center"))
    (found,) = editor.wait_for_codes(path, ["FC201"])
    assert "`middle`" in found.message
    editor.replace(module, base.replace("self.end", "self.nowhere"))
    editor.wait_for_codes(path, [])
    shown = editor.wait_for_codes(module, ["FC201"])
    assert "`nowhere`" in shown[-1].message
    editor.replace(module, base)
    line, column = place_of(flow, "self.next(self.middle", end=True)
    (place,) = editor.definition(path, line, column - 1)
    assert (place.uri, place.range.start.line) == (module.as_uri(), place_of(base, "def middle")[0])
    # Closed, the file on the disk counts.
    editor.replace(module, base.replace("middle", "center"))
    editor.wait_for_codes(path, ["FC201"])
    editor.close(module)
    editor.wait_for_codes(path, [])
    editor.close(path)


def test_settings_are_read_anew(editor: Editor, folder: Path) -> None:
    editor.wait(lambda: any("pyproject.toml" in item for item in editor.watched))
    path = folder / "settings" / "flow.py"
    text = FLOW.replace("from flowc", "import os\n\nfrom flowc").replace("cpu=2", 'cpu=float(os.environ["CPUS"])')
    write_files(folder, {"settings/pyproject.toml": "[tool.flowc]\n", "settings/flow.py": text})
    editor.open(path)
    assert editor.codes(path) == ["FC402"]
    write_files(folder, {"settings/pyproject.toml": '[tool.flowc]\nenv_at_compile = ["CPUS"]\n'})
    editor.touch(path.parent / "pyproject.toml")
    editor.wait(lambda: "which is not set" in editor.published[path.as_uri()].diagnostics[0].message)
    editor.close(path)


def test_fixes_are_those_of_check(editor: Editor, folder: Path) -> None:
    path = folder / "fixed.py"
    text = FLOW.replace("self.next(self.join)", "self.next(self.joyn)").replace("cpu=2", "cpuu=2")
    text = text.replace("Parameter, resources, step", "Parameter, step")
    editor.open(path, text)
    found = editor.diagnostics(path)
    titles: list[str] = []
    for item in found:
        for action in editor.actions(path, item.range):
            titles.append(action.title)
            assert list(action.diagnostics or ()) == [item]
    assert "Change `joyn` to `join`" in titles
    whole = types.Range(types.Position(0, 0), types.Position(100, 0))
    (action,) = editor.actions(path, whole, ["source.fixAll"])
    assert action.edit is not None
    assert action.edit.changes is not None
    editor.replace(path, edited(text, list(action.edit.changes[path.as_uri()])))
    assert len(editor.codes(path)) < len(found)
    editor.close(path)


def test_a_file_without_flows_has_no_diagnostics(editor: Editor, folder: Path) -> None:
    path = folder / "plain.py"
    editor.open(path, "def step(x):\n    return x + undefined\n")
    assert editor.codes(path) == []
    assert editor.completions(path, 1, 4) == []
    assert editor.hover(path, 0, 5) == ""
    editor.close(path)


def test_a_crash_in_one_file_is_logged_and_nothing_more(editor: Editor, folder: Path) -> None:
    path, other = folder / "crash.py", folder / "other.py"
    editor.open(path, f"# BOOM\n{FLOW}")
    editor.wait(lambda: any("a fault of flowc" in message for message in editor.messages))
    editor.open(other, FLOW)
    assert editor.codes(other) == []
    editor.replace(path, FLOW.replace("self.join)", "self.joyn)"))
    assert editor.codes(path) == ["FC201"]
    editor.close(path)
    editor.close(other)


def test_a_document_that_is_no_file_is_checked(editor: Editor, folder: Path) -> None:
    uri = "untitled:Untitled-1"
    item = types.TextDocumentItem(uri, "python", 1, FLOW.replace("self.join)", "self.joyn)"))
    editor.tell(lambda: editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item)))
    editor.wait(lambda: uri in editor.published)
    assert [found.code for found in editor.published[uri].diagnostics] == ["FC201"]
