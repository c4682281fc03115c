"""The types of values in a pipeline's graph: what steps return, as the step that gets it sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, assert_never

from flowc_compiler.frontend.pipelines.pipeline_values import StepFunction
from flowc_compiler.frontend.pipelines.types.assignability import Assignability
from flowc_compiler.frontend.pipelines.types.signatures import Signature, Signatures
from flowc_compiler.frontend.pipelines.types.type_model import (
    BOOL,
    BYTES,
    NEVER,
    NONE,
    STR,
    UNKNOWN,
    Instance,
    TupleType,
    Type,
    Verdict,
    list_of,
    several_of,
    type_of_value,
    union_of,
)
from flowc_compiler.ir import MapCall, Region, StepCall
from flowc_compiler.ir.regions import (
    ChosenValue,
    CollectionValue,
    EachValue,
    ElementValue,
    ItemValue,
    LiteralValue,
    OperationValue,
    OutputValue,
    ParameterValue,
    Value,
)

_DEEPEST = 24
_PLAIN = union_of([Instance("complex"), STR, BYTES, NONE])
"""What comparisons of are true or false."""

Path = tuple[str, ...]
"""The maps around a node, outermost first."""


class Placed(NamedTuple):
    """A call or map, and the maps around it."""

    node: StepCall | MapCall
    path: Path


def placed(root: Region) -> Iterator[Placed]:
    """The calls and maps of a region and of all within it, in the order in which they were called."""
    pending: list[tuple[Region, Path]] = [(root, ())]
    while pending:
        region, path = pending.pop()
        inner: list[tuple[Region, Path]] = []
        for node in region.nodes:
            match node:
                case StepCall():
                    yield Placed(node, path)
                case MapCall():
                    yield Placed(node, path)
                    inner.append((node.body, (*path, node.name)))
                case _:
                    inner.extend((arm, path) for arm in node.arms)
        pending.extend(reversed(inner))


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

    def signature(self, step: str) -> Signature | None:
        """The signature of the function that a step calls."""
        function = self._functions.get(step)
        return None if function is None else self._signatures.of(function.view, function.node)

    def of(self, value: Value, path: Path, depth: int = 0) -> Type:
        """The type of a value as a node sees it that stands in the maps of `path`."""
        if depth > _DEEPEST:
            return UNKNOWN
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
                return self._rules.entry(self.of(inner, path, depth + 1), key)[1]
            case CollectionValue():
                return self._collection(value, [self.of(item, path, depth + 1) for item in value.values])
            case ChosenValue(values=values):
                return several_of(self.of(item, path, depth + 1) for item in values)
            case EachValue(opener=opener, value=inner):
                within = (*self._nodes[opener].path, opener) if opener in self._nodes else path
                return list_of(self.of(inner, within, depth + 1))
            case OperationValue():
                return self._operation(value, [self.of(item, path, depth + 1) for item in value.operands])
            case _:
                assert_never(value)

    def _operation(self, value: OperationValue, operands: list[Type]) -> Type:
        match value.operator:
            case "and" | "or":
                return union_of(operands)
            case "not" | "is" | "is not" | "in" | "not in":
                return BOOL
            case _:  # an array compared with a number is an array
                return BOOL if all(self._rules.verdict(of, _PLAIN) is Verdict.FITS for of in operands) else UNKNOWN

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
