"""The page about notebooks, executed cell by cell on a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from tests.testing.kernel import executed, printed, result

CELL, SHOWN = "In a notebook", "Shown below the cell"


@pytest.mark.process
def test_the_cells_work(tmp_path: Path) -> None:
    page = [
        block for block in blocks((DOCS / "notebooks.md").read_text(encoding="utf-8")) if block.title in (CELL, SHOWN)
    ]
    outputs = executed(tmp_path, [block.text.strip() for block in page if block.title == CELL])
    assert not [item for each in outputs for item in each if item.output_type == "error"]
    number = -1
    for block in page:
        if block.title == CELL:
            number += 1
            continue
        given = outputs[number]
        values = [result(given)] if any(item.output_type == "execute_result" for item in given) else []
        assert block.text.strip() in "\n".join([printed(given), *values])
    assert number > 4
