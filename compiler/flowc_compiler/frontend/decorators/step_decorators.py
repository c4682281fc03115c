"""Step decorators: literal arguments to specs.

Each decorator is a pydantic model of its arguments with Metaflow's names, units and defaults; what a model does not
know is a diagnostic. Argument names are Metaflow's, so that its files compile as they stand.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import NO_SCOPE, Scope
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, REPEATABLE
from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator
from flowc_compiler.frontend.decorators.decorator_arguments import ArgumentReader, DecoratorUse, arguments_of, callee
from flowc_compiler.ir import NO_SPECS, StepSpecs
from flowc_compiler.syntax.modules import FunctionNode, ModuleView


class DecoratorReader:
    """Reads the decorators of one step after the other."""

    def __init__(self, view: ModuleView, sink: DiagnosticSink, scope: Scope = NO_SCOPE) -> None:
        self._view = view
        self._sink = sink
        self._calls = ArgumentReader(view, sink, scope)

    def is_step(self, function: FunctionNode) -> bool:
        """Whether `@step` stands above a method."""
        return any(self._view.names.resolve(callee(item)) == "step" for item in function.decorator_list)

    def step_marks(self, function: FunctionNode) -> frozenset[str]:
        """`start` and `end` as `@step(start=True, end=True)` gives them; FC403 or FC404 for anything else in it."""
        marks: set[str] = set()
        for item in function.decorator_list:
            if self._view.names.resolve(callee(item)) != "step":
                continue
            for key, node in arguments_of(item):
                span = self._view.span(node)
                value = node.value if isinstance(node, ast.Constant) else None
                if key not in {"start", "end"}:
                    self._sink.error("FC403", "`@step` takes `start` and `end` only", span, help="write `@step`")
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
        self._calls.read_all(function.decorator_list, "step", found, skipped="step")
        own = {given.name for given in found}
        span = self._view.head_span(function)
        found += [DecoratorUse(*item, span) for item in attached if item.name not in own or item.name in REPEATABLE]
        if not found:
            return []
        from flowc_compiler.frontend.spec_builder import Origin

        return [use.arguments.specs(Origin(use.span, self._sink)) for use in found]
