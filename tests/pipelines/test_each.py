"""A mapped pipeline that gives more than the output of one step: a list with that of each item."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cluster.cluster import flowc

pytestmark = pytest.mark.process

SOURCE = """\
from flowc import pipeline, step


@step
def numbers() -> list[int]:
    return [3, 10, 4]


@step
def double(x: int) -> int:
    return 2 * x


@step
def negate(x: int) -> int:
    return -x


@step
def show(found: object) -> None:
    print("found", found)


@pipeline
def either(x):
    if x > 5:
        y = double(x)
    else:
        y = negate(x)
    return y


@pipeline
def both(x):
    return double(x), {"minus": negate(x), "x": x, "k": 1}


@pipeline
def nested(x):
    return [either.map([x, 7])]


@pipeline
def whole():
    show(CALL)


whole()
"""


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("either.map(numbers())", [-3, 20, -4]),
        ("either.map([])", []),
        ("both.map(numbers())", [(2 * x, {"minus": -x, "x": x, "k": 1}) for x in (3, 10, 4)]),
        ("both.map(either.map(numbers()))", [(2 * x, {"minus": -x, "x": x, "k": 1}) for x in (-3, 20, -4)]),
        ("nested.map(numbers())", [[[-3, 14]], [[20, 14]], [[-4, 14]]]),
        ("[either.map([1]), both.product([3])]", [[-1], [(6, {"minus": -3, "x": 3, "k": 1})]]),
    ],
)  # fmt: skip
def test_what_each_run_of_a_mapped_pipeline_gives(call: str, expected: object, tmp_path: Path) -> None:
    file = tmp_path / "whole.py"
    file.write_text(SOURCE.replace("CALL", call))
    command = [flowc(), "run", str(file), "--root", str(tmp_path / "store")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert f"found {expected}" in result.stdout


@pytest.mark.parametrize(
    ("names", "code", "expected"),
    [("a, b, c", 0, "found 3"), ("a, b", 1, "2 values to unpack were expected, and there are 3")],
)
def test_a_result_is_taken_apart_whole(names: str, code: int, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "whole.py"
    file.write_text(SOURCE.replace("    show(CALL)\n", f"    {names} = numbers()\n    show(a)\n"))
    command = [flowc(), "run", str(file), "--root", str(tmp_path / "store")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == code
    assert expected in result.stdout + result.stderr
