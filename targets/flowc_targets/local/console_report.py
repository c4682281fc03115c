"""What a local run prints: for people on a terminal, for people who read it later, and for programs as JSON."""

from __future__ import annotations

import shlex
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from flowc_compiler.diagnostics.terminal_text import visible
from flowc_targets.base.json_events import JsonEvents, put
from flowc_targets.base.live_table import LiveTable, StepProgress, duration, has_table, status_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.run_report import Reporter, RunResult, Stream

CHECK_SECONDS = 0.2
"""How often it is looked which steps have begun or are done."""
STATUS_SECONDS = 60.0
"""How often a line says how far the run is, where there is no table."""


def reporter_for(options: RunOptions) -> Reporter:
    """The reporter that the options ask for."""
    return JsonReporter() if options.log_format == "json" else ConsoleReporter(quiet=options.quiet)


class ConsoleReporter:
    """Writes the tasks' stdout to stdout; their stderr, notes and progress to stderr.

    On a terminal a table of the steps stays below that; elsewhere lines with the time say which steps have begun and
    are done. `quiet` leaves all that is well to the tasks.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._flow = ""
        self._quiet = quiet
        errors: TextIO | None = sys.stderr
        self._stamped = errors is None or not errors.isatty()
        self._steps: Callable[[], Sequence[StepProgress]] = list
        self._table: LiveTable | None = None
        self._prompting = False
        self._open_line = False
        """Whether a prompt stands on the last line."""
        self._milestones = Milestones()
        self._next_status = time.monotonic() + STATUS_SECONDS
        self._next_check = 0.0
        self._due = False

    def watch(self, steps: Callable[[], Sequence[StepProgress]]) -> None:
        """Take what says how far each step is."""
        self._steps = steps
        if has_table() and not self._quiet:
            self._table = LiveTable("", steps, self._put)

    def started(self, flow: str, run_id: str, root: str) -> None:
        """Say where the run is."""
        self._flow = flow
        if self._table is not None:
            self._table.title = flow
        self.note(f"run {flow}/{run_id} in {root}")

    def lines(self, stream: Stream, prefix: str, lines: list[str]) -> None:
        """Print the lines with their prefix."""
        self._write(stream, "".join(f"{prefix}{line}\n" for line in lines))

    def note(self, text: str) -> None:
        """Print a line on stderr, below those that say which steps had begun and were done before."""
        if not self._quiet:
            self._catch_up()
            self._say(text)

    def warn(self, text: str) -> None:
        """The same, also where notes are not printed."""
        if not self._quiet:
            self._catch_up()
        self._say(text)

    def _catch_up(self) -> None:
        if self._table is None:
            for _, line in self._milestones.new(self._steps()):
                self._say(line)

    def _say(self, text: str) -> None:
        stamp = f"{_utc():%Y-%m-%dT%H:%M:%SZ} " if self._stamped else ""
        self._write("stderr", f"{stamp}flowc: {visible(text)}\n")

    def progress(self, done: int, running: int, known: int) -> None:
        """Draw the table, or say which steps have begun and are done."""
        del done, running, known
        if self._table is not None:
            if not self._prompting:
                self._table.tick()
        elif not self._quiet:
            now = time.monotonic()
            self._due = now < self._next_check
            if not self._due:
                self._next_check = now + CHECK_SECONDS
                self._say_milestones(now)

    def _say_milestones(self, now: float) -> None:
        self._catch_up()
        if now >= self._next_status:
            self._next_status = now + STATUS_SECONDS
            steps = self._steps()
            running = ", ".join(step.name for step in steps if step.running)
            self._say(f"{status_line(steps, self._milestones.seconds)} ({running})")

    def wait(self) -> float:
        """Until the table, or a line, is due."""
        if self._table is not None:
            return float("inf") if self._prompting else self._table.wait()
        if self._quiet:
            return float("inf")
        now = time.monotonic()
        return max(0.0, (self._next_check if self._due else self._next_status) - now)

    def prompt(self, stream: Stream, text: str) -> None:
        """Pass text on; the table goes until the task has ended."""
        if self._table is not None:
            self._table.hide()
        self._prompting = True
        self._put(sys.stdout if stream == "stdout" else sys.stderr, text)
        self._open_line = not text.endswith("\n")

    def prompts_are_over(self) -> None:
        """From here on the table may come back."""
        self._close_line()
        self._prompting = False

    def finished(self, result: RunResult) -> None:
        """Say how it ended, and where to look and what to do when it failed."""
        if self._table is not None:
            self._table.close(whole=result.ok)
        elif not self._quiet:
            self._catch_up()
        name = f"run {self._flow}/{result.run_id}"
        if result.ok:
            self.note(f"{name} finished: {result.tasks} task{'s' * (result.tasks != 1)} in {result.seconds:.1f} s")
            return
        if result.status == "interrupted":
            self._say(f"{name} was interrupted")
        else:
            self._say(f"{name} failed")
            if result.error:
                self._write("stderr", visible(result.error.rstrip()) + "\n")
            self._explain(result)
        for text in ways_on(result):
            self._say(text)

    def _explain(self, result: RunResult) -> None:
        failed = result.failed
        if failed is None:
            return
        if failed.traceback.strip() != f"flowc: {failed.message}":  # flowc's own errors have no more to say
            self._write("stderr", visible(failed.traceback.rstrip()) + "\n")
        self._say(f"task {failed.name} failed{failed.which}: {failed.message}")
        if failed.log:
            self._say(f"its log: {failed.log}")

    def _write(self, stream: Stream, text: str) -> None:
        file = sys.stdout if stream == "stdout" else sys.stderr
        self._close_line()
        if self._table is not None and not self._prompting and file is not None and file.isatty():
            self._table.write(file, text)
        else:
            self._put(file, text)

    def _close_line(self) -> None:
        if self._open_line:
            self._open_line = False
            self._put(sys.stderr, "\n")

    def _put(self, file: TextIO | None, text: str) -> None:
        """Write to a stream. The run goes on without one that is closed or fails: the logs are stored."""
        error = put(file, text)
        if file is sys.stdout and error is not None and not isinstance(error, BrokenPipeError):
            self.note(f"standard output cannot be written: {error}; the output of tasks is in their logs only")


class Milestones:
    """Which steps have begun and are done, as far as nobody has been told."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._told: set[str] = set()
        self._done: set[str] = set()

    @property
    def seconds(self) -> float:
        """How long the run has gone on."""
        return time.monotonic() - self._begun

    def new(self, steps: Sequence[StepProgress]) -> list[tuple[StepProgress, str]]:
        """The steps that have begun or are done since, each with a text that says so.

        A step is done when all that come before it are, so that it cannot get more tasks. One that was done before it
        was looked at has begun as well: with its first task.
        """
        found: list[tuple[StepProgress, str]] = []
        names = {step.name for step in steps}
        for step in steps:
            before = [name for name in step.parents if name != step.name and name in names]
            is_new = step.began is not None and step.name not in self._told
            if step.name not in self._done and step.done == step.total and all(name in self._done for name in before):
                self._done.add(step.name)
                if is_new:
                    first = StepProgress(step.name, running=1, total=step.total)
                    found.append((first, f"step {step.name} has begun"))
                if step.began is not None:
                    count = f"{step.done} task{'s' * (step.done != 1)}"
                    found.append((step, f"step {step.name} is done: {count} in {duration(step.seconds)}"))
            elif is_new and step.name not in self._done:
                found.append((step, f"step {step.name} has begun"))
            if step.began is not None:
                self._told.add(step.name)
        return found


