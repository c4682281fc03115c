"""The names of `metaflow` on both sides: flows that write down what the names say, and the same artifacts from each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.oracle.engine import compare, require_metaflow

pytestmark = pytest.mark.oracle
FLOWS = Path(__file__).parent / "flows" / "names"


def flow(name: str, folder: Path) -> Path:
    """A copy of one of the flows, for what it leaves lies beside it."""
    return Path(shutil.copy(FLOWS / f"{name}.py", folder))


@pytest.fixture(autouse=True)
def who(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user whom Metaflow has, and a store that only the runs of the test are in."""
    require_metaflow()
    monkeypatch.setenv("METAFLOW_USER", "oracle")
    monkeypatch.delenv("FLOWC_USER", raising=False)
    monkeypatch.delenv("ORACLE_CACHE", raising=False)


@pytest.mark.parametrize(("name", "cls"), [("current_flow", "CurrentFlow"), ("parallel_flow", "ParallelFlow")])
def test_facts_are_equal(name: str, cls: str, tmp_path: Path) -> None:
    theirs, found = compare(flow(name, tmp_path), cls)
    assert theirs.ok, theirs.log
    assert not found, "\n".join(found)


def test_the_client_reads_another_flow(tmp_path: Path) -> None:
    for name, cls in (("source_flow", "SourceFlow"), ("reader_flow", "ReaderFlow")):
        theirs, found = compare(flow(name, tmp_path), cls)
        assert theirs.ok, theirs.log
        assert not found, "\n".join(found)
