"""Pages that a reader goes through from top to bottom: each is done, command by command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS
from tests.docs.walkthrough import walk


@pytest.mark.process
@pytest.mark.parametrize("name", ["first-flow", "testing", "debugging"])
def test_the_page_works(name: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    walk(DOCS / f"{name}.md", tmp_path)
