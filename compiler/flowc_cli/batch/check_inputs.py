"""The files that `flowc check` is called with: files, folders and globs, without what is excluded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from fnmatch import translate
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple, cast

from flowc.project_settings import FILE, OWN_FILE
from flowc_cli.project_config import read_settings
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.filesystem import exists
from flowc_compiler.syntax.import_root import project_folder

NEVER = frozenset(
    {"__pycache__", "__pypackages__", "_build", "buck-out", "build", "dist", "node_modules", "site-packages", "venv"}
)
"""Folders without the user's own code, beside those whose names begin with a dot, and virtual environments."""
_HELP = "let this user read it, or exclude it: [tool.flowc.check] exclude"


class Found(NamedTuple):
    """A file to check."""

    path: Path
    """As the command line names it, or its folder."""
    named: bool
    """Whether the command line names the file itself, so that it must have a flow."""


class Exclusion:
    """The patterns of `[tool.flowc.check] exclude`, and the folder of the pyproject.toml that has them."""

    def __init__(self, patterns: Sequence[str], folder: str) -> None:
        self._folder = folder
        self._rules = [re.compile(translate(item.strip("/"))) for item in patterns]
        self._names = [rule for rule, item in zip(self._rules, patterns, strict=True) if "/" not in item.strip("/")]

    def matches(self, path: str) -> bool:
        """Whether the file or folder at an absolute path is excluded."""
        if not self._rules:
            return False
        inside = os.path.relpath(path, self._folder).replace(os.sep, "/")
        name = inside.rpartition("/")[2]
        return any(rule.match(inside) for rule in self._rules) or any(rule.match(name) for rule in self._names)


class FileFinder:
    """Finds files, each once, in a stable order."""

    def __init__(self, sink: DiagnosticSink) -> None:
        self._sink = sink
        self._exclusions: dict[str, Exclusion] = {}
        self._found: dict[str, Found] = {}

    def find(self, arguments: Iterable[Path], *, only_flows: bool = False) -> list[Found]:
        """The files of all arguments. Collects FC104 for a glob without a match, and FC505 for a wrong `exclude`.

        With `only_flows`, named files are treated as those that a folder has: excluded ones are left out, and one
        without a flow is no error.
        """
        for argument in arguments:
            if argument.is_dir():
                self._add_folder(argument)
            elif not argument.exists() and has_magic(str(argument)):
                self._add_matches(argument)
            elif not only_flows or not argument.exists():
                self._add(argument, named=True)
            elif not self._is_excluded(argument, _top(argument)):
                self._add(argument, named=False)
        return list(self._found.values())

    def _add(self, path: Path, *, named: bool) -> None:
        key = os.path.abspath(path)  # noqa: PTH100 (keeps links)
        if named or key not in self._found:
            self._found[key] = Found(path, named)

    def _add_matches(self, pattern: Path) -> None:
        matches = sorted(Path(item) for item in glob(str(pattern), recursive=True))  # noqa: PTH207 (absolute, too)
        top = Path(*takewhile(lambda part: not has_magic(part), pattern.parts)).absolute()
        walked: set[Path] = set()
        for match in matches:
            if match.is_dir():
                if walked.isdisjoint(match.parents) and not self._is_excluded(match, top):
                    self._add_folder(match)
                    walked.add(match)
            elif match.suffix == ".py" and not self._is_excluded(match, top):
                self._add(match, named=False)
        if not matches:
            self._sink.error("FC104", f"no file matches {pattern}", None, help="check the pattern")

    def _add_folder(self, top: Path) -> None:
        """Add the Python files below a folder, which itself may have any name."""
        for where, folders, names in os.walk(top, onerror=self._report):
            exclusion = self._exclusion(os.path.abspath(where))  # noqa: PTH100 (keeps links)
            folders[:] = sorted(name for name in folders if self._is_wanted(Path(where, name), exclusion))
            for name in sorted(names):
                path = Path(where, name)
                if name.endswith(".py") and not exclusion.matches(os.path.abspath(path)):  # noqa: PTH100
                    self._add(path, named=False)

    def _report(self, error: OSError) -> None:
        self._sink.error("FC104", f"the folder {error.filename} cannot be read: {error.strerror}", None, help=_HELP)

    def _is_wanted(self, folder: Path, exclusion: Exclusion) -> bool:
        name = folder.name
        if name.startswith(".") or name in NEVER or exclusion.matches(os.path.abspath(folder)):  # noqa: PTH100
            return False
        return not exists(folder / "pyvenv.cfg")

    def _is_excluded(self, place: Path, top: Path) -> bool:
        """Whether a file or folder is excluded, or a folder that it is in, below the folder `top`."""
        path = Path(os.path.abspath(place))  # noqa: PTH100 (keeps links)
        exclusion = self._exclusion(str(path.parent))
        if exclusion.matches(str(path)):
            return True
        inside = [path, *path.parents] if path.is_dir() else path.parents
        return any(
            not self._is_wanted(folder, exclusion) for folder in inside if folder != top and folder.is_relative_to(top)
        )

    def _exclusion(self, folder: str) -> Exclusion:
        """The exclusion that counts in a folder: that of the nearest pyproject.toml, if it has one."""
        place: str = folder
        below: list[str] = []
        while place not in self._exclusions:
            above: str = os.path.dirname(place)  # noqa: PTH120 (there are many)
            if above == place or any(os.path.exists(f"{place}/{name}") for name in (FILE, OWN_FILE)):  # noqa: PTH110
                self._exclusions[place] = _configured(place, self._sink)
                break
            below.append(place)
            place = above
        self._exclusions.update(dict.fromkeys(below, self._exclusions[place]))
        return self._exclusions[folder]


def _top(file: Path) -> Path:
    """The folder below which the folders of a file may be excluded by their names."""
    here = Path.cwd()
    return here if file.absolute().is_relative_to(here) else project_folder(file.absolute().parent)


def _configured(folder: str, sink: DiagnosticSink) -> Exclusion:
    settings = read_settings(Path(folder), sink)
    section = settings.table.get("check", {})
    patterns: object = cast("dict[str, object]", section).get("exclude", []) if isinstance(section, dict) else []
    items = cast("list[object]", patterns) if isinstance(patterns, list) else [None]
    if all(isinstance(item, str) and item.strip("/") for item in items):
        return Exclusion(cast("list[str]", items), settings.folder)
    message = f"[tool.flowc.check] exclude of {settings.file} is not a list of patterns"
    settings.error(
        sink, "FC505", message, ("check", "exclude"), help='write exclude = ["generated", "tests/flows/*.py"]'
    )
    return Exclusion((), folder)
