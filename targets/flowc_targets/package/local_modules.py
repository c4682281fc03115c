"""The local files that a flow imports, found by reading import statements, never by running them."""

from __future__ import annotations

import ast
import os
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.frontend import parse, read_source
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.import_root import find_import_root, is_type_checking, located
from flowc_compiler.syntax.served_imports import check_imports
from flowc_targets.package.included_files import from_import_root, included_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.syntax.import_root import ImportRoot


NEVER_LOCAL = frozenset({"flowc", "metaflow", "zenml"})
"""Names that the shim serves: a folder with such a name beside the flow is not the user's module."""

COMPILED = (".so", ".pyd")


def local_files(
    source: SourceFile, import_root: ImportRoot, included: Mapping[str, Path], sink: DiagnosticSink
) -> dict[str, bytes]:
    """The `.py` files below the import root that a flow imports, transitively, by path.

    An import of `a.b.c` ships those of `a/__init__.py`, `a/b/__init__.py` and `a/b/c.py` that exist; a module that is
    not found is expected in the image. `included` are files that are shipped anyway, by the same kind of path: their
    imports are followed as well, and a compiled module among them is no problem.

    Collects FC101 and FC104 for local files that cannot be read, FC604 for imports that can only be local and are not
    there, FC606 for modules that are compiled to machine code, and FC106 for names of Metaflow that are not served.
    """
    walk = _Walk(source, import_root, included, sink)
    if may_import_local(source, import_root.folder):
        walk.follow(source, import_root.package)
    walk.take_packages()
    for name in included:
        if name.endswith(".py") and not name.startswith("../"):
            walk.follow_included(name)
    walk.run()
    return walk.found


def check_code(source: SourceFile, include: Sequence[str], sink: DiagnosticSink) -> None:
    """Report what is wrong with the local modules of a flow and its included files, as packing them would."""
    import_root = find_import_root(source)
    data = from_import_root(included_files(include, located(source.path).parent, sink), import_root)
    local_files(source, import_root, data, sink)


class _Importer(NamedTuple):
    """An import, and the file that contains it."""

    wanted: Import
    source: SourceFile


class _Found(NamedTuple):
    """How far a dotted name resolves: the files on the way, and how many of its parts were found."""

    files: tuple[tuple[str, tuple[str, ...]], ...]
    """Path below the import root, and the package that the file's relative imports start from."""
    matched: int
    regular: bool
    """The last part found is a package with an `__init__.py`, or a module: its members are nowhere else."""
    compiled: str = ""
    """The compiled module at the end, if it is one."""


class _Walk:
    """Follows imports from file to file."""

    def __init__(
        self, source: SourceFile, import_root: ImportRoot, included: Mapping[str, Path], sink: DiagnosticSink
    ) -> None:
        self.found: dict[str, bytes] = {}
        self._source = source
        self._import_root = import_root
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
        for name, package in self._resolve(self._import_root.package).files:
            self._take(name, package)

    def follow_included(self, name: str) -> None:
        """Queue the imports of a file that is shipped anyway. It may be anything, a template for one."""
        try:
            text = self._included[name].read_text(encoding="utf-8")
            tree = ast.parse(text)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return
        source = SourceFile(self._included[name], text, self._shown(name))
        self._sink.add_source(source)
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
            path = self._import_root.folder.joinpath(*head)
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
        if name in self.found or name == self._import_root.archive_name:
            return
        path = self._import_root.folder / name
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
            help_text = f"it can only be in {self._import_root.folder}: correct the name, or add the file"
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
        beside = os.path.relpath(self._import_root.folder / name, located(self._source.path).parent)
        return (PurePath(self._source.name).parent / beside).as_posix()


def _may_define(file: str, text: bytes, name: str) -> bool:
    """Whether a module may have that name. Only an `__init__.py` that does not even mention it cannot."""
    if not file.endswith("__init__.py"):
        return True
    return any(word in text for word in (name.encode(), b"import *", b"__getattr__", b"globals()"))


class Import(NamedTuple):
    """One name that a statement imports."""

    parts: tuple[str, ...]
    """The dotted name from the top: a module, or where `attribute` is set perhaps something in one."""
    line: int
    relative: bool = False
    attribute: bool = False
    """The last part is the `y` of `from x import y`: a submodule, or a name that `x` defines."""
    star: bool = False
    optional: bool = False
    """The import is in a `try`: the module works without it."""
    beyond: bool = False
    """A relative import with more dots than there are packages: it cannot work."""


