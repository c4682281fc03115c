"""Pipelines that once differed from plain Python: what random ones found, made small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipelines.comparing import compare
from tests.pipelines.stepfile import FLOWC, HEAD, STEPS

if TYPE_CHECKING:
    from pathlib import Path

BODIES = {
    "entries of dict by keyword": "a = inc(3); table(dict(a=a, c=4))",
}


@pytest.mark.parametrize("name", list(BODIES))
def test_it_runs_as_python_does(name: str, tmp_path: Path) -> None:
    assert not compare(_file(BODIES[name]), tmp_path)


def _file(body: str) -> str:
    lines = "\n".join(f"    {line}" for line in body.split("; "))
    return HEAD.format(imports=FLOWC) + "".join(STEPS.values()) + f"\n\n@pipeline\ndef main():\n{lines}\n\n\nmain()\n"
