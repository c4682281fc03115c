"""Runs many random flows on real Airflow and on the local engine, and says which differ.

python -m tests.airflow.many 60 [--version 3.3|2.11] [--seed 1] [--batch] [--cached] [--different FOLDER]

The flows are those of `python -m tests.cluster.many`, whose recursive steps have a bound, since a
DAG has a task for each time. Most run in one process of Airflow; the first one and some others by `airflow dags test`.
What the table calls pods are the tasks that Airflow ran.
"""

from __future__ import annotations

import argparse
import ast
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis.errors import NonInteractiveExampleWarning

from tests.airflow.engine import Airflow
from tests.airflow.on_airflow import OnAirflow
from tests.cluster.drawing import KINDS, draw
from tests.cluster.fused_draws import fused, with_other_pods
from tests.cluster.many import Tally, run, summary

if TYPE_CHECKING:
    from tests.cluster.drawing import Drawn

MOST_ITERATIONS = 4
"""One more than a random flow ever makes."""


def bounded(drawn: Drawn) -> Drawn:
    """The same flow with `@loop` at its recursive steps."""
    lines = drawn.text.splitlines(keepends=True)
    loops = [
        item.decorator_list[0].lineno - 1
        for item in ast.walk(ast.parse(drawn.text))
        if isinstance(item, ast.FunctionDef) and item.decorator_list and _repeats(item)
    ]
    for number in sorted(loops, reverse=True):
        lines.insert(number, f"    @loop(max_iterations={MOST_ITERATIONS})\n")
    if loops:
        lines.insert(0, "from flowc import loop\n")
    return replace(drawn, text="".join(lines))


def _repeats(step: ast.FunctionDef) -> bool:
    """Whether one of the ways on from a step leads to the step itself."""
    ways = [way for call in ast.walk(step) if isinstance(call, ast.Dict) for way in call.values]
    return any(isinstance(way, ast.Attribute) and ast.unparse(way) == f"self.{step.name}" for way in ways)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.airflow.many", description=__doc__)
    parser.add_argument("flows", type=int, help="how many")
    parser.add_argument("--version", choices=["3.3", "2.11"], default="3.3", help="which of tests/airflow/setup")
    parser.add_argument("--seed", type=int, default=1, help="where to begin to draw")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of flow, by turns")
    parser.add_argument("--most-tasks", type=int, default=40, help="larger flows are passed over")
    parser.add_argument("--batch", action="store_true", help="flows with a foreach, with random batches of its items")
    parser.add_argument("--cached", action="store_true", help="run each flow twice, with a cache of all of its steps")
    parser.add_argument("--timeout", type=float, default=300, help="seconds that a run may take")
    parser.add_argument("--fuse", action="store_true", help="with random fusions")
    parser.add_argument("--different", type=Path, default=Path("different"), help="folder for flows that differ")
    return parser.parse_args()


def main() -> int:
    """Run, print, and say by the exit code whether all is the same."""
    arguments = options()
    warnings.simplefilter("ignore", NonInteractiveExampleWarning)
    began = time.monotonic()
    tally = Tally(arguments.different)
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder, "template")
        template.mkdir()
        where = OnAirflow(Airflow.of_series(arguments.version, template), Path(folder), arguments.timeout)
        try:
            drawn = map(bounded, draw(arguments.seed, arguments.kinds.split(",")))
            drawn = map(fused, drawn) if arguments.fuse else drawn
            drawn = map(with_other_pods, drawn) if arguments.batch else drawn
            run(
                drawn,
                arguments.flows,
                arguments.most_tasks,
                where,
                tally,
                batched=arguments.batch,
                cached=arguments.cached,
            )
        finally:
            where.close()
            print(f"Airflow {arguments.version}, {where.by_command} by airflow dags test:")
            print(summary(tally, time.monotonic() - began))
    return bool(tally.count("differs", "hung")) or tally.ran < arguments.flows


if __name__ == "__main__":
    raise SystemExit(main())
