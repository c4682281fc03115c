"""How long an editor waits for `flowc lsp`: from a key in a flow of 100 steps to its diagnostics, and for completions.

A real client types over the standard streams of a real server; the pause before a check counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.cases import Row
from tests.bench.generate import chain, diamonds
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
            yield Row(f"key in a {name} to its diagnostics", None, _note(_typed(editor, path, text)))
            yield Row(f"completion of a step in a {name}", None, _note(_completed(editor, path, text)))
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


def _note(found: list[float]) -> str:
    tenths = statistics.quantiles(found, n=10)
    return f"{statistics.median(found) * 1000:.0f} ms, 9 of 10 within {tenths[-1] * 1000:.0f} ms"


LSP_CASES = (lsp,)
