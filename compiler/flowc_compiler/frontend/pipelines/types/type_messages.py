"""The types of values in a pipeline's graph, and messages for those that do not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, assert_never

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.pipeline_values import StepFunction
from flowc_compiler.frontend.pipelines.types.operation_types import Fact, facts_of, narrowed, operation_type
from flowc_compiler.frontend.pipelines.types.signatures import Signature, Signatures
from flowc_compiler.frontend.types.assignability import Assignability
from flowc_compiler.ir import MapCall, Region, StepCall, SwitchCall
from flowc_compiler.ir.regions import (
    ChosenValue,
    CollectionValue,
    EachValue,
    ElementValue,
    ItemValue,
    LiteralValue,
    ObjectValue,
    OperationValue,
    OutputValue,
    ParameterValue,
    Value,
    regions_of,
)
from flowc_compiler.ir.type_model import (
    INT,
    NEVER,
    NONE,
    STR,
    UNKNOWN,
    Instance,
    LiteralType,
    SeveralTypes,
    TupleType,
    Type,
    UnionType,
    Verdict,
    describe,
    describe_annotation,
    list_of,
    members_of,
    several_of,
    shown_value,
    type_of_value,
    union_of,
    with_none,
)
from flowc_compiler.source import Span

_DEEPEST = 24
_MOST_FACTS = 50

Path = tuple[str, ...]
"""The maps around a node, outermost first."""


class Placed(NamedTuple):
    """A call or map, and what is around it."""

    node: StepCall | MapCall
    path: Path
    facts: tuple[Fact, ...] = ()
    """What the conditions around it say of values."""


def placed(root: Region) -> Iterator[Placed]:
    """The calls and maps of a region and of all within it, in the order in which they were called."""
    pending: list[tuple[Region, Path, tuple[Fact, ...]]] = [(root, (), ())]
    while pending:
        region, path, facts = pending.pop()
        inner: list[tuple[Region, Path, tuple[Fact, ...]]] = []
        for node in region.nodes:
            match node:
                case StepCall():
                    yield Placed(node, path, facts)
                case MapCall():
                    yield Placed(node, path, facts)
                    inner.append((node.body, (*path, node.name), facts))
                case _:
                    around = facts[-_MOST_FACTS:]
                    inner.extend(
                        (arm, path, around + facts_of(node.tests, place)) for place, arm in enumerate(node.arms)
                    )
        pending.extend(reversed(inner))


def tests_of(root: Region) -> dict[str, tuple[Value, ...]]:
    """The tests of each switch, by its name."""
    found: dict[str, tuple[Value, ...]] = {}
    pending = [root]
    while pending:
        for node in pending.pop().nodes:
            if isinstance(node, SwitchCall):
                found[node.name] = node.tests
            pending.extend(regions_of(node))
    return found


def outputs(function: StepFunction, signature: Signature, rules: Assignability) -> tuple[Type, ...]:
    """The types of a step's outputs, in their order."""
    if function.many:
        return rules.tuple_items(signature.returns, len(function.outputs))
    return (signature.returns,) * len(function.outputs)


