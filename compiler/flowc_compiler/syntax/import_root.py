"""Where a flow's file is at home: the folders that its imports search, and the package that it is a member of.

`python flow.py` puts the file's folder first on the import path, and knows of no package: there a relative import
fails. A file that has relative imports, or imports its own package by name or one beside it, is meant for
`python -m package.flow`, or to be imported by a file above it, and is loaded as that: locally and in containers alike.
One that imports what stands beside it, too, is a script, with the folder above on its path.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from flowc_compiler.filesystem import FolderNames, exists, is_file, is_folder, is_link, names_in, real_path
from flowc_compiler.syntax.import_statements import Import

NEVER_LOCAL = frozenset({"flowc", "metaflow", "zenml"})
"""Names that the shim serves: a folder with such a name beside the flow is not the user's module."""
NEVER_SHADOWED = frozenset(
    {
        *sys.builtin_module_names, "_collections_abc", "_sitebuiltins", "abc", "builtins", "codecs", "encodings",
        "genericpath", "importlib", "io", "ntpath", "os", "posixpath", "runpy", "site", "stat", "zipimport",
    }
)  # fmt: skip
"""Modules of Python's own that are built in, frozen or imported before any file: it never looks for a local one."""
COMPILED = (".so", ".pyd")
_TAKEN = frozenset({"__main__", *NEVER_LOCAL})
"""Names that the code package itself has at its top."""
_MARKERS = (".git", ".hg", "flowc.toml", "pyproject.toml", "setup.py", "setup.cfg")
"""What the top folder of a project has."""
_NO_CODE = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "env"})
_MOST_NEAR = 200
_MOST_ABOVE = 6
_UNMARKED = 3
"""How many folders above a flow may be a project's top, with and without a marker in it."""


class ImportRoot(NamedTuple):
    """Where a flow's file stands, as Python's import system sees it."""

    folder: Path
    """The folder that the file's own name is found from; absolute."""
    package: tuple[str, ...]
    """The package that the file is a member of; empty for a script, which is a member of none."""
    leaf: str
    """The file's own name as a module."""
    path: tuple[Path, ...]
    """The folders that imports search, in their order; `folder` is one of them."""
    file: Path
    """The file; absolute."""

    @property
    def module(self) -> str:
        """The dotted name that the file is imported by."""
        return ".".join((*self.package, self.leaf))


class Resolved(NamedTuple):
    """How far a dotted name is found."""

    files: tuple[tuple[Path, tuple[str, ...]], ...]
    """The files on the way, each with the package that its relative imports start from."""
    matched: int
    """How many of its parts were found."""
    regular: bool
    """The last part found is a package with an `__init__.py`, or a module: its members are nowhere else."""
    folders: tuple[Path, ...] = ()
    """Of a package: where its members are."""
    compiled: Path | None = None
    """The compiled module at the end, if it is one."""

    def satisfies(self, wanted: Import) -> bool:
        """Whether the import works, as far as can be seen: the last part may be a name that a module defines."""
        missing = len(wanted.parts) - self.matched
        return self.compiled is not None or not missing or (wanted.attribute and missing == 1 and self.regular)


def located(path: Path) -> Path:
    """Where a flow's file is: absolute, and where a link that the file itself is leads to. Python does the same."""
    path = path.absolute()
    return Path(real_path(path)) if is_link(path) else Path(os.path.normpath(path))


