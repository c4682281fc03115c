"""Where types of steps' annotations come into the evaluation: the type of each result, and a check of each call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.files.modules import LocalModules, ModuleView
from flowc_compiler.frontend.pipelines.objects import StepFunction
from flowc_compiler.frontend.pipelines.types.model import Type
from flowc_compiler.source import Span


@dataclass(frozen=True)
class BoundArgument:
    """An argument of a call, by the parameter that it is for."""

    name: str
    value: object
    """As evaluated: plain data, a `Result`, `MappedResult`, ...; inside of a map, the item that is mapped."""
    span: Span
    """Where it is written."""


class TypeHook:
    """Types of one flow's steps."""

    def __init__(self, modules: LocalModules, sink: DiagnosticSink) -> None:
        self.modules = modules
        self.sink = sink

    def output_types(self, function: StepFunction) -> tuple[Type | None, ...]:
        """The type of each output of a step; `None` where there is nothing to tell it from."""
        return (None,) * len(function.outputs)

    def annotation(self, view: ModuleView, node: cst.Annotation | None) -> Type | None:
        """The type that an annotation says, for a parameter of the pipeline."""
        del view, node
        return None

    def item_type(self, value: object) -> Type | None:
        """The type of one item of what is mapped over, as evaluated."""
        del value
        return None

    def element_type(self, of: Type | None, key: str | int) -> Type | None:
        """The type of `value[key]`."""
        del of, key
        return None

    def is_single(self, of: Type | None) -> bool:
        """Whether a value of that type is surely nothing that can be mapped over, so that each item gets it whole."""
        del of
        return False

    def check_call(self, function: StepFunction, arguments: Sequence[BoundArgument], span: Span) -> None:
        """Collect an error for each argument that the step's annotations refuse. `span` is the call's."""
        del function, arguments, span
