"""Reading and parsing files: the flow's own, and local modules that its base classes come from.

What is wrong with a file is a diagnostic. Metaflow imports the flow to find inherited steps; here an import statement
is followed to a file beside the flow, and that file is parsed. What is not there is installed somewhere and cannot be
read.
"""

from __future__ import annotations

import ast
import builtins
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from copy import copy
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple, get_args

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.filesystem import is_folder, real_path
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.current_facts import check_current
from flowc_compiler.syntax.import_statements import exported
from flowc_compiler.syntax.served_imports import ROOTS, Names, dotted
from flowc_compiler.syntax.source_reading import parse, read_source, report_too_large
from flowc_compiler.syntax.tree_walk import children
from flowc_compiler.syntax.unserved_names import check_imports

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
"""A definition of a function."""


class Imported(NamedTuple):
    """What an import statement binds a name to."""

    level: int
    """The number of leading dots."""
    module: tuple[str, ...]
    name: str | None
    """The name in the module; `None` for the module itself."""


class ModuleView:
    """One parsed file, and what its names mean."""

    def __init__(self, source: SourceFile, tree: ast.Module, sink: DiagnosticSink) -> None:
        self.source = source
        self.tree = tree
        self.names = Names(tree)
        self.classes = {item.name: item for item in tree.body if isinstance(item, ast.ClassDef)}
        self.span = source.node_span
        self.head_span = source.head_span
        self.name_span = source.name_span
        self.code = source.code
        self.refusals = check_imports(source, sink, tree)
        """Names that the file imports and uses, and that are not served: FC106 says so."""
        check_current(source, sink, tree)

    @cached_property
    def imports(self) -> dict[str, Imported]:
        """The names that import statements at the top level bind, as `from x import y` or `import x`."""
        found: dict[str, Imported] = {}
        for statement in self.tree.body:
            bind_imports(statement, found)
        return found

    @property
    def imported_packages(self) -> Iterable[str]:
        """The packages that import statements at the top level name, in their order."""
        return (item.module[0] for item in (*self.imports.values(), *self.stars) if item.module and not item.level)

    @cached_property
    def stars(self) -> tuple[Imported, ...]:
        """The modules whose names `from x import *` binds at the top level, the last one first."""
        found = [
            Imported(item.level, tuple(item.module.split(".")) if item.module else (), None)
            for item in self.tree.body
            if isinstance(item, ast.ImportFrom) and item.names[0].name == "*"
        ]
        return tuple(reversed(found))

    def exports(self, name: str) -> bool:
        """Whether `from this import *` binds a name that the file has."""
        listed = exported(self.tree)
        return name in listed if listed is not None else not name.startswith("_")

    @cached_property
    def aliases(self) -> dict[str, ast.Name | ast.Attribute]:
        """The names that `name = other` binds at the top level, where `other` is a name or an attribute of one."""
        found: dict[str, ast.Name | ast.Attribute] = {}
        for statement in self.tree.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name() | ast.Attribute() as other):
                    found[name] = other
                case _:
                    pass
        return found

    @cached_property
    def has_globals(self) -> bool:
        """Whether functions of the file may bind its names."""
        return "global " in self.source.text

    @cached_property
    def values(self) -> dict[str, ast.expr]:
        """The values of names that the file binds once, by `name = value` at the top level."""
        return {
            item.targets[0].id: item.value
            for item in self.tree.body
            if isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name)
            and len(item.targets) == len(self.bindings[item.targets[0].id]) == 1
        }  # fmt: skip

    @cached_property
    def last_values(self) -> dict[str, ast.expr]:
        """The same of names that it may import before."""
        imports = ast.Import | ast.ImportFrom
        once = {
            name for name, nodes in self.bindings.items() if sum(not isinstance(node, imports) for node in nodes) == 1
        }
        found: dict[str, ast.expr] = {}
        for item in self.tree.body:
            match item:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in once:
                    found[name] = value
                case ast.Import() | ast.ImportFrom():
                    imported: dict[str, Imported] = {}
                    bind_imports(item, imported)
                    for name in imported:
                        found.pop(name, None)
                case _:
                    pass
        return found

    @cached_property
    def single_functions(self) -> dict[str, FunctionNode]:
        """The functions at the top level whose names the file binds once."""
        functions = (item for item in self.tree.body if isinstance(item, FunctionNode))
        return {item.name: item for item in functions if len(self.bindings[item.name]) == 1}

    @cached_property
    def bindings(self) -> dict[str, list[ast.AST]]:
        """What binds each name at the top level, inside of blocks too."""
        return bindings(self.tree)

    def is_builtin(self, name: str) -> bool:
        """Whether a name that no function binds is certainly that of a builtin."""
        return hasattr(builtins, name) and name not in self.bindings and not self._binds_unknown

    @cached_property
    def _binds_unknown(self) -> bool:
        """Whether the file may bind names that it does not write out, by `import *` or `globals()`."""
        open_stars = any(item.level or item.module[0] not in ROOTS for item in self.stars)
        return open_stars or "globals()" in self.source.text

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names of the functions that the file defines at its top level."""
        return frozenset(item.name for item in self.tree.body if isinstance(item, FunctionNode))

    def imported_path(self, node: ast.expr) -> tuple[str, ...]:
        """The dotted name, in parts, that an expression stands for by the file's absolute imports; else nothing."""
        root, *rest = dotted(node) or ("",)
        bound = self.imports.get(root)
        if bound is None or bound.level:
            return ()
        return (*bound.module, *((bound.name,) if bound.name is not None else ()), *rest)


