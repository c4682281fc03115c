"""Where flowc is meant to differ from Metaflow. The list is complete: random flows stay away from these, and no others.

Not in it, for there is nothing to compare: Metaflow's order of a branch join's inputs, and of a foreach join's where
several steps lead to it, is that of a set of names and changes with the hash seed; flowc's is the order in `self.next`,
and of a foreach always that of the items.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.oracle.engine import require_metaflow, run_flowc, run_metaflow

pytestmark = pytest.mark.oracle
FOLDER = Path(__file__).parent / "flows" / "differ"


@pytest.fixture(scope="module", autouse=True)
def metaflow() -> None:
    """Where Metaflow is not installed, there is nothing to compare with."""
    require_metaflow()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("zero_items", "produced zero splits"),  # flowc runs the join with no inputs
        ("generator", "Cannot pickle"),  # flowc takes what iterates once as a list
        ("dict_items", "KeyError: 0"),  # flowc's items are what iterating gives: the keys
    ],
)
def test_flowc_runs_what_metaflow_cannot(name: str, why: str, tmp_path: Path) -> None:
    file, flow = _copy(name, tmp_path)
    theirs, ours = run_metaflow(file, flow), run_flowc(file)
    assert not theirs.ok
    assert why in theirs.log
    assert ours.ok
    expected = {"zero_items": "[]", "generator": "['a', 'b']", "dict_items": "['x', 'y']"}
    assert ours.tasks["join[]"].artifacts["found"] == expected[name]


@pytest.mark.parametrize(
    ("name", "metaflow", "flowc"),
    [
        # Metaflow looks for the item in the variable, which is not there behind a join that does not merge it...
        ("join_input", "[None, None]", "['x', 'y']"),
        # ... or is another one by then. flowc keeps the item.
        (
            "same_name",
            "[[([(0, 2, 'a',), (0, 2, 'a',)], 'z',), ([(0, 2, 'a',), (1, 2, 'b',)], 'z',)], "
            "[([(1, 2, 'd',), (0, 2, 'c',)], 'z',), ([(1, 2, 'd',), (1, 2, 'd',)], 'z',)]]",
            "[[([(0, 2, ['a', 'b'],), (0, 2, 'a',)], 'a',), ([(0, 2, ['a', 'b'],), (1, 2, 'b',)], 'b',)], "
            "[([(1, 2, ['c', 'd'],), (0, 2, 'c',)], 'c',), ([(1, 2, ['c', 'd'],), (1, 2, 'd',)], 'd',)]]",
        ),
    ],
)
def test_items_are_kept(name: str, metaflow: str, flowc: str, tmp_path: Path) -> None:
    file, flow = _copy(name, tmp_path)
    assert run_metaflow(file, flow).tasks["end[]"].artifacts["found"] == metaflow
    assert run_flowc(file).tasks["end[]"].artifacts["found"] == flowc


def test_what_is_deleted_is_gone(tmp_path: Path) -> None:
    """Metaflow brings it back, or cannot delete what the step has not read."""
    file, flow = _copy("deleted", tmp_path)
    theirs, ours = run_metaflow(file, flow).tasks["end[]"].artifacts, run_flowc(file).tasks["end[]"].artifacts
    assert (theirs["has"], theirs["error"]) == ("(True, True,)", "'AttributeError'")
    assert (ours["has"], ours["error"]) == ("(False, False,)", "None")


def _copy(name: str, folder: Path) -> tuple[Path, str]:
    """The flow's file in a folder of the test, and its name."""
    file = Path(shutil.copy(FOLDER / f"{name}.py", folder / "differing_flow.py"))
    return file, re.findall(r"class (\w+Flow)\(", file.read_text(encoding="utf-8"))[-1]
