"""What a local run shows and returns: notes before it starts, output line by line, progress, and how it ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

from flowc_targets.kubernetes.pod import secret_names

if TYPE_CHECKING:
    from flowc_compiler.ir import ContainerSpec, Flow

Stream = Literal["stdout", "stderr"]
Status = Literal["successful", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class FailedTask:
    """The task whose failure stopped the run."""

    step: str
    index: str
    """Its index path; `-` outside of every foreach."""
    attempt: int
    message: str
    """One line: the exception, or how the process ended."""
    traceback: str
    log: str
    """Where its output is stored; empty where it has printed nothing."""

    @property
    def name(self) -> str:
        """The task as messages name it."""
        return self.step if self.index == "-" else f"{self.step}[{self.index}]"


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended, and where its artifacts are."""

    run_id: str
    status: Status
    root: str
    tasks: int
    """Tasks that finished."""
    seconds: float
    failed: FailedTask | None = None
    reused: int = 0
    """How many of the tasks were taken over from an earlier run."""
    error: str = ""
    """What stopped the run when it was no task."""

    @property
    def ok(self) -> bool:
        """Whether the end step finished."""
        return self.status == "successful"

    @property
    def exit_code(self) -> int:
        """0, 1 for a failure, 130 for an interruption."""
        return {"successful": 0, "failed": 1, "interrupted": 130}[self.status]


class Reporter(Protocol):
    """Shows what happens in a run."""

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
        errors: TextIO | None = sys.stderr
        self._terminal = errors is not None and errors.isatty() and os.environ.get("TERM") != "dumb"

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
        self._put(sys.stdout if stream == "stdout" else sys.stderr, text)
        self._draw()

    def _put(self, file: TextIO | None, text: str) -> None:
        """Write to a stream. The run goes on without one that is closed or fails: the logs are stored."""
        if file is None:
            return
        try:
            try:
                file.write(text)
                file.flush()
            except UnicodeEncodeError:
                file.write(text.encode("ascii", "backslashreplace").decode())
                file.flush()
        except (OSError, ValueError) as error:
            discard(file)
            if file is sys.stdout and not isinstance(error, BrokenPipeError):
                self.note(f"standard output cannot be written: {error}; the output of tasks is in their logs only")

    def _clear(self) -> None:
        if self._terminal and self._status:
            self._put(sys.stderr, "\r\x1b[2K")

    def _draw(self) -> None:
        if self._terminal and self._status:
            self._put(sys.stderr, f"\r\x1b[2K{self._status}")


def discard(file: TextIO) -> None:
    """Let what is written to a stream from now on go nowhere, and what it still holds."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)


def unsupported_locally(flow: Flow) -> list[str]:
    """What decorators request and a local run does not provide, in one line for each kind.

    Resources, placement and images are for other machines: nobody expects them here.
    """
    containers = {step.name: step.specs.container for step in flow.steps if step.specs.container is not None}
    kinds = (
        (
            "packages of @conda and @pypi are not installed: {} in the Python of this run",
            [step.name for step in flow.steps if (spec := step.specs.dependencies) and spec.needed],
        ),
        (
            "Kubernetes Secrets are not read: {} with the variables of this shell",
            [step.name for step in flow.steps if secret_names(step.specs)],
        ),
        (
            "ConfigMaps are not read: {} with the variables of this shell",
            [name for name, container in containers.items() if container.config_maps],
        ),
        (
            "claims, Secrets and ConfigMaps are not mounted: {} with the files that are here",
            [name for name, container in containers.items() if _mounts(container)],
        ),
        (
            "callbacks of Airflow are not called: {} without",
            [step.name for step in flow.steps if step.specs.airflow is not None and step.specs.airflow.callbacks],
        ),
    )
    return [text.format(_subject(steps)) for text, steps in kinds if steps]


def _mounts(container: ContainerSpec) -> bool:
    """Whether a step would find files of others in its pod."""
    return bool(
        container.persistent_volume_claims
        or container.secret_volumes
        or container.config_map_volumes
        or container.host_volumes
    )


def _subject(names: list[str]) -> str:
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{listed} {'runs' if len(names) == 1 else 'run'}"
