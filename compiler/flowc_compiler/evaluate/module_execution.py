"""Modules: each is executed once, statement by statement, when it is imported or a name of it is looked up.

Code of other modules is unknown: it may change whatever it reaches, and call the functions that it has.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate import expressions
from flowc_compiler.evaluate.assumptions import file_place
from flowc_compiler.evaluate.builtin_names import builtin
from flowc_compiler.evaluate.evaluation_state import EvaluationError, ExitError, Frame, LimitError
from flowc_compiler.evaluate.library_values import library
from flowc_compiler.evaluate.operations import MOST_OPERATIONS
from flowc_compiler.evaluate.unknown_code import UnknownCode
from flowc_compiler.evaluate.values import Environment, Foreign, Module, Unresolved
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import ROOTS, is_served, refusal_of_zenml
from flowc_compiler.syntax.tree_walk import bound_names

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ImportFrom, ast.Import)


_SHADOWING = frozenset({"builtins", "codecs", "io", "operator", "os"})
"""Modules of Python's library that have names of builtins."""
_SERVED = {(root,) for root in ROOTS}


class ModuleExecution(UnknownCode):
    """The part of the evaluator that executes modules and import statements."""

    def __init__(self, modules: LocalModules, sink: DiagnosticSink) -> None:
        super().__init__(modules, sink)
        self._namespaces: dict[ModuleView, Environment] = {}
        self.adopted: dict[ModuleView, Environment] = {}
        """What imported modules have that another evaluator of the same file has executed."""
        self.gave_up = set[ModuleView]()
        """Files that took too long to evaluate: only what they define and import is known."""
        self._stars: list[tuple[str, ...]] = []
        """Installed modules whose names are imported with `*`."""

    def executed_views(self) -> Sequence[ModuleView]:
        """The files that were executed, the flow's own first."""
        return list(self._namespaces)

    def adopt(self, other: ModuleExecution) -> None:
        """Take over the imported modules of an evaluator of the same file, to see where another way of it leads."""
        self.adopted = dict(other._namespaces)

    def namespace(self, view: ModuleView) -> Environment:
        """The names of a file, which is executed if it was not."""
        if view in self._namespaces:
            return self._namespaces[view]
        if view in self.adopted and self._namespaces:
            self._namespaces[view] = self.adopted[view]
            return self.adopted[view]
        is_main = not self._namespaces
        name = "__main__" if is_main else ".".join(view.source.path.with_suffix("").parts[-1:])
        place = file_place(view.source)
        names: Environment = {"__name__": name, "__doc__": ast.get_docstring(view.tree), "__file__": place}
        self._namespaces[view] = names
        outer, self.frames = self.frames, [Frame(view, names)]
        recorded, self.recorded = self.recorded, None
        conditional, self.conditional = self.conditional, 0
        applying, self.applying = self.applying, None
        try:
            length = len(view.source.text)
            charged = nullcontext() if is_main else self.importing(length)
            with self.leniently(), self.own_limits(MOST_OPERATIONS // 4 + length), charged:
                self._execute_module(view)
        finally:
            self.frames, self.recorded, self.conditional = outer, recorded, conditional
            self.applying = applying
        return names

    def _execute_module(self, view: ModuleView) -> None:
        try:
            with suppress(ExitError):
                self.execute(self.statements_of(view))
            harmless = set[int]()
            for function, (_, marks) in list(self.escaped.items()):
                if marks is not None and function not in self.explored:
                    self.set_marks(marks)
                    self.explore(function, function.node, harmless)
        except (LimitError, RecursionError):
            self._give_up(view)

    def statements_of(self, view: ModuleView) -> Sequence[ast.stmt]:
        """What a file executes."""
        return view.tree.body

    def _give_up(self, view: ModuleView) -> None:
        """Know nothing of a file that takes too long to evaluate, but for what is defined in it."""
        self._spent = [0, 0]
        self.gave_up.add(view)
        why = Unresolved(f"{view.source.name} takes too long to evaluate", "pass the value with `-p`", code="FC114")
        self.frames = [Frame(view, self._namespaces[view])]
        self.forget(
            [item for item in view.tree.body if not isinstance(item, _DEFINITIONS)],
            why,
        )
        self.clobber(view, why)
        for item in self.statements_of(view):
            if isinstance(item, _DEFINITIONS) and not bound_names([item]) <= self._namespaces[view].keys():
                with self._budget.defining(), suppress(LimitError, RecursionError, EvaluationError, ExitError):
                    self.execute([item])

    def module_names(self) -> Sequence[Environment]:
        """The names of modules that were executed."""
        return list(self._namespaces.values())

    def import_names(self, node: ast.Import | ast.ImportFrom) -> None:
        """Bind what an import statement imports."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = tuple(alias.name.split("."))
                whole = self._imported(node, 0, parts)
                root = whole if alias.asname is not None or len(parts) == 1 else self._imported(node, 0, parts[:1])
                self.bind(alias.asname or parts[0], root)
            return
        parts = tuple(node.module.split(".")) if node.module else ()
        view = self.modules.load(self.view, node.level, parts) if parts[:1] not in _SERVED or node.level else None
        for alias in node.names:
            if alias.name == "*":
                self._import_all(view, parts, node)
            else:
                self.bind(alias.asname or alias.name, self._member(node, view, parts, alias.name))

    def _member(self, node: ast.ImportFrom, view: ModuleView | None, parts: tuple[str, ...], name: str) -> object:
        if view is not None:
            names = self.namespace(view)
            if name in names:
                return names[name]
            if (inner := self.modules.load(self.view, node.level, (*parts, name))) is not None:
                return Module(inner, self.namespace(inner))
            return Unresolved(f"there is no `{name}` in {view.source.name}", "correct the name", code="FC112")
        if (inner := self.modules.load(self.view, node.level, (*parts, name))) is not None and parts[:1] not in _SERVED:
            return Module(inner, self.namespace(inner))
        return self._imported(node, node.level, (*parts, name))

    def _imported(self, node: ast.Import | ast.ImportFrom, level: int, parts: tuple[str, ...]) -> object:
        view = self.modules.load(self.view, level, parts) if parts[:1] not in _SERVED else None
        if view is not None:
            return Module(view, self.namespace(view))
        if level:
            return Unresolved(f"`{'.'.join(parts)}` was not found")
        if parts[:1] not in _SERVED:
            self.hazards += 1
        known = library(parts) if len(parts) > 1 and parts[:1] not in self.changed_modules else None
        if known is not None:
            return known
        if parts[:1] in _SERVED:
            is_known = isinstance(node, ast.Import) or is_served(".".join(parts[:-1]), "".join(parts[-1:]))
            message = "is only known when a step runs"
            if not is_known and self._reports_imports():
                return Foreign("", path=("flowc", *parts[1:]))
            if not is_known and "zenml" in parts[:1]:
                module, _, name = ".".join(parts).rpartition(".")
                help_text = refusal_of_zenml(module, name) or expressions.WAY_OUT
                message = f"is a name of {module}, which flowc does not serve"
                return Foreign(message, help_text, code="FC106", path=("flowc", *parts[1:]))
            return Foreign(message, expressions.WAY_OUT, path=("flowc", *parts[1:]))
        message = "comes from a module that flowc cannot see"
        return Foreign(message, expressions.WAY_OUT, path=parts)

    def _reports_imports(self) -> bool:
        """Whether the names that the file imports, and flowc does not serve, are reported where they are imported."""
        found = self.lasting_sink.diagnostics
        reported = (item.span for item in found if item.code == "FC106" and item.severity == "error")
        return any(span is not None and span.file == self.view.source.name for span in reported)

    def _import_all(self, view: ModuleView | None, parts: tuple[str, ...], node: ast.ImportFrom) -> None:
        if view is None:
            if parts[:1] not in _SERVED:
                self._stars.append(parts)
                self.clobber(self.view, Unresolved(f"`{self.code(node)}` may have bound it"))
            return
        names = self.namespace(view)
        listed = names.get("__all__")
        chosen = cast("list[object]", listed) if isinstance(listed, list | tuple) else None
        for name, value in list(names.items()):
            if name in chosen if chosen is not None else not name.startswith("_"):
                self.bind(name, value)

    def builtin_name(self, name: str, node: ast.AST) -> object:
        """A builtin, unless the file may have bound its name or changed it. Raises EvaluationError."""
        if (found := self.star_name(name)) is not None:
            return found
        shadowing = [
            parts for parts in self._stars if parts[0] not in sys.stdlib_module_names or parts[0] in _SHADOWING
        ]
        if ("builtins",) in self.changed_modules or shadowing:
            raise self.refuse("FC115", f"`{name}` may be another one here", node, "import names without `*`")
        return builtin(name)

    def star_name(self, name: str) -> object | None:
        """What `from module import *` binds a name to, where that is known."""
        return next((found for parts in self._stars[::-1] if (found := library((*parts, name))) is not None), None)
