"""What crosses each edge of a class flow: the artifacts that the step before may have and a step behind may read.

The analysis of `artifact_flow` says what a step may have. Here the graph is gone over once more, from its end, for
what may still be read. An artifact that is certainly set anew before it is read does not cross.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.passes.artifact_flow import ArtifactFlow
from flowc_compiler.passes.artifact_reports import ArtifactReports

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, JoinStep, Step
    from flowc_compiler.ir.artifact_effects import FlowEffects, StepEffects


class Crossing(NamedTuple):
    """What crosses an edge."""

    artifacts: tuple[str, ...]
    """In alphabetical order."""
    unknown: bool
    """Whether more may cross: a step before sets, or the step behind reads, what cannot be followed."""


def artifact_edges(flow: Flow, effects: FlowEffects) -> dict[tuple[str, str], Crossing]:
    """For each edge of a class flow what crosses it. What every step has, such as parameters, is left out."""
    return _Edges(flow, effects).crossings()


class _Edges:
    def __init__(self, flow: Flow, effects: FlowEffects) -> None:
        analysis = ArtifactFlow(flow, effects, ArtifactReports(flow, effects, DiagnosticSink()))
        analysis.check()
        self._flow = flow
        self._effects = effects
        self._bits = analysis.bits
        self._mask = analysis.mask
        self._after = analysis.after
        self._all = (1 << len(self._bits)) - 1
        self._live: dict[tuple[str, str], int] = {}
        """For each edge what may be read behind it."""

    def crossings(self) -> dict[tuple[str, str], Crossing]:
        for step in reversed(self._flow.steps):
            self._find_live(step)
        unknown = self._unknown()
        always = self._mask(self._effects.known)
        names = sorted(self._bits)
        found: dict[tuple[str, str], Crossing] = {}
        for edge, live in self._live.items():
            mask = live & self._may(edge[0]) & ~always
            followed = self._followed(self._effects.of(edge[1]))
            crossing = tuple(name for name in names if mask & self._bits[name]) if mask else ()
            found[edge] = Crossing(crossing, unknown[edge[0]] or not followed)
        return found

    def _find_live(self, step: Step) -> None:
        """What may be read of each parent of a step, by it or behind it."""
        found = self._effects.of(step.name)
        behind = 0
        for target in step.targets:
            behind |= self._live[step.name, target]
        certain = (name for name, value in found.values.items() if value is not None)
        through = behind & ~self._mask(certain) & ~self._mask(found.deletes)
        own = self._all if found.opaque else self._mask(found.reads)
        loop = (step.name,) if step.kind == "switch" and step.recursive else ()
        for parent in (*step.parents, *loop):
            through_here = self._merged(step, found, through, parent) if step.kind == "join" else through
            self._live[parent, step.name] = own | through_here

    def _merged(self, join: JoinStep, found: StepEffects, behind: int, parent: str) -> int:
        """What a join reads of one input, or merges for steps behind."""
        taken = self._mask(item.name for item in found.inputs if item.arm in {"", parent})
        taken |= self._mask(item.name for item in found.inputs if item.arm not in join.parents)
        for merge in found.merges:
            mask = self._mask(merge.include) if merge.include else self._all
            taken |= mask & behind & ~self._mask(merge.exclude or ())
        return taken

    def _may(self, step: str) -> int:
        """What a step certainly could have: of one that is not followed, what others set."""
        return self._after[step].may

    def _followed(self, found: StepEffects) -> bool:
        return not (found.opaque or found.havoc)

    def _unknown(self) -> dict[str, bool]:
        """For each step whether it may have artifacts that nobody knows."""
        found: dict[str, bool] = {}
        for step in self._flow.steps:
            effects = self._effects.of(step.name)
            passes_on = step.kind != "join" or any(not merge.include for merge in effects.merges)
            above = passes_on and any(found[parent] for parent in step.parents)
            found[step.name] = above or not self._followed(effects)
        return found
