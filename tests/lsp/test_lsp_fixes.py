"""Quick fixes: what an editor makes of them ends the diagnostic, and its comment ignores it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from flowc_cli.lsp.analysis import Analysis, analyze
from flowc_cli.lsp.diagnostic_feed import shown_by_file
from flowc_cli.lsp.quick_fixes import code_actions
from flowc_cli.lsp.session import Session
from tests.lsp.editor import edited

FLOW = """\
from flowc import FlowSpec, step

class Tiny(FlowSpec):
    @step
    def start(self):
        self.value = 1
        {start}

    @step
    def end(self):
        {end}
"""
NEXT, END = "self.next(self.end)", "print(self.value)"

FIXED = {
    "rename": ("self.next(self.ends)", END, "FC201", "Change `ends` to `end`", "self.next(self.end)"),
    "artifact": (NEXT, "print(self.valu)", "FC317", "Change `valu` to `value`", "print(self.value)"),
    "next": ("pass", END, "FC202", "Lead from `start` to `end`", "        pass\n        self.next(self.end)"),
    "ignore": (NEXT, "print(self.x)", "FC317", "Ignore FC317 on this line", "print(self.x)  # flowc: ignore[FC317]"),
    "ignore_with_comment": (
        NEXT, "print(self.x)  # hello", "FC317", "Ignore FC317 on this line", "# hello  # flowc: ignore[FC317]",
    ),
    "ignore_with_others": (
        NEXT, "print(self.x)  # flowc: ignore[FC319] why", "FC317", "Ignore FC317 on this line",
        "print(self.x)  # flowc: ignore[FC319, FC317] why",
    ),
    "ignore_in_lines": (
        NEXT, "print(\n            self.x,\n            2\n        )", "FC317", "Ignore FC317 on this line",
        "self.x,  # flowc: ignore[FC317]",
    ),
    "ignore_before_continuation": (
        NEXT, "y = self.x + \\\n            2", "FC317", "Ignore FC317 on this line",
        "        # flowc: ignore[FC317]\n        y = self.x",
    ),
    "ignore_nothing": (
        NEXT, f"{END}  # flowc: ignore[FC317]", "FC120", "Remove FC317 from the comment", f"        {END}\n",
    ),
}  # fmt: skip


def _analyzed(folder: Path, text: str) -> Analysis:
    session = Session()
    file = session.open((folder / "tiny.py").as_uri(), 1, text)
    return analyze(file.document, session.texts())


def _actions(analysis: Analysis, only: list[str] | None = None) -> list[types.CodeAction]:
    document = analysis.document
    whole = types.Range(types.Position(0, 0), types.Position(len(document.lines), 0))
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(document.uri), whole, types.CodeActionContext([], only=only)
    )
    return code_actions(document.uri, document.plain, shown_by_file(analysis)[document.uri], params, "utf-16")


def _made(analysis: Analysis, action: types.CodeAction) -> str:
    assert action.edit is not None
    assert action.edit.changes is not None
    return edited(analysis.document.plain, list(action.edit.changes[analysis.document.uri]))


@pytest.mark.parametrize(("start", "end", "code", "title", "text"), FIXED.values(), ids=FIXED)
def test_a_fix_ends_its_diagnostic(tmp_path: Path, start: str, end: str, code: str, title: str, text: str) -> None:
    analysis = _analyzed(tmp_path, FLOW.format(start=start, end=end))
    assert code in [item.code for item in analysis.diagnostics]
    (action,) = [action for action in _actions(analysis) if action.title == title]
    made = _made(analysis, action)
    assert text in made
    assert code not in [item.code for item in _analyzed(tmp_path, made).diagnostics]


def test_what_cannot_be_ignored_has_no_such_action(tmp_path: Path) -> None:
    analysis = _analyzed(tmp_path, FLOW.format(start="self.next(self.ends)", end=END))
    assert not [action for action in _actions(analysis) if action.title.startswith("Ignore")]


def test_all_fixes_are_one_action_that_editors_ask_for(tmp_path: Path) -> None:
    analysis = _analyzed(tmp_path, FLOW.format(start=NEXT, end="print(self.valu, self.vlue)"))
    assert len(analysis.diagnostics) == 2
    assert "source.fixAll.flowc" not in [action.kind for action in _actions(analysis)]
    (action,) = _actions(analysis, ["source.fixAll"])
    assert "print(self.value, self.value)" in _made(analysis, action)
    assert _actions(analysis, ["refactor"]) == []


def test_a_diagnostic_has_the_address_of_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = _analyzed(tmp_path, FLOW.format(start="self.next(self.ends)", end=END))
    monkeypatch.setattr("flowc_compiler.diagnostics.pages.documentation_address", lambda: "https://docs.example/flowc")
    (shown,) = shown_by_file(analysis)[analysis.document.uri]
    assert shown.sent.code_description == types.CodeDescription("https://docs.example/flowc/diagnostics/FC201/")


def test_a_file_that_is_open_keeps_the_uri_that_the_editor_gave_it(tmp_path: Path) -> None:
    head, start, end = (
        FLOW.partition("    @step")[0],
        "    @step\n    def start(self):\n",
        "    @step\n    def end(self):\n",
    )
    base = f"{head.replace('Tiny', 'Base')}{end}        print(self.x)\n"
    flow = f"from flowc import step\nfrom base import Base\n\nclass Own(Base):\n{start}        {NEXT}\n"
    session = Session()
    escaped = (tmp_path / "base.py").as_uri().replace("base", "%62ase")
    session.open(escaped, 1, base)
    file = session.open((tmp_path / "own.py").as_uri(), 1, flow)
    found = shown_by_file(analyze(file.document, session.texts()), session.uri_for)
    assert [item.item.code for item in found[escaped]] == ["FC317"]


@pytest.mark.parametrize("end", ["print(", "x = 1\n        if", "pass\n    ", "pass\n    @"])
def test_a_range_ends_behind_its_start(tmp_path: Path, end: str) -> None:
    analysis = _analyzed(tmp_path, FLOW.format(start=NEXT, end=end).rstrip("\n"))
    for shown in shown_by_file(analysis)[analysis.document.uri]:
        found = shown.sent.range
        assert found.start <= found.end
        assert found.end.line < len(analysis.document.lines)


def test_a_diagnostic_of_an_older_text_proposes_nothing(tmp_path: Path) -> None:
    analysis = _analyzed(tmp_path, FLOW.format(start="self.next(self.ends)", end=END))
    document = analysis.document
    shown = shown_by_file(analysis)[document.uri]
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(document.uri), shown[0].sent.range, types.CodeActionContext([])
    )
    assert code_actions(document.uri, f"\n{document.plain}", shown, params, "utf-16") == []
