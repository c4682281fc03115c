"""Random flows on real Metaflow and on flowc: the artifacts of every task are equal, or both fail in the same way.

`ORACLE_EXAMPLES` is how many flows to run (15), `ORACLE_SEED` where to begin; with `ORACLE_SHRINK` a flow that differs
is made smaller, which takes its time. `tests/oracle/run` runs hundreds.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings

from tests.flowgen.details import RichFlow, rich_flows
from tests.flowgen.rich import NAME, Writer
from tests.oracle.engine import compare, require_metaflow

pytestmark = pytest.mark.oracle
EXAMPLES = int(os.environ.get("ORACLE_EXAMPLES", "15"))
SEED = int(os.environ.get("ORACLE_SEED", "0"))
PHASES = (Phase.generate, Phase.shrink) if "ORACLE_SHRINK" in os.environ else (Phase.generate,)


@pytest.fixture(scope="module", autouse=True)
def metaflow() -> None:
    """Where Metaflow is not installed, there is nothing to compare with."""
    require_metaflow()


@seed(SEED)
@settings(
    deadline=None,
    max_examples=EXAMPLES,
    database=None,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
@given(rich_flows())
def test_random_flow(flow: RichFlow) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rich_flow.py"
        file.write_text(Writer(flow).source, encoding="utf-8")
        note(f"# parameters: {flow.params}\n{file.read_text(encoding='utf-8')}")
        theirs, found = compare(file, NAME, flow.params, warm=True)
        assert not found, "\n".join([*found, "Metaflow said:", theirs.log])
