"""Every example, run as a user runs it: the command line, to its answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support import flowc_process

EXAMPLES = REPOSITORY / "examples"
HELLO = "Hello from flowc!"
ANSWERS: dict[str, list[tuple[tuple[str, ...], list[str]]]] = {
    "two_models.py": [
        (
            (),
            [
                r"random forest: 0\.9\d+",
                r"logistic regression: 0\.9\d+",
                "best model: .+",
            ],
        ),
    ],
    "nested_foreach.py": [
        ((), ["shelf 0: 0 g", "shelf 1: 250 g", "shelf 2: 750 g", "3 books, 1000 g in all"]),
        (("--shelves", "1", "-p", "grams=7"), ["shelf 0: 0 g", "0 books, 0 g in all"]),
        (("--shelves=0",), ["0 books, 0 g in all"]),
    ],
    "parallel_sum.py": [
        ((), [r"shares: \[124750, 125000, 125250, 125500\]", r"sum: \{500500\}"]),
        (("--nodes", "1", "--up-to=10"), [r"shares: \[55\]", r"sum: \{55\}"]),
    ],
    "calling_flows.py": [
        ((), [r"squares \[25, 26, 20\], total 71"]),
        (("--shops", "east"), [r"squares \[16\], total 16"]),
    ],
    "daily_report.py": [
        ((), [r"1400 in 3 shops: \{'north': 500, 'south': 500, 'west': 400\}"]),
        (("--shops", "east"), [r"400 in 1 shops: \{'east': 400\}"]),
    ],
    "shared_warehouse.py": [
        ((), [r"published 3 tables, 1600 rows"]),
    ],
    "daily_partitions.py": [
        ((), ["sold on 2026-01-01: 2028"]),
        (("--scheduled-time", "2026-01-31T23:30:00Z"), ["sold on 2026-02-01: 2029"]),
    ],
    "gpu_training.py": [((), [r"trained on gpu: y = 3\.000 x \+ 1\.000"])],
    "retry_once.py": [
        ((), ["left by attempt 0", "middle by attempt 1", "right by attempt 0", r"attempts: \[0, 1, 0\]"]),
    ],
    "promote_model.py": [
        (("--approve", "review=promote"), ["promote: no reason given", "serving the model with accuracy 0.955"]),
        (("--approve", "review=reject", "--rows", "10"), ["reject: no reason given", "serving the model of before"]),
    ],
    "choose_model.py": [
        ((), [r"models: \[\(20, 'lookup table', 0\.6\), \(500, 'trees', .*", r"score 0\.95\d* after 5 rounds"]),
        (("--sizes", "[7]", "--target", "0.5"), [r"models: \[\(7, 'lookup table', 0\.6\)\]", "score 0.7 after 1 .*"]),
    ],
    "empty_foreach.py": [
        ((), [r"asked for 0, joined 0: \[\]"]),
        (("--count", "3"), [r"asked for 3, joined 3: \[0, 1, 4\]"]),
    ],
    "fan_out_fan_in.py": [
        ((), [",".join(f"process_{number}: Hello from ZenML!" for number in range(8))]),
        (("-p", "parallel_count=2"), ["process_0: Hello from ZenML!,process_1: Hello from ZenML!"]),
    ],
    "fan_in_direct.py": [
        ((), [",".join(f"process_{number}: {HELLO}" for number in range(8))]),
        (("--parallel-count", "3"), [",".join(f"process_{number}: {HELLO}" for number in range(3))]),
    ],
    "fan_out_map.py": [
        ((), [",".join(f"process_{number}: {HELLO}" for number in range(8))]),
        (("-p", "parallel_count=1"), [f"process_0: {HELLO}"]),
        (("--parallel_count=0",), [""]),
    ],
    "nested_map.py": [
        ((), ["shelf 0: 0 g", "shelf 1: 217 g", "shelf 2: 434 g", "651 g in all"]),
        (("-p", "shelves=2", "-p", "grams=100"), ["shelf 0: 0 g", "shelf 1: 117 g", "117 g in all"]),
        (("--shelves", "0"), ["0 g in all"]),
    ],
    "pick_model.py": [
        ((), ["picked a table of 500 rows"]),
        (("-p", "rows=5000", "--trees", "7"), ["picked 7 trees on 100 rows"]),
        (("--rows=0",), ["picked nothing"]),
    ],
    "awk_totals.py": [
        ((), ["north: 42", "south: 0", "west: 140"]),
        (("--least", "1"), ["north: 42", "south: 16", "west: 143"]),
    ],
    "gpu_pipeline.py": [((), [r"trained on gpu: y = 3\.000 x \+ 1\.000"])],
}
"""File to runs: arguments, and a pattern for each line that the last step prints, in order."""
LAST = {
    "fan_out_fan_in.py": "combine_step",
    "fan_in_direct.py": "combine_step",
    "fan_out_map.py": "combine_step",
    "nested_map.py": "report",
    "pick_model.py": "report",
    "gpu_pipeline.py": "report",
}
"""The last step of a pipeline; of a flow it is `end`."""

CASES = [
    pytest.param(name, arguments, lines, id=" ".join([name, *arguments]))
    for name, runs in ANSWERS.items()
    for arguments, lines in runs
]


@pytest.mark.process
@pytest.mark.parametrize(("name", "arguments", "lines"), CASES)
def test_answer(name: str, arguments: tuple[str, ...], lines: list[str], tmp_path: Path) -> None:
    if name == "two_models.py":
        pytest.importorskip("sklearn", reason="the example needs scikit-learn: pip install 'flowc[examples]'")
    done = flowc_process(tmp_path, "run", EXAMPLES / name, "--root", tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    mark = f"/{LAST.get(name, 'end')}] "
    printed = [line.split(mark, 1)[1] for line in done.stdout.splitlines() if mark in line]
    assert len(printed) == len(lines), printed
    for line, pattern in zip(printed, lines, strict=True):
        assert re.fullmatch(pattern, line)


def test_every_example_has_an_answer() -> None:
    assert set(ANSWERS) == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_example_says_how_to_run_it(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    assert f"flowc run examples/{name}" in text
    if name != "fan_out_fan_in.py":  # that is what ZenML's documentation has
        assert 'if __name__ == "__main__":' in text
        assert "from flowc import" in text
