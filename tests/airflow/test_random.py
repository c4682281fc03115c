"""A few random flows on real Airflow; `python -m tests.airflow.many` runs as many as one likes."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from hypothesis.errors import NonInteractiveExampleWarning

from flowc_compiler.driver import compile_file
from tests.airflow.engine import Airflow
from tests.airflow.many import MOST_ITERATIONS, bounded
from tests.airflow.on_airflow import OnAirflow
from tests.cluster.drawing import draw
from tests.cluster.many import Tally, run

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{NonInteractiveExampleWarning.__module__}.NonInteractiveExampleWarning"
)


def test_recursive_steps_get_the_bound_of_their_iterations(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    seen = 0
    for drawn in islice(draw(3, ("rich", "plain")), 30):
        file.write_text(bounded(drawn).text, encoding="utf-8")
        steps = compile_file(file).flow.steps
        loops = [step.specs.loop for step in steps if step.kind == "switch" and step.recursive]
        assert all(loop is not None and loop.max_iterations == MOST_ITERATIONS for loop in loops)
        seen += len(loops)
    assert seen


@pytest.mark.airflow
@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_a_few_leave_the_artifacts_of_the_local_engine(
    series: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = OnAirflow(Airflow.of_series(series, tmp_path_factory.mktemp("airflow")), tmp_path, timeout=300)
    tally = Tally(tmp_path / "different")
    try:
        run((bounded(each) for each in draw(7)), 4, 15, where, tally)
    finally:
        where.close()
    assert [case.found for case in tally.cases if case.state == "differs"] == []
    assert tally.count("same") == 4
    assert where.by_command == 1
