"""The graph of one region of a pipeline: what runs before what, and the steps that flowc adds to give it one shape.

A class flow of the same shape has the same steps. So the call whose result is mapped over, or chosen by, opens the
foreach or switch itself where nothing else follows it, and the call that takes in what a map returns joins it itself
where it follows nothing else. Everywhere else a synthetic step stands in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from flowc_compiler.ir import MapCall, OutputValue, Region, RegionNode, StepCall, SwitchCall, Value
from flowc_compiler.ir.regions import parts, references, regions_of, values_of

Needs = Mapping[str, Sequence[RegionNode]]
"""Node to the nodes of its region that have to be done before it."""


@dataclass(eq=False)
class Vertex:
    """Steps with one way in and one way out: a node of a region, or a synthetic step."""

    node: RegionNode | None
    before: list[Vertex] = field(default_factory=list["Vertex"])
    after: list[Vertex] = field(default_factory=list["Vertex"])
    opener: StepCall | None = None
    """The call that opens this map or switch itself."""
    closer: StepCall | None = None
    """The call that joins this map itself."""
    entry: str = ""
    """The name of its first step."""
    exit: str = ""
    """The name of its last step; empty where the arms of a switch lead on to what follows."""
    join: str = ""
    """The join of a map, or the step in which the arms of a switch come together, if there is one."""
    exits: tuple[str, ...] = ()
    """The steps that lead on, once they are there: `exit`, or the last step of each arm of a switch."""


class UniqueNames:
    """Gives out names that no other step of the flow has."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def unique(self, wanted: str) -> str:
        """The name, or the name with a number."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


class NodeLocations:
    """For each node of a pipeline the nodes around it."""

    def __init__(self, root: Region) -> None:
        self._chains: dict[str, tuple[RegionNode, ...]] = {}
        """Node to the nodes around it, outermost first, and itself."""
        pending: list[tuple[Region, tuple[RegionNode, ...]]] = [(root, ())]
        while pending:
            region, around = pending.pop()
            for node in region.nodes:
                chain = self._chains[node.name] = (*around, node)
                pending.extend((inner, chain) for inner in regions_of(node))

    @property
    def nodes(self) -> Iterator[RegionNode]:
        """Every node, outer ones first."""
        return (chain[-1] for chain in self._chains.values())

    def __getitem__(self, name: str) -> RegionNode:
        return self._chains[name][-1]

    def maps(self, name: str) -> tuple[str, ...]:
        """The maps around a node, outermost first."""
        return tuple(node.name for node in self._chains[name][:-1] if isinstance(node, MapCall))

    def needs(self) -> dict[str, list[RegionNode]]:
        """Node to the nodes of its region that it needs, by values and by `after`, its own or of nodes inside of it."""
        found: dict[str, list[RegionNode]] = {}
        for *around, node in self._chains.values():
            chain = (*around, node)
            # A node may need something that is deep in another region. What has to wait is then the node around the
            # reader that is in the same region as the node around the other: the first place where the chains differ.
            for name in (*(name for value in values_of(node) for name in references(value)), *node.after):
                for mine, other in zip(chain, self._chains[name], strict=False):
                    if mine is not other:
                        found.setdefault(mine.name, []).append(other)
                        break
        return found


class RegionCycleError(Exception):
    """Nodes that wait for each other; `nodes` has them in the order of the file."""

    def __init__(self, nodes: list[RegionNode]) -> None:
        super().__init__("the pipeline has a loop")
        self.nodes = nodes


def build_region_graph(region: Region, needs: Needs, names: UniqueNames, prefix: str) -> list[Vertex]:
    """The vertices of a region in topological order, from one that leads to all to one that all lead to.

    The order is as near to the file's as can be. `prefix` begins the names of synthetic first and last steps. Raises
    RegionCycleError.
    """
    vertices = _absorb_closers(_absorb_openers(_reduce(region, needs)))
    for vertex in vertices:
        first = vertex.opener or vertex.node
        assert first is not None
        vertex.entry = first.name
    # A target lowers a region as a whole, so that it needs one way in and one way out.
    sources = [vertex for vertex in vertices if not vertex.before]
    if len(sources) != 1:
        vertices.insert(0, _synthetic(names.unique(f"{prefix}start"), after=sources))
    sinks = [vertex for vertex in vertices if not vertex.after]
    if len(sinks) > 1:
        vertices.append(_synthetic(names.unique(f"{prefix}end"), before=sinks))
    whole: list[Vertex] = []
    for vertex in vertices:
        # A step either joins or opens, not both; so something that does both gets a join in front of it.
        opens = isinstance(vertex.node, MapCall | SwitchCall)
        if len(vertex.before) > 1 and (opens or len(vertex.after) > 1):
            whole.append(_join_before(vertex, names))
        whole.append(vertex)
    for vertex in whole:
        _name_exit(vertex, names)
    return whole


def _reduce(region: Region, needs: Needs) -> list[Vertex]:
    """One vertex a node, without the edges that others imply.

    Linear but for the reduction, which keeps one bit for each pair of nodes.
    """
    ordered = _ordered(region, needs)
    place = {node.name: index for index, node in enumerate(ordered)}
    vertices = [Vertex(node) for node in ordered]
    # A whole number is a set of nodes, one bit each: union and membership of a thousand nodes are a few machine words.
    reached: list[int] = []
    for vertex, node in zip(vertices, ordered, strict=True):
        above = 0
        # From the nearest backwards: what an earlier neighbor already waits for is implied, and its edge is left out.
        for index in sorted({place[other.name] for other in needs.get(node.name, ())}, reverse=True):
            if not above >> index & 1:
                above |= reached[index] | 1 << index
                vertex.before.append(vertices[index])
        reached.append(above)
        vertex.before.reverse()
        for earlier in vertex.before:
            earlier.after.append(vertex)
    return vertices


def _ordered(region: Region, needs: Needs) -> list[RegionNode]:
    """The nodes in topological order: of those that are ready, the first of the file comes first."""
    number = {node.name: index for index, node in enumerate(region.nodes)}
    missing: dict[str, int] = {}
    users: dict[str, list[str]] = {}
    for node in region.nodes:
        needed = {other.name for other in needs.get(node.name, ())}
        missing[node.name] = len(needed)
        for name in needed:
            users.setdefault(name, []).append(node.name)
    ready = [number[name] for name, count in missing.items() if not count]
    heapify(ready)
    ordered: list[RegionNode] = []
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


def _absorb_openers(vertices: list[Vertex]) -> list[Vertex]:
    """Let calls open the maps and switches that follow them."""
    absorbed: set[Vertex] = set()
    for vertex in vertices:
        if isinstance(vertex.node, StepCall) or len(vertex.before) != 1:
            continue
        (producer,) = vertex.before
        call = producer.node
        # If anything else follows the call, it has to end before that, and cannot be the opener.
        if (
            isinstance(call, StepCall)
            and call.specs.called is None  # the flow that it calls comes between
            and len(producer.after) == 1
            and _depends_only_on(vertex.node, call)
        ):
            vertex.opener = call
            vertex.before = producer.before
            for earlier in producer.before:
                # In the same place: the order of the edges is that of the arms, and of the file.
                earlier.after[earlier.after.index(producer)] = vertex
            absorbed.add(producer)
    return [vertex for vertex in vertices if vertex not in absorbed]


def _depends_only_on(node: MapCall | SwitchCall | None, call: StepCall) -> bool:
    """Whether all that a map goes over, or a switch tests, is the result of a call."""
    if isinstance(node, SwitchCall):
        return all(_comes_from(test, call) for test in node.tests)
    match node.sources if node is not None else ():
        case (OutputValue(step=step),):
            return step == call.name
        case (source,):
            return _comes_from(source, call) and call.name in references(source)
        case _:
            return False


def _comes_from(value: Value, call: StepCall) -> bool:
    """Whether a value is computed from the result of a call, and nothing else of the run."""
    others = any(part.kind in {"item", "chosen", "each"} for part in parts(value))
    return not others and set(references(value)) <= {call.name}


def _absorb_closers(vertices: list[Vertex]) -> list[Vertex]:
    """Let calls join the maps that they follow."""
    absorbed: set[Vertex] = set()
    for vertex in vertices:
        if not isinstance(vertex.node, MapCall) or len(vertex.after) != 1:
            continue
        (taker,) = vertex.after
        # A call that waits for something else, or opens something itself, cannot also be the join.
        if isinstance(taker.node, StepCall) and len(taker.before) == 1 and len(taker.after) <= 1:
            vertex.closer = taker.node
            vertex.after = taker.after
            for later in taker.after:
                later.before[later.before.index(taker)] = vertex
            absorbed.add(taker)
    return [vertex for vertex in vertices if vertex not in absorbed]


def _synthetic(name: str, before: Sequence[Vertex] = (), after: Sequence[Vertex] = ()) -> Vertex:
    """A synthetic step between others; it is added to their edges."""
    vertex = Vertex(None, list(before), list(after), entry=name)
    for earlier in before:
        earlier.after.append(vertex)
    for later in after:
        later.before.append(vertex)
    return vertex


def _join_before(vertex: Vertex, names: UniqueNames) -> Vertex:
    """A synthetic join that takes over the ways into a vertex."""
    join = Vertex(None, vertex.before, [vertex], entry=names.unique(f"{vertex.entry}_inputs"))
    for earlier in vertex.before:
        earlier.after[earlier.after.index(vertex)] = join
    vertex.before = [join]
    return join


def _name_exit(vertex: Vertex, names: UniqueNames) -> None:
    """Decide how a vertex ends."""
    match vertex.node:
        case MapCall(name=name):
            vertex.join = vertex.closer.name if vertex.closer is not None else names.unique(f"{name}_join")
            vertex.exit = names.unique(f"{name}_fork") if len(vertex.after) > 1 else vertex.join
        case SwitchCall(name=name):
            # Arms may end in the step that follows if nothing else leads there; otherwise they need a step to meet in.
            merges = len(vertex.after) == 1 and len(vertex.after[0].before) == 1
            vertex.exit = vertex.join = "" if merges else names.unique(f"{name}_merge")
        case StepCall(name=name, specs=specs) if specs.called is not None and len(vertex.after) > 1:
            vertex.exit = names.unique(f"{name}_fork")  # one step follows a call, and that may lead to several
        case _:
            vertex.exit = vertex.entry
