"""Local modules and included files in tasks of real Airflow: real files, next to the flow's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.emitting import emit
from tests.airflow.engine import Airflow
from tests.targets.test_package import INCLUDE, write_reader

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_included_files(series: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    airflow = Airflow.of_series(series, tmp_path_factory.mktemp("airflow"))
    root = str(tmp_path / "store")
    text, diagnostics = emit(write_reader(tmp_path / "project"), operator="local", root=root, include=INCLUDE)
    assert not diagnostics
    result = airflow.run(text, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = Run.latest("Reader", root=root)
    assert run.successful
    assert run["start"].task["by_path"].data == run["start"].task["by_file"].data == "one"
    assert run["end"].task["outs"].data == [b"ran\n", b"ran\n"]
