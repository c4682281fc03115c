"""The graph of one region: its nodes and which has to be done before which, with nothing said twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from flowc_compiler.frontend.pipelines.graph import MapCall, Node, Region, StepCall, SwitchCall
from flowc_compiler.ir import OutputValue, Value
from flowc_compiler.passes.lowering.references import names_in, own_values, parts


@dataclass(eq=False)
class Unit:
    """A node of a region, with the calls that begin and end it where it is a map or a switch.

    The call whose result is mapped over, or chosen by, opens the fan-out or switch itself, where nothing else follows
    it. The call that takes in what a map made joins it itself, where it follows nothing else. So a pipeline becomes the
    steps that one would write as a class flow.
    """

    node: Node
    before: list[Unit] = field(default_factory=list["Unit"])
    after: list[Unit] = field(default_factory=list["Unit"])
    opener: StepCall | None = None
    closer: StepCall | None = None


class Homes:
    """Where each node stands: its region, and the nodes around it."""

    def __init__(self, root: Region) -> None:
        self._chains: dict[str, tuple[tuple[Region, Node], ...]] = {}
        """Node to itself and the nodes around it with their regions, the outermost first."""
        self.nodes: list[Node] = []
        pending: list[tuple[Region, tuple[tuple[Region, Node], ...]]] = [(root, ())]
        while pending:
            region, around = pending.pop()
            for node in region.nodes:
                chain = (*around, (region, node))
                self._chains[node.name] = chain
                self.nodes.append(node)
                pending.extend((inner, chain) for inner in regions_in(node))

    def maps(self, name: str) -> tuple[str, ...]:
        """The maps around a node, the outermost first."""
        return tuple(node.name for _, node in self._chains[name][:-1] if isinstance(node, MapCall))

    def edges(self) -> Iterator[tuple[Region, Node, Node]]:
        """Region, node, and the node of it that needs that one: by values and by `after`, also from inside of it."""
        for node in self.nodes:
            chain = self._chains[node.name]
            for name in (*(name for value in own_values(node) for name in names_in(value)), *node.after):
                for (region, mine), (other_region, other) in zip(chain, self._chains[name], strict=False):
                    if mine is not other:
                        assert region is other_region, "a value is used outside of where it can be seen"
                        yield region, other, mine
                        break


def regions_in(node: Node) -> tuple[Region, ...]:
    """The regions of a node."""
    match node:
        case MapCall(body=body):
            return (body,)
        case SwitchCall(arms=arms):
            return arms
        case _:
            return ()


class RegionCycleError(Exception):
    """Nodes that wait for each other; `nodes` has them in the order of the file."""

    def __init__(self, nodes: list[Node]) -> None:
        super().__init__("the pipeline has a loop")
        self.nodes = nodes


def units_of(region: Region, needs: dict[str, list[Node]]) -> list[Unit]:
    """The units of a region in topological order, as near to the order of the file as can be.

    An edge that others imply is left out. `needs` has what each node of the region needs. Linear but for the reduction,
    which keeps one bit for each pair of nodes. Raises RegionCycleError.
    """
    ordered = _ordered(region, needs)
    place = {node.name: index for index, node in enumerate(ordered)}
    units = [Unit(node) for node in ordered]
    reached: list[int] = []
    for unit in units:
        above = 0
        for index in sorted({place[node.name] for node in needs.get(unit.node.name, ())}, reverse=True):
            if not above >> index & 1:
                above |= reached[index] | 1 << index
                unit.before.append(units[index])
        reached.append(above)
        unit.before.reverse()
        for earlier in unit.before:
            earlier.after.append(unit)
    return _closed(_opened(units))


def _ordered(region: Region, needs: dict[str, list[Node]]) -> list[Node]:
    number = {node.name: index for index, node in enumerate(region.nodes)}
    missing = {node.name: len({other.name for other in needs.get(node.name, ())}) for node in region.nodes}
    users: dict[str, list[str]] = {}
    for node in region.nodes:
        for name in {other.name for other in needs.get(node.name, ())}:
            users.setdefault(name, []).append(node.name)
    ready = [number[name] for name, count in missing.items() if not count]
    heapify(ready)
    ordered: list[Node] = []
    while ready:
        node = region.nodes[heappop(ready)]
        ordered.append(node)
        for name in users.get(node.name, ()):
            missing[name] -= 1
            if not missing[name]:
                heappush(ready, number[name])
    if len(ordered) < len(region.nodes):
        raise RegionCycleError([node for node in region.nodes if missing[node.name]])
    return ordered


def _opened(units: list[Unit]) -> list[Unit]:
    """Let calls open the maps and switches that follow them."""
    absorbed: set[Unit] = set()
    for unit in units:
        if isinstance(unit.node, StepCall) or len(unit.before) != 1:
            continue
        (maker,) = unit.before
        if isinstance(maker.node, StepCall) and len(maker.after) == 1 and _made_by(unit.node, maker.node):
            unit.opener = maker.node
            unit.before = maker.before
            for earlier in maker.before:
                earlier.after[earlier.after.index(maker)] = unit
            absorbed.add(maker)
    return [unit for unit in units if unit not in absorbed]


def _made_by(node: Node, maker: StepCall) -> bool:
    """Whether all that a map goes over, or a switch looks at, is what a call returns."""
    if isinstance(node, SwitchCall):
        return all(_only_of(test, maker) for test in node.tests)
    assert isinstance(node, MapCall)
    match node.sources:
        case (OutputValue(step=step),):
            return step == maker.name
        case _:
            return False


def _only_of(test: Value, maker: StepCall) -> bool:
    others = any(part.kind in {"item", "parameter", "chosen", "each"} for part in parts(test))
    return not others and set(names_in(test)) <= {maker.name}


def _closed(units: list[Unit]) -> list[Unit]:
    """Let calls join the maps that they follow."""
    absorbed: set[Unit] = set()
    for unit in units:
        if not isinstance(unit.node, MapCall) or len(unit.after) != 1:
            continue
        (taker,) = unit.after
        if isinstance(taker.node, StepCall) and len(taker.before) == 1 and len(taker.after) <= 1:
            unit.closer = taker.node
            unit.after = taker.after
            for later in taker.after:
                later.before[later.before.index(taker)] = unit
            absorbed.add(taker)
    return [unit for unit in units if unit not in absorbed]
