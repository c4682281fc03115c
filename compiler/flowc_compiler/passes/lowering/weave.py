"""Regions to steps: the vertices of each region, with what stands inside of maps and switches, and the edges.

A step has one way in unless it joins, and several ways on only if it branches; a region has one first and one last
step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from flowc_compiler.frontend.pipelines.graph import MapCall, Node, Region, StepCall, SwitchCall
from flowc_compiler.ir import ROOT_SCOPE, Scope
from flowc_compiler.passes.lowering.arms import find_arms
from flowc_compiler.passes.lowering.names import StepNames
from flowc_compiler.passes.lowering.units import units_of
from flowc_compiler.passes.lowering.vertices import UnitVertex, vertices_of
from flowc_compiler.source import Span

Needs = Mapping[Region, dict[str, list[Node]]]
"""What each node of a region needs of the same region."""


@dataclass(eq=False)
class Draft:
    """A step in the making."""

    name: str
    scope: str
    span: Span
    call: StepCall | None = None
    opens: MapCall | SwitchCall | None = None
    closes: str | None = None
    """What it joins; `None` for no join."""
    parents: list[str] = field(default_factory=list[str])
    targets: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class _Place:
    """Where a region stands."""

    kind: Literal["root", "foreach", "switch"]
    name: str
    """What its virtual steps are named after."""
    span: Span
    parent: str | None = None
    opener: str | None = None
    closer: str | None = None

    def scope(self, entry: str) -> Scope:
        """The region's scope; an arm of a switch is called by the step that it begins with."""
        scope_id = {"root": ROOT_SCOPE, "foreach": self.opener or "", "switch": f"{self.opener}/{entry}"}[self.kind]
        return Scope(id=scope_id, kind=self.kind, parent=self.parent, opener=self.opener, closer=self.closer)


class Weaver:
    """Makes the steps of a pipeline, region by region."""

    def __init__(self, needs: Needs, names: StepNames) -> None:
        self._needs = needs
        self._names = names
        self.drafts: dict[str, Draft] = {}
        """By name, in topological order."""
        self.scopes: list[Scope] = []
        """Without their steps, parents before children."""
        self.renamed: dict[str, str] = {}
        """Maps and switches, by the name of the call that opens them."""

    def whole(self, region: Region, span: Span) -> tuple[str, str]:
        """Make the steps of the pipeline; returns the first and the last."""
        entry, exits = self._region(region, _Place("root", "", span))
        return entry, exits

    def _region(self, region: Region, place: _Place) -> tuple[str, str]:
        units = units_of(region, self._needs.get(region, {}))
        prefix = f"{place.name}_" if place.name else ""
        vertices = vertices_of(units, self._names, f"{prefix}start", f"{prefix}end")
        scope = place.scope(vertices[0].entry)
        found = find_arms(vertices, scope.id)
        self.scopes.append(scope)
        self.scopes += [
            Scope(id=arm.id, kind="branch", parent=arm.parent, opener=arm.opener, closer=arm.closer)
            for arm in found.arms
        ]
        for vertex in vertices:
            self._vertex(vertex, found.scopes[vertex], place.span)
        for vertex in vertices:
            opener, before = found.closes.get(vertex, (None, tuple(vertex.before)))
            draft = self.drafts[vertex.entry]
            draft.closes = opener
            for earlier in cast("tuple[UnitVertex, ...]", before):
                draft.parents += earlier.exits
            for later in vertex.after:
                for name in vertex.exits:
                    self.drafts[name].targets.append(later.entry)
        return vertices[0].entry, vertices[-1].exit

    def _vertex(self, vertex: UnitVertex, scope: str, span: Span) -> None:
        node = vertex.unit.node if vertex.unit is not None else None
        vertex.exits = (vertex.exit,)
        match node:
            case MapCall():
                self._map(vertex, node, scope)
            case SwitchCall():
                self._switch(vertex, node, scope)
            case _:
                self._draft(vertex.entry, scope, node.span if node is not None else span, node)

    def _map(self, vertex: UnitVertex, node: MapCall, scope: str) -> None:
        """The opener, the body, the join, and a fork behind it where several calls follow."""
        opener = self._opener(vertex, node, scope)
        place = _Place("foreach", node.name, node.span, scope, opener.name, vertex.join)
        entry, last = self._region(node.body, place)
        self._lead(opener.name, entry)
        closer = vertex.unit.closer if vertex.unit is not None else None
        join = self._draft(vertex.join, scope, closer.span if closer is not None else node.span, closer)
        join.closes = opener.name
        self._lead(last, join.name)
        if vertex.exit != vertex.join:
            self._draft(vertex.exit, scope, node.span)
            self._lead(vertex.join, vertex.exit)

    def _switch(self, vertex: UnitVertex, node: SwitchCall, scope: str) -> None:
        """The switch, its arms, and a step in which they come together where none follows."""
        opener = self._opener(vertex, node, scope)
        closer = vertex.join or vertex.after[0].entry
        ends: list[str] = []
        for arm in node.arms:
            entry, last = self._region(arm, _Place("switch", node.name, node.span, scope, opener.name, closer))
            self._lead(opener.name, entry)
            ends.append(last)
        if not vertex.join:
            vertex.exits = tuple(ends)
            return
        self._draft(vertex.join, scope, node.span)
        for last in ends:
            self._lead(last, vertex.join)

    def _opener(self, vertex: UnitVertex, node: MapCall | SwitchCall, scope: str) -> Draft:
        call = vertex.unit.opener if vertex.unit is not None else None
        draft = self._draft(vertex.entry, scope, call.span if call is not None else node.span, call)
        draft.opens = node
        self.renamed[node.name] = draft.name
        return draft

    def _draft(self, name: str, scope: str, span: Span, call: StepCall | None = None) -> Draft:
        draft = self.drafts[name] = Draft(name, scope, span, call)
        return draft

    def _lead(self, name: str, target: str) -> None:
        self.drafts[name].targets.append(target)
        self.drafts[target].parents.append(name)
