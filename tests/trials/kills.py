"""`kill -9` of the engine, of its server of forks or of a task, at random moments of a run and of what resumes it.

Nothing of a killed run is wrong, its state is known, and the run that resumes it ends as if nothing had happened.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from flowc.client import Run
from flowc.errors import FlowError
from tests.trials.sample_runs import FLOW, Ended, Values, begin, finish, make, read_values, write_flow, wrong_final
from tests.trials.trial import Attempt, Choice
from tests.trials.workers import Work, in_workers

PAUSE = 0.05
"""Seconds that a task waits, so that tasks are met at work."""
GENERATIONS = 4
"""How many runs in a row may be killed, before the last is left alone."""
AT_ONCE = 4
"""Runs that are killed at a time: they wait most of theirs."""
ENDING_SECONDS = 20.0
"""In which the tasks of a killed run have ended."""
_OTHERS = "task or server"
"""What is killed beside the engine."""


def trial(choice: Choice) -> Iterator[Attempt]:
    """Kill runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_flow(folder)
        started = time.monotonic()
        ended, run = make(folder, str(folder / "whole"), "run", "flow.py", PAUSE=str(PAUSE))
        seconds = time.monotonic() - started
        assert run is not None, ended.output
        assert not ended.code, ended.output
        values = dict(read_values(run))

        def attempt(number: int) -> list[Attempt]:
            source = random.Random(f"{choice.seed} {number}")
            method = source.choice(["fork", "fork", "spawn"])
            label = f"{number}-{method}"
            if not choice.allows(label):
                return []
            own = folder / str(os.getpid())
            own.mkdir(exist_ok=True)
            write_flow(own)
            story: list[str] = []
            problem = _attempt(own, values, source, seconds, ["--start-method", method], story)
            shutil.rmtree(own / "root", ignore_errors=True)
            return [Attempt(label, problem and f"{'; '.join(story)}: {problem}")]

        yield from in_workers(Work(attempt, attempt), range(choice.count), batch=20, workers=AT_ONCE)


def _attempt(
    folder: Path, values: Values, source: random.Random, seconds: float, options: list[str], story: list[str]
) -> str | None:
    """Run, kill, resume, kill, and so on. Returns what is wrong."""
    root, command = str(folder / "root"), "run"
    for generation in range(GENERATIONS):
        kill = generation < GENERATIONS - 1 and (not generation or source.random() < 0.4)
        told = len(story)
        ended, run = _killed(folder, root, command, options, source, seconds, story, kill=kill)
        problem = _left(run, ended, values, killed=kill, others=any(_OTHERS in line for line in story[told:]))
        if problem or not kill:
            return problem
        if run is not None and not ended.code:
            return None
        if run is None and ended.code >= 0:
            return f"there is no run: {ended.code}, {ended.last}"
        # A run that was killed before it was there leaves the one before, or none.
        command = "run" if run is None and command == "run" else "resume"
    raise AssertionError


def _killed(
    folder: Path, root: str, command: str, options: list[str], source: random.Random, seconds: float,
    story: list[str], *, kill: bool,
) -> tuple[Ended, Run | None]:  # fmt: skip
    file, output = folder / "run-id.txt", folder / "output.txt"
    file.unlink(missing_ok=True)
    arguments = [command, "flow.py", "--root", root, "--run-id-file", str(file), *options]
    process = begin(folder, arguments, output, PAUSE=str(PAUSE))
    seen: set[int] = set()
    if kill:
        for _ in range(source.choice([1, 1, 2])):
            time.sleep(source.random() * seconds)
            tree = _tree(process)
            seen.update(tree)
            victim = source.choice([process, source.choice(tree)]) if tree else process
            kinds = ["engine", *(_OTHERS for _ in tree[1:])]
            story.append(f"{command}, {kinds[tree.index(victim)] if victim in tree else 'engine'} killed")
            with_group = source.random() < 0.1
            _kill(victim, process, group=with_group)
            if victim == process:
                break
    ended = finish(process, output)
    _wait_for_end(seen)
    text = file.read_text() if file.exists() else ""
    run = Run(f"{FLOW}/{text}", root=root) if text and (Path(root) / FLOW / text / "run.json").exists() else None
    return ended, run


def _tree(process: int) -> list[int]:
    """A process and all below it."""
    found = [process]
    for each in found:
        try:
            found += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
        except OSError:
            continue
    return [each for each in found if _alive(each)]


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _kill(victim: int, process: int, *, group: bool) -> None:
    """Kill a process of ours, or all of the group that `process` leads."""
    try:
        if group and victim == process:
            os.killpg(process, signal.SIGKILL)
        else:
            os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _wait_for_end(processes: set[int]) -> None:
    """Wait for what a killed engine has left behind."""
    deadline = time.monotonic() + ENDING_SECONDS
    while any(map(_alive, processes)):
        if time.monotonic() > deadline:
            raise AssertionError(f"processes {sorted(filter(_alive, processes))} go on without their engine")
        time.sleep(0.02)


def _left(run: Run | None, ended: Ended, values: Values, *, killed: bool, others: bool) -> str | None:
    """What is wrong with what a run has left. Where a task or the server was killed, too, it may have failed before."""
    if ended.code in (70, 99) or (ended.code == -signal.SIGKILL and not killed):
        return f"{ended.code}, {ended.last}"
    if run is None:
        return None if killed else f"there is no run: {ended.code}, {ended.last}"
    try:
        status = run.status
        expected = ("lost", "successful") if ended.code < 0 else ("failed",) if ended.code else ("successful",)
        if ended.code < 0 and others:
            expected = (*expected, "failed")
        if status not in expected:
            return f"exit code {ended.code}, and the run is {status}: {ended.last}"
        if not killed and ended.code:
            return f"exit code {ended.code}: {ended.last}"
        for key, value in read_values(run):
            if key in values and not isinstance(value, Exception) and value != values[key]:
                return f"{'/'.join(key)} is {str(value)[:60]}"
            if isinstance(value, Exception) and (
                not isinstance(value, (FlowError, KeyError)) or status == "successful"
            ):
                return f"{'/'.join(key)}: {type(value).__name__}: {value}"
        return wrong_final(run) if status == "successful" else None
    except FlowError as error:
        return f"{type(error).__name__}: {error}"
