"""The second seed: ZenML's page on fan-out and fan-in, with its pipeline unchanged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import SEEDS
from tests.support import flowc_process

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

PAGE = SEEDS / "000_27c5b5626ee5deb3.txt"
TOGETHER = """\
    import os, time
    from pathlib import Path
    marks = Path(os.environ["MARKS"])
    (marks / str(os.getpid())).touch()
    for _ in range(6000):
        if len(list(marks.iterdir())) == 8:
            return input_data
        time.sleep(0.01)
    raise TimeoutError("the other steps have not begun")
"""
"""A body that ends when eight processes are in it."""


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """The page's block of Python, in a file of its own."""
    if not PAGE.is_file():
        pytest.skip(f"the seed {PAGE} is not here")
    block = re.search(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    file = tmp_path / "fan_out_fan_in.py"
    file.write_text(block[1], encoding="utf-8")
    return file


def line(count: int) -> str:
    """What the last step prints."""
    return ",".join(f"process_{number}: Hello from ZenML!" for number in range(count))


def test_the_page_runs_as_it_stands(seed: Path) -> None:
    done = flowc_process(seed.parent, "run", seed)
    assert done.returncode == 0, done.stderr
    assert line(8) in done.stdout


def test_the_width_is_that_of_the_command_line(seed: Path) -> None:
    done = flowc_process(seed.parent, "run", seed, "-p", "parallel_count=12")
    assert done.returncode == 0, done.stderr
    assert line(12) in done.stdout


def test_its_steps_run_at_the_same_time(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the eight steps waits until all eight have begun."""
    text = seed.read_text(encoding="utf-8")
    assert text.count("    return input_data\n") == 1
    seed.write_text(text.replace("    return input_data\n", TOGETHER), encoding="utf-8")
    marks = seed.parent / "marks"
    marks.mkdir()
    monkeypatch.setenv("MARKS", str(marks))
    done = flowc_process(seed.parent, "run", seed, "--max-workers", "8")
    assert done.returncode == 0, done.stderr
    assert line(8) in done.stdout
