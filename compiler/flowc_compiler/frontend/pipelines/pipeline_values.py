"""What a pipeline's body deals with beside plain data: steps, pipelines, and results that exist when the flow runs.

The nodes and regions of the IR (`flowc_compiler.ir.regions`) grow here while a body is evaluated. Names are unique in
the whole flow, and values refer to nodes by name.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flowc_compiler.evaluate.values import RuntimeValue
from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer
from flowc_compiler.ir import NO_SPECS, MapCall, Region, StepCall, StepSpecs, SwitchCall
from flowc_compiler.ir.regions import Call, Value, references
from flowc_compiler.ir.type_model import Type
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import FunctionNode, ModuleView


@dataclass(eq=False)
class StepBuilder:
    """One call of a step."""

    name: str
    span: Span
    """The call."""
    call: Call
    after: tuple[str, ...] = ()
    """Names of nodes that have to be done before, beside those whose values are arguments."""
    specs: StepSpecs = NO_SPECS
    doc: str = ""


@dataclass(eq=False)
class MapBuilder:
    """A region that runs once for each item: `work.map(items)` and what follows it item by item."""

    name: str
    span: Span
    sources: tuple[Value, ...]
    body: RegionBuilder
    product: bool = False
    after: tuple[str, ...] = ()


@dataclass(eq=False)
class SwitchBuilder:
    """An `if` on the result of a step: the arm of the first test that holds runs, or else the last one."""

    name: str
    span: Span
    tests: tuple[Value, ...]
    arms: tuple[RegionBuilder, ...]
    """One more than there are tests; an arm may be empty."""
    after: tuple[str, ...] = ()


NodeBuilder = StepBuilder | MapBuilder | SwitchBuilder


@dataclass(eq=False)
class RegionBuilder:
    """Nodes that run equally often: the whole pipeline, the body of a map, an arm of a switch."""

    nodes: list[NodeBuilder] = field(default_factory=list["NodeBuilder"])
    """In the order in which they were called."""


class PendingOrder(NamedTuple):
    """A name in `after=` of a step that is not called yet."""

    node: NodeBuilder
    name: str
    path: tuple[RegionBuilder, ...]
    """The regions around the node."""
    span: Span


class PipelineBuilder:
    """The nodes of a pipeline, and the regions that are open."""

    def __init__(self) -> None:
        self.root = RegionBuilder()
        self._open: list[RegionBuilder] = [self.root]
        self._regions: dict[str, RegionBuilder] = {}
        """Name of a node to the region that it stands in."""
        self._owners: dict[RegionBuilder, NodeBuilder] = {}
        """Region to the map or switch that it belongs to."""
        self._names: dict[str, NodeBuilder | None] = {}
        """Names that are taken."""
        self._numbers: dict[str, int] = {}
        """The number that may be free of names made of a base."""
        self.barrier: str | None = None
        """The node that all that is added from now on waits for."""

    def __len__(self) -> int:
        return len(self._names)

    @property
    def current(self) -> RegionBuilder:
        """The region that calls go to."""
        return self._open[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all nodes that are steps of the user's."""
        return tuple(name for name, node in self._names.items() if isinstance(node, StepBuilder))

    def is_taken(self, name: str) -> bool:
        """Whether a node has that name."""
        return name in self._names

    def free(self, base: str) -> str:
        """A name for a node: `base`, or as in ZenML `base_2`, `base_3`, ..."""
        if base not in self._names:
            return base
        number = self._numbers.get(base, 2)
        while f"{base}_{number}" in self._names:
            number += 1
        self._numbers[base] = number  # no name is given back: the search goes on from here
        return f"{base}_{number}"

    def reserve(self, base: str) -> str:
        """A free name, taken for a node that is made later."""
        name = self.free(base)
        self._names[name] = None
        return name

    def numbered(self, base: str) -> str:
        """A free name `base_1`, `base_2`, ..., taken for a node that is made later."""
        number = 1
        while f"{base}_{number}" in self._names:
            number += 1
        return self.reserve(f"{base}_{number}")

    def own(self, region: RegionBuilder, node: NodeBuilder) -> None:
        """Say which node a region belongs to."""
        self._owners[region] = node

    def add(self, node: NodeBuilder) -> None:
        """Put a node into the current region."""
        self._names[node.name] = node
        self._regions[node.name] = self.current
        self.current.nodes.append(node)
        before = self.anchor(self.barrier) if self.barrier is not None else None
        if before is not None and before not in (*node.after, node.name):
            node.after = (*node.after, before)
        for region in _regions_of(node):
            self._owners[region] = node

    def leaves(self) -> list[str]:
        """The nodes of the current region that no other one of it needs."""
        path = (self.current,)
        needed = {self._sibling(name, path) for node in self.current.nodes for name in needs(node)}
        return [node.name for node in self.current.nodes if node.name not in needed]

    def remove(self, node: NodeBuilder) -> None:
        """Take the node that was added last, and has nothing in it, out of the current region."""
        self.current.nodes.remove(node)
        del self._names[node.name], self._regions[node.name]

    def get(self, name: str) -> NodeBuilder | None:
        """The node of that name, if there is one."""
        return self._names.get(name)

    @contextmanager
    def inside(self, region: RegionBuilder) -> Generator[None]:
        """Let calls go to a region."""
        self._open.append(region)
        try:
            yield
        finally:
            self._open.pop()

    def path(self) -> tuple[RegionBuilder, ...]:
        """The regions that are open, outermost first."""
        return tuple(self._open)

    def anchor(self, name: str, path: tuple[RegionBuilder, ...] | None = None) -> str | None:
        """The node to wait for, as seen from a region: the node itself, or the map or switch that it is part of.

        `None` for a map or switch that the reader itself stands in: it waits for that anyway.
        """
        seen_from = set(path if path is not None else self._open)
        node: str | None = name
        while node is not None:
            region = self._regions.get(node)
            if region is None or region in seen_from:
                break
            owner = self._owners.get(region)
            node = owner.name if owner is not None else None
        if node is not None and any(owner is self._names[node] for owner in map(self._owners.get, seen_from)):
            return None
        return node

    def depends(self, names: Iterable[str], on: NodeBuilder) -> bool:
        """Whether any of these nodes needs `on`, directly or by way of others of its region."""
        region = self._regions[on.name]
        path = (region,)
        pending, seen = [self._sibling(name, path) for name in names], set[str]()
        while pending:
            name = pending.pop()
            if name == on.name:
                return True
            if name is None or name in seen:
                continue
            seen.add(name)
            node = self._names[name]
            if node is not None:
                pending.extend(self._sibling(other, path) for other in needs(node))
        return False

    def _sibling(self, name: str, path: tuple[RegionBuilder, ...]) -> str | None:
        """The node of a region that a node is or is part of."""
        node: str | None = name
        while node is not None and self._regions.get(node) not in path:
            region = self._regions.get(node)
            owner = self._owners.get(region) if region is not None else None
            node = owner.name if owner is not None else None
        return node


