"""What a run says while it runs: the tasks' output line by line, retries, and a progress line on a terminal."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from flowc_targets.local.result import RunResult

Stream = Literal["stdout", "stderr"]


class Reporter(Protocol):
    """Is told what happens in a run."""

    def started(self, flow: str, run_id: str, root: str) -> None:
        """The run has begun."""
        ...

    def lines(self, stream: Stream, prefix: str, lines: list[str]) -> None:
        """A task wrote lines; they come without their ends."""
        ...

    def note(self, text: str) -> None:
        """Something a person should know: a retry, a fallback."""
        ...

    def progress(self, done: int, running: int, known: int) -> None:
        """Tasks that finished, that run, and that the run has as far as is known."""
        ...

    def finished(self, result: RunResult) -> None:
        """The run is over."""
        ...


class ConsoleReporter:
    """Writes the tasks' stdout to stdout; their stderr, notes and progress to stderr."""

    def __init__(self) -> None:
        self._flow = ""
        self._status = ""
        self._terminal = sys.stderr.isatty()

    def started(self, flow: str, run_id: str, root: str) -> None:
        """Say where the run is."""
        self._flow = flow
        self._write("stderr", f"flowc: run {flow}/{run_id} in {root}\n")

    def lines(self, stream: Stream, prefix: str, lines: list[str]) -> None:
        """Print the lines with their prefix."""
        self._write(stream, "".join(f"{prefix}{line}\n" for line in lines))

    def note(self, text: str) -> None:
        """Print a line on stderr."""
        self._write("stderr", f"flowc: {text}\n")

    def progress(self, done: int, running: int, known: int) -> None:
        """Redraw the progress line, on a terminal only."""
        if not self._terminal:
            return
        status = f"{self._flow}: {done}/{known} tasks done, {running} running"
        if status != self._status:
            self._status = status[: shutil.get_terminal_size().columns - 1]
            self._draw()

    def finished(self, result: RunResult) -> None:
        """Say how it ended, and where to look when it failed."""
        self._clear()
        self._status = ""
        name = f"run {self._flow}/{result.run_id}"
        if result.ok:
            self.note(f"{name} finished: {result.tasks} tasks in {result.seconds:.1f} s")
            return
        if result.status == "interrupted":
            self.note(f"{name} was interrupted")
            return
        self.note(f"{name} failed")
        if result.error:
            self._write("stderr", result.error.rstrip() + "\n")
        if result.failed is not None:
            if result.failed.traceback:
                self._write("stderr", result.failed.traceback.rstrip() + "\n")
            attempt = f" at attempt {result.failed.attempt}" if result.failed.attempt else ""
            self.note(f"task {result.failed.name} failed{attempt}: {result.failed.message}")
            if result.failed.log:
                self.note(f"its log: {result.failed.log}")

    def _write(self, stream: Stream, text: str) -> None:
        self._clear()
        file = sys.stdout if stream == "stdout" else sys.stderr
        try:
            file.write(text)
            file.flush()
        except UnicodeEncodeError:
            file.write(text.encode("ascii", "backslashreplace").decode())
            file.flush()
        except BrokenPipeError:
            pass  # whoever read our output has gone; the run goes on, and the logs are stored
        self._draw()

    def _clear(self) -> None:
        if self._terminal and self._status:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def _draw(self) -> None:
        if self._terminal and self._status:
            sys.stderr.write(f"\r\x1b[2K{self._status}")
            sys.stderr.flush()
