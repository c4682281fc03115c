"""The local files that a flow is made of: what it imports and starts, found by reading, never by running.

Imports are followed from file to file through the folders that Python would search: the flow's own, those above it that
its imports mean, and those that the files add to `sys.path`.
"""

from __future__ import annotations

import ast
import os
import sys
from collections import deque
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.filesystem import is_file, is_folder, read_file, read_text
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.current_facts import check_current
from flowc_compiler.syntax.import_root import INCLUDED, NEVER_LOCAL, NEVER_SHADOWED, Folders, Home, Resolved, located
from flowc_compiler.syntax.import_statements import Import, Script, exported, imports_of, scripts_in, scripts_of
from flowc_compiler.syntax.misspelled_imports import meant_module
from flowc_compiler.syntax.parsing import ALLOW_LARGE, MOST_WORDS, count_words, parse_text
from flowc_compiler.syntax.path_changes import PathChange, path_changes
from flowc_compiler.syntax.source_reading import parse, read_source
from flowc_compiler.syntax.text_search import may_need_local, normalized, required_packages, text_of
from flowc_compiler.syntax.unserved_names import check_imports

_MOST_MENTIONS = 2000
"""Names that are searched for in the texts of packages."""


class Reason(NamedTuple):
    """Why a file ships."""

    why: str
    """As in `import shop.util`."""
    file: str = ""
    """The file that needs it, by the name that diagnostics give it."""
    line: int = 0


class Importer(NamedTuple):
    """An import as it is resolved, and the file that contains it."""

    wanted: Import
    source: SourceFile
    found: Resolved | None
    """`None` for a relative import with more dots than there are packages."""


class _Follow(NamedTuple):
    """A file whose imports are to be followed."""

    source: SourceFile
    tree: ast.Module
    package: tuple[str, ...]
    own_path: list[Path] | None
    """The folders that are searched before the flow's, in a process that starts with this file."""
    optional: bool