class FoundClass(NamedTuple):
    """A class and the file that it is in."""

    view: ModuleView
    node: ast.ClassDef

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other classes."""
        return (self.view.source.name, self.node.name)


_MOST_FILES = 50
"""How many imports are followed from file to file."""


class LocalModules:
    """Finds classes through the imports of local files, parsing each file once."""

    def __init__(self, main: ModuleView, sink: DiagnosticSink) -> None:
        self._main = main
        self._sink = sink
        from flowc_compiler.syntax.local_code import local_code  # which reads files by this module

        self._code = local_code(main.source)
        if self._code.is_too_large:
            what = f"{main.source.name} and the local modules that it imports have"
            report_too_large(what, sink, main.source.line_span(1))
        self._views: dict[Path, ModuleView | None] = {Path(real_path(self._code.root.file)): main}
        self._installed: tuple[Path, ...] = ()

    def with_installed(self) -> LocalModules:
        """The same, which finds modules of packages that are installed beside flowc as well, and reads their source."""
        other = copy(self)
        other._installed = installation_folders()
        return other

    @property
    def main(self) -> ModuleView:
        """The flow's own file."""
        return self._main

    @property
    def top(self) -> Path:
        """The folder that has all of the flow's code, which tasks have as it is."""
        return self._code.top

    def views(self) -> list[ModuleView]:
        """The files that were looked at."""
        return [view for view in self._views.values() if view is not None]

    def find(self, view: ModuleView, node: ast.expr) -> FoundClass | None:
        """The class that an expression in a file names: of that file, or of a local module that it imports."""
        match node:
            case ast.Name(id=name):
                return self._by_name(view, name, set())
            case ast.Attribute(attr=name):
                module = self._module(view, node.value)
                return self._by_name(module, name, set()) if module is not None else None
            case _:
                return None

    def origin(self, view: ModuleView, node: ast.expr) -> tuple[ModuleView, str] | None:
        """The local file that a name is imported from, and its name there; also of `module.name`."""
        match node:
            case ast.Name(id=name):
                imported = view.imports.get(name)
                if imported is None or imported.name is None:
                    found = self._by_star(view, name, set()) if imported is None and name not in view.classes else None
                    return None if found is None else (found.view, found.node.name)
                module, name = self.load(view, imported.level, imported.module), imported.name
            case ast.Attribute(attr=name):
                module = self._module(view, node.value)
            case _:
                return None
        return None if module is None else (module, name)

    def last_file(self, view: ModuleView, node: ast.expr) -> tuple[str, ModuleView | None] | None:
        """The local file to which the imports of a name lead last, as the user would write it; `None` where they lead
        elsewhere. It has no view where it cannot be read.
        """
        parts = dotted(node)
        imported = view.imports.get(parts[0]) if parts else None
        if imported is None:
            return None
        whole = (*imported.module, *((imported.name,) if imported.name is not None else ()), *parts[1:])
        imported = Imported(imported.level, whole[:-1], whole[-1])
        found: tuple[str, ModuleView | None] | None = None
        for _ in range(_MOST_FILES):
            if imported is None or imported.name is None:
                break
            path = self._code.module_path(view.source.path, imported.level, imported.module)
            if path is None:
                return None
            module = self._parsed(Path(real_path(path)), path)
            found = (self._code.shown(path), module)
            if module is None:
                break
            view, imported = module, module.imports.get(imported.name)
        return found

    def _by_name(self, view: ModuleView, name: str, seen: set[tuple[str, str]]) -> FoundClass | None:
        """Follow `from x import y` as often as it leads from file to file."""
        if name in view.classes:
            return FoundClass(view, view.classes[name])
        if name in view.aliases and (view.source.name, name) not in seen:
            seen.add((view.source.name, name))
            other = view.aliases[name]
            return self._by_name(view, other.id, seen) if isinstance(other, ast.Name) else self.find(view, other)
        imported = view.imports.get(name)
        if (view.source.name, name) in seen:
            return None
        seen.add((view.source.name, name))
        if imported is None:
            return self._by_star(view, name, seen)
        if imported.name is None:
            return None
        module = self.load(view, imported.level, imported.module)
        return self._by_name(module, imported.name, seen) if module is not None else None

    def _by_star(self, view: ModuleView, name: str, seen: set[tuple[str, str]]) -> FoundClass | None:
        """Follow `from x import *`."""
        for star in view.stars:
            module = self.load(view, star.level, star.module)
            found = self._by_name(module, name, seen) if module is not None and module.exports(name) else None
            if found is not None:
                return found
        return None

    def _module(self, view: ModuleView, node: ast.expr) -> ModuleView | None:
        """The module that `base` or `pkg.base` stands for."""
        parts = dotted(node)
        imported = view.imports.get(parts[0]) if parts else None
        if imported is None:
            return None
        path = (*imported.module, *((imported.name,) if imported.name is not None else ()), *parts[1:])
        return self.load(view, imported.level, path)

    def load(self, view: ModuleView, level: int, parts: tuple[str, ...]) -> ModuleView | None:
        """The local module that a file imports by its dots and parts; `None` where there is none."""
        path = self._code.module_path(view.source.path, level, parts)
        if path is None and self._installed and not level:
            path = self._code.installed_path(parts, self._installed)
        return self._parsed(Path(real_path(path)), path) if path is not None else None

    def module_name(self, view: ModuleView) -> str:
        """The dotted name that a task imports a file by."""
        path = view.source.path.absolute()
        return self._code.names.get(path, path.stem)

    def _parsed(self, key: Path, path: Path) -> ModuleView | None:
        if key not in self._views:
            source = read_source(path, self._sink, self._code.shown(path))
            tree = self._code.trees.get(path)
            if tree is None and source is not None and not self._code.is_too_large:
                tree = parse(source, self._sink)
            self._views[key] = ModuleView(source, tree, self._sink) if source is not None and tree is not None else None
        return self._views[key]


