"""Reading the documentation: fenced blocks, links and the commands that it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
DIAGNOSTICS = DOCS / "diagnostics"

_FENCE = re.compile(r'^( *)```(\w+)(?: title="([^"]*)")?[^\n]*\n(.*?)^\1```$', re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and its title, which is the name of the file that it shows."""

    language: str
    text: str
    title: str = ""

    @property
    def commands(self) -> list[str]:
        """What stands after `$ ` in a console block; every line of a shell block."""
        if self.language == "console":
            return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]
        return [line for line in self.text.splitlines() if line and not line.startswith("#")]


def blocks(text: str, *languages: str) -> list[Block]:
    """The fenced blocks of a page, by default all of them."""
    found = [Block(match[2], dedent(match[4]), match[3] or "") for match in _FENCE.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def links(page: Path) -> list[str]:
    """The targets of a page's links that lead to files, without fragments."""
    targets = _LINK.findall(_FENCE.sub("", page.read_text()))
    return [target.partition("#")[0] for target in targets if "://" not in target and not target.startswith("#")]


def sections(text: str) -> dict[str, str]:
    """The second-level sections of a page, by title."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
