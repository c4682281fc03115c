"""The page of each diagnostic: its text, which is installed with flowc, and its address."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from flowc._version import __version__

_LABEL = "Project-URL: Documentation, "
_PLACES = (Path(__file__).parent / "pages", Path(__file__).parents[3] / "docs" / "diagnostics")
"""Where the pages are: in an installed package, and in a clone of the repository."""


def page_address(code: str) -> str:
    """The address of a code's page: `Documentation` of `[project.urls]` is its base. Empty where that is not installed.

    The site has a folder for each page, as mkdocs makes it.
    """
    base = documentation_address()
    return f"{base}/diagnostics/{code}/" if base else ""


def page_to_read(name: str) -> str:
    """What help lines say of a page of the documentation, such as `decorators`: its address, which every user has.

    Where there is none, the name of its file in flowc's repository.
    """
    base = documentation_address()
    return f"{base}/{name}/" if base else f"docs/{name}.md of flowc's repository"


@cache
def documentation_address() -> str:
    """The address of the documentation, by the metadata of the installed flowc, without a slash at its end.

    `importlib.metadata` finds the same, and takes longer to import than to check a file.
    """
    for folder in sys.path:
        try:
            text = Path(folder, f"flowc-{__version__}.dist-info", "METADATA").read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        head = text.partition("\n\n")[0].splitlines()
        return next((line.removeprefix(_LABEL).rstrip("/") for line in head if line.startswith(_LABEL)), "")
    return ""


def page_text(code: str) -> str | None:
    """The page of a code as Markdown; `None` where pages are not installed."""
    path = next((path for folder in _PLACES if (path := folder / f"{code}.md").is_file()), None)
    return path.read_text(encoding="utf-8") if path is not None else None
