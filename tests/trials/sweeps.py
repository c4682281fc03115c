"""`flowc gc` beside runs that use old values again, killed at random moments, in a folder and in a bucket.

Each run and each resumed run ends as if nothing else was there, and all that it names is there.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from flowc.client import Run
from flowc.store import open_store
from flowc.store.documents import DATA
from flowc.store.file_store import FileStore
from flowc.store.s3 import S3Store
from flowc_cli import sweeping
from tests.trials.faulty_s3 import ager, scratch
from tests.trials.sample_runs import FLOW, begin, call, finish, make, read_values, write_flow, wrong_final
from tests.trials.trial import Attempt, Choice
from tests.trials.workers import Work, in_workers

OLD = 3 * 86400
"""Seconds by which all that is there is made older."""
AT_ONCE = 4
"""Runs beside one another."""


def trial(choice: Choice) -> Iterator[Attempt]:
    """Collect garbage beside runs."""
    with scratch(choice.seed) as (folder, url):

        def attempt(number: int) -> list[Attempt]:
            source = random.Random(f"{choice.seed} {number}")
            where = source.choice(["folder", "bucket"])
            label = f"{number}-{where}"
            if not choice.allows(label):
                return []
            own = folder / str(number)
            own.mkdir()
            root = str(own / "root") if where == "folder" else f"s3://bucket{number}/p"
            age = (lambda: age_folder(own / "root")) if where == "folder" else ager(url, f"bucket{number}", OLD)
            story: list[str] = []
            counts: dict[str, int] = {}
            problem = _attempt(own, root, age, source, story, counts)
            shutil.rmtree(own, ignore_errors=True)
            counts = {f"{what} ({where})": number for what, number in counts.items()}
            return [Attempt(label, problem and f"{'; '.join(story)}: {problem}", counts=counts)]

        yield from in_workers(Work(attempt, attempt), range(choice.count), batch=5, workers=1)


def age_folder(root: Path) -> None:
    """Let all files of a folder have been written earlier."""
    then = time.time() - OLD
    for file in root.rglob("*"):
        if file.is_file():
            os.utime(file, (then, then))


def _attempt(
    folder: Path, root: str, age: Callable[[], None], source: random.Random, story: list[str], counts: dict[str, int]
) -> str | None:
    """Runs over the values of one that is removed. Returns what is wrong."""
    places = [folder / str(number) for number in range(AT_ONCE)]
    for place in (folder, *places):
        place.mkdir(exist_ok=True)
        write_flow(place)
    begun = [source.choice(["run", "run", "resume"]) for _ in places]
    for place, command in zip(places, begun, strict=True):
        ended, first = make(place, root, "run", "flow.py", SALT=place.name)
        if ended.code or first is None:
            return ended.last
        call(folder, "rm", first.pathspec, "--root", root)
        if command == "resume":
            make(place, root, "run", "flow.py", STOP="1", SALT=place.name)
    age()
    story.append(f"{' '.join(begun)} beside a killed gc")
    processes = [
        begin(
            place,
            [command, "flow.py", "--root", root, "--run-id-file", "id.txt"],
            place / "output.txt",
            PAUSE=str(source.random()),
            SALT=place.name,
        )
        for place, command in zip(places, begun, strict=True)
    ]
    counts["kills"] = _collect_and_kill(folder, root, processes, source)
    story.append(f"{counts['kills']} kills")
    counts["artifacts"] = 0
    for process, place in zip(processes, places, strict=True):
        ended = finish(process, place / "output.txt")
        if ended.code:
            return f"{ended.code}, {ended.last}"
        run = Run(f"{FLOW}/{(place / 'id.txt').read_text()}", root=root)
        found = [value for _, value in read_values(run)]
        counts["artifacts"] += len(found)
        wrong = next((value for value in found if isinstance(value, Exception)), None)
        problem = wrong_final(run) if wrong is None else f"{run.pathspec}: {wrong}"
        if problem:
            return problem
    return _left_over(folder, root, age)


def _collect_and_kill(folder: Path, root: str, runs: Sequence[int], source: random.Random) -> int:
    """`flowc gc`, again and again, until all runs have ended; most of them are killed. Returns how many were."""
    kills = 0
    while any(_works(process) for process in runs):
        output = folder / "gc.txt"
        command = ["gc", "--grace", "12h", "--older-than", "1h", "--root", root]
        collector = begin(folder, command, output, partial(_wait_where_it_harms, source.random()))
        if source.random() < 0.85:
            time.sleep(source.random())
            with suppress(ProcessLookupError):
                os.killpg(collector, signal.SIGKILL)
                kills += 1
        finish(collector, output)
    return kills


def _wait_where_it_harms(seed: float) -> None:
    """Let a collector, in its own process, take its time between what it has seen and what it removes."""
    pauses = random.Random(seed)
    command, sweep = import_module("flowc_cli.commands.gc"), sweeping.sweep

    def sweep_later(*arguments: Any) -> sweeping.Files:
        time.sleep(pauses.random() * 0.8)
        return sweep(*arguments)

    command.sweep = sweep_later  # type: ignore[attr-defined]
    kinds: tuple[Any, ...] = (FileStore, S3Store)
    for kind in kinds:
        kind.delete = _later(kind.delete, pauses)


def _later(delete: Callable[[Any, str], None], pauses: random.Random) -> Callable[[Any, str], None]:
    """Remove a value after a while: its age was looked at before."""

    def delete_later(store: Any, key: str) -> None:
        if f"/{DATA}/" in key and "/leases/" not in key:
            time.sleep(pauses.random() * 0.2)
        delete(store, key)

    return delete_later


def _works(process: int) -> bool:
    """Whether a child has not ended; it stays for whoever waits for it."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def _left_over(folder: Path, root: str, age: Callable[[], None]) -> str | None:
    """What is wrong after one more `flowc gc`, and another that removes all runs."""
    age()
    checked = call(folder, "gc", "--root", root), call(folder, "fsck", "--root", root)
    removed = call(folder, "gc", "--root", root, "--keep", "0")
    wrong = next((ended for ended in (*checked, removed) if ended.code), None)
    if wrong is not None:
        return wrong.last
    left = list(open_store(root).keys(f"{FLOW}/"))
    return f"{left[0]} is left" if left else None
