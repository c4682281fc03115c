"""A task's output for people who watch: prompts appear at once, and the traceback of a failure where it belongs."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

from flowc_targets.local.run_report import LiveReporter
from flowc_targets.local.task_output import TaskOutput

if TYPE_CHECKING:
    from flowc_targets.base.process_pool import ProcessPool
    from flowc_targets.local.attempt_log import AttemptLog
    from flowc_targets.local.attempts import Attempt
    from flowc_targets.local.run_report import Reporter, Stream

PROMPT_SECONDS = 0.08
"""A line without an end that stays so long is a prompt, where the task has the terminal."""
HOLD_SECONDS = 1.0
"""How long a traceback may wait for the end of the task, which decides where it is shown."""
MOST_HELD = 1000
"""Lines that may wait."""
_TRACEBACK = "Traceback (most recent call last):"
_POSITION = re.compile(r"> .+\(\d+\).+")
"""Where pdb stands, as it says on stdout before it prompts."""


class WatchedOutput(TaskOutput):
    """Holds back what may be the traceback of the run's failure, which is shown once, at the end."""

    def __init__(self, stream: Stream, prefix: str, log: AttemptLog, reporter: LiveReporter, *, prompts: bool) -> None:
        """`prompts` is for a task that has the terminal."""
        super().__init__(stream, prefix, log, reporter)
        self._live = reporter
        self._prompts = prompts
        self._raw = False
        """Whether it has prompted: from then on its output is passed on as it is."""
        self._passed = 0
        """How many of the pending bytes have been passed on."""
        self._held: list[str] = []
        self.partner: WatchedOutput = self
        """The task's other stream."""

    def pump(self) -> bool:
        """Read what is in the pipe; false at its end."""
        more = super().pump()
        if self._raw:
            self._pass_on()
        elif self._prompts and self._pending:
            self.due = time.monotonic() + PROMPT_SECONDS
        return more

    def flush_due(self) -> None:
        """Show what has waited long enough."""
        self.due = float("inf")
        self.release()
        if self._prompts and self._pending:
            self._raw = True
            self._pass_on()

    def finish(self) -> None:
        """Read the rest and close the pipe; what is held back stays so until `release`."""
        super().finish()
        if self._raw:
            self._live.prompts_are_over()

    def release(self, shown_elsewhere: str = "") -> None:
        """Show what was held back, without the traceback that is shown elsewhere."""
        held, self._held = self._held, []
        own = shown_elsewhere.rstrip().splitlines()
        if own and held[-len(own) :] == own:
            held = held[: -len(own)]
        if held:
            self._reporter.lines(self.stream, self._prefix, held)

    def catch_up(self) -> None:
        """Show what was written until now: what led to a debugger stands above the place that it begins at."""
        with contextlib.suppress(OSError):  # closed already
            self.pump()
        self.release()

    def _show(self, data: bytes) -> None:
        if not self._raw:
            super()._show(data)
            return
        self._live.prompt(self.stream, data[self._passed :].decode("utf-8", "replace"))
        self._passed = 0

    def _show_lines(self, lines: list[str]) -> None:
        if self.stream == "stderr":
            begin = (
                0 if self._held else next((at for at, line in enumerate(lines) if _may_be_failure(line)), len(lines))
            )
            if lines[begin:] and not self._held:
                self.due = min(self.due, time.monotonic() + HOLD_SECONDS)
            self._held += lines[begin:]
            lines = lines[:begin]
        elif self._prompts:
            at = next((at for at, line in enumerate(lines) if _POSITION.match(line)), None)
            if at is not None:
                if lines[:at]:
                    super()._show_lines(lines[:at])
                self.partner.catch_up()
                lines = lines[at:]
        if lines:
            super()._show_lines(lines)
        if len(self._held) > MOST_HELD:
            self.release()

    def _pass_on(self) -> None:
        text = bytes(self._pending[self._passed :])
        if text:
            self.partner.release()  # what led to a debugger stands above its prompt
            self._live.prompt(self.stream, text.decode("utf-8", "replace"))
            self._passed = len(self._pending)


def _may_be_failure(line: str) -> bool:
    return line == _TRACEBACK or line.startswith("flowc: ")


class AttemptOutputs:
    """Makes the outputs of attempts, and shows what they hold back."""

    def __init__(self, pool: ProcessPool[Attempt], reporter: Reporter, *, prompts: bool) -> None:
        """`prompts` is for tasks that have the terminal."""
        self._pool = pool
        self._reporter = reporter
        self.live = reporter if isinstance(reporter, LiveReporter) else None
        self._prompts = prompts

    def open(self, prefix: str, log: AttemptLog) -> tuple[TaskOutput, TaskOutput]:
        """The stdout and stderr of an attempt."""
        if self.live is None:
            return TaskOutput("stdout", prefix, log, self._reporter), TaskOutput("stderr", prefix, log, self._reporter)
        first = WatchedOutput("stdout", prefix, log, self.live, prompts=self._prompts)
        second = WatchedOutput("stderr", prefix, log, self.live, prompts=self._prompts)
        first.partner, second.partner = second, first
        return first, second

    def flush(self) -> None:
        """Show what running tasks have written that had to wait."""
        if self.live is not None:
            now = time.monotonic()
            for process in self._pool.running.values():
                for output in process.task.outputs:
                    if output.due <= now:
                        output.flush_due()

    def due(self) -> list[float]:
        """When something is to be shown, by the monotonic clock."""
        if self.live is None:
            return []
        outputs = (output for process in self._pool.running.values() for output in process.task.outputs)
        return [time.monotonic() + self.live.wait(), *(output.due for output in outputs)]

    def close(self, task: Attempt) -> None:
        """Read the rest of what an attempt that has ended has written."""
        for output in task.outputs:
            self._pool.unwatch(output.descriptor)
            output.finish()


def release(task: Attempt, shown_elsewhere: str = "") -> None:
    """Show what an attempt that has ended has written at last."""
    for output in task.outputs:
        output.release(shown_elsewhere)
