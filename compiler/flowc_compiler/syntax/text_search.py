"""What texts say without a syntax tree: whether a flow could need a local file, and what a project requires."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from flowc_compiler.filesystem import names_in, read_file
from flowc_compiler.syntax.import_root import NEVER_LOCAL, Folders, Home
from flowc_compiler.syntax.misspelled_imports import similar_names

_IMPORT = re.compile(r"\b(from|import)\b[ \t]*([^\n;#]*)")
_NAMES = re.compile(r"^([\w.]+)[ \t]+import\b.*")
"""The rest of a `from` statement: a module, and names that are in it."""
_WORD = re.compile(r"\w+")
_INDIRECT = re.compile(
    r"\b(?:import_module|__import__|run_module|addsitedir)\b|\bsys\b.*\bpath\b|\.(?:py|sh)\b|[\"' ]-m[\"' ]"
    r"|\bparser *= *[\"']\w"
)
"""What needs a syntax tree to be understood."""
_QUOTED = re.compile(r"[\"']([\w.-]+)(?:[=<>~! \[][^\"']*)?[\"']")
_DISTRIBUTION = re.compile(r"[A-Za-z][\w.-]*")
_LARGEST_TEXT = 2**20
"""Bytes of a script or a list of requirements."""


def may_need_local(text: str, home: Home, folders: Folders) -> bool:
    """Whether a flow could need a local file, by its text. Most import what is installed, and a tree takes a while."""
    names: set[str] = set()
    for keyword, line in _IMPORT.findall(text):
        if line.startswith(".") or line.rstrip().endswith("\\"):
            return True
        names.update(_WORD.findall(line if keyword == "import" else _NAMES.sub(r"\1", line)))
    names -= NEVER_LOCAL
    if folders.has_any(home.folder, names) or not names.isdisjoint(home.own) or _INDIRECT.search(text):
        return True
    names -= sys.stdlib_module_names
    above = any(folders.has_any(place, names) for place, _ in home.above)
    near = above or any(home.near(name) for name in sorted(names))
    return near or any(similar_names(name, home.folder) for name in sorted(names))


def required_packages(text: str, home: Home) -> set[str]:
    """The installed packages that a flow's text, or what lists the project's requirements, may name."""
    places = (home.folder, *(place for place, _ in home.above))
    files = (place / item for place in places for item in names_in(place, "requirements"))
    texts = (*map(text_of, files), *_QUOTED.findall(text))
    return {normalized(word) for listed in texts for word in _DISTRIBUTION.findall(listed)}


def normalized(name: str) -> str:
    """The name of a package as it is compared."""
    return name.lower().replace("-", "_")


def text_of(path: Path) -> str:
    """The text of a file that people write; nothing where it cannot be read, or is larger than such files are."""
    try:
        return read_file(path, _LARGEST_TEXT).decode(errors="replace").replace("\r\n", "\n")
    except OSError:
        return ""
