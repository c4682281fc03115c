"""Where types of steps' annotations come into the evaluation: the type of each result, and a check of each call."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.pipeline_values import (
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
    Unmapped,
)
from flowc_compiler.frontend.pipelines.types.pipeline_types import CallSite, PipelineTypes
from flowc_compiler.frontend.pipelines.types.standard_classes import Verdict
from flowc_compiler.frontend.pipelines.types.type_messages import TypeMismatch, report_parameter
from flowc_compiler.frontend.pipelines.types.type_model import (
    UNKNOWN,
    TupleType,
    Type,
    UnknownType,
    list_of,
    several_of,
    type_of_value,
)
from flowc_compiler.frontend.pipelines.types.value_types import placed
from flowc_compiler.ir import MapCall, Region, StepCall
from flowc_compiler.ir.regions import CollectionValue, ItemValue, LiteralValue, Value
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView

_DEEPEST = 24

FunctionKey = tuple[str | None, str]
"""The module and the name of a function."""


@dataclass(frozen=True)
class BoundArgument:
    """An argument of a call, by the parameter that it is for."""

    name: str
    value: object
    """As evaluated: plain data, a `Result`, `MappedResult`, ...; inside of a map, the item that is mapped."""
    span: Span
    """Where it is written."""


class TypeHook:
    """Types of one flow's steps.

    Calls are noted while the body is evaluated, and checked when the whole graph is there: `check`.
    """

    def __init__(self, modules: LocalModules, sink: DiagnosticSink) -> None:
        self.modules = modules
        self.sink = sink
        self._types = PipelineTypes(modules, sink)
        self._functions: dict[FunctionKey, StepFunction] = {}
        self._outputs: dict[tuple[FunctionNode, tuple[str, ...]], tuple[Type | None, ...]] = {}
        self._sites: dict[tuple[Span, FunctionKey], dict[str, Span]] = {}
        self._mismatches: list[TypeMismatch] = []

    def output_types(self, function: StepFunction) -> tuple[Type | None, ...]:
        """The type of each output of a step; `None` where there is nothing to tell it from."""
        key = (function.node, function.outputs)
        if key not in self._outputs:
            self._outputs[key] = tuple(_known(of) for of in self._types.outputs(function))
        return self._outputs[key]

    def annotation(self, view: ModuleView, node: ast.expr | None) -> Type | None:
        """The type that an annotation says, for a parameter of the pipeline."""
        return _known(self._types.reader.annotation(view, node))

    def item_type(self, value: object) -> Type | None:
        """The type of one item of what is mapped over, as evaluated."""
        return _known(self._types.rules.element(_type_of(value))[1])

    def element_type(self, of: Type | None, key: str | int) -> Type | None:
        """The type of `value[key]`."""
        return None if of is None else _known(self._types.rules.entry(of, key)[1])

    def chosen_type(self, values: Sequence[object]) -> Type | None:
        """The type of what is one of these values, as an `if` leaves it."""
        return _known(several_of(_type_of(value) for value in values))

    def is_single(self, of: Type | None) -> bool:
        """Whether a value of that type is surely nothing that one maps over, so that each item gets it whole."""
        return of is not None and self._types.rules.mapped(of) is Verdict.NO

    def check_call(self, function: StepFunction, arguments: Sequence[BoundArgument], span: Span) -> None:
        """Note a call, for `check`. `span` is the call's."""
        key = (function.module, function.function)
        self._functions.setdefault(key, function)
        if (span, key) not in self._sites:
            self._sites[span, key] = {}
        self._sites[span, key].update((argument.name, argument.span) for argument in arguments)

    def check_pipeline(self, pipeline: PipelineFunction, arguments: Sequence[BoundArgument]) -> None:
        """Note the arguments that are of the wrong type, of a pipeline that is called in another one, for `check`."""
        signature = self._types.signatures.of(pipeline.view, pipeline.node)
        for argument in arguments:
            wanted, given = signature.parameters.get(argument.name, UNKNOWN), _type_of(argument.value)
            if self._types.rules.verdict(given, wanted) is Verdict.NO:
                found = TypeMismatch(
                    signature, argument.name, wanted, given, _part(argument.value), given, argument.span
                )
                self._mismatches.append(found)

    def check_parameter(self, view: ModuleView, node: ast.arg, value: object, span: Span) -> None:
        """Collect FC303 for a value of a pipeline's parameter, by default or in the file's call, of the wrong type."""
        wanted = self._types.reader.annotation(view, node.annotation)
        given = _type_of(value)
        if value is not None and self._types.rules.verdict(given, wanted) is Verdict.NO:
            report_parameter(node.arg, wanted, given, span, self.sink)

    def check(self, root: Region, view: ModuleView, node: FunctionNode) -> None:
        """Collect FC310 to FC314 for the graph that a pipeline's body made; `node` is its function."""
        functions: dict[str, StepFunction] = {}
        sites: dict[str, CallSite] = {}
        for found, _ in placed(root):
            if isinstance(found, StepCall):
                key = (found.call.module, found.call.function)
                if key in self._functions:
                    functions[found.name] = self._functions[key]
                sites[found.name] = CallSite(found.span, self._sites.get((found.span, key), {}))
            else:
                sites[found.name] = CallSite(found.span, self._sources(found))
        self._types.check(root, functions, sites, (view, node), self._mismatches)

    def _sources(self, found: MapCall) -> Mapping[str, Span]:
        """Where the sources of a map stand: those arguments of its first call that are its items."""
        spans: dict[str, Span] = {}
        for node in found.body.nodes:
            if isinstance(node, StepCall) and node.span == found.span:
                known = self._sites.get((node.span, (node.call.module, node.call.function)), {})
                for argument in node.call.arguments:
                    if isinstance(argument.value, ItemValue) and argument.value.opener == found.name:
                        spans[str(argument.value.source)] = known.get(argument.name, found.span)
        return spans


def _known(of: Type) -> Type | None:
    return None if isinstance(of, UnknownType) else of


def _part(value: object) -> Value:
    """What a message can say of an argument."""
    if isinstance(value, Result):
        return value.value
    known = isinstance(value, str | int | float | bytes)
    return LiteralValue(value=value) if known else CollectionValue(kind="list")


def _type_of(value: object, depth: int = 0) -> Type:
    """The type of what was evaluated."""
    if depth > _DEEPEST:
        return UNKNOWN
    match value:
        case Result(type=of):
            return UNKNOWN if of is None else of
        case MappedResult(item=item):
            return list_of(_type_of(item, depth + 1))
        case StepOutputs(results=results):
            return TupleType(tuple(_type_of(item, depth + 1) for item in results))
        case Unmapped(value=inner):
            return _type_of(inner, depth + 1)
        case list():
            return list_of(several_of(_type_of(item, depth + 1) for item in cast("list[object]", value)))
        case tuple():
            return TupleType(tuple(_type_of(item, depth + 1) for item in cast("tuple[object, ...]", value)))
        case _:
            return type_of_value(value)