class ValueTypes:
    """The types of the values of one pipeline."""

    def __init__(
        self,
        nodes: Mapping[str, Placed],
        functions: Mapping[str, StepFunction],
        parameters: Mapping[str, Type],
        signatures: Signatures,
        rules: Assignability,
    ) -> None:
        self._nodes = nodes
        self._functions = functions
        self._parameters = parameters
        self._signatures = signatures
        self._rules = rules
        self._outputs: dict[tuple[Signature, tuple[str, ...]], tuple[Type, ...]] = {}
        self._items: dict[tuple[str, int], Type] = {}
        self.facts: tuple[Fact, ...] = ()
        """What is known where a value is needed, beside its annotations."""
        self._narrows = True
        self.tests: Mapping[str, tuple[Value, ...]] = {}
        """The tests of each switch."""

    def signature(self, step: str) -> Signature | None:
        """The signature of the function that a step calls."""
        function = self._functions.get(step)
        return None if function is None else self._signatures.of(function.view, function.node)

    def declared(self, value: Value, path: Path) -> Type:
        """The type of a value by annotations alone, whatever conditions say of it."""
        self._narrows = False
        try:
            return self.of(value, path)
        finally:
            self._narrows = True

    def of(self, value: Value, path: Path, depth: int = 0, facts: tuple[Fact, ...] = ()) -> Type:
        """The type of a value as a node sees it that stands in the maps of `path`."""
        if depth > _DEEPEST:
            return UNKNOWN
        known = self._of(value, path, depth, facts)
        if not (isinstance(known, UnionType | SeveralTypes) and self._narrows):
            return known
        return narrowed(self._rules, known, value, (*self.facts, *facts))

    def _of(self, value: Value, path: Path, depth: int, facts: tuple[Fact, ...]) -> Type:
        match value:
            case LiteralValue(value=known):
                return type_of_value(known)
            case OutputValue():
                return self._output(value, path)
            case ItemValue(opener=opener, source=source):
                return self.item(opener, source)
            case ParameterValue(name=name):
                return self._parameters.get(name, UNKNOWN)
            case ElementValue(value=inner, key=key):
                return self._rules.entry(self.of(inner, path, depth + 1, facts), key)[1]
            case CollectionValue():
                return self._collection(value, [self.of(item, path, depth + 1, facts) for item in value.values])
            case ChosenValue(switch=switch, values=values):
                tests = self.tests.get(switch, ())
                return several_of(
                    self.of(item, path, depth + 1, (*facts, *facts_of(tests, place)))
                    for place, item in enumerate(values)
                )
            case EachValue(opener=opener, value=inner):
                within = (*self._nodes[opener].path, opener) if opener in self._nodes else path
                return list_of(self.of(inner, within, depth + 1))
            case OperationValue():
                return operation_type(self._rules, value, self._operands(value, path, depth, facts))
            case ObjectValue():
                return UNKNOWN
            case _:
                assert_never(value)

    def _operands(self, value: OperationValue, path: Path, depth: int, facts: tuple[Fact, ...]) -> list[Type]:
        """The types of an operation's operands: what comes later may be needed only where what is before holds."""
        found: list[Type] = []
        tests = value.operands[:1] if value.operator == "if" else value.operands
        for place, item in enumerate(value.operands):
            known = facts
            if value.operator == "if" and place:
                known = (*facts, *facts_of(tests, place - 1))
            elif value.operator == "and" and place:
                known = (*facts, *(fact for test in tests[:place] for fact in facts_of([test], 0)))
            found.append(self.of(item, path, depth + 1, known[:_MOST_FACTS]))
        return found

    def item(self, opener: str, source: int) -> Type:
        """The type of one item of what a map goes over."""
        key = (opener, source)
        if key not in self._items:
            self._items[key] = UNKNOWN
            found = self.source(opener, source)
            of = self.of(found, self._nodes[opener].path) if found is not None else UNKNOWN
            if self._rules.mapped(of) is not Verdict.NO:
                self._items[key] = self._rules.element(of)[1]
        return self._items[key]

    def source(self, opener: str, source: int) -> Value | None:
        """What a map goes over."""
        node = self._nodes[opener].node if opener in self._nodes else None
        return node.sources[source] if isinstance(node, MapCall) else None

    def _output(self, value: OutputValue, path: Path) -> Type:
        found, function = self._nodes.get(value.step), self._functions.get(value.step)
        if found is None or function is None or value.name not in function.outputs:
            return UNKNOWN
        signature = self._signatures.of(function.view, function.node)
        key = (signature, function.outputs)
        if key not in self._outputs:
            self._outputs[key] = outputs(function, signature, self._rules)
        of = self._outputs[key][function.outputs.index(value.name)]
        shared = 0
        while shared < min(len(path), len(found.path)) and path[shared] == found.path[shared]:
            shared += 1
        for _ in found.path[shared:]:
            of = list_of(of)
        return of

    def _collection(self, value: CollectionValue, items: list[Type]) -> Type:
        match value.kind:
            case "tuple":
                return TupleType(tuple(items))
            case "dict":
                keys = several_of([type_of_value(key) for key in value.keys])
                return Instance("dict", (keys, several_of(items)))
            case "list" | "set":
                return Instance(value.kind, (several_of(items) if items else NEVER,))


