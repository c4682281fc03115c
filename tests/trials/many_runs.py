"""Runs at once on one root: each has its own values, and the files that they share are right."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from flowc.client import Run
from tests.trials.sample_runs import FLOW, begin, call, finish, write_flow, wrong_final
from tests.trials.trial import Attempt, Choice

AT_ONCE = 4


def trial(choice: Choice) -> Iterator[Attempt]:
    """Make the runs, a few at a time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_flow(folder)
        root = str(folder / "root")
        for first in range(0, choice.count, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, choice.count))
            common = ["run", "flow.py", "--root", root, "--run-id-file"]
            outputs = [folder / f"{number}.txt" for number in numbers]
            begun = [begin(folder, [*common, f"{number}.id"], folder / f"{number}.txt") for number in numbers]
            for number, process, output in zip(numbers, begun, outputs, strict=True):
                ended = finish(process, output)
                problem = f"{ended.code}, {ended.last}" if ended.code else None
                if problem is None:
                    problem = wrong_final(Run(f"{FLOW}/{(folder / f'{number}.id').read_text()}", root=root))
                yield Attempt(str(number), problem)
        checked = call(folder, "fsck", "--root", root)
        if checked.code:
            yield Attempt("fsck", checked.last)
