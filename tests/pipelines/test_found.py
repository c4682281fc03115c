"""Pipelines that once differed from plain Python: what random ones found, made small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipelines.comparing import compare
from tests.pipelines.stepfile import FLOWC, HEAD, STEPS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

BODIES = {
    "a product in the order of the parameters": "add.product(b=[1, 2], a=load(2))",
    "a constant in one arm": "x = inc(3); if x > 1: inc(x, OFFSET, id='one'); inc(x, OFFSET)",
    "a list constant in one arm": "x = inc(3); if x > 1: inc(x, LIMITS[1], id='one'); inc(x, LIMITS[0])",
    "entries of dict by keyword": "a = inc(3); table(dict(a=a, c=4))",
}


@pytest.mark.parametrize("name", list(BODIES))
def test_it_runs_as_python_does(name: str, tmp_path: Path) -> None:
    assert not compare(_file(BODIES[name]), tmp_path)


def _file(body: str) -> str:
    lines = "\n".join(f"    {line}" for line in body.split("; "))
    return HEAD.format(imports=FLOWC) + "".join(STEPS.values()) + f"\n\n@pipeline\ndef main():\n{lines}\n\n\nmain()\n"
