"""The flow that trials of runs disturb: what its artifacts must be, and how they are read."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from flowc.client import Run

FLOW = "Sample"
SOURCE = """
    import os, time
    from flowc import FlowSpec, Parameter, retry, step

    def pause():
        time.sleep(float(os.environ.get("PAUSE", "0")))

    def salted(*place):
        return f"{os.environ['SALT']}{place}" * 1000 if "SALT" in os.environ else None

    class Sample(FlowSpec):
        p = Parameter("p", default=7)

        @step
        def start(self):
            self.small = {"a": [1, 2], "p": self.p}
            self.big = list(range(3000))
            self.n = 12
            self.own_start = salted("start")
            pause()
            self.next(self.fan, self.side)

        @step
        def fan(self):
            self.items = [str(index) * 2000 for index in range(6)]
            self.own_fan = salted("fan")
            pause()
            self.next(self.body, foreach="items")

        @retry(times=2, minutes_between_retries=0)
        @step
        def body(self):
            self.length = len(self.input) + self.index
            self.words = [self.input] * 3
            self.own_body = salted("body", self.index)
            pause()
            self.next(self.collect)

        @step
        def collect(self, inputs):
            self.lengths = [each.length for each in inputs]
            self.words = [each.words[0][0] for each in inputs]
            self.own_collect = salted("collect")
            pause()
            self.next(self.both)

        @retry(times=2, minutes_between_retries=0)
        @step
        def side(self):
            self.blob = bytes(range(256)) * 40
            self.own_side = salted("side")
            pause()
            self.next(self.both)

        @step
        def both(self, inputs):
            if "STOP" in os.environ:
                raise ValueError("not yet")
            self.merge_artifacts(inputs)
            self.total = sum(self.lengths) + len(self.big) + len(self.blob) + self.n
            self.own_both = salted("both")
            pause()
            self.next(self.end)

        @step
        def end(self):
            self.all = (self.total, self.words, self.small, self.big[-1], self.blob[-1], self.p)
            self.own_end = salted("end")
            pause()
"""
TASKS = {"start": 1, "fan": 1, "body": 6, "collect": 1, "side": 1, "both": 1, "end": 1}
TOTAL = 12015 + 3000 + 10240 + 12
FINAL = {
    "total": TOTAL,
    "lengths": [2000 + index + (0 if index < 10 else 1) for index in range(6)],
    "words": list("012345"),
    "small": {"a": [1, 2], "p": 7},
    "big": list(range(3000)),
    "blob": bytes(range(256)) * 40,
    "n": 12,
    "all": (TOTAL, list("012345"), {"a": [1, 2], "p": 7}, 2999, 255, 7),
}
"""The artifacts of the step `end`."""
Values = Mapping[tuple[str, str, str], Any]
"""Values by step, index and artifact."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    output: str

    @property
    def last(self) -> str:
        """The end of what it printed, on one line."""
        return " / ".join(self.output.strip().splitlines()[-4:])[-400:]


def write_flow(folder: Path) -> Path:
    """Put the flow's file into a folder."""
    file = folder / "flow.py"
    file.write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    return file


@cache
def _imported() -> Callable[[list[str]], None]:
    """The command line, with what its commands import: once, before the forks."""
    from flowc_cli.__main__ import main

    for command in ("run", "resume", "show", "status", "logs", "fsck", "gc", "rm", "tag", "export", "import_run"):
        import_module(f"flowc_cli.commands.{command}")
    import_module("flowc_cli.app")
    return main


def begin(
    folder: Path, arguments: list[str], output: Path, prepare: Callable[[], None] = lambda: None, /, **environment: str
) -> int:
    """Begin a command of flowc in a process, whose id is that of its group, too; `prepare` is called there before."""
    main = _imported()
    process = os.fork()
    if process:
        return process
    code = 99
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        os.environ.update(environment)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        prepare()
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def finish(process: int, output: Path, seconds: float = 120.0) -> Ended:
    """Wait for a command; one that takes longer is killed, and has the code -9."""

    def kill(*_: object) -> None:
        os.killpg(process, signal.SIGKILL)

    previous = signal.signal(signal.SIGALRM, kill)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        _, status = os.waitpid(process, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    return Ended(os.waitstatus_to_exitcode(status), output.read_text(errors="replace"))


def call(folder: Path, *arguments: str, **environment: str) -> Ended:
    """Run a command of flowc to its end."""
    output = folder / "output.txt"
    return finish(begin(folder, list(arguments), output, **environment), output)


def make(folder: Path, root: str, *command: str, **environment: str) -> tuple[Ended, Run | None]:
    """`flowc run` or `resume` to its end, and the run that this made; `None` where it made none."""
    file = folder / "run-id.txt"
    file.unlink(missing_ok=True)
    ended = call(folder, *command, "--root", root, "--run-id-file", str(file), **environment)
    return ended, Run(f"{FLOW}/{file.read_text()}", root=root) if file.exists() else None


def read_values(run: Run) -> Iterator[tuple[tuple[str, str, str], Any]]:
    """All artifacts of a run, each read by itself: its value, or the error that reading it has raised."""
    for step, count in TASKS.items():
        for index in range(count):
            try:
                task = run[step][str(index)] if count > 1 else run[step].task
                names = task.artifact_names
            except Exception as error:
                yield (step, str(index), "*"), error
                continue
            for name in names:
                try:
                    yield (step, str(index), name), task.value(name)
                except Exception as error:
                    yield (step, str(index), name), error


def wrong_final(run: Run) -> str | None:
    """What is wrong with the artifacts at a run's end."""
    found = run["end"].task
    for name, value in FINAL.items():
        if name not in found.artifact_names:
            return f"the end has no {name!r}"
        got = found.value(name)
        if got != value or type(got) is not type(value):
            return f"{name!r} is {str(got)[:80]}"
    return None
