"""`flowc export`, `import`, `rm`, `tag` and `gc` that are killed at random moments, from and to folders and buckets.

After each, a run is there as a whole or not at all, an archive is right or not there, and tags are those of before or
after. The run that is exported is never harmed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from flowc.client import Run
from flowc.errors import NotFound
from flowc.store import open_store
from flowc.store.file_store import FileStore
from flowc.store.s3 import S3Store
from tests.trials.faulty_s3 import ager, scratch
from tests.trials.sample_runs import FLOW, begin, call, finish, make, read_values, write_flow, wrong_final
from tests.trials.sweeps import OLD, age_folder
from tests.trials.trial import Attempt, Choice
from tests.trials.workers import Work, in_workers

CALLS = 8
"""Commands that are killed in an attempt."""


def trial(choice: Choice) -> Iterator[Attempt]:
    """Move runs between stores."""
    with scratch(choice.seed) as (folder, url):

        def attempt(number: int) -> list[Attempt]:
            source = random.Random(f"{choice.seed} {number}")
            kinds = [source.choice(["folder", "bucket"]) for _ in range(2)]
            label = f"{number}-{'-'.join(kinds)}"
            if not choice.allows(label):
                return []
            own = folder / str(number)
            own.mkdir()
            roots = [
                str(own / f"root{place}") if kind == "folder" else f"s3://bucket{number}-{place}/p"
                for place, kind in enumerate(kinds)
            ]
            age = partial(age_folder, Path(roots[1])) if kinds[1] == "folder" else ager(url, f"bucket{number}-1", OLD)
            moves = _Moves(own, roots[0], roots[1], age, source)
            problem = moves.attempt()
            shutil.rmtree(own, ignore_errors=True)
            return [Attempt(label, problem and f"{'; '.join(moves.story)}: {problem}", counts=moves.counts)]

        yield from in_workers(Work(attempt, attempt), range(choice.count), batch=5, workers=1)


class _Moves:
    """A run of one store, which is moved to another one and removed there, again and again."""

    def __init__(self, folder: Path, here: str, there: str, age: Callable[[], None], source: random.Random) -> None:
        self._folder = folder
        self._here = here
        self._there = there
        self._age = age
        self._source = source
        self._run = ""
        self._tags: set[str] = set()
        self.story: list[str] = []
        self.counts: dict[str, int] = {}

    def attempt(self) -> str | None:
        """What is wrong."""
        write_flow(self._folder)
        ended, run = make(self._folder, self._here, "run", "flow.py")
        if ended.code or run is None:
            return ended.last
        self._run = run.id
        problem = self._complete("export", *self._export("good.tar"))
        kinds = [self._killed_export, self._killed_import, self._killed_import, self._killed_removal, self._killed_tag]
        for _ in range(CALLS):
            problem = problem or self._source.choice(kinds)() or self._harm()
        return problem or self._end()

    def _export(self, name: str) -> tuple[str, ...]:
        return (f"{FLOW}/{self._run}", "-o", name, "--root", self._here)

    def _complete(self, *command: str) -> str | None:
        """What is wrong with a command that is not killed."""
        ended = call(self._folder, *command)
        return f"{' '.join(command)}: {ended.code}, {ended.last}" if ended.code else None

    def _kill(self, *command: str) -> str | None:
        """Begin a command, which takes its time, and kill it. Returns what is wrong where it has ended before."""
        output = self._folder / "output.txt"
        process = begin(self._folder, list(command), output, partial(_take_time, self._source.random()))
        time.sleep(self._source.random() * 1.2)
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
        ended = finish(process, output)
        killed = ended.code == -signal.SIGKILL
        self.story.append(f"{command[0]} {'killed' if killed else 'ended'}")
        self.counts[f"killed {command[0]}"] = self.counts.get(f"killed {command[0]}", 0) + killed
        return None if killed or not ended.code else f"{command[0]}: {ended.code}, {ended.last}"

    def _killed_export(self) -> str | None:
        file = self._folder / "try.tar"
        file.unlink(missing_ok=True)
        problem = self._kill("export", *self._export("try.tar"))
        if problem is None and file.exists() and file.read_bytes() != (self._folder / "good.tar").read_bytes():
            return "the archive is not that of before"
        return problem

    def _killed_import(self) -> str | None:
        if self._is_there():
            return self._killed_removal()
        return self._kill("import", "good.tar", "--root", self._there)

    def _killed_removal(self) -> str | None:
        if not self._is_there():
            problem = self._complete("import", "good.tar", "--root", self._there)
            if problem is not None:
                return problem
        if self._source.random() < 0.5:
            return self._kill("rm", f"{FLOW}/{self._run}", "--root", self._there)
        self._age()
        return self._kill("gc", "--keep", "0", "--root", self._there)

    def _killed_tag(self) -> str | None:
        tag = str(len(self.story))
        problem = self._kill("tag", f"{FLOW}/{self._run}", tag, "--root", self._here)
        found = set(Run(f"{FLOW}/{self._run}", root=self._here).user_tags)
        if found not in (self._tags, self._tags | {tag}):
            return f"the tags are {found}"
        self._tags = found
        return problem or self._complete("export", *self._export("good.tar"))

    def _is_there(self) -> bool:
        try:
            Run(f"{FLOW}/{self._run}", root=self._there)
        except NotFound:
            return False
        return True

    def _harm(self) -> str | None:
        """What is wrong with the run, or with what is to be seen of it in the other store."""
        for root in (self._here, *([self._there] if self._is_there() else [])):
            run = Run(f"{FLOW}/{self._run}", root=root)
            found = [value for _, value in read_values(run)]
            self.counts["artifacts"] = self.counts.get("artifacts", 0) + len(found)
            wrong = next((value for value in found if isinstance(value, Exception)), None)
            problem = wrong_final(run) if wrong is None else str(wrong)
            if problem or (set(run.user_tags) != self._tags and root == self._here):
                return problem or f"the tags are {set(run.user_tags)}"
        checks = (self._complete("fsck", "--root", root) for root in (self._here, self._there))
        return next((problem for problem in checks if problem and "there is no" not in problem), None)

    def _end(self) -> str | None:
        """What is wrong with an import of what is left, and after the removal of all runs."""
        problem = None if self._is_there() else self._complete("import", "good.tar", "--root", self._there)
        problem = problem or self._harm()
        self._age()
        problem = problem or self._complete("gc", "--root", self._there, "--keep", "0")
        left = list(open_store(self._there).keys(f"{FLOW}/"))
        return problem or (f"{left[0]} is left" if left else None)


def _take_time(seed: float) -> None:
    """Let each write and removal of this process take a while."""
    pauses = random.Random(seed)

    def slowly(call: Callable[..., Any]) -> Callable[..., Any]:
        def later(*arguments: Any) -> Any:
            time.sleep(pauses.random() * 0.06)
            return call(*arguments)

        return later

    kinds: tuple[Any, ...] = (FileStore, S3Store)
    for kind in kinds:
        kind.write, kind.delete, kind.read = slowly(kind.write), slowly(kind.delete), slowly(kind.read)
