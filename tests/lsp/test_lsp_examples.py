"""A real client opens every example: one server for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lsprotocol import types

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import Compilation, compile_file
from tests.conftest import REPOSITORY
from tests.lsp.editor import Editor, place_of

pytestmark = pytest.mark.process

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.py"))


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    with Editor(REPOSITORY) as editor:
        yield editor


def _compiled(path: Path) -> tuple[Compilation, list[str]]:
    sink = DiagnosticSink()
    return compile_file(path, sink), [item.code for item in sink.diagnostics]


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_each_example_has_its_diagnostics_and_its_outline(editor: Editor, path: Path) -> None:
    compilation, codes = _compiled(path)
    editor.open(path)
    assert editor.codes(path) == codes
    symbols = {item.name: item for item in editor.symbols(path)}
    flow = symbols[compilation.flow.name]
    names = {child.name for child in flow.children or ()}
    lines = path.read_text(encoding="utf-8").split("\n")
    if compilation.flow.frontend == "class":
        assert flow.kind == types.SymbolKind.Class
        assert names == {
            *(step.name for step in compilation.flow.steps if step.within is None),
            *(item.attribute for item in compilation.flow.parameters),
            *(item.attribute for item in compilation.flow.configs),
        }
        for child in flow.children or ():
            start = child.selection_range.start
            assert lines[start.line][start.character :].startswith(child.name)
    else:
        functions = {step.call.function for step in compilation.flow.steps if step.call is not None}
        assert {item.name for item in symbols.values() if item.detail == "step"} == functions
        calls = [step for step in compilation.flow.steps if step.call is not None]
        every = {child.name for item in symbols.values() for child in item.children or ()}
        first = next(step for step in calls if step.span.file == path.as_posix())
        assert first.name in every
    editor.close(path)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_each_step_of_an_example_is_explained_found_and_completed(editor: Editor, path: Path) -> None:
    flow = _compiled(path)[0].flow
    text = path.read_text(encoding="utf-8")
    own = [step for step in flow.steps if step.within is None]
    if flow.calls:  # the file has steps of those flows, too
        before, head, after = text.partition(f"class {flow.name}(")
        text = re.sub(r"[^\n]", " ", before) + head + after
    editor.open(path)
    for step in own:
        name = step.name if flow.frontend == "class" else step.call.function if step.call is not None else ""
        if not name or f"def {name}(" not in text:
            continue
        line, column = place_of(text, f"def {name}(")
        shown = editor.hover(path, line, column + len("def "))
        assert f"`{step.name}`" in shown or shown.startswith("100 steps: ")
        for neighbor in (*step.parents, *step.targets) if flow.frontend == "class" else ():
            assert f"`{neighbor}`" in shown
        references = editor.references(path, line, column + len("def "), declaration=False)
        assert references or name == "start"
        for use in (item.range.start for item in references):
            (found,) = editor.definition(path, use.line, use.character)
            assert (found.range.start.line, found.range.start.character) == (line, column + len("def "))
    if flow.frontend == "class":
        line, column = place_of(text, "self.next(self.", end=True)
        rest = len(text.split("\n")[line]) - column
        editor.type(path, line, column, "", delete=rest)  # `self.next(self.` is broken syntax
        labels = [item.label for item in editor.completions(path, line, column)]
        assert sorted(labels) == sorted(step.name for step in own)
        assert editor.codes(path) == ["FC101"]
    editor.close(path)
