"""Run tables of variants, and say which answers differ.

    tests/variants/run [TABLE...] [--name TEXT] [--here] [--simulate] [--argo] [--every N] [--workers N]

Without an engine it asks `flowc run` and `flowc simulate`. The exit code is 1 where an answer differs.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path

from tests.variants.variant import ENGINES, Variant, in_folder, right_answer

_NO_TABLES = {"__init__", "__main__", "variant", "test_variants"}
TABLES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in _NO_TABLES))
"""The names of the tables: the modules of this folder."""


def table(name: str) -> tuple[Variant, ...]:
    """The variants of a table, whose names are unique."""
    variants: tuple[Variant, ...] = import_module(f"tests.variants.{name}").VARIANTS
    names = [variant.name for variant in variants]
    assert len(set(names)) == len(names), f"{name} has two variants of one name"
    return variants


def differences(variant: Variant, engines: list[str]) -> list[str]:
    """What differs, for people; nothing where all is the same."""
    right = right_answer(variant)
    found = [(engine, in_folder(ENGINES[engine], variant)) for engine in engines]
    wrong = [f"  {engine}: {list(answer)}" for engine, answer in found if answer != right]
    return [f"{variant.name}: right is {list(right)}", *wrong] if wrong else []


def main() -> int:
    """Run what the arguments name, and return the exit code."""
    parser = argparse.ArgumentParser(prog="tests/variants/run", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--name", default="", help="only variants whose name contains this")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth variant")
    parser.add_argument("--workers", type=int, default=2, help="variants at a time")
    for engine in ENGINES:
        parser.add_argument(f"--{engine}", action="append_const", dest="engines", const=engine)
    options = parser.parse_args()
    engines = options.engines or ["here", "simulate"]
    failed = tried = 0
    with ThreadPoolExecutor(options.workers) as pool:
        for name in options.tables or TABLES:
            chosen = [variant for variant in table(name) if options.name in variant.name][:: options.every]
            wrong = [lines for lines in pool.map(partial(differences, engines=engines), chosen) if lines]
            for lines in wrong:
                print(*lines, sep="\n", flush=True)
            print(f"{name}: {len(chosen)} variants on {' and '.join(engines)}, {len(wrong)} differ", flush=True)
            failed, tried = failed + len(wrong), tried + len(chosen)
    print(f"{tried} tried, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
