"""The check of a whole pipeline: every argument of every call against the annotation of its parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import UnresolvedError, evaluate
from flowc_compiler.frontend.pipelines.pipeline_values import StepFunction
from flowc_compiler.frontend.pipelines.types.annotations import TypeReader
from flowc_compiler.frontend.pipelines.types.assignability import Assignability
from flowc_compiler.frontend.pipelines.types.signatures import Signature, Signatures
from flowc_compiler.frontend.pipelines.types.standard_classes import Verdict
from flowc_compiler.frontend.pipelines.types.type_messages import Messages, TypeMismatch, report_default
from flowc_compiler.frontend.pipelines.types.type_model import Type, UnknownType, type_of_value
from flowc_compiler.frontend.pipelines.types.value_types import Path, Placed, ValueTypes, outputs, placed
from flowc_compiler.ir import MapCall, Region, StepCall
from flowc_compiler.ir.regions import (
    ChosenValue,
    CollectionValue,
    EachValue,
    ElementValue,
    OperationValue,
    Value,
)
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView

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


class PipelineTypes:
    """The types of one pipeline's files, and the check of its calls."""

    def __init__(self, modules: LocalModules, sink: DiagnosticSink) -> None:
        self._sink = sink
        self.reader = TypeReader(modules)
        self.rules = Assignability(self.reader)
        self.signatures = Signatures(self.reader)

    def check(
        self,
        root: Region,
        functions: Mapping[str, StepFunction],
        sites: Mapping[str, CallSite],
        pipeline: tuple[ModuleView, FunctionNode],
        found_before: Sequence[TypeMismatch] = (),
    ) -> None:
        """Check all calls of a pipeline: FC310 to FC314.

        `functions` and `sites` are by the names of the graph's nodes. A call without a site is not reported at its
        arguments, but as a whole. `found_before` are arguments that were found wrong while the body was evaluated.
        """
        nodes = {found.node.name: found for found in placed(root)}
        parameters = self.signatures.of(*pipeline).parameters
        types = ValueTypes(nodes, functions, parameters, self.signatures, self.rules)
        messages = Messages(types, functions, self.rules, self._sink)
        check = _Check(self, types, messages, sites)
        for mismatch in found_before:
            messages.argument(mismatch, certain=True)
        for found in nodes.values():
            check.node(found)
        for signature in {types.signature(name): None for name in functions}:
            if signature is not None:
                self._defaults(signature)

    def outputs(self, function: StepFunction) -> tuple[Type, ...]:
        """The types of a step's outputs, in their order."""
        return outputs(function, self.signatures.of(function.view, function.node), self.rules)

    def fits(self, value: object, of: Type) -> bool:
        """Whether a known value can be one of a type, as far as the type is known."""
        return self.rules.verdict(type_of_value(value), of) is not Verdict.NO

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
            if not self.fits(value, wanted):
                report_default(signature, name, type_of_value(value), self._sink)


class _Check:
    """The check of one pipeline's nodes. The same arguments of the same function are looked at once."""

    def __init__(
        self, types: PipelineTypes, values: ValueTypes, messages: Messages, sites: Mapping[str, CallSite]
    ) -> None:
        self._rules = types.rules
        self._values = values
        self._messages = messages
        self._sites = sites

    def node(self, found: Placed) -> None:
        """Check the arguments of a call, or what a map goes over."""
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
        for part in _parts(value):
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


def _parts(value: Value) -> Iterator[Value]:
    """A value and all that it is made of."""
    pending: list[Value] = [value]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(_inner(part))


def _inner(value: Value) -> Sequence[Value]:
    match value:
        case CollectionValue(values=values) | ChosenValue(values=values):
            return values
        case OperationValue(operands=operands):
            return operands
        case ElementValue(value=inner) | EachValue(value=inner):
            return (inner,)
        case _:
            return ()
