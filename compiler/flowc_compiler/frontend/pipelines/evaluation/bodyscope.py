"""What names in the arguments of `@step(...)` and `.with_options(...)` stand for: the values of the evaluation."""

from __future__ import annotations

import ast

from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    HelperFunction,
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
)
from flowc_compiler.frontend.values.literals import NotLiteralError, Scope


class BodyScope(Scope):
    """Names of a function that is being evaluated, or of a file."""

    def __init__(self, machine: Machine, frame: Frame) -> None:
        self._machine = machine
        self._frame = Frame(frame.view, dict(frame.environment), frame.closure, frame.local)
        """As it is now: settings are read later."""

    def value(self, node: ast.Name) -> object:
        """The value of a name."""
        return self._evaluated(node)

    def call(self, node: ast.Call) -> object:
        """The value of a call."""
        return self._evaluated(node)

    def attribute(self, node: ast.Attribute) -> tuple[object] | None:
        """The value of a constant of a local module."""
        return (self._evaluated(node),)

    def _evaluated(self, node: ast.expr) -> object:
        with self._machine.within(self._frame):
            value, problem = self._machine.attempt(node)
        if problem is not None:
            raise NotLiteralError(node, problem.message, problem.help)
        if isinstance(value, Result | StepOutputs | MappedResult):
            raise NotLiteralError(node, "it is the result of a step, which is not known when the flow is compiled")
        if isinstance(value, StepFunction | PipelineFunction | HelperFunction):
            raise NotLiteralError(node)
        return value
