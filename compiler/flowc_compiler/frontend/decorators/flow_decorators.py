"""Decorators of the flow's class, and of classes that it builds on, to the specs of the flow."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import NO_SCOPE, Scope, UnresolvedError, evaluate
from flowc_compiler.frontend.decorators.decorator_arguments import ArgumentReader, DecoratorUse
from flowc_compiler.ir import NO_FLOW_SPECS, FlowSpecs
from flowc_compiler.syntax.modules import FunctionNode, ModuleView

if TYPE_CHECKING:
    from flowc_compiler.ir import DependencySpec


class FlowDecoratorReader:
    """Reads the decorators of one class after the other, the flow's own first; or those of a pipeline's function."""

    def __init__(self, main: ModuleView, sink: DiagnosticSink) -> None:
        self._main = main
        self._sink = sink
        self._found: list[DecoratorUse] = []

    def read(self, view: ModuleView, node: ast.ClassDef | FunctionNode, scope: Scope = NO_SCOPE) -> None:
        """Read the decorators of a class or pipeline; each that is not understood is collected as FC401 to FC408."""
        calls = ArgumentReader(view, self._sink, _FlowScope(view, self._main, scope))
        skipped = "pipeline" if isinstance(node, FunctionNode) else ""
        calls.read_all(node.decorator_list, "flow", self._found, skipped)

    def specs(self) -> FlowSpecs:
        """The specs of the flow; contradictions are collected as FC404 and FC407."""
        if not self._found:
            return NO_FLOW_SPECS
        from flowc_compiler.frontend.decorators.flow_decorator_specs import build_flow_specs

        return build_flow_specs(self._found, self._main, self._sink)

    def base_packages(self) -> tuple[DependencySpec, ...]:
        """What `@conda_base` and `@pypi_base` give to every step."""
        if not self._found:
            return ()
        from flowc_compiler.frontend.spec_builder import Origin

        asked = (use.arguments.specs(Origin(use.span, self._sink)).dependencies for use in self._found)
        return tuple(spec for spec in asked if spec is not None)


class _FlowScope(Scope):
    """Names of functions stand for themselves, and `namespaced_event_name("x")` for an event of the project."""

    def __init__(self, view: ModuleView, main: ModuleView, outer: Scope) -> None:
        self._view = view
        self._functions = main.functions | main.imports.keys()
        self._outer = outer

    def evaluate(self, node: ast.expr) -> object:
        """The name of a function or event, a list or dict of such, or what the expression stands for outside."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) if not any(isinstance(i, ast.Starred) for i in items):
                return [evaluate(item, self) for item in items]
            case ast.Dict(keys=keys, values=values) if all(keys):
                pairs = zip(keys, values, strict=True)
                return {evaluate(key, self._outer): evaluate(value, self) for key, value in pairs if key is not None}
            case ast.Call(func=function, args=[inner]) if self._view.names.resolve(function) == "namespaced_event_name":
                name = evaluate(inner, self._outer)
                if isinstance(name, str):
                    from flowc_compiler.frontend.decorators.arguments.flow_arguments import NamespacedName

                    return NamespacedName(name)
            case _:
                pass
        try:
            return self._outer.evaluate(node)
        except UnresolvedError:
            if isinstance(node, ast.Name) and node.id in self._functions:
                return node.id
            raise
