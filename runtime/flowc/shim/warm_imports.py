"""What the fork server imports before it forks: installed modules that a flow's files import first of all.

A task must find the state of a fresh process, so nothing of the user's is executed here. The files are read in the
order in which Python would execute them, through the local modules that they import, up to the first statement that
could change what an import does: `os.environ["OMP_NUM_THREADS"] = "1"`, `matplotlib.use("Agg")`, `monkey.patch_all()`.
What is imported after that, each task imports itself.
"""

from __future__ import annotations

import contextlib
import os
import sys

from flowc.shim.program import ONLY_AST, children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any, Dict, Iterable, List, Set, Tuple

    Imported = Tuple[str, Tuple[str, ...]]
    """The name of a module, and what is imported from it."""

_SERVED = ("flowc", "metaflow", "zenml")
_READS_OF_OS = ("cpu_count", "fspath", "getcwd", "getenv", "getpid", "path")
_WITH_EFFECTS = frozenset({
    "builtins", "codecs", "ctypes", "encodings", "importlib", "locale", "multiprocessing", "os", "runpy", "signal",
    "site", "subprocess", "sys", "threading", "unittest",
})  # fmt: skip
"""Modules of the standard library whose functions may change what a later import finds or does."""
_BUILTINS_WITH_EFFECTS = frozenset({
    "__import__", "compile", "delattr", "eval", "exec", "globals", "input", "locals", "open", "setattr", "vars",
})  # fmt: skip
_NOISY = frozenset({"antigravity", "this"})


def import_all(imported: Iterable[Imported]) -> None:
    """Import what is installed. What cannot be imported, the task reports."""
    for name, names in imported:
        with contextlib.suppress(Exception, SystemExit):
            __import__(name, {}, {}, names)


def first_imports(module: str, spec: ModuleSpec | None) -> List[Imported]:
    """The installed modules that a flow's file imports first, in order. `spec` is where that file is.

    The folders of the user's files must be on the import path.
    """
    scan = _Scan(module.partition(".")[0])
    with contextlib.suppress(RecursionError):
        parents = module.split(".")[:-1]
        if all(scan.follow(".".join(parents[: length + 1])) for length in range(len(parents))) and spec is not None:
            scan.read(spec)
    return scan.found