def _regions_of(node: NodeBuilder) -> tuple[RegionBuilder, ...]:
    match node:
        case StepBuilder():
            return ()
        case MapBuilder(body=body):
            return (body,)
        case SwitchBuilder(arms=arms):
            return arms


def needs(node: NodeBuilder) -> Iterator[str]:
    """The names of nodes that a node refers to, those inside of it included."""
    pending: list[NodeBuilder] = [node]
    while pending:
        found = pending.pop()
        yield from found.after
        match found:
            case StepBuilder(call=call):
                values = tuple(argument.value for argument in call.arguments)
            case MapBuilder(sources=values) | SwitchBuilder(tests=values):
                pass
        for value in values:
            yield from references(value)
        pending.extend(inner for region in _regions_of(found) for inner in region.nodes)


def build_body(root: RegionBuilder) -> Region:
    """The regions of the IR. The parts are checked where they are made, so that nothing is validated again."""
    return Region.model_construct(nodes=tuple(_build_node(node) for node in root.nodes))


def _build_node(node: NodeBuilder) -> StepCall | MapCall | SwitchCall:
    common: dict[str, Any] = {"name": node.name, "span": node.span, "after": node.after}
    match node:
        case StepBuilder():
            return StepCall.model_construct(**common, call=node.call, specs=node.specs, doc=node.doc)
        case MapBuilder():
            body = build_body(node.body)
            return MapCall.model_construct(**common, sources=node.sources, body=body, product=node.product)
        case SwitchBuilder():
            arms = [build_body(arm) for arm in node.arms]
            while len(arms) <= len(node.tests):  # reading has ended within the arm before
                arms.append(Region())
            return SwitchCall.model_construct(**common, tests=node.tests, arms=tuple(arms))


