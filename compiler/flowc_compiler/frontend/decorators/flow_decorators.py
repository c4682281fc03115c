"""Decorators of the flow's class, and of classes that it builds on, to the specs of the flow."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import NO_SCOPE, Scope, UnresolvedError, evaluate
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from flowc_compiler.frontend.decorators.decorator_arguments import ArgumentReader, DecoratorUse, callee
from flowc_compiler.frontend.decorators.unsupported_decorators import (
    report_unknown_decorator,
    report_unsupported_decorator,
    unsupported_kind,
)
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
        for item in node.decorator_list:
            name = view.names.resolve(callee(item))
            if name == "pipeline" and isinstance(node, FunctionNode):
                continue
            if name is None or name not in FLOW_ARGUMENTS:
                self._report_unknown(view, item, name)
            else:
                calls.read_use(name, FLOW_ARGUMENTS[name], item, self._found)

    def specs(self) -> FlowSpecs:
        """What the flow asks for; contradictions are collected as FC404 and FC407."""
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

    def _report_unknown(self, view: ModuleView, item: ast.expr, name: str | None) -> None:
        shown = view.code(callee(item))
        span = view.span(callee(item))
        if name in ARGUMENTS:
            help_ = "put it above each step that needs it"
            self._sink.error("FC401", f"`@{shown}` is a decorator of steps, not of the flow", span, help=help_)
        elif (kind := unsupported_kind(callee(item), view)) is not None:
            report_unsupported_decorator(shown, kind, span, self._sink)
        else:
            report_unknown_decorator(callee(item), view, FLOW_ARGUMENTS, "a flow takes", self._sink)


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