class _Scan:
    """Reads files in the order in which Python executes them. Its methods are false where it has to stop."""

    def __init__(self, own: str) -> None:
        """`own` is the module or package of the flow's file."""
        self.found: List[Imported] = []
        self._own = own
        self._seen: Set[str] = set()
        self._specs: Dict[str, ModuleSpec | None] = {}

    def follow(self, name: str) -> bool:
        """A module of the user's own, whose packages have been followed."""
        if name in self._seen:
            return True
        self._seen.add(name)
        spec = self._spec(name)
        return spec is None or self.read(spec)

    def read(self, spec: ModuleSpec) -> bool:
        """A file of the user's own."""
        self._seen.add(spec.name)
        loader: Any = spec.loader
        if not hasattr(loader, "get_source"):
            return spec.submodule_search_locations is not None and loader is None  # else it is machine code
        try:
            text = loader.get_source(spec.name)
            tree: Any = compile(text, spec.origin or "", "exec", ONLY_AST, dont_inherit=True)
        except (ImportError, OSError, SyntaxError, ValueError, TypeError):
            return False
        is_package = spec.submodule_search_locations is not None
        package = spec.name if is_package else spec.name.rpartition(".")[0]
        return _File(self, package).read(tree.body)

    def import_module(self, name: str, names: Tuple[str, ...]) -> bool:
        """An import: an installed module is noted, one of the user's is read, with the packages that it is in."""
        parts = name.split(".")
        if parts[0] in _NOISY:
            return True
        if not self.is_own(parts[0]):
            self.found.append((name, names))
            return True
        for length in range(len(parts)):
            if not self.follow(".".join(parts[: length + 1])):
                return False
        return all(self.follow(f"{name}.{item}") for item in names if self._spec(f"{name}.{item}") is not None)

    def is_own(self, top: str) -> bool:
        """Whether a top-level name is a module of the user's: not installed, nor of Python."""
        if top in _SERVED:
            return False
        spec = self._spec(top)
        if top == self._own or spec is None:
            return top == self._own
        places = [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
        return any(not _is_installed(place) for place in places)

    def _spec(self, name: str) -> ModuleSpec | None:
        """Where a module is. Its packages are not imported."""
        if name not in self._specs:
            self._specs[name] = self._found(name)
        return self._specs[name]

    def _found(self, name: str) -> ModuleSpec | None:
        from importlib.machinery import PathFinder
        from importlib.util import find_spec

        package = name.rpartition(".")[0]
        with contextlib.suppress(ImportError, ValueError, AttributeError, KeyError):  # the last of nested folders
            if not package:
                return find_spec(name)
            above = self._spec(package)
            locations = above.submodule_search_locations if above is not None else None
            return PathFinder.find_spec(name, list(locations)) if locations else None
        return None


def _is_installed(path: str) -> bool:
    inside = os.path.dirname(os.__file__) + os.sep
    return path.startswith(inside) or not {"site-packages", "dist-packages"}.isdisjoint(path.split(os.sep))


class _File:
    """The statements of one file of a package."""

    def __init__(self, scan: _Scan, package: str) -> None:
        self._scan = scan
        self._package = package
        self._names: Dict[str, str] = {}
        """Names that are imported, and the top-level modules that they come from."""
        self._defined: Set[str] = set()

    def read(self, statements: Iterable[Any]) -> bool:
        """Statements, in order."""
        for statement in statements:
            kind = type(statement).__name__
            if kind in ("Import", "ImportFrom"):
                proceed = self._import(statement)
            elif kind == "Try":
                proceed = self.read(statement.body) and not any(map(self._has_effects, statement.handlers))
                proceed = proceed and self.read(statement.orelse) and self.read(statement.finalbody)
            elif kind == "With":
                proceed = not any(map(self._has_effects, statement.items)) and self.read(statement.body)
            elif kind == "If" and _is_type_checking(statement.test):
                proceed = self.read(statement.orelse)
            else:
                proceed = not self._has_effects(statement)
            if not proceed:
                return False
        return True

    def _import(self, statement: Any) -> bool:
        for module, names, bound in self._modules(statement):
            self._names.update(dict.fromkeys(bound, module.partition(".")[0]))
            if not self._scan.import_module(module, names):
                return False
        return True

    def _modules(self, statement: Any) -> List[Tuple[str, Tuple[str, ...], List[str]]]:
        """What a statement imports: modules, names in them, and the names that are bound."""
        if type(statement).__name__ == "Import":
            return [(item.name, (), [item.asname or item.name.partition(".")[0]]) for item in statement.names]
        module = statement.module or ""
        if statement.level:
            above = self._package.split(".")
            base = ".".join(above[: len(above) - statement.level + 1])
            module = f"{base}.{module}" if module and base else base or module
        names = tuple(item.name for item in statement.names)
        return [(module, names, [item.asname or item.name for item in statement.names])]

    def _has_effects(self, statement: Any) -> bool:
        """Whether executing a statement may change what an import does. Bodies of functions are not executed."""
        pending = [statement]
        while pending:
            node = pending.pop()
            kind = type(node).__name__
            if kind in ("FunctionDef", "AsyncFunctionDef", "Lambda"):
                self._defined.add(getattr(node, "name", ""))
                pending += [*getattr(node, "decorator_list", ()), node.args]
                continue
            if kind == "ClassDef":
                self._defined.add(node.name)
            if kind == "Call" and not self._is_harmless(node.func):
                return True
            if kind in ("Attribute", "Subscript") and type(node.ctx).__name__ != "Load":
                return True
            if kind in ("Import", "ImportFrom") and any(
                self._scan.is_own(module.partition(".")[0]) for module, _, _ in self._modules(node)
            ):
                return True
            pending.extend(children(node))
        return False

    def _is_harmless(self, function: Any) -> bool:
        """Whether a call of an expression changes nothing that an import could see, as far as its name says."""
        path: List[str] = []
        while type(function).__name__ in ("Attribute", "Call", "Subscript"):
            path.append(getattr(function, "attr", ""))
            function = function.func if type(function).__name__ == "Call" else function.value
        kind = type(function).__name__
        if kind != "Name":
            return kind in ("Constant", "JoinedStr")
        if function.id in self._defined:
            return False
        module = self._names.get(function.id)
        if module is None:
            import builtins

            return hasattr(builtins, function.id) and function.id not in _BUILTINS_WITH_EFFECTS
        if module == "os":
            return path[-1:] in [[name] for name in _READS_OF_OS] or path[-2:] == ["get", "environ"]
        known = getattr(sys, "stdlib_module_names", ())  # from Python 3.10 on
        return module in _SERVED or (module in known and module not in _WITH_EFFECTS)


def _is_type_checking(test: Any) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", ""), getattr(test, "attr", ""))
