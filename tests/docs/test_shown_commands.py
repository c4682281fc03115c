"""Commands of the pages that only read flows: each does what the page says, with the examples or the files shown.

Pages that a reader goes through from top to bottom are in test_walkthroughs.py.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, blocks
from tests.docs.test_walkthroughs import PREPARED
from tests.docs.walkthrough import ON_A_CLUSTER, do
from tests.support import flowc

READ_FLOWS = frozenset({"check", "compile", "config", "explain", "graph", "ir", "migrate", "package", "targets"})
NEED_MORE = frozenset({"--push", "--check-server", "--images"})
"""A store, a server, or images, whose packages are resolved with a network."""
WALKED = {*PREPARED, "ported-in-an-hour"}
PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.stem not in WALKED]


def reads_flows(words: list[str], folder: Path) -> bool:
    """Whether it is a command that reads flows, none but those that are in the folder."""
    if words[0] != "flowc" or words[1] not in READ_FLOWS or NEED_MORE & set(words):
        return False
    named = [word for word in words[2:] if word.endswith(".py") or word.startswith("examples")]
    if not named:
        return words[1] in {"explain", "targets"} or "--schema" in words
    return all(any(folder.glob(word)) for word in named)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "python" and block.title and "/" not in block.title:
            do(tmp_path, block)
        if block.language != "console" or block.title == ON_A_CLUSTER:
            continue
        for command in block.commands:
            words = shlex.split(command.partition(" | ")[0].partition(" > ")[0])
            if reads_flows(words, tmp_path):
                here = ["--jobs", "1"] if words[1] == "check" else []
                done = flowc(tmp_path, *words[1:], *here)
                said = done.stdout + done.stderr
                errors = [line for line in block.text.splitlines() if line.startswith("error[")]
                assert (done.returncode != 0) == bool(errors), f"{command}\n{said}"
                assert [line for line in errors if line not in said] == []
