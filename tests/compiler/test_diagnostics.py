"""Every diagnostic of the compiler, by a file that triggers it: the code, the line and a way out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.diagnostics.render import render_text
from flowc_compiler.driver import compile_file
from flowc_compiler.source import SourceFile

CASES = sorted((Path(__file__).parent / "bad").glob("*.py"))


def expected(text: str) -> list[tuple[str, int]]:
    """(code, line) of every `# FCnnn` comment; a comment on a line of its own is about the line below the comments."""
    found: list[tuple[str, int]] = []
    for number, line in enumerate(text.splitlines(), 1):
        found.extend((code, number) for code in re.findall(r"\bFC\d{3}\b", line.partition("#")[2]))
    return sorted(found)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_bad_file(path: Path) -> None:
    with pytest.raises(FlowcError) as caught:
        compile_file(path)
    diagnostics = caught.value.diagnostics
    wanted = expected(path.read_text())
    assert wanted, "the file says nowhere what is wrong with it"
    assert sorted((item.code, item.span.line if item.span else 1) for item in diagnostics) == wanted
    for item in diagnostics:
        assert item.help, f"{item.code} does not say what to do"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FlowcError) as caught:
        compile_file(tmp_path / "absent.py")
    assert [item.code for item in caught.value.diagnostics] == ["FC104"]


def test_undecodable_file(tmp_path: Path) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes(b"x = '\xff'\n")
    with pytest.raises(FlowcError) as caught:
        compile_file(path)
    assert [item.code for item in caught.value.diagnostics] == ["FC104"]


def test_unknown_flow_name() -> None:
    path = next(case for case in CASES if case.stem == "fc103_two_flows")
    with pytest.raises(FlowcError) as caught:
        compile_file(path, flow_name="Third")
    assert caught.value.diagnostics[0].code == "FC102"
    assert "Second" in caught.value.diagnostics[0].help


def test_flow_chosen_by_name() -> None:
    path = next(case for case in CASES if case.stem == "fc103_two_flows")
    sink = DiagnosticSink()
    assert compile_file(path, sink, flow_name="Second").flow.name == "Second"
    assert not sink.diagnostics


def _rendered(text: str, start: int, end: int) -> str:
    sink, source = DiagnosticSink(), SourceFile(Path("flow.py"), text)
    sink.add_source(source)
    sink.error("FC101", "wrong", source.span(start, end))
    return render_text(sink.diagnostics, sink.sources)


def test_of_a_long_line_the_place_is_shown() -> None:
    shown = _rendered("a = 1;" * 50_000 + "wrong" + ";b = 2" * 50_000, 300_000, 300_005)
    assert len(shown) < 1200
    line, marks = shown.splitlines()[3:5]
    assert line[marks.index("^") : marks.rindex("^") + 1] == "wrong"
    assert line.startswith("1 | …")
    assert line.endswith("…")


def test_a_long_line_that_is_marked_to_its_end_is_cut() -> None:
    line, marks = _rendered("b" * 1000, 0, 1000).splitlines()[3:5]
    assert line == f"1 | {'b' * 400}…"
    assert marks == f"  | {'^' * 400}"


def test_places_in_a_long_line_are_counted_in_characters() -> None:
    text = "x = 'é'; " * 2000
    source = SourceFile(Path("flow.py"), text)
    nodes = ast.parse(text).body
    assert [source.code(node) for node in nodes] == ["x = 'é'"] * 2000
    assert source.node_span(nodes[-1]).column == 1999 * 9 + 1