class Folders:
    """Finds modules in folders as Python does. What it has read of a folder it keeps."""

    def __init__(self) -> None:
        self._names: dict[Path, FolderNames] = {}

    def resolve(self, parts: Sequence[str], path: Iterable[Path]) -> Resolved:
        """Walk down a dotted name: a package, else a module, else a compiled one, else folders without `__init__`."""
        files: list[tuple[Path, tuple[str, ...]]] = []
        places, regular = tuple(path), False
        for length, name in enumerate(parts, 1):
            head = tuple(parts[:length])
            bare: list[Path] = []
            for place in places:
                entries = self.named(place, name)
                if name in entries and self.is_package(place / name):
                    files.append((place / name / "__init__.py", head))
                    places, regular = (place / name,), True
                    break
                if f"{name}.py" in entries:
                    files.append((place / f"{name}.py", head[:-1]))
                    return Resolved(tuple(files), length, regular=True)
                if compiled := min((item for item in entries if item.endswith(COMPILED)), default=""):
                    return Resolved(tuple(files), length, regular=True, compiled=place / compiled)
                if name in entries and is_folder(place / name):
                    bare.append(place / name)
            else:
                if not bare or (length == 1 and name in sys.stdlib_module_names):
                    return Resolved(tuple(files), length - 1, regular, places if length > 1 else ())
                places, regular = tuple(bare), False
        return Resolved(tuple(files), len(parts), regular, places)

    def named(self, folder: Path, name: str) -> tuple[str, ...]:
        """What a folder has with a name before its first dot; nothing where it cannot be read."""
        if folder not in self._names:
            self._names[folder] = FolderNames(folder)
        return self._names[folder].named(name)

    def has_any(self, folder: Path, names: Iterable[str]) -> bool:
        """Whether a folder has something with one of these names, before its first dot."""
        return any(self.named(folder, name) for name in sorted(names))

    def is_package(self, folder: Path) -> bool:
        """Whether a folder has an `__init__.py`."""
        return "__init__.py" in self.named(folder, "__init__")

    def has_code(self, folder: Path) -> bool:
        """Whether there is a Python file in a folder, or in one of its folders."""
        entries = names_in(folder)
        inner = (folder / item for item in entries if "." not in item)
        return any(item.endswith(".py") for item in entries) or any(
            item.endswith(".py") for place in inner for item in names_in(place)
        )


class Home:
    """The folder of a flow's file, its package, and the folders above that its imports may mean."""

    def __init__(self, file: Path, folders: Folders) -> None:
        self.file = file
        self.folder = file.parent
        self.own = tuple(_packages(self.folder))
        """The packages (folders with an `__init__.py`) that the folder is and is in, outermost first."""
        self.above = tuple(_places_above(self.folder, len(self.own)))
        """The folders above, nearest first, each with the names that may be found there; `None` for any name."""
        self._folders = folders

    @cached_property
    def _near(self) -> list[Path]:
        """The folders in the flow's and in those around it, each of which may be meant to be on the path."""
        found: list[Path] = []
        for base in (self.folder, *(place for place, names in self.above[:2] if names is None)):
            entries = [item for item in names_in(base, "folders") if item not in _NO_CODE]
            places = [base / item for item in entries[:_MOST_NEAR]]
            found += [place for place in places if "pyvenv.cfg" not in self._folders.named(place, "pyvenv")]
        return found

    def near(self, name: str) -> list[Path]:
        """Modules of that name in folders of the project around the flow's."""
        found: list[Path] = []
        for place in self._near:
            entries = self._folders.named(place, name)
            if f"{name}.py" in entries:
                found.append(place / f"{name}.py")
            elif name in entries and self._folders.has_code(place / name):
                found.append(place / name)
        return found

    def find_above(self, wanted: Import, path: Sequence[Path]) -> Path | None:
        """The folder above that an import is found from, beside those of a path."""
        name = wanted.parts[0]
        for place, names in self.above:
            if place in path or (names is not None and name not in names):
                continue
            found = self._folders.resolve(wanted.parts, (place,))
            if found.satisfies(wanted) and (found.files or found.compiled) and self._comes_first(wanted, found):
                return place
        return self.folder.parents[len(self.own) - 1] if name in self.own[:1] else None

    def _comes_first(self, wanted: Import, found: Resolved) -> bool:
        """Whether it is more than a file above with the name of a module of Python's own."""
        return wanted.parts[0] not in sys.stdlib_module_names or (found.matched > 1 and len(found.files) > 1)

    def stands_beside(self, wanted: Import) -> bool:
        """Whether an import is found in the file's own folder."""
        found = self._folders.resolve(wanted.parts, (self.folder,))
        return bool(found.files or found.compiled) and found.satisfies(wanted)

    def depth(self, statements: Sequence[Import]) -> int:
        """How many folders above the file are packages for its import statements: none for a script."""
        levels = max((item.level for item in statements), default=0)
        names = [item for item in statements if not item.level and item.parts[0] not in NEVER_LOCAL | NEVER_SHADOWED]
        beside = [item for item in names if self.stands_beside(item)]
        places = {self.find_above(item, ()) for item in names if item not in beside} - {None}
        climbed = max((len(self.folder.parts) - len(place.parts) for place in places if place is not None), default=0)
        if levels:
            return max(levels, climbed or len(self.own))
        names_above = [item.name for item in (self.folder, *self.folder.parents)[:climbed]]
        if beside or any(name in sys.stdlib_module_names for name in names_above[-1:]):
            return 0
        return climbed

    def root(self, depth: int, path: Sequence[Path] = ()) -> ImportRoot:
        """The import root where so many folders above the file are packages."""
        names = tuple(reversed([self.folder, *self.folder.parents][:depth]))
        if depth >= len(self.folder.parts) or any("." in item.name for item in names):
            names = ()
        package = tuple(item.name for item in names)
        leaf = self.file.stem.replace(".", "_")  # a module's name has no dots; any other character is fine
        if not package and (leaf in _TAKEN or leaf in sys.stdlib_module_names):
            leaf += "_"
        folder = names[0].parent if names else self.folder
        return ImportRoot(folder, package, leaf, tuple(path) or (folder,), self.file)


