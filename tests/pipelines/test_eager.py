"""The reference itself: what it says of pipelines whose runs are known."""

from __future__ import annotations

import pytest

from tests.pipelines.eager import run_eagerly

HEAD = """
from typing import Annotated
from flowc import Retry, pipeline, step, unmapped

@step
def load(n: int = 3) -> list[int]:
    return list(range(n))

@step
def add(a: int, b: int = 10) -> int:
    return a + b

@step
def total(xs: list[int]) -> int:
    return sum(xs)

@step
def two(x: int) -> tuple[int, Annotated[str, "text"]]:
    return x, str(x)

@step(retry=Retry(limit=1))
def broken(x: int) -> None:
    raise ValueError(x)

@pipeline
def each(x, k):
    return total(add.map([x, 1], b=unmapped(k)))

"""


def _outputs(body: str) -> dict[str, object]:
    text = HEAD + "@pipeline\ndef main(n: int = 2):\n    " + "\n    ".join(body.split("; ")) + "\n\nmain()\n"
    found: dict[str, object] = {}
    for ran in run_eagerly(text).ran.values():
        place = f"{ran.name}[{','.join(map(str, ran.path))}]"
        found[place] = next(iter(ran.outputs.values())) if list(ran.outputs) == ["output"] else ran.outputs
    return found


@pytest.mark.parametrize(
    ("body", "outputs"),
    [
        ("a = add(1); b = add(a, 2); add(b, id='last')", {"add[]": 11, "add_2[]": 13, "last[]": 23}),
        ("a, b = two(1); add(a)", {"two[]": {"output_0": 1, "text": "1"}, "add[]": 11}),
        ("total([add(i) for i in range(n)])", {"add[]": 10, "add_2[]": 11, "total[]": 21}),
        ("total(add.map(load(2)))", {"load[]": [0, 1], "add[0]": 10, "add[1]": 11, "total[]": 21}),
        ("total(add.map(load(0))); add(1)", {"load[]": [], "total[]": 0, "add_2[]": 11}),
        (
            "add.product([1, 2], load(2))",
            {"load[]": [0, 1], "add[0]": 1, "add[1]": 2, "add[2]": 2, "add[3]": 3},
        ),
        (
            "total(each.map(load(2), k=5))",
            {
                "load[]": [0, 1],
                "add[0,0]": 5,
                "add[0,1]": 6,
                "add[1,0]": 6,
                "add[1,1]": 6,
                "total[0]": 11,
                "total[1]": 12,
                "total_2[]": 23,
            },
        ),
        ("if add(1) > 10: total([1])\n    else: total([2])", {"add[]": 11, "total[]": 1}),
    ],
)
def test_what_ran(body: str, outputs: dict[str, object]) -> None:
    assert _outputs(body) == outputs


def test_a_failure_says_where() -> None:
    record = run_eagerly(HEAD + "@pipeline\ndef main():\n    broken(add(1))\n\nmain()\n")
    assert record.failed == ("broken", ())
    assert list(record.ran) == [("add", ())]
