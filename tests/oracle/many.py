"""Runs many random flows on both sides and says which differ. See `tests/oracle/run`."""

from __future__ import annotations

import argparse
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import NonInteractiveExampleWarning

from tests.flowgen.details import RichFlow, rich_flows
from tests.flowgen.rich import NAME, Writer
from tests.oracle.engine import Outcome, compare

BATCH = 25
"""Flows of one seed. What is drawn depends on the seed alone, not on what earlier flows did."""


@dataclass
class Tally:
    """What has been seen so far."""

    flows: int = 0
    failed: int = 0
    """Flows that failed, in the same way on both."""
    tasks: int = 0
    different: list[str] = field(default_factory=list[str])
    known: set[str] = field(default_factory=set[str])
    """Source and parameters of what has run: a flow that is drawn again does not count."""


def run(seeds: range, wanted: int, folder: Path) -> Tally:
    """Run flows of these seeds until there are as many as wanted. Those that differ are written to the folder."""
    tally = Tally()
    for number in seeds:
        if tally.flows >= wanted:
            break
        _batch(number, min(BATCH, wanted - tally.flows), tally, folder)
        print(
            f"seed {number}: {tally.flows} flows, {tally.tasks} tasks, {tally.failed} failed on both, "
            f"{len(tally.different)} differ",
            flush=True,
        )
    return tally


def _batch(number: int, count: int, tally: Tally, folder: Path) -> None:
    @seed(number)
    @settings(
        deadline=None,
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(rich_flows())
    def batch(flow: RichFlow) -> None:
        _one(f"{number}-{tally.flows}", flow, tally, folder)

    batch()


def _one(name: str, flow: RichFlow, tally: Tally, folder: Path) -> None:
    text = Writer(flow).source
    source = f"# parameters: {flow.params}\n{text}"
    if source in tally.known:
        return
    tally.known.add(source)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "rich_flow.py"
        file.write_text(text, encoding="utf-8")
        try:
            theirs, found = compare(file, NAME, flow.params, warm=True)
        except Exception:  # the other flows of the seed are to run, too
            theirs, found = Outcome(False, {}, ""), [traceback.format_exc()]
    tally.flows += 1
    tally.tasks += len(theirs.tasks)
    tally.failed += not theirs.ok
    if found:
        tally.different.append(name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        (folder / f"{name}.txt").write_text("\n".join(found), encoding="utf-8")
        print(f"{name} differs ({folder / name}.py):\n  " + "\n  ".join(line[:300] for line in found[:3]), flush=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/oracle/run", description=__doc__)
    parser.add_argument("flows", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="the first seed; each gives 25 flows")
    parser.add_argument("--different", type=Path, default=Path("different"), help="folder for flows that differ")
    options = parser.parse_args()
    warnings.simplefilter("ignore", NonInteractiveExampleWarning)
    began = time.monotonic()
    seeds = range(options.seed, options.seed + options.flows)
    tally = run(seeds, options.flows, options.different)
    print(
        f"{tally.flows} different random flows, {tally.tasks} tasks on Metaflow, {tally.failed} flows failed on both: "
        f"{len(tally.different)} differ ({time.monotonic() - began:.0f} s)"
    )
    return bool(tally.different)


if __name__ == "__main__":
    raise SystemExit(main())
