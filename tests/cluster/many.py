"""Runs many random flows on the cluster and on the local engine, and says which differ.

python -m tests.cluster.many 60 [--seed 1] [--simulate] [--batch] [--cached] [--different FOLDER]

A flow that Argo cannot express is counted as refused, never as the same; one that takes more pods than `--most-pods`
is passed over. With `--batch`, random steps need another pod, so that some batches have the first part of a body
only. With `--simulate`, what `flowc simulate` makes of the manifests is compared instead.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import traceback
import uuid
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from hypothesis.errors import NonInteractiveExampleWarning

from tests.cluster.cluster import Cluster
from tests.cluster.drawing import KINDS, draw
from tests.cluster.fused_draws import fused, with_other_pods
from tests.cluster.on_cluster import OnCluster
from tests.cluster.on_simulator import OnSimulator
from tests.cluster.random_runs import Case, Elsewhere, State, compile_case, run_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.drawing import Drawn

MOST_DRAWN = 30
"""Flows drawn for each one wanted, before giving up."""
PAUSE = 2.0
"""Seconds between looks."""


@dataclass
class Tally:
    """What has been seen so far."""

    different: Path
    cases: list[Case] = field(default_factory=list[Case])

    def count(self, *states: State) -> int:
        """How many ended so."""
        return sum(case.state in states for case in self.cases)

    @property
    def ran(self) -> int:
        """Flows that ran elsewhere."""
        return self.count("same", "differs", "hung")

    def add(self, case: Case) -> None:
        """Keep a case, and the text of one that differs."""
        self.cases.append(case)
        if case.state == "large":
            return
        attempts, end = case.attempts, "succeeds" if case.local.ok else "fails"
        row = f"{self.ran:4} {case.drawn.name:16} {case.state!s:8} {end:9} {attempts:3} tasks {case.pods:3} pods"
        row += f", {case.taken[0]:3} of {case.taken[1]:3} from the cache" if case.cached else ""
        first = case.found[0].splitlines()[0][:150] if case.found and case.found[0] else ""
        print(f"{row} {case.seconds:4.0f} s  {first}", flush=True)
        if case.state in {"differs", "hung"}:
            self.different.mkdir(parents=True, exist_ok=True)
            heading = f"# parameters: {dict(case.drawn.parameters)}; {' '.join(case.sharing)}\n"
            (self.different / f"{case.drawn.name}.py").write_text(heading + case.drawn.text, encoding="utf-8")
            (self.different / f"{case.drawn.name}.txt").write_text("\n".join(case.found), encoding="utf-8")


def run(
    drawn: Iterator[Drawn],
    wanted: int,
    most_pods: int,
    where: Elsewhere,
    tally: Tally,
    *,
    batched: bool = False,
    cached: bool = False,
) -> Tally:
    """Run flows until there are as many as wanted; with `batched` those with a foreach, whose items share pods.

    With `cached` each runs twice, the second time with what the first one has left in the cache.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, each in zip(range(wanted * MOST_DRAWN), drawn, strict=False):
            while tally.ran + where.busy >= wanted or not where.room:
                _wait(where, tally)
                if tally.ran >= wanted:
                    return tally
            case = run_here(each, Path(folder) / str(number), batched=batched, cached=cached)
            _begin(case, most_pods, where, tally, batched=batched)
            _collect(where, tally)
        while where.busy:
            _wait(where, tally)
    return tally


def _wait(where: Elsewhere, tally: Tally) -> None:
    time.sleep(PAUSE)
    _collect(where, tally)


def _collect(where: Elsewhere, tally: Tally) -> None:
    for case in where.poll():
        tally.add(case)


def _begin(case: Case, most_pods: int, where: Elsewhere, tally: Tally, *, batched: bool) -> None:
    """Start one elsewhere that has run here."""
    if case.attempts > most_pods or (batched and not case.sharing):
        case.state = "large"
        tally.add(case)
        return
    manifest = compile_case(case, where)
    if manifest is None:
        tally.add(case)
        return
    try:
        where.start(case, manifest)
    except AssertionError:  # the API server refuses what flowc printed
        case.state, case.found = "differs", [traceback.format_exc(limit=-1)]
        tally.add(case)


def summary(tally: Tally, seconds: float) -> str:
    """The last line: all counts."""
    ran = [case for case in tally.cases if case.state in {"same", "differs", "hung"}]
    states = Counter(case.state for case in tally.cases)
    counts = ", ".join(f"{states[state]} {state}" for state in get_args(State))
    kinds = Counter(case.drawn.name.split("-")[0] for case in ran)
    drawn = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    failing = sum(not case.local.ok for case in ran)
    tasks, pods = sum(case.attempts for case in ran), sum(case.pods for case in ran)
    return (
        f"{len(ran)} random flows ({drawn}), {failing} of them to fail, {tasks} attempts of tasks, {pods} pods: "
        f"{counts} ({seconds:.0f} s)"
    )


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.many", description=__doc__)
    parser.add_argument("flows", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="where to begin to draw")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of flow, by turns")
    parser.add_argument("--at-once", type=int, default=10, help="workflows at a time")
    parser.add_argument("--most-pods", type=int, default=25, help="larger flows are passed over")
    parser.add_argument("--silence", type=float, default=900, help="seconds without a change before one is stopped")
    parser.add_argument("--different", type=Path, default=Path("different"), help="folder for flows that differ")
    parser.add_argument("--batch", action="store_true", help="flows with a foreach, with random batches of its items")
    parser.add_argument("--cached", action="store_true", help="run each flow twice, with a cache of all of its steps")
    parser.add_argument("--simulate", action="store_true", help="with flowc simulate, without a cluster")
    parser.add_argument("--fuse", action="store_true", help="with random fusions")
    parser.add_argument("--prefix", default="random", help="folder in the bucket")
    return parser.parse_args()


def main() -> int:
    """Run, print, and say by the exit code whether all is the same."""
    asked = options()
    warnings.simplefilter("ignore", NonInteractiveExampleWarning)
    if "FLOWC_S3_OUTSIDE" in os.environ:
        os.environ.update({"AWS_ENDPOINT_URL": os.environ["FLOWC_S3_OUTSIDE"], "AWS_ALLOW_HTTP": "true"})
    began = time.monotonic()
    cluster = Cluster(f"{asked.prefix}/{uuid.uuid4().hex[:6]}")
    where: Elsewhere = OnSimulator() if asked.simulate else OnCluster(cluster, asked.at_once, asked.silence)
    tally = Tally(asked.different)
    try:
        drawn = draw(asked.seed, asked.kinds.split(","))
        drawn = map(fused, drawn) if asked.fuse else drawn
        drawn = map(with_other_pods, drawn) if asked.batch else drawn
        run(drawn, asked.flows, asked.most_pods, where, tally, batched=asked.batch, cached=asked.cached)
    finally:
        cluster.clean_up()
        print(summary(tally, time.monotonic() - began))
    return bool(tally.count("differs", "hung")) or tally.ran < asked.flows


if __name__ == "__main__":
    raise SystemExit(main())
