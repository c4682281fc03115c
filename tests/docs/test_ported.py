"""docs/ported-in-an-hour.md, gone through as a reader does: it is changed as shown, and prints what is shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, blocks, sections
from tests.docs.walkthrough import do

PAGE = DOCS / "ported-in-an-hour.md"
SECTIONS = {"A repository for Metaflow": "churn", "A repository for ZenML": "reviews"}


def ported(name: str, folder: Path) -> Path:
    """A repository of the page, copied into `folder` and changed as shown; where it is."""
    copied = _copy(name, folder)
    title = next(title for title, own in SECTIONS.items() if own == name)
    for block in blocks(sections(PAGE.read_text(encoding="utf-8"))[title], "diff", "toml"):
        do(copied, block)
    return copied


def _copy(name: str, folder: Path) -> Path:
    copied = folder / name
    shutil.copytree(REPOSITORY / "examples" / name, copied)
    (copied / ".git").mkdir()  # as a clone has it
    return copied


@pytest.mark.process
@pytest.mark.parametrize("title", SECTIONS)
def test_the_repository_is_ported(title: str, tmp_path: Path) -> None:
    folder = _copy(SECTIONS[title], tmp_path)
    steps = blocks(sections(PAGE.read_text(encoding="utf-8"))[title])
    assert {"console", "diff", "toml"} <= {block.language for block in steps}
    for block in steps:
        do(folder, block)
