"""Runs many random pipelines, and says which differ.

python -m tests.pipelines.many 500 [--seed 1] [--different FOLDER]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
import traceback
from pathlib import Path

from tests.pipelines.comparing import compare
from tests.pipelines.writer import Writer


def write(seed: int) -> str:
    """The pipeline of a seed: every fifth fails."""
    return Writer(random.Random(seed).randrange, failing=seed % 5 == 0).text


def one(seed: int) -> tuple[str, list[str]]:
    """The pipeline of a seed, and what differs."""
    text = write(seed)
    with tempfile.TemporaryDirectory() as folder:
        try:
            return text, compare(text, Path(folder))
        except Exception:  # the others are to run, too
            return text, [traceback.format_exc(limit=-3)]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests.pipelines.many", description=__doc__)
    parser.add_argument("pipelines", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--different", type=Path, default=Path("different"), help="folder for those that differ")
    options = parser.parse_args()
    began, different = time.monotonic(), 0
    for seed in range(options.seed, options.seed + options.pipelines):
        text, found = one(seed)
        if found:
            different += 1
            options.different.mkdir(parents=True, exist_ok=True)
            (options.different / f"{seed}.py").write_text(text, encoding="utf-8")
            (options.different / f"{seed}.txt").write_text("\n".join(found), encoding="utf-8")
            print(f"{seed} differs: {found[0].strip().splitlines()[-1][:300]}", flush=True)
    print(f"{options.pipelines} random pipelines: {different} differ ({time.monotonic() - began:.0f} s)")
    return bool(different)


if __name__ == "__main__":
    raise SystemExit(main())
