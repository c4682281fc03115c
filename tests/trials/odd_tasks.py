"""Tasks that end or misbehave in odd ways, on the local engine and in `flowc simulate`.

The engine ends in time and so does all that it has started, the run's state and exit code are right, what failed is
named with its reason, no other value is wrong, and the run that resumes it ends as if nothing had happened.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from flowc.client import Run
from flowc.errors import FlowError
from tests.trials.odd_flow import FLOW, LAST, PLACES, write_flow
from tests.trials.odd_rows import ROWS, Row
from tests.trials.sample_runs import Ended, begin, finish
from tests.trials.trial import Attempt, Choice

ENGINES = ("fork", "spawn", "simulate", "fresh")
"""The local engine with both ways to start tasks; the simulator with forked pods and with new ones."""
SECONDS = 30.0
"""A run takes no longer than that, nor does what resumes it."""
GRACE = "5"
"""Seconds by which a task may outlive its timeout: a busy machine takes some to begin it."""
ENDING_SECONDS = 5.0
"""In which the processes of a run have ended that it left behind."""
_OURS = re.compile(r'File "[^"]*(?:flowc_targets|flowc_cli|flowc/(?:shim|store|client|protocol)/)[^"]*", line \d+, in')
"""A frame of flowc's own code; faulthandler's have no comma."""


class Case(NamedTuple):
    """One odd run."""

    row: Row
    place: str
    engine: str

    @property
    def name(self) -> str:
        """Finds it again."""
        return f"{self.row.name}.{self.place}.{self.engine}"

    @property
    def local(self) -> bool:
        """Whether the local engine runs it."""
        return self.engine in ("fork", "spawn")

    @property
    def fails(self) -> bool:
        """Whether the run has to fail."""
        ends_well = self.row.code == 0 and not self.local  # an engine of pods takes the exit code for it
        return self.row.reason is not None and (self.place in ("step", "child") or ends_well)


def cases() -> Iterator[Case]:
    """All of them."""
    return (Case(row, place, engine) for row in ROWS for place in PLACES for engine in ENGINES)


def trial(choice: Choice) -> Iterator[Attempt]:
    """Try random ones, each once before any is tried twice; with a name all that begin with it."""
    chosen = list(cases())
    random.Random(choice.seed).shuffle(chosen)
    for case in [case for case in chosen if choice.allows(case.name)][: choice.count]:
        with tempfile.TemporaryDirectory() as name:
            problem, output = _Runs(Path(name), case, SECONDS * choice.slowdown).problem()
            files = {"flow.py": (Path(name) / "flow.py").read_bytes(), "output": output} if problem else {}
            yield Attempt(case.name, problem, files)


class _Runs:
    """The odd run and the one that resumes it, in a folder."""

    def __init__(self, folder: Path, case: Case, seconds: float) -> None:
        self.folder = folder
        self.case = case
        self.seconds = seconds
        self.root = str(folder / "root")
        self.outputs: list[str] = []

    def problem(self) -> tuple[str | None, bytes]:
        """What is wrong, and what was printed."""
        write_flow(self.folder, self.case.row, self.case.place)
        try:
            found = self._problem()
        finally:
            for process in _marked(self.folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        return found, "\n".join(self.outputs).encode(errors="replace")

    def _problem(self) -> str | None:
        ended, run = self._run() if self.case.local else self._simulate()
        if run is None:
            return f"there is no run: exit code {ended.code}, {ended.last}"
        try:
            return (
                self._wrong_end(ended, run)
                or self._wrong_values(run)
                or self._left_behind()
                or self._damaged(run)
                or (self._wrong_resumed(run) if ended.code else None)
            )
        except (FlowError, AttributeError, KeyError, TypeError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    def _call(self, *arguments: str, **environment: str) -> Ended:
        output = self.folder / "output.txt"
        process = begin(self.folder, [*arguments], output, ODD_TRIAL=str(self.folder), **environment)
        ended = finish(process, output, self.seconds)
        self.outputs.append(ended.output[:100_000])
        return ended

    def _run(self, *command: str, **environment: str) -> tuple[Ended, Run | None]:
        file = self.folder / "run-id.txt"
        file.unlink(missing_ok=True)
        method = ["--start-method", "spawn"] if self.case.engine == "spawn" else []
        command = command or ("run", "flow.py", *method)
        grace = ("--timeout-grace", GRACE)
        ended = self._call(*command, *grace, "--root", self.root, "--run-id-file", str(file), **environment)
        return ended, self._opened(file.read_text() if file.exists() else "")

    def _simulate(self) -> tuple[Ended, Run | None]:
        compiled = self._call("compile", "flow.py", "--target", "argo", "--root", self.root, "-o", "flow.yaml")
        if compiled.code:
            return compiled, None
        fresh = ["--fresh"] if self.case.engine == "fresh" else []
        options = ["--backoff", "0", "--timeout-grace", GRACE, "--uid", "odd", *fresh]
        return self._call("simulate", "flow.yaml", *options), self._opened("argo-odd")

    def _opened(self, run: str) -> Run | None:
        return Run(f"{FLOW}/{run}", root=self.root) if run and (Path(self.root) / FLOW / run).is_dir() else None

    def _wrong_end(self, ended: Ended, run: Run) -> str | None:
        """What is wrong with how the engine has ended, and with what it says."""
        row = self.case.row
        if ended.code == -signal.SIGKILL:
            return f"takes more than {self.seconds:g} s: {ended.last}"
        if ended.code not in ((1,) if self.case.fails and not row.either else (0, 1) if self.case.fails else (0,)):
            return f"exit code {ended.code}: {ended.last}"
        if ours := _OURS.search(ended.output):
            return f"a traceback of flowc's own code: {ours[0]}"
        if run.status != ("failed" if ended.code else "successful") and not self._failed_after_its_end(run):
            return f"exit code {ended.code}, and the run is {run.status}: {ended.last}"
        return self._wrong_reason(ended, run) if ended.code else None

    def _failed_after_its_end(self, run: Run) -> bool:
        """Whether a pod has failed whose task had ended well: only its engine knows that."""
        return not self.case.local and all(task.committed for step in run for task in step)

    def _wrong_reason(self, ended: Ended, run: Run) -> str | None:
        row, step = self.case.row, "child" if self.case.place == "child" else "odd"
        if not re.search(rf"\b{step}\b", ended.output):
            return f"does not name the step: {ended.last}"
        reason = row.reason or ""
        if not self.case.local and row.code is not None:
            reason = f"{reason}|exit code {row.code}|have not finished: odd"
        if not re.search(reason, ended.output):
            return f"does not name the reason: {ended.last}"
        task = run[step]["1"] if step == "child" else run[step].task
        recorded = task.exception
        if self.case.local and not (task.committed or recorded):
            return "the task has no failure"
        return None

    def _wrong_values(self, run: Run) -> str | None:
        """What is wrong with the values of tasks that are not odd."""
        row = self.case.row
        expected = {"start": ("base", 41), "left": ("value", 42), "odd": ("before", 7)}
        if self.case.place == "catch":
            del expected["odd"]  # a fallback calls no code
        for task in (task for step in run for task in step):
            name, value = expected.get(task.step, ("", None))
            if task.committed and name and task.value(name) != value:
                return f"{task.step}/{name} is {task.value(name)!r}"
            if task.committed and task.step == "child" and task.value("double") != 2 * ((task.index or 0) + 1):
                return f"child/{task.index} is {task.value('double')!r}"
        if run.status == "successful":
            return self._wrong_last(run, partial=self.case.place == "catch" and row.reason is not None)
        return None

    def _wrong_last(self, run: Run, *, partial: bool) -> str | None:
        last = tuple(run["end"].task.value("last"))
        good = last == LAST or (partial and (*last[:2], last[4]) == (*LAST[:2], LAST[4]))
        return None if good else f"the last value is {last}"

    def _left_behind(self) -> str | None:
        """The processes that go on after the run."""
        if self.case.row.escapes:
            return None
        deadline = time.monotonic() + ENDING_SECONDS
        while left := _marked(self.folder):
            if time.monotonic() > deadline:
                return f"processes go on: {', '.join(map(_command, left))}"
            time.sleep(0.05)
        return None

    def _damaged(self, run: Run) -> str | None:
        checked = self._call("fsck", run.pathspec, "--root", self.root)
        return f"fsck: {checked.code}, {checked.last}" if checked.code else None

    def _wrong_resumed(self, run: Run) -> str | None:
        """What is wrong with the run that resumes the odd one, in which nothing is odd."""
        ended, resumed = self._run("resume", "flow.py", "--origin-run-id", run.id, ODD="no")
        if ended.code or resumed is None:
            return f"resume: {ended.code}, {ended.last}"
        if resumed.status != "successful":
            return f"the resumed run is {resumed.status}"
        problem = self._wrong_last(resumed, partial=False)
        return problem and f"resumed: {problem}"


def _marked(folder: Path) -> list[int]:
    """The processes that have begun in a run of this folder."""
    mark, found = f"ODD_TRIAL={folder}\0".encode(), list[int]()
    for name in (path.name for path in Path("/proc").iterdir() if path.name.isdigit()):
        with contextlib.suppress(OSError):
            if mark in Path(f"/proc/{name}/environ").read_bytes() and not _is_zombie(name):
                found.append(int(name))
    return found


def _is_zombie(process: str) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"


def _command(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:80]
    return str(process)