def _packages(folder: Path) -> Iterator[str]:
    """The names of the packages that a folder is and is in, outermost first."""
    names: list[str] = []
    while is_file(folder / "__init__.py") and folder.name:
        names.append(folder.name)
        folder = folder.parent
    return reversed(names)


def _places_above(folder: Path, own: int) -> Iterator[tuple[Path, frozenset[str] | None]]:
    """The folders above a flow's that its project may have on the path.

    Those are the ones up to the project's top. Of the folder above that, only the project itself may be imported, where
    it is a package. Nobody's project is a whole home or temporary folder.
    """
    chain = (folder, *folder.parents)
    top = next((depth for depth, place in enumerate(chain[: _MOST_ABOVE + 1]) if _is_top(place)), None)
    most = max(_UNMARKED if top is None else top + 1, own)
    for depth, place in enumerate(chain[1 : most + 1], 1):
        outside = depth > own and (place.parent == place or place in _no_projects())
        only_own = outside or (top is not None and depth > top)
        yield place, frozenset({chain[depth - 1].name}) if only_own else None
        if outside:
            return


READABLE: ContextVar[tuple[Path, ...]] = ContextVar("READABLE", default=())
"""What `--allow-read` names: files and folders outside of its project that a flow may name."""

INCLUDED: ContextVar[tuple[Path, ...]] = ContextVar("INCLUDED", default=())
"""The files that `--include` and the configuration name: modules among them are found by their names."""


def is_readable(path: Path, folder: Path) -> bool:
    """Whether compiling may read what a flow in `folder`, or its project, names: what is in the project, or allowed.

    Links are followed. The project is the folder with version control above the flow's, else that with another marker,
    else the flow's own: a checkout that nobody trusts may name any file of the machine.
    """
    real = Path(real_path(path))
    places = (project_folder(Path(real_path(folder))), *READABLE.get())
    return any(real.is_relative_to(real_path(place)) for place in places)


def project_folder(folder: Path) -> Path:
    """The project of a folder: the folder with version control above it, else that with another marker, else itself."""
    chain = [folder]
    while chain[-1].parent not in {chain[-1], *_no_projects()}:
        chain.append(chain[-1].parent)
    for markers in (_MARKERS[:2], _MARKERS):
        for place in chain:
            if any(exists(place / name) for name in markers):
                return place
    return folder


def outside_help(path: str | Path) -> str:
    """What to do where a file must not be read."""
    return f"move it into the project, or allow it on the command line: --allow-read {path}"


def _is_top(place: Path) -> bool:
    return any(exists(place / name) for name in _MARKERS)


@cache
def _no_projects() -> frozenset[Path]:
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/")
    return frozenset({home, home.parent, Path(tempfile.gettempdir())})
