"""The files that a flow's class is spread over: its own, and local modules that its base classes come from.

Metaflow imports the flow to find inherited steps; here an import statement is followed to a file beside the flow, and
that file is parsed. What is not there is installed somewhere and cannot be read.
"""

from __future__ import annotations

import ast
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.import_root import find_import_root
from flowc_compiler.syntax.names import Names, dotted
from flowc_compiler.syntax.parsing import parse, read_source
from flowc_compiler.syntax.served_imports import check_imports

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
        check_imports(source, sink, tree)

    @cached_property
    def imports(self) -> dict[str, Imported]:
        """The names that import statements at the top level bind, as `from x import y` or `import x`."""
        found: dict[str, Imported] = {}
        for statement in self.tree.body:
            bind_imports(statement, found)
        return found

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


class LocalModules:
    """Finds classes through the imports of local files, parsing each file once."""

    def __init__(self, main: ModuleView, sink: DiagnosticSink) -> None:
        self._main = main
        self._sink = sink
        home = find_import_root(main.source)
        self._folder = main.source.path.parent if not home.package else home.shown_from(main.source.path)
        self._views: dict[Path, ModuleView | None] = {main.source.path.resolve(): main}

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
                    return None
                module, name = self.load(view, imported.level, imported.module), imported.name
            case ast.Attribute(attr=name):
                module = self._module(view, node.value)
            case _:
                return None
        return None if module is None else (module, name)

    def _by_name(self, view: ModuleView, name: str, seen: set[tuple[str, str]]) -> FoundClass | None:
        """Follow `from x import y` as often as it leads from file to file."""
        if name in view.classes:
            return FoundClass(view, view.classes[name])
        if name in view.aliases and (view.source.name, name) not in seen:
            seen.add((view.source.name, name))
            other = view.aliases[name]
            return self._by_name(view, other.id, seen) if isinstance(other, ast.Name) else self.find(view, other)
        imported = view.imports.get(name)
        if imported is None or imported.name is None or (view.source.name, name) in seen:
            return None
        seen.add((view.source.name, name))
        module = self.load(view, imported.level, imported.module)
        return self._by_name(module, imported.name, seen) if module is not None else None

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
        folder = self._folder
        if level:
            folder = view.source.path.parent
            for _ in range(level - 1):
                folder = folder.parent
        base = folder.joinpath(*parts)
        candidates = (base.with_name(f"{base.name}.py"), base / "__init__.py") if parts else (base / "__init__.py",)
        path = next((item for item in candidates if item.is_file()), None)
        return self._parsed(path.resolve(), path) if path is not None else None

    def _parsed(self, key: Path, path: Path) -> ModuleView | None:
        if key not in self._views:
            source = read_source(path, self._sink)
            tree = parse(source, self._sink) if source is not None else None
            self._views[key] = ModuleView(source, tree, self._sink) if source is not None and tree is not None else None
        return self._views[key]


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