class TypeMismatch(NamedTuple):
    """An argument that does not fit."""

    signature: Signature
    parameter: str
    wanted: Type
    given: Type
    """The type of the whole argument."""
    part: Value
    """The part of it that is wrong, or all of it."""
    type_of_part: Type
    span: Span


class Messages:
    """Reports what does not go together."""

    def __init__(
        self, types: ValueTypes, functions: Mapping[str, StepFunction], rules: Assignability, sink: DiagnosticSink
    ) -> None:
        self._types = types
        self._functions = functions
        self._rules = rules
        self._sink = sink

    def argument(self, found: TypeMismatch, *, certain: bool) -> None:
        """Collect FC310 for an argument of the wrong type, FC311 for one that may have it."""
        wanted, name = describe_annotation(found.wanted), found.signature.name
        takes = f"`{name}` takes `{wanted}` for `{found.parameter}`"
        label = f"expects `{wanted}`"
        if certain:
            message = f"{takes}, and gets {self._given(found)}"
            self._sink.error("FC310", message, found.span, help=self._way_out(found), label=label)
            return
        wrong = self._wrong_member(found)
        if wrong is not None:
            shown = describe_annotation(wrong)
            message = f"{takes}, and may get `{shown}`{self._origin(found.part)}"
            wider = describe_annotation(union_of((found.wanted, wrong)))
            help_text = f"let `{name}` take `{wider}`, or the step before it return no `{shown}`"
        else:
            message = f"{takes}, and gets {self._given(found)}, which may be something else"
            help_text = f"annotate the source of the value with `{wanted}`, if it always is one"
        self._sink.warning("FC311", message, found.span, help=help_text, label=label)

    def source(self, source: Value, given: Type, span: Span, *, certain: bool) -> None:
        """Collect FC312 for what is mapped over and has no items."""
        if certain:
            shown = describe_annotation(given)
            message = f"`.map` iterates over a list, and gets `{shown}`{self._origin(source)}"
            help_text = (
                "map over a list of values; pass what every call needs as another argument, with `unmapped(...)`"
            )
            label = f"`{shown}` is a single value"
            if (conversion := self._rules.conversion(given)) is not None:
                help_text, label = f"write {conversion}, and return that from the step", f"`{shown}` is not a list"
                if isinstance(source, ParameterValue):
                    help_text = f"write {conversion}, and make that the parameter's value"
            self._sink.error("FC312", message, span, help=help_text, label=label)
            return
        wrong = [item for item in members_of(given) if self._rules.mapped(item) is Verdict.NO]
        shown = describe_annotation(union_of(wrong)) if wrong else describe(given)
        message = f"`.map` iterates over a list, and may get `{shown}`{self._origin(source)}"
        help_text = "return an empty list where there is nothing to map over"
        self._sink.warning("FC311", message, span, help=help_text, label="expects a list")

    def entry(self, value: ElementValue, given: Type, span: Span) -> None:
        """Collect FC313 for an entry that a result does not have."""
        message = f"`{describe(given)}`{self._origin(value.value)} has no entry {value.key!r}"
        self._sink.error("FC313", message, span, help="take an entry that is there, or correct the step's annotation")

    def _given(self, found: TypeMismatch) -> str:
        """What the argument is, and where from."""
        whole, part = describe(found.given), describe(found.type_of_part)
        if found.type_of_part is found.given:
            shown = _value(found.given) if isinstance(found.part, LiteralValue) else f"`{whole}`"
            wrong = self._wrong_member(found) if isinstance(found.given, SeveralTypes) else None
            rest = f", of which `{describe(wrong)}` does not fit" if wrong is not None else ""
            return shown + self._origin(found.part) + rest
        inner = _value(found.type_of_part) if isinstance(found.part, LiteralValue) else f"`{part}`"
        return f"`{whole}`, with {inner}{self._origin(found.part)}"

    def _way_out(self, found: TypeMismatch) -> str:
        """The help line."""
        name, wanted, given = found.signature.name, found.wanted, found.type_of_part
        if given == NONE:
            return f"give a value, or let `{name}` take `{describe_annotation(with_none(wanted))}`"
        if isinstance(found.part, LiteralValue):
            value = _converted(given, wanted)
            shown = f"give a value of type `{describe_annotation(wanted)}`" if value is None else f"write {value!r}"
            return f"{shown}, or change the annotation of `{found.parameter}`"
        if isinstance(found.part, ItemValue) and self._rules.verdict(list_of(given), wanted) is Verdict.FITS:
            return f"`{name}(...)` without `.map` gets the whole list"
        verdict, item = self._rules.element(given)
        if verdict is Verdict.FITS and given != STR and self._rules.verdict(item, wanted) is Verdict.FITS:
            return f"`{name}.map(...)` calls it once for each item"
        return f"change one of the annotations, or convert the value in `{name}`: flowc passes values as they are"

    def _wrong_member(self, found: TypeMismatch) -> Type | None:
        """The members of a union that do not fit."""
        members = members_of(found.type_of_part)
        wrong = [item for item in members if self._rules.verdict(item, found.wanted) is Verdict.NO]
        return union_of(wrong) if len(members) > len(wrong) > 0 else None

    def _origin(self, value: Value) -> str:
        """` from ...`, for a value that is from one step or parameter."""
        match value:
            case OutputValue(step=step):
                function = self._functions.get(step)
                return f" from `{function.function}` ({_place(function)})" if function is not None else ""
            case ItemValue(opener=opener, source=source):
                mapped = self._types.source(opener, source)
                inner = self._origin(mapped) if mapped is not None else ""
                return f", each item of what is{inner}" if inner else ""
            case ElementValue(value=whole):
                return self._origin(whole)
            case ParameterValue(name=name):
                return f" from the pipeline's parameter `{name}`"
            case _:
                return ""