@cache
def installation_folders() -> tuple[Path, ...]:
    """The folders of this Python's import path that hold installed packages: not those of its own library."""
    own = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    folders = (Path(place) for place in sys.path if place and place not in own)
    return tuple(folder for folder in folders if is_folder(folder) and folder.name != "lib-dynload")


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function or a file, without those of the functions and classes in it."""
    pending = children(scope)
    while pending:
        current = pending.pop()
        yield current
        if not isinstance(current, _SCOPES):
            pending += children(current)


_SCOPES = (*get_args(FunctionNode), ast.ClassDef, ast.Lambda)


def bindings(scope: ast.AST) -> dict[str, list[ast.AST]]:
    """The nodes of a function or a file that bind a name, by the name."""
    found: dict[str, list[ast.AST]] = {}
    for node in own_nodes(scope):
        names: Iterable[str] = ()
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                names = (name,)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names = (name,)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names = (name,)
            case ast.Import() | ast.ImportFrom():
                imported: dict[str, Imported] = {}
                bind_imports(node, imported)
                names = imported
            case _:
                pass
        for name in names:
            found.setdefault(name, []).append(node)
    return found


def bind_imports(statement: ast.stmt, found: dict[str, Imported]) -> None:
    """Add the names that an import statement binds, but for those of `import *`."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            parts = tuple(alias.name.split("."))
            if alias.asname is not None:
                found[alias.asname] = Imported(0, parts, None)
            else:
                found[parts[0]] = Imported(0, parts[:1], None)
    elif isinstance(statement, ast.ImportFrom):
        parts = tuple(statement.module.split(".")) if statement.module else ()
        for alias in statement.names:
            if alias.name != "*":
                found[alias.asname or alias.name] = Imported(statement.level, parts, alias.name)
