"""Types of a pipeline's results, and the check of every argument of every call against its parameter's annotation."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import UnresolvedError, evaluate
from flowc_compiler.frontend.parameters.pydantic_constraints import constraints_of
from flowc_compiler.frontend.pipelines.pipeline_values import (
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
    Unmapped,
)
from flowc_compiler.frontend.pipelines.types.signatures import Signature, Signatures
from flowc_compiler.frontend.pipelines.types.type_messages import (
    Messages,
    Path,
    Placed,
    TypeMismatch,
    ValueTypes,
    outputs,
    placed,
    report_default,
    report_parameter,
    tests_of,
)
from flowc_compiler.frontend.types.annotations import TypeReader
from flowc_compiler.frontend.types.assignability import Assignability
from flowc_compiler.ir import MapCall, Region, StepCall
from flowc_compiler.ir.regions import (
    ChosenValue,
    CollectionValue,
    ElementValue,
    ItemValue,
    LiteralValue,
    Value,
    parts,
)
from flowc_compiler.ir.type_model import (
    UNKNOWN,
    PartsCounter,
    TupleType,
    Type,
    UnknownType,
    Verdict,
    list_of,
    several_of,
    type_of_value,
)
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView

_UNCONSTRAINED = frozenset({"int", "float", "str", "bool", "list", "dict"})
_MOST_PARTS = 2000
"""Parts of one argument that are looked at to tell which of them is wrong."""


@dataclass(frozen=True)
class CallSite:
    """Where a call stands in the files."""

    span: Span
    arguments: Mapping[str, Span] = field(default_factory=dict[str, Span])
    """Parameter to where its argument stands; for a map, the number of the source as text."""

    def of(self, argument: str) -> Span:
        """Where an argument stands; the call where that is not known."""
        return self.arguments.get(argument, self.span)


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


class PipelineTypes:
    """Types of one flow's steps.

    Calls are noted while the body is evaluated, and checked when the whole graph is there: `check`.
    """

    def __init__(self, modules: LocalModules, sink: DiagnosticSink) -> None:
        self.rules = Assignability(reader := TypeReader(modules))
        self._sink = sink
        self._reader = reader
        self._signatures = Signatures(reader)
        self._functions: dict[FunctionKey, StepFunction] = {}
        self._outputs: dict[tuple[FunctionNode, tuple[str, ...]], tuple[Type | None, ...]] = {}
        self._sites: dict[tuple[Span, FunctionKey], dict[str, Span]] = {}
        self._mismatches: list[TypeMismatch] = []

    @property
    def called(self) -> tuple[StepFunction, ...]:
        """The steps that were called."""
        return tuple(self._functions.values())

    def output_types(self, function: StepFunction) -> tuple[Type | None, ...]:
        """The type of each output of a step; `None` where there is nothing to tell it from."""
        key = (function.node, function.outputs)
        if key not in self._outputs:
            signature = self._signatures.of(function.view, function.node)
            self._outputs[key] = tuple(map(_known, outputs(function, signature, self.rules)))
        return self._outputs[key]

    def annotation(self, view: ModuleView, node: ast.expr | None) -> Type | None:
        """The type that an annotation says, for a parameter of the pipeline."""
        return _known(self._reader.annotation(view, node))

    def item_type(self, value: object) -> Type | None:
        """The type of one item of what is mapped over, as evaluated."""
        return _known(self.rules.element(_type_of(value))[1])

    def element_type(self, of: Type | None, key: str | int) -> Type | None:
        """The type of `value[key]`."""
        return None if of is None else _known(self.rules.entry(of, key)[1])

    def chosen_type(self, values: Sequence[object]) -> Type | None:
        """The type of what is one of these values, as an `if` leaves it."""
        return _known(several_of(_type_of(value) for value in values))

    def type_of(self, value: object) -> Type:
        """The type of what was evaluated."""
        return _type_of(value)

    def known(self, of: Type) -> Type | None:
        """A type, where it says anything."""
        return _known(of)

    def is_single(self, of: Type | None) -> bool:
        """Whether a value of that type is surely nothing that one maps over, so that each item gets it whole."""
        return of is not None and self.rules.mapped(of) is Verdict.NO

    def check_call(self, function: StepFunction, arguments: Sequence[BoundArgument], span: Span) -> None:
        """Note a call, for `check`. `span` is the call's."""
        key = (function.module, function.function)
        self._functions.setdefault(key, function)
        if (span, key) not in self._sites:
            self._sites[span, key] = {}
        self._sites[span, key].update((argument.name, argument.span) for argument in arguments)
        annotations = {item.arg: item.annotation for item in ast.walk(function.node.args) if isinstance(item, ast.arg)}
        for argument in arguments:
            violation = self._violation(function.view, annotations.get(argument.name), argument.value)
            if violation:
                message = (
                    f"the value of argument `{argument.name}` of step `{function.function}` is refused: {violation}"
                )
                self._sink.error("FC310", message, argument.span, help="give a value that its annotation takes")

    def _violation(self, view: ModuleView, annotation: ast.expr | None, value: object) -> str:
        """Why pydantic refuses a value that is known, by constraints in an annotation; empty where it does not."""
        if annotation is None or not isinstance(value, str | int | float | list | dict | None):
            return ""
        if isinstance(annotation, ast.Name) and annotation.id in _UNCONSTRAINED:
            return ""
        found = constraints_of(annotation, view)
        return found.violation(cast("object", value)) if found is not None else ""

    def check_pipeline(self, pipeline: PipelineFunction, arguments: Sequence[BoundArgument]) -> None:
        """Note the arguments that are of the wrong type, of a pipeline that is called in another one, for `check`."""
        signature = self._signatures.of(pipeline.view, pipeline.node)
        for argument in arguments:
            wanted, given = signature.parameters.get(argument.name, UNKNOWN), _type_of(argument.value)
            if self.rules.verdict(given, wanted) is Verdict.NO:
                found = TypeMismatch(
                    signature, argument.name, wanted, given, _part(argument.value), given, argument.span
                )
                self._mismatches.append(found)

    def check_parameter(self, view: ModuleView, node: ast.arg, value: object, span: Span) -> None:
        """Collect FC303 for a value of a pipeline's parameter, by default or in the file's call, of the wrong type."""
        wanted = self._reader.annotation(view, node.annotation)
        given = _type_of(value)
        if value is not None and self.rules.verdict(given, wanted) is Verdict.NO:
            report_parameter(node.arg, wanted, given, span, self._sink)
        elif violation := self._violation(view, node.annotation, value):
            message = f"the value of parameter `{node.arg}` is refused: {violation}"
            self._sink.error("FC303", message, span, help="give a value that its annotation takes")

    def check(self, root: Region, view: ModuleView, node: FunctionNode) -> None:
        """Collect FC310 to FC314 for the graph that a pipeline's body made; `node` is its function."""
        functions: dict[str, StepFunction] = {}
        sites: dict[str, CallSite] = {}
        for found, _, _ in placed(root):
            if isinstance(found, StepCall):
                key = (found.call.module, found.call.function)
                if key in self._functions:
                    functions[found.name] = self._functions[key]
                sites[found.name] = CallSite(found.span, self._sites.get((found.span, key), {}))
            else:
                sites[found.name] = CallSite(found.span, self._sources(found))
        self._check(root, functions, sites, self._signatures.of(view, node).parameters)

    def _check(
        self,
        root: Region,
        functions: Mapping[str, StepFunction],
        sites: Mapping[str, CallSite],
        parameters: Mapping[str, Type],
    ) -> None:
        """Check all calls of a pipeline. `functions` and `sites` are by the names of the graph's nodes.

        A call without a site is not reported at its arguments, but as a whole.
        """
        nodes = {found.node.name: found for found in placed(root)}
        types = ValueTypes(nodes, functions, parameters, self._signatures, self.rules)
        types.tests = tests_of(root)
        messages = Messages(types, functions, self.rules, self._sink)
        check = _Check(self.rules, types, messages, sites)
        for mismatch in self._mismatches:
            messages.argument(mismatch, certain=True)
        for found in nodes.values():
            check.node(found)
        for signature in {types.signature(name): None for name in functions}:
            if signature is not None:
                self._defaults(signature)

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

    def _defaults(self, signature: Signature) -> None:
        """Collect FC314 for defaults of a step that are literals of another type than their parameter's."""
        for name, node in signature.defaults.items():
            wanted = signature.parameters[name]
            if isinstance(wanted, UnknownType):
                continue
            try:
                value = evaluate(node)
            except UnresolvedError:
                continue
            if self.rules.verdict(type_of_value(value), wanted) is Verdict.NO:
                report_default(signature, name, type_of_value(value), self._sink)


