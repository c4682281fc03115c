"""A pipeline's evaluated body to the IR of a flow, scopes included."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.graph import MapCall, Node, Region, StepCall, SwitchCall
from flowc_compiler.ir import Flow
from flowc_compiler.passes.lowering.names import StepNames
from flowc_compiler.passes.lowering.references import has_parameter, own_values
from flowc_compiler.passes.lowering.steps import StepMaker
from flowc_compiler.passes.lowering.units import Homes, RegionCycleError
from flowc_compiler.passes.lowering.weave import Weaver
from flowc_compiler.source import SourceFile

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.reading import PipelineReading


def lower_pipeline(reading: PipelineReading, source: SourceFile, sink: DiagnosticSink) -> Flow | None:
    """The flow of a pipeline; `None` with FC204 collected when calls wait for each other."""
    homes = Homes(reading.region)
    needs: dict[Region, dict[str, list[Node]]] = {}
    for region, other, node in homes.edges():
        needs.setdefault(region, {}).setdefault(node.name, []).append(other)
    weaver = Weaver(needs, StepNames(node.name for node in homes.nodes))
    try:
        start, end = weaver.whole(reading.region, reading.span)
    except RegionCycleError as error:
        _report_cycle(error.nodes, sink)
        return None
    maker = StepMaker(weaver, homes)
    kept = {start} if any(has_parameter(value) for node in homes.nodes for value in own_values(node)) else set[str]()
    steps = [maker.step(draft, kept) for draft in weaver.drafts.values()]
    members: dict[str, list[str]] = {}
    for step in steps:
        members.setdefault(step.scope, []).append(step.name)
    return Flow(
        span=reading.span,
        name=reading.name,
        doc=reading.doc,
        file=source.name,
        source_hash=hashlib.sha256(source.text.encode()).hexdigest(),
        frontend="pipeline",
        start=start,
        end=end,
        parameters=reading.parameters,
        specs=reading.specs,
        steps=tuple(steps),
        scopes=tuple(scope.model_copy(update={"steps": tuple(members.get(scope.id, ()))}) for scope in weaver.scopes),
    )


def _report_cycle(nodes: Sequence[Node], sink: DiagnosticSink) -> None:
    calls = [call for node in nodes for call in _calls(node)]
    shown = ", ".join(f"`{call.name}`" for call in calls[:10])
    sink.error(
        "FC204", f"these calls wait for each other: {shown}", nodes[0].span,
        help="remove one of the names from `after=`",
    )  # fmt: skip


def _calls(node: Node) -> Iterator[StepCall]:
    match node:
        case StepCall():
            yield node
        case MapCall(body=body):
            for inner in body.nodes:
                yield from _calls(inner)
        case SwitchCall(arms=arms):
            for inner in (inner for arm in arms for inner in arm.nodes):
                yield from _calls(inner)