class LocalCode:
    """The closure of a flow's imports."""

    def __init__(self, source: SourceFile, included: Sequence[Path] = ()) -> None:
        """`included` are files that ship anyway: their imports are followed as well."""
        self.source = source
        self.sink = DiagnosticSink()
        """Has what is wrong with local files: FC101, FC104 and FC106."""
        self.files: dict[Path, Reason] = {}
        """The files to ship, without the flow's own, in the order in which they were found."""
        self.texts: dict[Path, str] = {}
        """Those of them that could be read."""
        self.is_too_large = False
        """The local modules have more words than may be read; those beyond are not parsed."""
        self._words = count_words(source.text)
        self._absent: set[tuple[int, str]] = set()
        """What no folder has: how many folders of the path were searched, and the first name of an import."""
        self._mentions = 0
        self.trees: dict[Path, ast.Module] = {}
        """The syntax trees of those that could be parsed."""
        self.installed: dict[Path, str] = {}
        """The files of installed packages that base classes of the flow were looked for in."""
        self.names: dict[Path, str] = {}
        """The dotted names that local modules are imported by."""
        self.missing: list[Importer] = []
        """Imports that are not found, or not whole."""
        self.compiled: list[Importer] = []
        self.changes: list[tuple[PathChange, SourceFile]] = []
        """What the files add to the import path."""
        self.absent: list[tuple[Script, SourceFile]] = []
        """Scripts that are certainly started, and not found."""
        self.needs_folder = False
        """Something is found through the working directory: a script, or a folder on the import path."""
        self.folders = Folders()
        self._included = included
        self._home = Home(located(source.path), self.folders)
        self._path: list[Path] = []
        self._added: set[Path] = set()
        self._queue: deque[_Follow] = deque()
        self._exports: dict[Path, tuple[str, ...]] = {}
        tree = self._parsed_flow()
        self.root = self._home.root(0 if tree is None else self._home.depth(_statements(tree)))
        self._path.append(self.root.folder)
        if tree is not None:
            self._queue.append(_Follow(source, tree, self.root.package, None, optional=False))
        self._take_packages()
        for path in included:
            self._follow_included(path)
        self._run()
        self.root = self.root._replace(path=tuple(self._path))

    @cached_property
    def top(self) -> Path:
        """The folder that has all of it, which the code package holds."""
        folders = [str(self._home.folder), str(self.root.folder), *(str(path.parent) for path in self.files)]
        used = (str(place) for place in self.root.path if any(path.is_relative_to(place) for path in self.files))
        return Path(os.path.commonpath([*folders, *used]))

    @cached_property
    def start_path(self) -> list[Path]:
        """The part of the import path that is there when the flow's file starts: the rest is added by the code."""
        return [place for place in self.root.path if place not in self._added]

    def imported_names(self) -> set[str]:
        """The top-level names that local modules are imported by."""
        return {name.partition(".")[0] for name in self.names.values()}

    def hidden_names(self) -> list[str]:
        """The modules of Python's own that a local file on the import path has the name of."""
        files = (self._home.file, *self.files)
        tops = {
            path.relative_to(place).parts[0] for place in self._path for path in files if path.is_relative_to(place)
        }
        names = {top.removesuffix(".py") for top in tops}
        return sorted((names & sys.stdlib_module_names) - NEVER_SHADOWED)

    def shown(self, path: Path) -> str:
        """A local file's name as the user would write it, beside the flow's own."""
        beside = os.path.relpath(path, self._home.folder)
        return Path(os.path.normpath(Path(self.source.name).parent / beside)).as_posix()

    def module_path(self, importer: Path, level: int, parts: tuple[str, ...]) -> Path | None:
        """The file of the local module that a file imports by its dots and parts; `None` where there is none."""
        path = self.root.path
        if level:  # its own place says what the dots mean, even for a script, in which they fail
            folder = importer.absolute().parent
            path = tuple([folder, *folder.parents][level - 1 : level])
            if not parts:
                file = path[0] / "__init__.py"
                return file if is_file(file) else None
        elif parts[0] in NEVER_SHADOWED:
            return None
        found = self.folders.resolve(parts, path)
        if found.matched < len(parts) or found.compiled is not None or not found.regular:
            return None
        file = found.files[-1][0]
        is_flow = file == self.root.file and not level and parts[0] in sys.stdlib_module_names
        return None if is_flow else file

    def installed_path(self, parts: tuple[str, ...], places: Sequence[Path]) -> Path | None:
        """The file of a module in folders of installed packages, whose text is kept; `None` where there is none."""
        if parts[0] in NEVER_LOCAL or parts[0] in sys.stdlib_module_names:
            return None
        found = self.folders.resolve(parts, places)
        if found.matched < len(parts) or found.compiled is not None or not found.regular:
            return None
        for path, _ in found.files:
            self.installed.setdefault(path, read_text(path))
        return found.files[-1][0]

    def places(self) -> list[Path]:
        """The folders that were searched for an import that was not found."""
        above = (place for place, names in self._home.above if names is None)
        return list(dict.fromkeys((*self._path, self._home.folder, *above)))

    def _parsed_flow(self) -> ast.Module | None:
        """The flow's tree; `None` where a look at its text shows that it needs no local file, or where it has none."""
        if not self._included and not may_need_local(self.source.text, self._home, self.folders):
            return None
        try:
            return parse_text(self.source.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # reported where the file is read
            return None

    def _take_packages(self) -> None:
        """Take the `__init__.py` files of the flow's own package, which Python runs before the flow's file."""
        for path, package in self.folders.resolve(self.root.package, self._path).files:
            self._take(path, package, Reason("the flow's package"))

    def _follow_included(self, path: Path) -> None:
        """Follow a file that is shipped anyway, or is no module. It may be anything, a template for one."""
        if path.suffix != ".py":
            return
        try:
            text = read_file(path).decode().replace("\r\n", "\n").replace("\r", "\n")
            if not self._has_room(text):
                return
            tree = parse_text(text)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return
        source = SourceFile(path, text, self.shown(path))
        self.sink.add_source(source)
        package = path.parent.relative_to(self.root.folder).parts if path.is_relative_to(self.root.folder) else ()
        self._queue.append(_Follow(source, tree, package, [path.parent], optional=True))

    def _run(self) -> None:
        """Follow what is queued until nothing is; what is not found may be in a folder that a later file adds."""
        again: list[tuple[Import, _Follow]] = []
        while self._queue:
            follow = self._queue.popleft()
            self._read_path(follow)
            imports = sorted(imports_of(follow.tree), key=lambda item: item.line, reverse=True)
            for wanted in reversed({item._replace(line=0): item for item in imports}.values()):  # the first of the same
                if not self._import(wanted, follow):
                    again.append((wanted, follow))
            self._read_scripts(follow)
            if not self._queue:
                retried, again = again, []
                again = [item for item in retried if not self._import(*item)]
        for wanted, follow in again:
            self._note_missing(wanted, follow)

    def _read_path(self, follow: _Follow) -> None:
        """Apply what a file adds to the import path; in a script's own process, to that one's."""
        if "path" not in follow.source.text and "addsitedir" not in follow.source.text:
            return
        path = self._path if follow.own_path is None else follow.own_path
        for change in path_changes(follow.tree, follow.source.path.absolute(), self._home.folder):
            self.changes.append((change, follow.source))
            if change.folder is None or not change.anchored or change.folder in path or not is_folder(change.folder):
                continue
            path.insert(0 if change.front else len(path), change.folder)
            if change.relative:
                self.needs_folder = True
            elif path is self._path:
                self._added.add(change.folder)

    def _import(self, wanted: Import, follow: _Follow) -> bool:
        """Take the files of an import; false where it is not found."""
        absolute = wanted.absolute(follow.package)
        if absolute is None:
            return False
        if not absolute.parts or absolute.parts[0] in NEVER_LOCAL | NEVER_SHADOWED:
            return True
        own_path = follow.own_path or []
        searched = (len(self._path), absolute.parts[0])
        if not (wanted.level or own_path) and searched in self._absent:
            return False
        found = self.folders.resolve(absolute.parts, [*own_path, *self._path])
        if not found.satisfies(absolute) and not wanted.level and not found.regular:
            found = self._found_elsewhere(absolute, own_path) or found
        if not (found.matched or wanted.level or own_path):
            self._absent.add(searched)
        for path, package in found.files:
            name = ".".join(package if path.name == "__init__.py" else (*package, path.stem))
            why = f"import {wanted.shown}" if found.files[-1][0] == path else f"import {wanted.shown}: package {name}"
            self._take(path, package, Reason(why, follow.source.name, wanted.line), follow.own_path)
        self.needs_folder = self.needs_folder or (wanted.started and bool(found.files))
        if found.compiled is not None:
            self.compiled.append(
                Importer(absolute._replace(optional=wanted.optional or follow.optional), follow.source, found)
            )
        if absolute.star and found.matched == len(absolute.parts) and found.files:
            for name in self._exports.pop(found.files[-1][0], ()):
                star = absolute._replace(parts=(*absolute.parts, name), attribute=True, star=False, level=0)
                self._import(star._replace(optional=True), follow)
        return self._works(absolute, found)

    def _works(self, wanted: Import, found: Resolved) -> bool:
        """Whether an import works, as far as can be seen. An `__init__.py` that does not mention a name has none."""
        if found.matched == len(wanted.parts):
            return not self._is_bare(found)
        if not found.satisfies(wanted) or found.compiled is not None:
            return found.compiled is not None
        path = found.files[-1][0]
        self._mentions += 1
        if self._mentions > _MOST_MENTIONS:
            return True
        words = (wanted.parts[-1], "import *", "__getattr__", "globals()", "__path__")
        return path.name != "__init__.py" or any(word in self.texts.get(path, "") for word in words)

    def _is_bare(self, found: Resolved) -> bool:
        """Whether a name is only that of a folder without code, for data."""
        return bool(found.folders) and not found.regular and not any(self.folders.has_code(at) for at in found.folders)

    def _found_elsewhere(self, wanted: Import, own_path: list[Path]) -> Resolved | None:
        """An import that the path does not have, from the flow's own folder, one above it, or an included module."""
        beside = self._home.folder not in self._path and self._home.stands_beside(wanted)
        place = self._home.folder if beside else self._home.find_above(wanted, self._path)
        place = place if place is not None else self._included_place(wanted.parts[0])
        if place is None or place in self._path:
            return None
        self._path.append(place)
        return self.folders.resolve(wanted.parts, [*own_path, *self._path])

    def _included_place(self, name: str) -> Path | None:
        """The folder of an included module or package that is not installed; a task finds it there."""
        from flowc_compiler.syntax.modules import installation_folders

        for path in self._included:
            module = path.parent if path.name == "__init__.py" else path.with_suffix("")
            is_top = not self.folders.is_package(module.parent)
            if path.suffix == ".py" and module.name == name and is_top:
                return None if self.folders.resolve((name,), installation_folders()).matched else module.parent
        return None

    def _take(self, path: Path, package: tuple[str, ...], reason: Reason, own_path: list[Path] | None = None) -> None:
        if path in self.files or path == self._home.file or self.is_too_large:
            return
        self.files[path] = reason
        self.names[path] = ".".join(package if path.name == "__init__.py" else (*package, path.stem))
        source = read_source(path, self.sink, self.shown(path))
        tree = parse(source, self.sink) if source is not None and self._has_room(source.text) else None
        if source is not None:
            self.texts[path] = source.text
        if source is None or tree is None:
            return
        self.trees[path] = tree
        check_imports(source, self.sink, tree)
        check_current(source, self.sink, tree)
        self._exports[path] = exported(tree) or ()
        self._queue.append(_Follow(source, tree, package, own_path, optional=False))

    def _has_room(self, text: str) -> bool:
        """Whether one more file may be parsed."""
        self._words += count_words(text)
        self.is_too_large = self._words > MOST_WORDS and not ALLOW_LARGE.get()
        return not self.is_too_large

    def _read_scripts(self, follow: _Follow) -> None:
        """Take the files that a file's texts name: beside it, or in the flow's folder, where tasks work."""
        if ".py" not in follow.source.text and ".sh" not in follow.source.text:
            return
        for script in scripts_of(follow.tree):
            found = self._start(script, follow.source.path.absolute().parent, follow.source.name)
            if not found and script.certain and not Path(script.name).is_absolute():
                self.absent.append((script, follow.source))

    def _start(self, script: Script, own: Path, file: str) -> bool:
        """Take a script that a file in the folder `own` names; false where it is not found."""
        if Path(script.name).is_absolute():
            return False
        places = (Path(os.path.normpath(place / script.name)) for place in dict.fromkeys((self._home.folder, own)))
        path = next((item for item in places if is_file(item)), None)
        if path is None or path == self._home.file or not self._is_near(path):
            return path is not None
        self.needs_folder = True
        if path in self.files:
            return True
        self.files[path] = Reason(f"{script.name} is started", file, script.line)
        if path.suffix == ".py":
            self._follow_included(path)
        else:
            for inner in scripts_in(text_of(path)):
                self._start(inner, path.parent, self.shown(path))
        return True

    def _is_near(self, path: Path) -> bool:
        """Whether a file is in the project."""
        places = (self._home.folder, *self._path, *(place for place, _ in self._home.above[:1]))
        return any(path.is_relative_to(place) for place in places)

    def _note_missing(self, wanted: Import, follow: _Follow) -> None:
        absolute = wanted.absolute(follow.package)
        optional = wanted.optional or follow.optional
        if absolute is None and wanted.attribute:
            return  # reported with the package that it would be in
        if absolute is None:
            self.missing.append(Importer(wanted._replace(optional=optional), follow.source, None))
            return
        is_absent = not (absolute.level or follow.own_path) and (len(self._path), absolute.parts[0]) in self._absent
        if is_absent and absolute.attribute and len(absolute.parts) > 1:
            return  # reported with the module that it would be in
        found = self.folders.resolve(absolute.parts, [*(follow.own_path or ()), *self._path])
        self.missing.append(Importer(absolute._replace(optional=optional), follow.source, found))

    @cached_property
    def _required(self) -> set[str]:
        return required_packages(self.source.text, self._home)

    def is_required(self, name: str) -> bool:
        """Whether the flow's text, or what lists the project's requirements, names an installed package so."""
        return normalized(name) in self._required

    def absolute_place(self, wanted: Import) -> Path | None:
        """The file of an import in a folder that the code adds to the path by its absolute name."""
        folders = [item.folder for item, _ in self.changes if item.folder is not None and not item.anchored]
        files = self.folders.resolve(wanted.parts, folders).files
        return files[-1][0] if files else None

    def meant(self, item: Importer) -> Path | None:
        """The local module that an import with a misspelled name means."""
        return meant_module(item.wanted, item.source.text, self.places(), self.folders)

    def near(self, name: str) -> list[Path]:
        """Modules of that name in the project that no folder of the path has."""
        return self._home.near(name)


def local_code(source: SourceFile) -> LocalCode:
    """The local files of a flow, found once, and those that its included files need."""
    return _found_code(source, INCLUDED.get())


@lru_cache(maxsize=4)
def _found_code(source: SourceFile, included: tuple[Path, ...]) -> LocalCode:
    return LocalCode(source, included)


def _statements(tree: ast.Module) -> list[Import]:
    return [item for item in imports_of(tree) if not item.called]