_IMPORT = re.compile(r"\b(?:from|import)\b[ \t]*([^\n;#]*)")
_WORD = re.compile(r"\w+")
_IMPORT_CALL = re.compile(r"\b(?:import_module|__import__)\b")
_IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def imports_of(tree: ast.Module, package: tuple[str, ...]) -> Iterator[Import]:
    """The imports of a module of `package`, those within functions, too.

    `import_module` and `__import__` of a literal count; what is for type checkers only does not.
    """
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, optional = pending.pop()
        match node:
            case ast.If(test=test, orelse=orelse) if is_type_checking(test):
                pending.extend((item, optional) for item in orelse)
                continue
            case ast.Try(body=body, handlers=handlers) if any(_catches_import_error(item.type) for item in handlers):
                pending.extend((item, True) for item in body)
                pending.extend((item, optional) for item in (*handlers, *node.orelse, *node.finalbody))
                continue
            case ast.Import(names=names):
                yield from (Import(tuple(alias.name.split(".")), node.lineno, optional=optional) for alias in names)
            case ast.ImportFrom():
                yield from _import_from(node, package, optional)
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _is_import_call(func):
                yield from _import_call(node, name, package)
            case _:
                pass
        pending.extend((child, optional) for child in ast.iter_child_nodes(node))


def may_import_local(source: SourceFile, folder: Path) -> bool:
    """Whether a file could import anything of a folder, by a look at its text.

    Most flows import what is installed and nothing else, and a syntax tree of a large flow takes a while.
    """
    names: set[str] = set()
    for match in _IMPORT.finditer(source.text):
        line = match[1]
        if line.startswith(".") or line.rstrip().endswith("\\"):
            return True
        names.update(_WORD.findall(line))
    local = {path.name.partition(".")[0] for path in folder.iterdir()}
    return not names.isdisjoint(local) or bool(_IMPORT_CALL.search(source.text))


def exported(tree: ast.Module) -> tuple[str, ...]:
    """The names in a literal `__all__`: a star import of a package imports those of them that are submodules."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=items) | ast.Tuple(elts=items)):
                names = (item.value for item in items if isinstance(item, ast.Constant))
                return tuple(name for name in names if isinstance(name, str))
            case _:
                pass
    return ()


def _import_from(node: ast.ImportFrom, package: tuple[str, ...], optional: bool) -> Iterator[Import]:
    relative = node.level > 0
    module = tuple(node.module.split(".")) if node.module else ()
    if node.level > len(package):
        shown = "." * node.level + (node.module or "")
        yield Import((shown,), node.lineno, relative=True, optional=optional, beyond=True)
        return
    base = (package[: len(package) - node.level + 1] if relative else ()) + module
    star = any(alias.name == "*" for alias in node.names)
    yield Import(base, node.lineno, relative=relative, optional=optional, star=star)
    for alias in node.names:
        if alias.name != "*":
            yield Import((*base, alias.name), node.lineno, relative=relative, attribute=True, optional=optional)


def _import_call(node: ast.Call, name: str, package: tuple[str, ...]) -> Iterator[Import]:
    """`import_module("x")`, and `import_module(".x", ...)`, where the package is this module's own or a literal."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        yield Import(tuple(name.split(".")), node.lineno, optional=True)
        return
    packages = [*node.args[1:], *(word.value for word in node.keywords if word.arg == "package")]
    match packages:
        case [ast.Constant(value=str(other))]:
            package = tuple(other.split("."))
        case _:
            pass
    if level <= len(package):
        rest = name[level:]
        base = package[: len(package) - level + 1]
        yield Import(base + (tuple(rest.split(".")) if rest else ()), node.lineno, relative=True, optional=True)


def _is_import_call(func: ast.expr) -> bool:
    match func:
        case ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"):
            return True
        case _:
            return False


def _catches_import_error(caught: ast.expr | None) -> bool:
    """Whether an `except` clause catches a failed import."""
    match caught:
        case None:
            return True
        case ast.Tuple(elts=items):
            return any(_catches_import_error(item) for item in items)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _IMPORT_ERRORS
        case _:
            return False
