"""Arguments of a flow's decorators that may be functions: hooks, and what Metaflow calls when it deploys a flow."""

from __future__ import annotations

import ast
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import Scope, evaluate
from flowc_compiler.frontend.decorators.argument_reader import ArgumentReader
from flowc_compiler.frontend.decorators.arguments.argument_types import as_list
from flowc_compiler.syntax.modules import LocalModules, ModuleView


class FlowArgumentReader(ArgumentReader):
    """Reads arguments that may be functions: hooks, and what Metaflow calls when it deploys a flow."""

    def __init__(
        self,
        view: ModuleView,
        main: ModuleView,
        flow: str,
        scope: Scope,
        modules: LocalModules | None,
        sink: DiagnosticSink,
    ) -> None:
        super().__init__(view, sink, scope, modules)
        self._functions = main.functions | main.imports.keys()
        self._flow = flow

    def evaluated(self, decorator: str, key: str | None, node: ast.expr) -> object:
        """The value of an argument. Raises UnresolvedError."""
        match decorator, key:
            case "exit_hook", "on_success" | "on_error":
                return self._hooks(node)
            case "trigger", "event":
                return self._event(self._written(node), node, "event")
            case "trigger", "events":
                events = self._deployed(self._written(node), node, "events")
                entries = as_list(events)
                return [self._event(event, node, "event") for event in entries] if entries is not None else events
            case "trigger_on_finish", "flow" | "flows":
                name = "fq_name" if key == "flow" else "flows"
                return self._deployed(self._written(node), node, name)
            case _:
                return super().evaluated(decorator, key, node)

    def _hooks(self, node: ast.expr) -> object:
        """The names of functions in a list; they are called by name when the run ends."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self._hooks(item) for item in items]
            case ast.Name(id=name) if name in self._functions:
                return name
            case _:
                return evaluate(node, self.scope)

    def _written(self, node: ast.expr) -> object:
        """The value of an expression, in which functions stay functions, and `namespaced_event_name("x")` is an event
        of the project."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) if not any(isinstance(i, ast.Starred) for i in items):
                return [self._written(item) for item in items]
            case ast.Dict(keys=keys, values=values) if all(keys):
                pairs = zip(keys, values, strict=True)
                return {evaluate(key, self.scope): self._written(value) for key, value in pairs if key is not None}
            case ast.Call(func=function, args=[inner]) if self.view.names.resolve(function) == "namespaced_event_name":
                name = evaluate(inner, self.scope)
                if isinstance(name, str):
                    from flowc_compiler.frontend.decorators.arguments.flow_arguments import NamespacedName

                    return NamespacedName(name)
            case ast.Constant(value=value):
                return value
            case _:
                pass
        return self.scope.definition(node)

    def _event(self, value: object, node: ast.expr, name: str) -> object:
        """An event, of which Metaflow calls the whole, its name and its parameters."""
        event = self._deployed(value, node, name)
        if isinstance(event, dict):
            entries = cast("dict[object, object]", event)
            called = {"name": "event_name", "parameters": "parameters"}
            return {key: self._deployed(item, node, called.get(str(key), "")) for key, item in entries.items()}
        return event

    def _deployed(self, value: object, node: ast.expr, name: str) -> object:
        """A value; what it returns if it is a function. An empty name is for what Metaflow does not call."""
        plain: object = value
        if isinstance(value, str | int | float | list | dict | tuple | None):
            return plain
        return self.scope.called(value, {"flow_name": self._flow, "parameter_name": name}, node)
