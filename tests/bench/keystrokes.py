"""How long an editor waits for `flowc lsp`: from a key in a flow of 100 steps to its diagnostics, and for completions.

A real client types over the standard streams of a real server; the pause before a check counts.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench.cases import Row
from tests.bench.generate import chain, diamonds
from tests.bench.measure import Usage
from tests.lsp.editor import Editor, place_of

_KEYS = 40
_UNCOUNTED = 5
_BETWEEN = 0.15
"""Seconds between two keys, as somebody types who is fast."""


def lsp(folder: Path) -> Iterator[Row]:
    """Keys in two flows of 100 steps, and in one of 1,000."""
    flows = {"chain of 100 steps": chain(100), "25 diamonds, 102 steps": diamonds(25), "chain of 1,000": chain(1000)}
    with Editor(folder) as editor:
        for number, (name, text) in enumerate(flows.items()):
            path = folder / f"flow{number}.py"
            editor.open(path, text)
            editor.diagnostics(path)
            yield _row(f"key in a {name} to its diagnostics", editor, partial(_typed, editor, path, text))
            yield _row(f"completion of a step in a {name}", editor, partial(_completed, editor, path, text))
            editor.close(path)


def _typed(editor: Editor, path: Path, text: str) -> list[float]:
    """Seconds until the diagnostics of each key: a name in the middle gets longer, and is wrong."""
    half = text.index("self.next(", len(text) // 2) + len("self.next(self.")
    line, column = place_of(text, text[:half], end=True)

    def press() -> None:
        editor.type(path, line, column, "x")
        assert editor.codes(path)[0] == "FC201"

    return _timed(press)


def _completed(editor: Editor, path: Path, text: str) -> list[float]:
    """Seconds until the steps are listed that may follow, right after the dot that broke the syntax."""
    half = text.index("self.next(", len(text) // 2)
    line, column = place_of(text, text[:half], end=True)
    rest = text[text.index("\n", half) :]
    editor.replace(path, f"{text[:half]}self.next(self{rest}")
    dot = column + len("self.next(self")

    def press() -> None:
        editor.type(path, line, dot, ".")
        assert len(editor.completions(path, line, dot + 1)) > 99

    def undo() -> None:
        editor.type(path, line, dot, "", delete=1)

    return _timed(press, undo)


def _timed(press: Callable[[], None], undo: Callable[[], None] | None = None) -> list[float]:
    found: list[float] = []
    for _ in range(_KEYS + _UNCOUNTED):
        time.sleep(_BETWEEN)
        began = time.perf_counter()
        press()
        found.append(time.perf_counter() - began)
        if undo is not None:
            undo()
    return found[_UNCOUNTED:]


def _row(work: str, editor: Editor, measure: Callable[[], list[float]]) -> Row:
    """Medians of the wall time, and what the server used of the processor for each key, in all of its threads."""
    before, _ = _used(editor.pid)
    found = measure()
    after, peak = _used(editor.pid)
    tenths = statistics.quantiles(found, n=10)
    each = (after - before) / (_KEYS + _UNCOUNTED)
    usage = Usage(statistics.median(found), each, peak, 0, "")
    return Row(work, usage, f"9 of 10 within {tenths[-1] * 1000:.0f} ms")


def _used(process: int) -> tuple[float, float]:
    """Seconds of the processor, and the peak of its memory in MB, of a process on Linux."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{process}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024


LSP_CASES = (lsp,)
