"""Where a flow's file is at home: the folder that its imports start from, and the package that it is a member of.

`python flow.py` puts the file's folder first on the import path, and knows of no package: there a relative import
fails. A file that has relative imports, or imports its own package by name or one beside it, is meant for
`python -m package.flow`, or to be imported by a file above it, and is loaded as that: locally and in containers alike.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

from flowc_compiler.source import SourceFile

_RELATIVE = re.compile(r"^[ \t]*from[ \t]*\.", re.MULTILINE)
_ABSOLUTE = re.compile(r"^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_TAKEN = frozenset({"__main__", "flowc", "metaflow", "zenml"})
"""Names that the code package itself has at its top."""


class ImportRoot(NamedTuple):
    """Where a flow's file stands, as Python's import system sees it."""

    folder: Path
    """Comes first on the import path; absolute."""
    package: tuple[str, ...]
    """The package that the file is a member of; empty for a script, which is a member of none."""
    leaf: str
    """The file's own name as a module."""

    @property
    def module(self) -> str:
        """The dotted name that the file is imported by."""
        return ".".join((*self.package, self.leaf))

    def shown_from(self, path: Path) -> Path:
        """`folder` as the user would write it, who wrote `path` for the file."""
        return self.folder if path.is_absolute() else Path(os.path.relpath(self.folder))

    @property
    def archive_name(self) -> str:
        """Where the file stands below `folder`, as a path with slashes."""
        return "/".join((*self.package, f"{self.leaf}.py"))


def find_import_root(source: SourceFile) -> ImportRoot:
    """The home of a flow's file. The text of its imports and the folders around it decide; nothing is run."""
    folder = located(source.path).parent
    own = _packages(folder)
    depth = _depth(source.text, own, folder)
    names = tuple(reversed([folder, *folder.parents][:depth]))
    if depth >= len(folder.parts) or any("." in item.name for item in names):
        names = ()
    package = tuple(item.name for item in names)
    leaf = located(source.path).stem.replace(".", "_")  # a module's name has no dots; any other character is fine
    if not package and leaf in _TAKEN:
        leaf += "_"
    return ImportRoot(names[0].parent if names else folder, package, leaf)


def located(path: Path) -> Path:
    """Where a flow's file is: absolute, and where a link that the file itself is leads to. Python does the same."""
    path = path.absolute()
    return path.resolve() if path.is_symlink() else path


def _above(text: str, own: tuple[str, ...], folder: Path) -> dict[str, int]:
    """What the file imports from a folder above its own, and how many folders up: its packages, and those beside them.

    What stands beside the file is imported from there. A folder without an `__init__.py` may be a package, too; where
    something beside the file is imported, the file is meant to be run as a script.
    """
    names = {found[1] for found in _ABSOLUTE.finditer(text)} - _TAKEN
    if not own and any(_is_module(folder, name) for name in names):
        return {}
    places = folder.parents[: max(len(own), 1)]
    found: dict[str, int] = {}
    for name in names:
        if name in own[:1]:
            found[name] = len(own)
        elif name not in sys.stdlib_module_names and not _is_module(folder, name):
            depth = next((depth for depth, place in enumerate(places, 1) if _is_module(place, name)), 0)
            found |= {name: depth} if depth else {}
    return found


def _is_module(folder: Path, name: str) -> bool:
    place = folder / name
    return (folder / f"{name}.py").is_file() or any(next(place.glob(files), None) for files in ("*.py", "*/*.py"))


def is_type_checking(test: ast.expr) -> bool:
    """Whether a condition is `TYPE_CHECKING`: what stands below it is for type checkers and is never run."""
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case _:
            return False


def _packages(folder: Path) -> tuple[str, ...]:
    """The names of the packages (folders with an `__init__.py`) that a folder is and is in, outermost first."""
    names: list[str] = []
    while (folder / "__init__.py").is_file() and folder.name:
        names.insert(0, folder.name)
        folder = folder.parent
    return tuple(names)


def _depth(text: str, own: tuple[str, ...], folder: Path) -> int:
    """How many folders above the file are packages for its imports: none for a script."""
    above = _above(text, own, folder)
    if not above and not _RELATIVE.search(text):
        return 0
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # reported where the file is read
        return 0
    levels, climbed = 0, 0
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        match node:
            case ast.If(test=test, orelse=orelse) if is_type_checking(test):
                pending.extend(orelse)
            case ast.ImportFrom(level=0, module=str(module)):
                climbed = max(climbed, above.get(module.split(".")[0], 0))
            case ast.ImportFrom(level=level):
                levels = max(levels, level)
            case ast.Import(names=names):
                climbed = max(climbed, *(above.get(alias.name.split(".")[0], 0) for alias in names))
            case _:
                pending.extend(ast.iter_child_nodes(node))
    if climbed:
        return max(levels, climbed)
    return max(levels, len(own)) if levels else 0
