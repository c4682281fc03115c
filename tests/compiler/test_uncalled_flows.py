"""A flow that the main block names and does not call: Python runs nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from tests.support import write_files

CLASS = """
from flowc import FlowSpec, step

class Uncalled(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

def main():
    Uncalled()
"""
PIPELINE = """
from flowc import pipeline, step

@step
def work() -> int:
    return 1

@pipeline
def uncalled():
    work()
"""
GUARD = '\nif __name__ == "__main__":\n    '


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{CLASS}{GUARD}Uncalled\n", 17),
        (f"{CLASS}{GUARD}print(1); main\n", 17),
        (f"{CLASS}{GUARD}main()\n", None),
        (f"{CLASS}{GUARD}Uncalled()\n", None),
        (f"{CLASS}{GUARD}'Uncalled'\n", None),
        (f"{CLASS}\nUncalled\n", None),  # the last line of a cell shows what it names
        (f"{PIPELINE}\nif '__main__' == __name__:\n    uncalled\n", 13),
        (f"{PIPELINE}{GUARD}uncalled()\n", None),
    ],
)
def test_it_is_a_warning(tmp_path: Path, text: str, line: int | None) -> None:
    write_files(tmp_path, {"flow.py": text})
    sink = DiagnosticSink()
    compile_file(tmp_path / "flow.py", sink)
    found = [item.span.line for item in sink.diagnostics if item.code == "FC116" and item.span is not None]
    assert found == ([line] if line is not None else [])
    assert not sink.has_errors
