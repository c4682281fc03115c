"""Lowering of regions: the body of a pipeline to the steps that a class flow of the same shape has.

A step has one way in unless it joins, and several ways on only if it branches; a region has one first and one last
step. Scopes are left to the scopes pass, as in a class flow.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import (
    NO_SPECS,
    BranchStep,
    Call,
    ChosenValue,
    EachValue,
    ElementValue,
    Fan,
    Flow,
    ForeachStep,
    ItemValue,
    JoinStep,
    LinearStep,
    MapCall,
    OperationValue,
    OutputValue,
    ParameterValue,
    Region,
    Step,
    StepCall,
    StepSpecs,
    SwitchCall,
    SwitchCase,
    SwitchStep,
    Value,
)
from flowc_compiler.ir.regions import parts, rebuilt, references, regions_of, step_calls, values_of
from flowc_compiler.passes.checks import WHY
from flowc_compiler.passes.regiongraph import NodeLocations, RegionCycleError, UniqueNames, Vertex, build_region_graph
from flowc_compiler.source import Span

FANNED = "items"
"""The artifact that the items of a fan are called in messages."""


def lower_regions(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Replace a pipeline's `body` by steps in topological order. A class flow stays as it is.

    Collects FC204, and returns `None`, when calls wait for each other.
    """
    if flow.body is None:
        return flow
    locations = NodeLocations(flow.body)
    lowerer = RegionLowerer(locations)
    try:
        start, end = lowerer.lower(flow.body, flow.span)
    except RegionCycleError as error:
        _report_cycle(error, sink)
        return None
    values = (value for node in locations.nodes for value in values_of(node))
    if any(isinstance(part, ParameterValue) for value in values for part in parts(value)):
        # The first task stores the values of the run's parameters, so there has to be one.
        lowerer.drafts[start].runs = True  # it stores the parameters
    steps = tuple(lowerer.step(draft) for draft in lowerer.drafts.values())
    results: dict[str, Value] = flow.results or {}
    results = {name: lowerer.resolved(value) for name, value in results.items()}
    return flow.model_copy(update={"body": None, "start": start, "end": end, "steps": steps, "results": results})


def _report_cycle(error: RegionCycleError, sink: DiagnosticSink) -> None:
    calls = step_calls(Region.model_construct(nodes=tuple(error.nodes)))
    shown = ", ".join(f"`{call.name}`" for call, _ in zip(calls, range(10), strict=False))
    sink.error(
        "FC204", f"these calls wait for each other: {shown}", error.nodes[0].span,
        help="remove one of the names from `after=`",
    )  # fmt: skip


@dataclass(eq=False)
class Draft:
    """A step before all its edges are known."""

    name: str
    span: Span
    call: StepCall | None = None
    opens: MapCall | SwitchCall | None = None
    joins: bool = False
    runs: bool = False
    """Whether it has a task though it calls and opens nothing."""
    parents: list[str] = field(default_factory=list[str])
    targets: list[str] = field(default_factory=list[str])


_Lowering = Generator["_Lowering", tuple[str, str], tuple[str, str]]
"""Lowers a region to its first and last step; yields the lowering of each region inside, and is sent its result."""


