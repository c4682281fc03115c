"""Drafts to steps of the IR, with the values that they need settled."""

from __future__ import annotations

from typing import Any

from flowc_compiler.frontend.pipelines.graph import MapCall, Region, StepCall, SwitchCall
from flowc_compiler.ir import (
    BranchStep,
    Call,
    Fan,
    ForeachStep,
    JoinStep,
    LinearStep,
    OutputValue,
    Step,
    StepSpecs,
    SwitchCase,
    SwitchStep,
    Value,
)
from flowc_compiler.ir.model import StepBase
from flowc_compiler.passes.lowering.references import settled
from flowc_compiler.passes.lowering.units import Homes, regions_in
from flowc_compiler.passes.lowering.weave import Draft, Weaver

FANNED = "items"
"""The artifact that the items of a fan are called in messages."""


class StepMaker:
    """Makes the steps of a flow from what the weaver left."""

    def __init__(self, weaver: Weaver, homes: Homes) -> None:
        self._drafts = weaver.drafts
        self._renamed = weaver.renamed
        self._homes = homes

    def step(self, draft: Draft, kept: set[str]) -> Step:
        """The step of a draft. A step that does nothing is virtual, unless it is one of those `kept`."""
        idle = draft.call is None and draft.opens is None and draft.name not in kept
        base = StepBase(
            span=draft.span,
            name=draft.name,
            doc=draft.call.doc if draft.call is not None else "",
            specs=draft.call.specs if draft.call is not None else _borrowed(draft.opens),
            next_span=draft.opens.span if draft.opens is not None else draft.span if draft.targets else None,
            scope=draft.scope,
            parents=tuple(draft.parents),
            call=self._call(draft.call) if draft.call is not None else None,
            virtual=idle,
        )
        fields = {name: getattr(base, name) for name in StepBase.model_fields}
        match draft.opens:
            case MapCall() as node:
                return ForeachStep(**fields, target=draft.targets[0], **self._foreach(draft, node))
            case SwitchCall() as node:
                return SwitchStep(**fields, variable="", cases=_cases(draft, node), tests=self._tests(node))
            case None:
                pass
        if draft.closes is not None:
            arms = tuple((parent,) for parent in draft.parents)
            return JoinStep(**fields, target=_only(draft.targets), closes=draft.closes, arms=arms)
        if len(draft.targets) > 1:
            return BranchStep(**fields, targets=tuple(draft.targets))
        return LinearStep(**fields, target=_only(draft.targets))

    def _call(self, node: StepCall) -> Call:
        arguments = tuple(
            argument.model_copy(update={"value": self._settled(argument.value, node.name)})
            for argument in node.call.arguments
        )
        return node.call.model_copy(update={"arguments": arguments})

    def _foreach(self, draft: Draft, node: MapCall) -> dict[str, Any]:
        """What a foreach goes over: the output of its own call, or a fan."""
        sources = tuple(self._settled(source, node.name) for source in node.sources)
        if draft.call is not None:
            assert isinstance(sources[0], OutputValue)
            return {"variable": sources[0].name}
        return {"variable": FANNED, "fan": Fan(sources=sources, product=node.product)}

    def _tests(self, node: SwitchCall) -> tuple[Value, ...]:
        return tuple(self._settled(test, node.name) for test in node.tests)

    def _settled(self, value: Value, reader: str) -> Value:
        return settled(value, self._renamed, self._homes.maps(reader), self._homes.maps)


def _only(targets: list[str]) -> str | None:
    return targets[0] if targets else None


def _cases(draft: Draft, node: SwitchCall) -> tuple[SwitchCase, ...]:
    """True and False for one test, else the number of the test that holds."""
    values: tuple[bool | int, ...] = (True, False) if len(node.tests) == 1 else tuple(range(len(node.arms)))
    return tuple(SwitchCase(value=value, target=target) for value, target in zip(values, draft.targets, strict=True))


def _borrowed(node: MapCall | SwitchCall | None) -> StepSpecs:
    """The specs of a step that unpickles what a map goes over: the image and access of a call that gets it.

    It computes nothing, so that it asks for no GPU and no resources.
    """
    call = _first_call(regions_in(node)) if node is not None else None
    if call is None:
        return StepSpecs()
    specs = call.specs
    return StepSpecs(
        retry=specs.retry,
        environment=specs.environment,
        secrets=specs.secrets,
        container=specs.container,
        dependencies=specs.dependencies,
    )


def _first_call(regions: tuple[Region, ...]) -> StepCall | None:
    pending = [node for region in regions for node in region.nodes]
    while pending:
        node = pending.pop(0)
        if isinstance(node, StepCall):
            return node
        pending = [*(inner for region in regions_in(node) for inner in region.nodes), *pending]
    return None
