"""Which local files a flow imports, found by reading imports, never by running them."""

from __future__ import annotations

import ast
import os
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.frontend import parse, read_source
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.import_root import located
from flowc_compiler.syntax.served_imports import check_imports
from flowc_targets.package.import_statements import Import, exported, imports_of, may_import_local

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.syntax.import_root import ImportRoot

NEVER_LOCAL = frozenset({"flowc", "metaflow", "zenml"})
"""Names that the shim serves: a folder of that name beside the flow is not the user's module."""

COMPILED = (".so", ".pyd")


def local_files(
    source: SourceFile, home: ImportRoot, included: Mapping[str, Path], sink: DiagnosticSink
) -> dict[str, bytes]:
    """The `.py` files at home that a flow imports, transitively, as path below `home.folder` to content.

    An import of `a.b.c` brings `a/__init__.py`, `a/b/__init__.py` and `a/b/c.py`, those that are there; what is not
    there is taken to be installed in the image. `included` are files that are shipped anyway, by the same kind of path:
    what they import is followed as well, and a compiled module among them is no problem.

    Collects FC101 and FC104 for local files that cannot be read, FC604 for imports that can only be local and are not
    there, FC606 for modules that are compiled to machine code, and FC106 for names of Metaflow that are not served.
    """
    walk = _Walk(source, home, included, sink)
    if may_import_local(source.text, home.folder):
        walk.follow(source, home.package)
    walk.take_packages()
    for name in included:
        if name.endswith(".py") and not name.startswith("../"):
            walk.follow_included(name)
    walk.run()
    return walk.found


class _Importer(NamedTuple):
    """An import, and the file that it stands in."""

    wanted: Import
    source: SourceFile


class _Found(NamedTuple):
    """What a dotted name leads to: the files on the way, and how many of its parts were found."""

    files: tuple[tuple[str, tuple[str, ...]], ...]
    """Path below the home, and the package that the file's relative imports start from."""
    matched: int
    regular: bool
    """What was found last is a package with an `__init__.py`, or a module: nowhere else is its inside looked for."""
    compiled: str = ""
    """The compiled module at the end, if it is one."""