class RegionLowerer:
    """Makes the steps of a pipeline, region by region."""

    def __init__(self, locations: NodeLocations) -> None:
        self._locations = locations
        self._needs = locations.needs()
        self._names = UniqueNames(node.name for node in locations.nodes)
        self._opened_by: dict[str, str] = {}
        """Map or switch to the name of the step that opens it."""
        self.drafts: dict[str, Draft] = {}
        """By name, in topological order."""

    def lower(self, body: Region, span: Span) -> tuple[str, str]:
        """Draft the steps of the pipeline; returns the first and the last. Raises RegionCycleError."""
        running = [self._region(body, "", span)]
        result: tuple[str, str] | None = None
        while running:  # instead of recursion, so that deep nesting does not exhaust Python's stack
            try:
                running.append(next(running[-1]) if result is None else running[-1].send(result))
                result = None
            except StopIteration as done:
                result = done.value
                running.pop()
        assert result is not None
        return result

    def _region(self, region: Region, prefix: str, span: Span) -> _Lowering:
        vertices = build_region_graph(region, self._needs, self._names, prefix)
        for vertex in vertices:
            vertex.exits = (vertex.exit,)
            match vertex.node:
                case MapCall() as node:
                    yield from self._map(vertex, node)
                case SwitchCall() as node:
                    yield from self._switch(vertex, node)
                case node:
                    self._draft(vertex.entry, node.span if node is not None else span, node)
                    if vertex.exit != vertex.entry:
                        self._draft(vertex.exit, node.span if node is not None else span)
                        self._lead(vertex.entry, vertex.exit)
        for vertex in vertices:
            draft = self.drafts[vertex.entry]
            draft.joins = len(vertex.before) > 1
            # Edges between vertices are added only now: the exits of a vertex are known when everything in it is
            # lowered.
            draft.parents += (name for earlier in vertex.before for name in earlier.exits)
            for name in vertex.exits:
                self.drafts[name].targets += (later.entry for later in vertex.after)
        return vertices[0].entry, vertices[-1].exit

    def _map(self, vertex: Vertex, node: MapCall) -> Generator[_Lowering, tuple[str, str], None]:
        """The opener, the body, the join, and a fork behind it where several calls follow."""
        opener = self._opener(vertex, node)
        # The opener is drafted before the body and the join after it: `drafts` is in topological order.
        entry, last = yield self._region(node.body, f"{node.name}_", node.span)
        self._lead(opener.name, entry)
        closer = vertex.closer
        join = self._draft(vertex.join, closer.span if closer is not None else node.span, closer)
        join.joins = True
        self._lead(last, join.name)
        if vertex.exit != vertex.join:
            self._draft(vertex.exit, node.span)
            self._lead(vertex.join, vertex.exit)

    def _switch(self, vertex: Vertex, node: SwitchCall) -> Generator[_Lowering, tuple[str, str], None]:
        """The switch, its arms, and a step in which they come together where none follows."""
        opener = self._opener(vertex, node)
        ends: list[str] = []
        for arm in node.arms:
            entry, last = yield self._region(arm, f"{node.name}_", node.span)
            self._lead(opener.name, entry)
            ends.append(last)
        # What follows the switch has no other way in, so the arms can lead to it directly.
        if not vertex.join:
            vertex.exits = tuple(ends)
            return
        self._draft(vertex.join, node.span)
        for last in ends:
            self._lead(last, vertex.join)

    def _opener(self, vertex: Vertex, node: MapCall | SwitchCall) -> Draft:
        call = vertex.opener
        draft = self._draft(vertex.entry, call.span if call is not None else node.span, call)
        draft.opens = node
        self._opened_by[node.name] = draft.name
        return draft

    def _draft(self, name: str, span: Span, call: StepCall | None = None) -> Draft:
        draft = self.drafts[name] = Draft(name, span, call)
        return draft

    def _lead(self, name: str, target: str) -> None:
        self.drafts[name].targets.append(target)
        self.drafts[target].parents.append(name)

    def step(self, draft: Draft) -> Step:
        """The step of a draft; without a task where it neither calls nor opens anything.

        Its parts have been validated, so that the step is not: this saves building a validator of all specs.
        """
        call, opens = draft.call, draft.opens
        fields: dict[str, Any] = {
            "span": draft.span,
            "name": draft.name,
            "doc": call.doc if call is not None else "",
            "specs": call.specs if call is not None else self._opener_specs(opens),
            "next_span": opens.span if opens is not None else draft.span if draft.targets else None,
            "parents": tuple(draft.parents),
            "call": self._resolved_call(call) if call is not None else None,
            "virtual": call is None and opens is None and not draft.runs,
        }
        if isinstance(opens, MapCall):
            return ForeachStep.model_construct(**fields, target=draft.targets[0], **self._items(draft, opens))
        if isinstance(opens, SwitchCall):
            tests = tuple(self._resolved(test, opens.name) for test in opens.tests)
            return SwitchStep.model_construct(**fields, variable="", cases=_cases(draft, opens), tests=tests)
        if len(draft.targets) > 1:
            return BranchStep.model_construct(**fields, targets=tuple(draft.targets))
        target = draft.targets[0] if draft.targets else None
        kind = JoinStep if draft.joins else LinearStep
        return kind.model_construct(**fields, target=target)

    def _resolved_call(self, node: StepCall) -> Call:
        arguments = tuple(
            argument.model_copy(update={"value": self._resolved(argument.value, node.name)})
            for argument in node.call.arguments
        )
        return node.call.model_copy(update={"arguments": arguments})

    def _items(self, draft: Draft, node: MapCall) -> dict[str, Any]:
        """What a foreach goes over: the output of its own call, or a fan."""
        sources = tuple(self._resolved(source, node.name) for source in node.sources)
        # The call opens the foreach itself, as in a class flow: the items are one of its outputs.
        if draft.call is not None and len(sources) == 1 and isinstance(sources[0], OutputValue):
            return {"variable": sources[0].name}
        return {"variable": FANNED, "fan": Fan(sources=sources, product=node.product)}

    def _opener_specs(self, node: MapCall | SwitchCall | None) -> StepSpecs:
        """The specs of a synthetic step that unpickles what a map goes over or a switch tests.

        It has the image and access of the first call inside, which reads the same values, but computes nothing, so that
        it needs no GPU and no resources. `@foreach_options` comes from the call whose result is mapped.
        """
        if node is None:
            return NO_SPECS
        first = next((call for region in regions_of(node) for call in step_calls(region)), None)
        names = ("retry", "environment", "secrets", "container", "dependencies")
        specs = {name: getattr(first.specs, name) for name in names} if first is not None else {}
        match node:
            case MapCall(sources=(OutputValue(step=name),)):
                producer = self._locations[name]
                specs["foreach"] = producer.specs.foreach if isinstance(producer, StepCall) else None
            case _:
                pass
        return StepSpecs.model_construct(**specs)

    def resolved(self, value: Value) -> Value:
        """A value as whoever calls the pipeline reads it, behind all of its steps."""
        return resolve_references(value, self._opened_by, (), self._locations.maps)

    def _resolved(self, value: Value, reader: str) -> Value:
        locations = self._locations
        return resolve_references(value, self._opened_by, locations.maps(reader), locations.maps)


