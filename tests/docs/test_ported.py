"""docs/ported-in-an-hour.md, gone through as a reader does: it is changed as shown, and prints what is shown."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, Block, blocks, sections

PAGE = DOCS / "ported-in-an-hour.md"
SECTIONS = {"A repository for Metaflow": "churn", "A repository for ZenML": "reviews"}
ELSEWHERE = frozenset({"kubectl", "cd"})
"""Commands that need a cluster, and those that the test does itself."""


def change(folder: Path, block: Block) -> None:
    """Replace the lines with `-` by those with `+` that follow them."""
    path, text = folder / block.title, (folder / block.title).read_text(encoding="utf-8")
    old = new = ""
    for line in [*block.text.splitlines(), "-"]:
        if line.startswith("-") and new:
            assert text.count(old) == 1, f"{block.title} has not once: {old}"
            text, old, new = text.replace(old, new), "", ""
        old, new = (old + f"{line[1:]}\n", new) if line.startswith("-") else (old, new + f"{line[1:]}\n")
    path.write_text(text, encoding="utf-8")


def run(folder: Path, block: Block) -> None:
    """Run the commands of a block; each must print the lines that follow it, and fail where they have an error."""
    for part in block.text.removeprefix("$ ").split("\n$ "):
        command, *shown = part.splitlines()
        words = shlex.split(command)
        if words[0] in ELSEWHERE:
            continue
        assert words[0] == "flowc"
        own = {key: value for key, value in os.environ.items() if not key.startswith(("FLOWC_", "METAFLOW_"))}
        program = [sys.executable, "-P", "-m", "flowc_cli", *words[1:]]
        done = subprocess.run(program, cwd=folder, env=own, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert [line for line in shown if line not in said] == [], f"{command} says\n{said}"
        fails = any(line.startswith("error[") or line == "Failed" for line in shown)
        assert (done.returncode != 0) == fails, f"{command}: {done.returncode}\n{said}"


def ported(name: str, folder: Path) -> Path:
    """A repository of the page, copied into `folder` and changed as shown; where it is."""
    copied = _copy(name, folder)
    title = next(title for title, own in SECTIONS.items() if own == name)
    for block in blocks(sections(PAGE.read_text(encoding="utf-8"))[title], "diff", "toml"):
        _apply(copied, block)
    return copied


def _copy(name: str, folder: Path) -> Path:
    copied = folder / name
    shutil.copytree(REPOSITORY / "examples" / name, copied)
    (copied / ".git").mkdir()  # as a clone has it
    return copied


def _apply(folder: Path, block: Block) -> None:
    if block.language == "diff":
        change(folder, block)
    else:
        (folder / block.title).write_text(block.text, encoding="utf-8")


@pytest.mark.process
@pytest.mark.parametrize("title", SECTIONS)
def test_the_repository_is_ported(title: str, tmp_path: Path) -> None:
    folder = _copy(SECTIONS[title], tmp_path)
    steps = blocks(sections(PAGE.read_text(encoding="utf-8"))[title])
    assert {"console", "diff", "toml"} <= {block.language for block in steps}
    for block in steps:
        if block.language == "console":
            run(folder, block)
        elif block.language in {"diff", "toml"}:
            _apply(folder, block)