class JsonReporter:
    """Writes a JSON object a line to stdout, for whatever happens."""

    def __init__(self) -> None:
        self._events = JsonEvents("/")
        self._run = ""
        self._steps: Callable[[], Sequence[StepProgress]] = list
        self._milestones = Milestones()
        self._next_check = 0.0
        self._due = False

    def watch(self, steps: Callable[[], Sequence[StepProgress]]) -> None:
        """Take what says how far each step is."""
        self._steps = steps

    def started(self, flow: str, run_id: str, root: str) -> None:
        """The first line."""
        self._run = run_id
        self._events.run = f"{flow}/{run_id}"
        self._events.started(root)

    def lines(self, stream: Stream, prefix: str, lines: list[str]) -> None:
        """A line for each."""
        place = prefix.removeprefix(f"[{self._run}").strip("[/] ")
        for line in lines:
            self._events.event("output", task=place or None, stream=stream, text=line)

    def note(self, text: str) -> None:
        """A line for a person."""
        self._events.event("note", text=text)

    def warn(self, text: str) -> None:
        """A line for a person."""
        self.note(text)

    def progress(self, done: int, running: int, known: int) -> None:
        """Lines for steps that have begun or are done."""
        del done, running, known
        now = time.monotonic()
        self._due = now < self._next_check
        if not self._due:
            self._next_check = now + CHECK_SECONDS
            self._say_milestones()

    def _say_milestones(self) -> None:
        for step, _ in self._milestones.new(self._steps()):
            counts = {"done": step.done, "running": step.running, "failed": step.failed, "total": step.total}
            self._events.event("step", step=step.name, **counts, seconds=round(step.seconds, 3))

    def wait(self) -> float:
        """Until steps are looked at again."""
        return max(0.0, self._next_check - time.monotonic()) if self._due else float("inf")

    def prompt(self, stream: Stream, text: str) -> None:
        """Tasks have no terminal, so none prompts; text that comes all the same is output."""
        self.lines(stream, "", text.splitlines())

    def prompts_are_over(self) -> None:
        """Nothing to do."""

    def finished(self, result: RunResult) -> None:
        """The last line."""
        self._say_milestones()
        failed: dict[str, Any] | None = None
        if result.failed is not None:
            one = result.failed
            failed = {"task": one.name, "step": one.step, "attempt": one.attempt, "message": one.message}
            failed |= {"traceback": one.traceback, "log": one.log}
        self._events.event(
            "run_finished",
            status=result.status,
            tasks=result.tasks,
            taken_over=result.reused,
            seconds=round(result.seconds, 3),
            error=result.error or None,
            failed=failed,
            resume=_resume(result),
        )


def ways_on(result: RunResult) -> list[str]:
    """How to try the task that has failed, and how to go on with the run."""
    command = _resume(result)
    if command is None:
        return []
    found: list[str] = []
    if result.failed is not None:
        file, *options = result.again
        words = ["flowc", "try", file, result.failed.name, "--run", result.run_id]
        words += ["--attempt", str(result.failed.attempt)] if result.failed.attempt else []
        words += options
        found.append(f"to run that task alone: {shlex.join(words)}")
    return [*found, f"to go on from there: {command}"]


def _resume(result: RunResult) -> str | None:
    """The command that goes on with a run which has not succeeded."""
    if result.ok or not result.again:
        return None
    file, *options = result.again
    return shlex.join(["flowc", "resume", file, "--origin-run-id", result.run_id, *options])


def _utc() -> datetime:
    return datetime.now(UTC)