def _known(of: Type) -> Type | None:
    return None if isinstance(of, UnknownType) else of


def _part(value: object) -> Value:
    """What a message can say of an argument."""
    if isinstance(value, Result):
        return value.value
    known = isinstance(value, str | int | float | bytes)
    return LiteralValue(value=value) if known else CollectionValue(kind="list")


def _type_of(value: object, depth: int = 0, counter: PartsCounter | None = None) -> Type:
    """The type of what was evaluated."""
    counter = counter or PartsCounter()
    if counter.is_too_much(depth):
        return UNKNOWN
    match value:
        case Result(type=of):
            return UNKNOWN if of is None else of
        case MappedResult(item=item):
            return list_of(_type_of(item, depth + 1, counter))
        case StepOutputs(results=results):
            return TupleType(tuple(_type_of(item, depth + 1, counter) for item in results))
        case Unmapped(value=inner):
            return _type_of(inner, depth + 1, counter)
        case list():
            return list_of(several_of(_type_of(item, depth + 1, counter) for item in cast("list[object]", value)))
        case tuple():
            return TupleType(tuple(_type_of(item, depth + 1, counter) for item in cast("tuple[object, ...]", value)))
        case _:
            return type_of_value(value, depth, counter)


class _Check:
    """The check of one pipeline's nodes. The same arguments of the same function are looked at once."""

    def __init__(
        self, rules: Assignability, values: ValueTypes, messages: Messages, sites: Mapping[str, CallSite]
    ) -> None:
        self._rules = rules
        self._values = values
        self._messages = messages
        self._sites = sites

    def node(self, found: Placed) -> None:
        """Check the arguments of a call, or what a map goes over."""
        self._values.facts = found.facts
        site = self._sites.get(found.node.name, CallSite(found.node.span))
        if isinstance(found.node, MapCall):
            for number, source in enumerate(found.node.sources):
                self._entries(source, found.path, site.of(str(number)))
                self._source(source, found.path, site.of(str(number)))
        else:
            self._call(found.node, found.path, site)

    def _call(self, node: StepCall, path: Path, site: CallSite) -> None:
        signature = self._values.signature(node.name)
        for argument in node.call.arguments:
            span = site.of(argument.name)
            self._entries(argument.value, path, span)
            wanted = signature.parameters.get(argument.name) if signature is not None else None
            if signature is None or wanted is None or isinstance(wanted, UnknownType):
                continue
            given = self._values.of(argument.value, path)
            verdict = self._rules.verdict(given, wanted)
            if verdict is Verdict.NO:  # what only a condition makes certain may be an arm that never runs
                verdict = self._rules.verdict(self._values.declared(argument.value, path), wanted)
                verdict = max(verdict, Verdict.MAYBE)
            if verdict >= Verdict.MAYBE:
                part, type_of_part = self._culprit(argument.value, given, wanted, path, verdict)
                mismatch = TypeMismatch(signature, argument.name, wanted, given, part, type_of_part, span)
                self._messages.argument(mismatch, certain=verdict is Verdict.NO)

    def _source(self, source: Value, path: Path, span: Span) -> None:
        given = self._values.of(source, path)
        verdict = self._rules.mapped(given)
        if verdict >= Verdict.MAYBE:
            self._messages.source(source, given, span, certain=verdict is Verdict.NO)

    def _entries(self, value: Value, path: Path, span: Span) -> None:
        """Check every `result[key]` in a value."""
        for part in parts(value):
            if isinstance(part, ElementValue):
                given = self._values.of(part.value, path)
                if self._rules.entry(given, part.key)[0] is Verdict.NO:
                    self._messages.entry(part, given, span)

    def _culprit(self, value: Value, given: Type, wanted: Type, path: Path, verdict: Verdict) -> tuple[Value, Type]:
        """The part of a list, dict or choice that is wrong, and its type; else the whole."""
        match value:
            case ChosenValue(values=values):
                for item in values[:_MOST_PARTS]:
                    of = self._values.of(item, path)
                    if self._rules.verdict(of, wanted) >= verdict:
                        return self._culprit(item, of, wanted, path, verdict)
            case CollectionValue(kind="list" | "dict", values=values):
                for number, item in enumerate(values[:_MOST_PARTS]):
                    single = value.model_copy(update={"keys": value.keys[number : number + 1], "values": (item,)})
                    if self._rules.verdict(self._values.of(single, path), wanted) >= verdict:
                        return item, self._values.of(item, path)
            case _:
                pass
        return value, given
