"""Running flows of the tests on the local engine, and keeping what it says."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from flowc.client import Run
from flowc_compiler.driver import compile_file
from flowc_targets.local import RunOptions, RunResult, run_flow

if TYPE_CHECKING:
    from pathlib import Path

    from flowc_targets.local.run_report import Stream


class Recorder:
    """A reporter that keeps everything."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self.notes: list[str] = []

    def started(self, flow: str, run_id: str, root: str) -> None:
        """Nothing to keep."""

    def lines(self, stream: Stream, prefix: str, lines: list[str]) -> None:
        """Keep lines without the run's id."""
        place = prefix.partition("/")[2] if "/" in prefix else prefix
        (self.out if stream == "stdout" else self.err).extend(f"{place}{line}" for line in lines)

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Keep a warning."""
        self.note(text)

    def progress(self, done: int, running: int, known: int) -> None:
        """Nothing to keep."""

    def finished(self, result: RunResult) -> None:
        """Nothing to keep."""


class Local:
    """One flow, and runs of it in a folder of the test."""

    def __init__(self, folder: Path, source: str, name: str = "local_flow.py") -> None:
        self.file = folder / name
        self.file.write_text(textwrap.dedent(source), encoding="utf-8")
        self.compilation = compile_file(self.file)
        self.root = str(folder / "root")
        self.says = Recorder()

    def run(self, **options: Any) -> RunResult:
        """Run it."""
        self.says = Recorder()
        given: dict[str, Any] = {"root": self.root, **options}
        chosen = RunOptions(**given)
        return run_flow(self.compilation.flow, self.compilation.source, chosen, self.says)

    def client(self, result: RunResult) -> Run:
        """The run, as users read it."""
        return Run(f"{self.compilation.flow.name}/{result.run_id}", root=self.root)
