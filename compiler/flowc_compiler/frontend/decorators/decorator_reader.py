"""Decorators of steps, and of the flow's class or function: literal arguments to specs.

Each decorator is a pydantic model of its arguments with Metaflow's names, units and defaults; what a model does not
know is a diagnostic. Argument names are Metaflow's, so that its files compile as they stand. Decorators that Metaflow
runs while it loads a flow, mutators and user step decorators, cannot be followed, and are reported.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.evaluate.literals import NO_SCOPE, Scope, UnresolvedError, evaluate
from flowc_compiler.frontend.decorators.argument_reader import ArgumentReader, DecoratorUse, arguments_of
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, REPEATABLE
from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator
from flowc_compiler.frontend.decorators.user_decorators import Owner, expanded
from flowc_compiler.ir import NO_FLOW_SPECS, NO_SPECS, FlowSpecs, StepSpecs
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import callee

if TYPE_CHECKING:
    from flowc_compiler.ir import DependencySpec


class DecoratorReader:
    """Reads the decorators of one step after the other."""

    def __init__(
        self,
        view: ModuleView,
        sink: DiagnosticSink,
        scope: Scope = NO_SCOPE,
        modules: LocalModules | None = None,
        *,
        in_class: bool = False,
    ) -> None:
        self._view = view
        self._sink = sink
        self._calls = ArgumentReader(view, sink, scope, modules)
        self._calls.in_class = in_class

    def is_step(self, function: FunctionNode) -> bool:
        """Whether `@step` stands above a method."""
        return any(self._view.names.resolve(callee(item)) == "step" for item in function.decorator_list)

    def with_steps(self, function: FunctionNode) -> FunctionNode | None:
        """A method with the decorators that one of the user's own applies written out, where `@step` is among them.

        `None`, with FC401 collected, where it may be, and what it applies is not known.
        """
        if not function.decorator_list or self.is_step(function):
            return function
        found = [self._calls.steps_of(item) for item in function.decorator_list]
        items = [part for parts in found for part in parts or ()]
        if None in found:
            return None
        if items == function.decorator_list:
            return function
        changed = copy(function)
        changed.decorator_list = items
        return changed

    def step_marks(self, function: FunctionNode) -> frozenset[str]:
        """`start` and `end` as `@step(start=True, end=True)` gives them; FC403 or FC404 for anything else in it."""
        marks: set[str] = set()
        for item in function.decorator_list:
            if self._view.names.resolve(callee(item)) != "step":
                continue
            for key, node in arguments_of(item):
                span = self._view.span(node)
                value: object = None
                with suppress(UnresolvedError):
                    value = evaluate(node, self._calls.scope)
                if key not in {"start", "end"}:
                    span = self._view.span(self._view.source.keyword_name(node, key))
                    help_text = suggest(key or "", ("start", "end"), "write `@step`").help
                    self._sink.error("FC403", "`@step` takes `start` and `end` only", span, help=help_text)
                elif not isinstance(value, bool):
                    self._sink.error("FC404", f"`{key}` of `@step` is True or False", span, help=f"write `{key}=True`")
                elif value:
                    marks.add(key)
        return frozenset(marks)

    def check_plain_method(self, function: FunctionNode) -> None:
        """Collect FC401 if a method that is not a step has a decorator for steps: it would be lost."""
        for item in function.decorator_list:
            name = self._view.names.resolve(callee(item))
            if name in ARGUMENTS:
                self._sink.error(
                    "FC401", f"`@{name}` is on a method that is not a step", self._view.span(item),
                    help="add `@step` next to the method, or remove the decorator",
                )  # fmt: skip

    def read(self, function: FunctionNode, attached: Sequence[CliDecorator] = ()) -> StepSpecs:
        """The specs of a step; every decorator that is not understood is collected as FC401 to FC408.

        `attached` are decorators of the command line. Those that the step has itself count more, as in Metaflow.
        """
        requests = self.requests(function, attached)
        if not requests:
            return NO_SPECS
        from flowc_compiler.frontend.spec_builder import SpecBuilder

        builder = SpecBuilder(self._sink)
        builder.add(*requests)
        return builder.build()

    def requests(self, function: FunctionNode, attached: Sequence[CliDecorator] = ()) -> list[StepSpecs]:
        """The specs of each decorator of a step."""
        found: list[DecoratorUse] = []
        known = self._calls.read_all(function.decorator_list, "step", found, skipped="step")
        own = {given.name for given in found}
        span = self._view.head_span(function)
        for item in attached:
            if item.name not in own or item.name in REPEATABLE:
                item.used = True
                found.append(DecoratorUse(item.name, item.arguments, span))
        if not found and known:
            return []
        from flowc_compiler.frontend.spec_builder import Origin, some_specs

        requests = [use.arguments.specs(Origin(use.span, self._sink)) for use in found]
        if not known:
            from flowc_compiler.ir import ParallelSpec

            requests.append(some_specs(parallel=ParallelSpec(span=span, framework="unknown")))
        return requests


class FlowDecoratorReader:
    """Reads the decorators of one class after the other, the flow's own first; or those of a pipeline's function."""

    def __init__(self, main: ModuleView, sink: DiagnosticSink, modules: LocalModules | None = None) -> None:
        self._main = main
        self._sink = sink
        self._modules = modules
        self._found: list[DecoratorUse] = []
        self._name = ""

    def read(self, view: ModuleView, node: ast.ClassDef | FunctionNode, scope: Scope = NO_SCOPE) -> None:
        """Read the decorators of a class or pipeline; each that is not understood is collected as FC401 to FC408."""
        self._name = self._name or node.name
        if not node.decorator_list:
            return
        from flowc_compiler.frontend.decorators.function_arguments import FlowArgumentReader

        calls = FlowArgumentReader(view, self._main, self._name, scope, self._modules, self._sink)
        of: Owner = "pipeline" if isinstance(node, FunctionNode) else "flow"
        skipped = "pipeline" if of == "pipeline" else ""
        calls.read_all(expanded(node, view, self._modules).decorator_list, of, self._found, skipped)

    def specs(self) -> FlowSpecs:
        """The specs of the flow; contradictions are collected as FC404 and FC407."""
        if not self._found:
            return NO_FLOW_SPECS
        from flowc_compiler.frontend.spec_builder import Origin, build_flow_specs

        asked = (use.arguments.flow_specs(Origin(use.span, self._sink), self._main) for use in self._found)
        return build_flow_specs(asked, self._sink)

    def base_packages(self) -> tuple[DependencySpec, ...]:
        """What `@conda_base` and `@pypi_base` give to every step."""
        if not self._found:
            return ()
        from flowc_compiler.frontend.spec_builder import Origin

        bases = [use for use in self._found if use.name.endswith("_base")]
        asked = (use.arguments.specs(Origin(use.span, self._sink)).dependencies for use in bases)
        return tuple(spec for spec in asked if spec is not None)