def _cases(draft: Draft, node: SwitchCall) -> tuple[SwitchCase, ...]:
    """True and False for one test, else the number of the test that holds."""
    values: tuple[bool | int, ...] = (True, False) if len(node.tests) == 1 else tuple(range(len(node.arms)))
    return tuple(SwitchCase(value=value, target=target) for value, target in zip(values, draft.targets, strict=True))


def resolve_references(
    value: Value, names: dict[str, str], around: tuple[str, ...], maps: Callable[[str], tuple[str, ...]]
) -> Value:
    """A value that refers to steps in place of nodes (`names` has those that differ), with the levels of outputs.

    `around` are the maps around the reader, and `maps` returns those around a node, outermost first.
    """

    def levels(step: str) -> int:
        # Each map around the step that the reader is not in makes a list of its output. Maps nest, so those that both
        # are in are a common beginning of the two chains.
        inside = maps(step)
        shared = 0
        while shared < min(len(inside), len(around)) and inside[shared] == around[shared]:
            shared += 1
        return len(inside) - shared

    def resolve(part: Value) -> Value:
        match part:
            case OutputValue(step=step):
                return part.model_copy(update={"step": names.get(step, step), "levels": levels(step)})
            case ItemValue(opener=opener):
                return part.model_copy(update={"opener": names.get(opener, opener)})
            case EachValue(opener=opener, value=inner):
                within = resolve_references(inner, names, (*maps(opener), opener), maps)
                return part.model_copy(update={"opener": names.get(opener, opener), "value": within})
            case ChosenValue(switch=switch):
                chosen = rebuilt(part, resolve)
                return chosen.model_copy(update={"switch": names.get(switch, switch)})
            case _:
                return rebuilt(part, resolve)

    return resolve(value)


def deciding_calls(flow: Flow) -> dict[str, str]:
    """The steps of a pipeline without whose results a map or a switch would fail, and why.

    A caught failure is `None`. A switch may well test for that first, as in `if result is None`: later tests are not
    evaluated then.
    """
    found: dict[str, str] = {}
    for step in flow.steps:
        if step.kind == "switch":
            found.update((name, WHY["switch"]) for name in _tested(step.tests[0]))
        elif step.kind == "foreach" and step.fan is not None:
            found.update((name, WHY["foreach"]) for source in step.fan.sources for name in _counted(source))
        elif step.kind == "foreach":
            found[step.name] = WHY["foreach"]
    return found


def _counted(source: Value) -> Iterator[str]:
    """The steps whose results say how many items there are."""
    pending = [source]
    while pending:
        match pending.pop():
            case OutputValue(step=name, levels=0):
                yield name
            case ElementValue() | OperationValue() as computed:
                yield from references(computed)
            case ChosenValue(values=values):
                pending += values
            case _:
                pass


_NEEDING = frozenset({"<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "**", "neg", "pos", "invert"})
"""Operators that raise an error where an operand is `None`."""


def _tested(test: Value) -> Iterator[str]:
    """The steps whose results a test compares by size, or looks into: it raises where one is `None`."""
    pending = [(test, False)]
    while pending:
        value, needed = pending.pop()
        match value:
            case OutputValue(step=name, levels=0) if needed:
                yield name
            case ElementValue(value=inner):
                pending.append((inner, True))
            case ChosenValue(values=values):
                pending += ((inner, needed) for inner in values)
            case OperationValue(operator="and" | "or", operands=operands):
                pending.append((operands[0], False))  # it may guard the others
            case OperationValue(operator="if", operands=(condition, *_)):
                pending.append((condition, False))
            case OperationValue(operator="in" | "not in", operands=(item, container)):
                pending += ((item, False), (container, True))
            case OperationValue(operator="getattr" | "getitem", operands=(owner, *_)):
                pending.append((owner, True))
            case OperationValue(operator=operator, operands=operands):
                pending += ((inner, operator in _NEEDING) for inner in operands)
            case _:
                pass