class _Walk:
    """Follows imports from file to file."""

    def __init__(
        self, source: SourceFile, home: ImportRoot, included: Mapping[str, Path], sink: DiagnosticSink
    ) -> None:
        self.found: dict[str, bytes] = {}
        self._source = source
        self._home = home
        self._included = included
        self._sink = sink
        self._queue: list[_Importer] = []
        self._exports: dict[str, tuple[str, ...]] = {}

    def follow(self, source: SourceFile, package: tuple[str, ...]) -> tuple[str, ...]:
        """Queue the imports of a module of `package`; returns its `__all__`."""
        tree = parse(source, self._sink)
        if tree is None:
            return ()
        if source is not self._source:
            check_imports(source, self._sink, tree)
        self._queue.extend(_Importer(wanted, source) for wanted in imports_of(tree, package))
        return exported(tree)

    def take_packages(self) -> None:
        """Take the `__init__.py` files of the flow's own package, which Python runs before the flow's file."""
        for name, package in self._resolve(self._home.package).files:
            self._take(name, package)

    def follow_included(self, name: str) -> None:
        """Queue the imports of a file that is shipped anyway. It may be anything, a template for one."""
        try:
            text = self._included[name].read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError):
            return
        source = SourceFile(self._included[name], text, self._shown(name))
        for wanted in imports_of(tree, tuple(PurePath(name).parts[:-1])):
            self._queue.append(_Importer(wanted._replace(optional=True), source))

    def run(self) -> None:
        """Resolve what is queued until nothing is."""
        while self._queue:
            wanted, source = self._queue.pop()
            if not wanted.parts or wanted.parts[0] in NEVER_LOCAL:
                continue
            if wanted.beyond:
                if not wanted.optional:
                    self._report_missing(wanted, source, wanted.parts[0])
                continue
            found = self._resolve(wanted.parts)
            for name, package in found.files:
                self._take(name, package)
            if found.compiled and found.compiled not in self._included:
                self._report_compiled(wanted, source, found.compiled)
            self._check(wanted, source, found)
            if wanted.star and found.matched == len(wanted.parts) and found.files:
                names = self._exports.get(found.files[-1][0], ())
                stars = (wanted._replace(parts=(*wanted.parts, name), attribute=True, star=False) for name in names)
                self._queue.extend(_Importer(star, source) for star in stars)

    def _resolve(self, parts: tuple[str, ...]) -> _Found:
        """Walk down a dotted name as Python does: a package, else a module, else a compiled one, else a bare folder."""
        files: list[tuple[str, tuple[str, ...]]] = []
        regular = False
        for length in range(1, len(parts) + 1):
            head = parts[:length]
            path = self._home.folder.joinpath(*head)
            name = "/".join(head)
            if (path / "__init__.py").is_file():
                files.append((f"{name}/__init__.py", head))
                regular = True
            elif path.with_name(f"{path.name}.py").is_file():
                files.append((f"{name}.py", head[:-1]))
                return _Found(tuple(files), length, regular=True)
            elif compiled := self._compiled(path):
                return _Found(tuple(files), length, regular=True, compiled="/".join((*head[:-1], compiled)))
            elif path.is_dir():
                regular = False
            else:
                return _Found(tuple(files), length - 1, regular)
        return _Found(tuple(files), len(parts), regular)

    def _compiled(self, path: Path) -> str:
        """The file name of an extension module, such as `fast.cpython-311-x86_64-linux-gnu.so`."""
        if not path.parent.is_dir():
            return ""
        names = (item.name for item in path.parent.glob(f"{path.name}.*") if item.suffix in COMPILED)
        return min(names, default="")

    def _take(self, name: str, package: tuple[str, ...]) -> None:
        if name in self.found or name == self._home.archive_name:
            return
        path = self._home.folder / name
        source = read_source(path, self._sink, self._shown(name))
        self.found[name] = path.read_bytes() if source is not None else b""
        if source is not None:
            self._exports[name] = self.follow(source, package)

    def _check(self, wanted: Import, source: SourceFile, found: _Found) -> None:
        """Report an import that can only be local, and is not there."""
        missing = len(wanted.parts) - found.matched
        if not missing or wanted.optional or found.compiled:
            return
        last = found.files[-1][0] if found.files else ""
        text = self.found.get(last, b"")
        if wanted.attribute and (missing > 1 or (found.regular and _may_define(last, text, wanted.parts[-1]))):
            return  # `from x import y`: reported with `x`, or a name that `x` defines
        if (wanted.relative or found.regular) and b"__path__" not in text:
            self._report_missing(wanted, source, ".".join(wanted.parts))

    def _report_missing(self, wanted: Import, source: SourceFile, shown: str) -> None:
        if wanted.beyond:
            message = f"`{shown}` leads out of the package that this file is in"
            help_text = "import it by its name from the flow's folder, or move the file into a package"
        else:
            message = f"there is no local module `{shown}`"
            help_text = f"it can only be in {self._home.folder}: correct the name, or add the file"
        self._sink.error("FC604", message, source.line_span(wanted.line), help=help_text)

    def _report_compiled(self, wanted: Import, source: SourceFile, name: str) -> None:
        message = f"`{'.'.join(wanted.parts)}` is compiled to machine code ({name}), which is not shipped"
        help_text = "install it in the image; where the image is of the same platform, `--include` ships the file"
        if wanted.optional:
            self._sink.warning("FC606", message, source.line_span(wanted.line), help=help_text)
        else:
            self._sink.error("FC606", message, source.line_span(wanted.line), help=help_text)

    def _shown(self, name: str) -> str:
        """A local file's name as the user would write it, beside the flow's own."""
        beside = os.path.relpath(self._home.folder / name, located(self._source.path).parent)
        return (PurePath(self._source.name).parent / beside).as_posix()


def _may_define(file: str, text: bytes, name: str) -> bool:
    """Whether a module may have that name. Only an `__init__.py` that does not even mention it cannot."""
    if not file.endswith("__init__.py"):
        return True
    return any(word in text for word in (name.encode(), b"import *", b"__getattr__", b"globals()"))