@dataclass(eq=False)
class StepFunction:
    """A function with `@step`, or a copy of one that `.with_options(...)` made."""

    view: ModuleView
    """The file that it is defined in."""
    module: str | None
    """The dotted name of that file as tasks import it; `None` for the flow's own."""
    node: FunctionNode
    outputs: tuple[str, ...]
    """The names of its outputs; none when it returns nothing."""
    many: bool
    """Whether it returns a tuple with one value for each output."""
    layers: list[SettingsLayer]
    name: str
    """What its invocations are called by default: the function's name, or that of `@step(name=...)`."""
    command: tuple[str, ...] | None = None
    """What it runs instead of a function, in the image of the step."""

    @property
    def function(self) -> str:
        """The name of the function."""
        return self.node.name


@dataclass(eq=False)
class PipelineFunction:
    """A function with `@pipeline`, or a copy of one that `.with_options(...)` made."""

    view: ModuleView
    node: FunctionNode
    layers: list[SettingsLayer]
    defaults: dict[str, object]
    """Values of its parameters' defaults; `Unresolved` where one is not known."""

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.node.name


@dataclass(eq=False)
class ClientRead(RuntimeValue):
    """Attributes, items and calls in a row of `Client()` or of a model, which a task reads."""

    type: str
    """By the names of `flowc.protocol.zenml_names.CLASSES`."""
    chain: tuple[list[object], ...] = ()
    model: Mapping[str, object] | None = None

    def then(self, type: str, *link: object) -> ClientRead:
        """What one more link of the chain gives."""
        return ClientRead(type, (*self.chain, list(link)), self.model)


@dataclass(frozen=True, eq=False)
class Result(RuntimeValue):
    """An output of a step, an item, a parameter of the run, or a part of one of these."""

    value: Value
    type: Type | None = None
    """Its type where that is known; for a `MappedResult` see its item."""
    node: str | None = None
    """The step or switch that has to be done before it is there."""

    def __eq__(self, other: object) -> bool:
        """Whether both are the same value of the run."""
        return isinstance(other, Result) and self.value == other.value

    def __hash__(self) -> int:
        """By identity, as values of the IR may hold lists."""
        return id(self)


class Tree(NamedTuple):
    """An operation, and how large it is."""

    value: Value
    weight: int
    """Entries, as it is written out."""
    depth: int


@dataclass(frozen=True, eq=False)
class AttributeResult(Result):
    """An attribute of a result; where it is called, a method such as `.load()`."""

    owner: object = None
    name: str = ""


@dataclass(frozen=True, eq=False)
class StepOutputs(RuntimeValue):
    """What a call of a step gives that has no output, or several: unpacked or indexed, each is a result."""

    step: str
    """The name of the step."""
    names: tuple[str, ...]
    results: tuple[Result, ...]

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same step."""
        return isinstance(other, StepOutputs) and self.step == other.step

    def __hash__(self) -> int:
        """By the name of the step."""
        return hash(self.step)


@dataclass(frozen=True, eq=False)
class MappedResult(RuntimeValue):
    """What a mapped call gives: one item for each that was mapped over. Passed to a step, it is a list."""

    map: MapBuilder
    item: object
    """What one run of the map's body gives, as it is seen there: a `Result`, another `MappedResult`, ..."""

    def __eq__(self, other: object) -> bool:
        """Whether both are the same items of the same map."""
        return isinstance(other, MappedResult) and self.map is other.map and self.item == other.item

    def __hash__(self) -> int:
        """By the map."""
        return id(self.map)


@dataclass(frozen=True, eq=False)
class Unmapped:
    """`unmapped(x)`: an argument of `.map` that every item gets whole."""

    value: object


@dataclass(frozen=True, eq=False)
class FunctionMethod:
    """`work.map`, `work.product`, `work.submit`, or a method of a result such as `result.load`."""

    owner: object
    name: str
