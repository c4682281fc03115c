"""Flows written by hand, a feature each, on real Metaflow and on flowc. Those in `fail/` fail on both."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.oracle.engine import compare, require_metaflow

pytestmark = pytest.mark.oracle
FOLDER = Path(__file__).parent / "flows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py")) + sorted(
    f"fail/{path.stem}" for path in FOLDER.glob("fail/*.py")
)
PARAMS: dict[str, dict[str, str]] = {
    "all_parameters": {"given": "-5", "json_given": '[{"é": 1.5}]', "needed-one": "1e3", "one": "a|b|", "flag": "true"},
    "constants": {"number": "2.25", "shape": '{"a": [null, {"b": "é"}]}', "parts": "x,y,,z"},
    "switches": {"mode": "other"},
}
COLD = {"configured", "mutators", "package_files"}
"""Flows for which Metaflow looks into the process that it was started in."""


@pytest.fixture(autouse=True)
def who(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user whom Metaflow has. Where Metaflow is not installed, there is nothing to compare with."""
    require_metaflow()
    monkeypatch.setenv("METAFLOW_USER", "oracle")
    monkeypatch.delenv("FLOWC_USER", raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_flow(name: str, tmp_path: Path) -> None:
    file = tmp_path / "corpus_flow.py"
    shutil.copy(FOLDER / f"{name}.py", file)
    flow = re.findall(r"class (\w+Flow)\(", file.read_text(encoding="utf-8"))[-1]
    theirs, found = compare(file, flow, PARAMS.get(name), warm=name not in COLD)
    assert theirs.ok is not name.startswith("fail/"), theirs.log
    assert not found, "\n".join(found)
