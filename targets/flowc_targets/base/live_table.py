"""A table of a run's steps that stays below the output of a terminal, and is drawn anew while the run goes on.

It takes little time: it is drawn a few times a second, seldom enough to take a fortieth of the time. The cursor always
stands at the begin of the line below the table, and no mode of the terminal is changed: whatever ends this process
leaves the terminal as it should be.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table
    from rich.text import Text

FIRST_SECONDS = 0.4
"""A run that ends sooner shows no table."""
DRAW_SECONDS, MOST_SECONDS = 0.33, 1.0
"""How long a drawing stays, at least and at most."""
OUTPUT_SECONDS = 0.1
"""How long output may wait, so that the table is not drawn anew for each line."""
MOST_WAITING = 1 << 16
"""Characters of output that may wait."""
_SHARE = 40
_NARROW, _MEDIUM = 36, 60
"""Columns of a terminal below which there is one line only, and below which there are fewer columns."""


@dataclass(slots=True)
class StepProgress:
    """How far a step is."""

    name: str
    done: int = 0
    running: int = 0
    failed: int = 0
    total: int = 0
    """Its tasks, as far as is known."""
    began: float | None = None
    """By the monotonic clock; `None` while no task has begun."""
    parents: tuple[str, ...] = ()
    """The steps before it."""
    changed: float = 0.0
    """When a task of it began or ended last."""

    def start(self) -> None:
        """Count a task that begins."""
        self.running += 1
        self.changed = time.monotonic()
        if self.began is None:
            self.began = self.changed

    def end(self, *, done: bool = False, failed: bool = False) -> None:
        """Count a task that ends; one that will begin again is neither done nor failed."""
        self.running -= 1
        self.done += done
        self.failed += failed
        self.changed = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        if self.began is None:
            return 0.0
        return (time.monotonic() if self.running else self.changed) - self.began


def has_table() -> bool:
    """Whether a table can stand on standard error: on a terminal to which nobody else prints what we pipe."""
    errors: TextIO | None = sys.stderr
    if errors is None or not errors.isatty() or os.environ.get("TERM") == "dumb":
        return False
    try:
        return not stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return True


class LiveTable:
    """The table on standard error, and the output above it."""

    def __init__(
        self, title: str, steps: Callable[[], Sequence[StepProgress]], put: Callable[[TextIO, str], object]
    ) -> None:
        """`steps` is asked when the table is drawn; `put` writes to a stream, and bears one that fails."""
        self.title = title
        self._steps = steps
        self._put = put
        self._begun = time.monotonic()
        self._next = self._begun + FIRST_SECONDS
        self._shown: list[int] = []
        """The widths of the lines that are on the screen."""
        self._waiting: list[tuple[TextIO, str]] = []
        self._characters = 0
        self._whole = False

    def wait(self) -> float:
        """In how many seconds `tick` wants to be called."""
        due = self._next if not self._waiting else min(self._next, self._waiting_until)
        return max(0.0, due - time.monotonic())

    def tick(self) -> None:
        """Draw what is due."""
        now = time.monotonic()
        if now >= self._next or (self._waiting and now >= self._waiting_until):
            self.draw()

    def write(self, file: TextIO, text: str) -> None:
        """Write above the table."""
        if not self._shown:
            self._put(file, text)
            return
        if not self._waiting:
            self._waiting_until = time.monotonic() + OUTPUT_SECONDS
        self._waiting.append((file, text))
        self._characters += len(text)
        if self._characters > MOST_WAITING:
            self.draw()

    def draw(self) -> None:
        """Draw the table anew, below the output that has waited."""
        import_module("rich.table")  # what it takes to import is not what it takes to draw

        begun = time.thread_time()  # what others do on this machine meanwhile is not its cost
        size = shutil.get_terminal_size()
        lines = self._lines(size.columns - 1, size.lines - 2)
        self.hide()
        self._shown = [_width(line) for line in lines]
        self._put(sys.stderr, "".join(f"{line}\n" for line in lines))
        cost = time.thread_time() - begun
        self._next = time.monotonic() + min(max(DRAW_SECONDS, _SHARE * cost), MOST_SECONDS)

    def hide(self) -> None:
        """Take the table off the screen, and write what has waited."""
        if self._shown:
            columns = max(1, shutil.get_terminal_size().columns)  # a narrower terminal has broken its lines
            rows = sum(max(1, -(-width // columns)) for width in self._shown)
            self._put(sys.stderr, f"\r\x1b[{rows}A\x1b[J")
            self._shown = []
        waiting, self._waiting, self._characters = self._waiting, [], 0
        for file, text in waiting:
            self._put(file, text)

    def close(self, *, whole: bool = False) -> None:
        """Leave the table as it is at the end, if it has been there at all. `whole`: the run has succeeded."""
        self._whole = whole
        if self._shown:
            self.draw()
            self._shown = []

    def _lines(self, width: int, height: int) -> list[str]:
        steps = self._steps()
        status = status_line(steps, time.monotonic() - self._begun)
        if width < _NARROW or height < 3:
            return [f"{self.title}: {status}"[: max(width, 1)]]
        return table_lines(f"{self.title}  {status}", steps, width, height, whole=self._whole)


def status_line(steps: Sequence[StepProgress], seconds: float) -> str:
    """The tasks of all steps in words."""
    done, failed = sum(step.done for step in steps), sum(step.failed for step in steps)
    running, total = sum(step.running for step in steps), sum(step.total for step in steps)
    trouble = f", {failed} failed" if failed else ""
    rate = f", {_rate(done, seconds)}" if done > 1 and seconds >= 1 else ""
    return f"{done}/{total} tasks done, {running} running{trouble}{rate}, {duration(seconds)}"


def table_lines(
    title: str, steps: Sequence[StepProgress], width: int, height: int, *, whole: bool = False
) -> list[str]:
    """The table as lines of at most `width` characters, at most `height` of them: of many steps those that run.

    `whole`: the run has succeeded, and what has not begun was left out.
    """
    from rich.console import Console

    begun = [step for step in steps if step.total or step.began is not None]
    shown = _most_important(begun, height - 3)
    with contextlib.closing(io.StringIO()) as text:
        console = Console(file=text, width=width, force_terminal=True, highlight=False, legacy_windows=False)
        console.print(title, no_wrap=True, overflow="ellipsis", markup=False, crop=True)
        console.print(_table(shown, full=width >= _MEDIUM))
        left = [step for step in steps if step not in shown]
        if left:
            console.print(_others(left, whole=whole), style="dim", no_wrap=True, overflow="ellipsis")
        return [line.rstrip() for line in text.getvalue().splitlines()][:height]


def _most_important(steps: list[StepProgress], most: int) -> list[StepProgress]:
    """At most so many steps, in their order: those that fail or run, then those that changed last."""
    if len(steps) <= most:
        return steps
    ranked = sorted(steps, key=lambda step: (step.failed > 0, step.running > 0, step.changed), reverse=True)
    chosen = {id(step) for step in ranked[: max(most, 1)]}
    return [step for step in steps if id(step) in chosen]


def _others(steps: list[StepProgress], *, whole: bool) -> str:
    finished = sum(1 for step in steps if step.total and step.done == step.total)
    to_come = sum(1 for step in steps if not step.total and step.began is None)
    parts = [f"{finished} done"] if finished else []
    parts += [f"{to_come} {'skipped' if whole else 'not begun'}"] if to_come else []
    return f"… {len(steps)} other step{'s' * (len(steps) > 1)}{': ' * bool(parts)}{', '.join(parts)}"


def _table(steps: list[StepProgress], *, full: bool) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("step", no_wrap=True, overflow="ellipsis", min_width=4)
    heads = ("done", "running", "failed", "total", *(("rate", "elapsed") if full else ()))
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for step in steps:
        cells: list[str | Text] = [_cell(step.name, _style(step)), str(step.done), _cell(step.running, "cyan")]
        cells += [_cell(step.failed, "bold red"), str(step.total)]
        if full:
            cells += [_rate(step.done, step.seconds) if step.done > 1 else "", _elapsed(step)]
        table.add_row(*cells)
    return table


def _cell(value: object, style: str) -> Text:
    from rich.text import Text

    return Text(str(value), style=style if value else "")


def _style(step: StepProgress) -> str:
    if step.failed:
        return "red"
    if step.running:
        return "cyan"
    return "green" if step.done else ""


def _elapsed(step: StepProgress) -> str:
    return duration(step.seconds) if step.began is not None else ""


def _rate(done: int, seconds: float) -> str:
    """Tasks in a unit of time in which there is at least one."""
    if seconds <= 0:
        return ""
    units = (("s", 1), ("min", 60), ("h", 3600))
    unit, length = next((item for item in units if done * item[1] >= seconds), units[-1])
    rate = done * length / seconds
    return f"{rate:.{0 if rate >= 10 else 1}f}/{unit}"


def duration(seconds: float) -> str:
    """`0:07`, `12:40` or `3:12:40`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _width(line: str) -> int:
    """The columns of a line without its colors."""
    import re

    from rich.cells import cell_len

    return cell_len(re.sub(r"\x1b\[[0-9;]*m", "", line))
