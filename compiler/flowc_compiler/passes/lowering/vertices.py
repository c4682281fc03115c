"""The graph of one region as steps will have it: units, and the virtual steps that its shape asks for."""

from __future__ import annotations

from dataclasses import dataclass

from flowc_compiler.frontend.pipelines.graph import MapCall, StepCall, SwitchCall
from flowc_compiler.passes.lowering.arms import Vertex
from flowc_compiler.passes.lowering.names import StepNames
from flowc_compiler.passes.lowering.units import Unit


@dataclass(eq=False)
class UnitVertex(Vertex):
    """A unit, or a virtual step where `unit` is `None`."""

    unit: Unit | None = None
    join: str = ""
    """The join of a map, or the step in which the arms of a switch come together; empty where its follower is that."""
    exits: tuple[str, ...] = ()
    """The steps that lead on, once they are there: `exit`, or what ends each arm of a switch."""


def vertices_of(units: list[Unit], names: StepNames, first: str, last: str) -> list[UnitVertex]:
    """The vertices of a region's units in topological order, from one that leads to all to one that all lead to."""
    found = {unit: UnitVertex(_entry(unit), "", unit=unit) for unit in units}
    for unit, vertex in found.items():
        vertex.before = [found[other] for other in unit.before]
        vertex.after = [found[other] for other in unit.after]
    vertices = list(found.values())
    sources = [vertex for vertex in vertices if not vertex.before]
    if len(sources) != 1:
        vertices.insert(0, _virtual(names.unique(first), after=sources))
    sinks = [vertex for vertex in vertices if not vertex.after]
    if len(sinks) > 1:
        vertices.append(_virtual(names.unique(last), before=sinks))
    whole: list[UnitVertex] = []
    for vertex in vertices:
        if len(vertex.before) > 1 and (_opens(vertex) or len(vertex.after) > 1):
            whole.append(_before(vertex, names))
        whole.append(vertex)
    for vertex in whole:
        _end(vertex, names)
    return whole


def _entry(unit: Unit) -> str:
    return unit.opener.name if unit.opener is not None else unit.node.name


def _opens(vertex: UnitVertex) -> bool:
    return vertex.unit is not None and not isinstance(vertex.unit.node, StepCall)


def _virtual(name: str, before: list[UnitVertex] | None = None, after: list[UnitVertex] | None = None) -> UnitVertex:
    """A virtual step between others; it is added to their edges."""
    vertex = UnitVertex(name, name, list(before or ()), list(after or ()))
    for earlier in before or ():
        earlier.after.append(vertex)
    for later in after or ():
        later.before.append(vertex)
    return vertex


def _before(vertex: UnitVertex, names: StepNames) -> UnitVertex:
    """A virtual join that takes over the ways into a vertex."""
    join = UnitVertex("", "", vertex.before, [vertex])
    join.entry = join.exit = names.unique(f"{vertex.entry}_inputs")
    for earlier in vertex.before:
        earlier.after[earlier.after.index(vertex)] = join
    vertex.before = [join]
    return join


def _end(vertex: UnitVertex, names: StepNames) -> None:
    """Decide how a vertex ends."""
    node = vertex.unit.node if vertex.unit is not None else None
    match node:
        case MapCall():
            closer = vertex.unit.closer if vertex.unit is not None else None
            vertex.join = closer.name if closer is not None else names.unique(f"{node.name}_join")
            vertex.exit = names.unique(f"{node.name}_fork") if len(vertex.after) > 1 else vertex.join
        case SwitchCall():
            merges = len(vertex.after) == 1 and len(vertex.after[0].before) == 1
            vertex.exit = vertex.join = "" if merges else names.unique(f"{node.name}_merge")
        case _:
            vertex.exit = vertex.entry
