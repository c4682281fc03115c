"""Print one table, measured in this one run. `python -m tests.bench [CASE...]` measures some of the cases only.

`python -m tests.bench mistakes` prints which mistakes are found before a run, by flowc and by others, and `python -m
tests.bench changes` how much of what is reviewed a small change of a flow changes.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from tests.bench.cases import CASES, Row
from tests.bench.dagfiles import DAG_CASES
from tests.bench.keystrokes import LSP_CASES
from tests.bench.manifest import MANIFEST_CASES
from tests.bench.pipelines import PIPELINE_CASES

WIDTHS = (52, 8, 8, 9)


def main() -> int:
    """Measure and print; the exit code says whether the arguments were understood."""
    names = {case.__name__: case for case in (*CASES, *MANIFEST_CASES, *PIPELINE_CASES, *DAG_CASES, *LSP_CASES)}
    if sys.argv[1:] in (["mistakes"], ["changes"]):  # tables of their own
        own: int = import_module(f"tests.bench.{sys.argv[1]}").main()
        return own
    chosen = sys.argv[1:] or list(names)
    if not set(chosen) <= set(names):
        sys.stderr.write(f"cases are {', '.join(names)}\n")
        return 2
    sys.stdout.write(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; whole processes, medians.\n"
        "Peak memory is that of the largest process.\n\n"
    )
    _print_line("work", "wall s", "CPU s", "peak MB", "note")
    _print_line(*("-" * width for width in WIDTHS), "----")
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            for row in names[name](Path(folder)):
                _print(row)
    return 0


def _print(row: Row) -> None:
    used = row.usage
    figures = ("", "", "") if used is None else (f"{used.wall:.3f}", f"{used.cpu:.3f}", f"{used.peak_mb:.0f}")
    _print_line(row.work, *figures, row.note)


def _print_line(*texts: str) -> None:
    """The first cell to the left, the figures to the right, the note as it is."""
    work, *figures, note = texts
    left, *right = WIDTHS
    cells = [work.ljust(left), *(text.rjust(width) for text, width in zip(figures, right, strict=True)), note]
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()


sys.exit(main())