def report_parameter(name: str, wanted: Type, given: Type, span: Span, sink: DiagnosticSink) -> None:
    """Collect FC303 for a value of a parameter of the pipeline."""
    shown = describe_annotation(wanted)
    message = f"parameter `{name}` is of type `{shown}`, and its value is {_value(given)}"
    sink.error("FC303", message, span, help="give a value of that type, or change the annotation")


def report_default(signature: Signature, parameter: str, given: Type, sink: DiagnosticSink) -> None:
    """Collect FC314 for a default that does not fit its annotation."""
    wanted = describe_annotation(signature.parameters[parameter])
    span = signature.view.span(signature.defaults[parameter])
    message = f"`{signature.name}` takes `{wanted}` for `{parameter}`, and its default is {_value(given)}"
    sink.error("FC314", message, span, help="change the default or the annotation", label=f"expects `{wanted}`")


def _value(of: Type) -> str:
    """A known value, by itself where that is short, and by its type."""
    shown = shown_value(of)
    if shown is None or of == NONE:
        return f"`{describe(of)}`"
    return f"the `{describe(of)}` {shown}"


def _converted(given: Type, wanted: Type) -> object:
    """The value that is likely meant, for a number in quotes or the reverse."""
    if not isinstance(given, LiteralType):
        return None
    if wanted == STR and given.kind in {"int", "float"}:
        return str(given.value)
    if wanted == INT and isinstance(given.value, str) and given.value.isdecimal() and given.value.isascii():
        return int(given.value)
    return None


def _place(function: StepFunction) -> str:
    """Where a step says what it returns."""
    node = function.node
    span = function.view.span(node.returns) if node.returns is not None else function.view.name_span(node)
    return f"line {span.line}" if function.module is None else f"{span.file}:{span.line}"
