"""Run trials: inputs and faults by the thousands, most of them random, none of which may do harm.

    tests/trials/run [NAME] [COUNT] [--sample] [--seed N] [--only PREFIX] [--keep FOLDER]

Without a name it runs all of them. Each prints what failed, how many it tried, and the command to repeat them. The exit
code is 1 where one failed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from tests.trials.trial import Attempt, Choice, Trial

SLOWDOWN = 3
"""Of a machine that takes a sample, in CI."""


@dataclass(frozen=True)
class Entry:
    """A trial, which is the function `trial` of the module of its name."""

    what: str
    count: int
    """How many attempts it makes unless the command says; for a table, all of its rows are the most."""
    sample: int
    """How many of them `--sample` makes, in some 15 seconds."""


TRIALS = {
    "archives": Entry("export, import, rm and tag that are killed, in a folder and a bucket", 40, 1),
    "bombs": Entry("files that would take all time or memory if they were evaluated without bounds", 10**6, 16),
    "cached_edits": Entry("edits of a flow with a cache: exactly the tasks run again that have to", 200, 4),
    "cached_runs": Entry("random flows that run twice with a cache, beside a run without", 500, 4),
    "editing": Entry("random edits of examples and tables as an editor makes them, and all that it asks then", 500, 40),
    "fuzz": Entry("token and tree mutations of all examples and tables, through check and both targets", 1000, 150),
    "kills": Entry("kill -9 of engine, server and tasks of a run, and of what resumes it", 100, 3),
    "many_runs": Entry("runs at once on one root", 100, 4),
    "odd_tasks": Entry("tasks that end or misbehave in odd ways, on the local engine and in the simulator", 200, 4),
    "s3": Entry("runs in a bucket whose server flips bits, drops connections, and denies what is there", 40, 3),
    "stores": Entry("one damage to the files of a finished run; then reads, fsck, resume and a new run", 200, 4),
    "strings": Entry("hostile strings through every context of both targets, read back exactly", 200, 10),
    "sweeps": Entry("`flowc gc` that is killed, beside runs that use old values, in a folder and a bucket", 40, 1),
    "values": Entry("names and values by Hypothesis, through both targets", 1000, 20),
}
"""All trials. A new one is a module with a function `trial` and a row here."""


def load_trial(name: str) -> Trial:
    """The function of a trial."""
    found: Trial = import_module(f"tests.trials.{name}").trial
    return found


def run_trial(name: str, choice: Choice, keep: Path | None) -> int:
    """Make the attempts of a trial and print what fails. Returns how many failed."""
    started = time.monotonic()
    tried = failed = 0
    counts: Counter[str] = Counter()
    for attempt in load_trial(name)(choice):
        tried += 1
        counts.update(attempt.counts)
        if attempt.problem is not None:
            failed += 1
            print(f"{name} {attempt.name}: {attempt.problem}{_kept(name, attempt, keep)}", flush=True)
    only = "".join(f" --only {prefix}" for prefix in choice.names)
    again = f"tests/trials/run {name} {choice.count} --seed {choice.seed}{only}"
    done = "".join(f", {what} {number}" for what, number in sorted(counts.items()))
    print(
        f"{name}: tried {tried}, failed {failed}{done}, {time.monotonic() - started:.0f} s; again: {again}", flush=True
    )
    return failed


def _kept(name: str, attempt: Attempt, keep: Path | None) -> str:
    if not attempt.files:
        return ""
    folder = Path(keep or tempfile.mkdtemp(prefix="trials-")) / f"{name}-{attempt.name}".replace("/", "_")[:100]
    for path, content in attempt.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return f" (kept in {folder})"


def main(arguments: list[str]) -> int:
    """Run what the arguments name, and return the exit code."""
    table = "\n".join(f"  {name:9} {entry.what}" for name, entry in TRIALS.items())
    parser = argparse.ArgumentParser(
        "tests/trials/run", description=f"{__doc__}\n{table}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=TRIALS, metavar="NAME")
    parser.add_argument("count", nargs="?", type=int, metavar="COUNT", help="how many attempts")
    parser.add_argument("--seed", type=int, help="repeats the attempts of an earlier trial")
    parser.add_argument("--only", action="append", default=[], metavar="PREFIX", help="attempts of such names")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to keep the files of what fails")
    parser.add_argument("--sample", action="store_true", help="as few as CI makes, on a machine that may be busy")
    options = parser.parse_args(arguments)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    failed = 0
    for name in [options.name] if options.name else TRIALS:
        usual = TRIALS[name].sample if options.sample else TRIALS[name].count
        count = usual if options.count is None else options.count
        choice = Choice(count, seed, tuple(options.only), SLOWDOWN if options.sample else 1)
        failed += run_trial(name, choice, options.keep)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
