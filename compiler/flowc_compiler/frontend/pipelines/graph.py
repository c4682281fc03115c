"""A pipeline's body while it is evaluated: the regions of the IR (`flowc_compiler.ir.regions`), before they are frozen.

Names are unique in the whole flow, and values refer to nodes by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flowc_compiler import ir
from flowc_compiler.ir import StepSpecs
from flowc_compiler.ir.values import Call, Value
from flowc_compiler.source import Span


@dataclass(eq=False)
class StepCall:
    """One call of a step."""

    name: str
    span: Span
    """The call."""
    call: Call
    after: tuple[str, ...] = ()
    """Names of nodes that have to be done before, beside those whose values are arguments."""
    specs: StepSpecs = field(default_factory=StepSpecs)
    doc: str = ""


@dataclass(eq=False)
class MapCall:
    """A region that runs once for each item: `work.map(items)` and what follows it item by item."""

    name: str
    span: Span
    sources: tuple[Value, ...]
    body: Region
    product: bool = False
    after: tuple[str, ...] = ()


@dataclass(eq=False)
class SwitchCall:
    """An `if` on the result of a step: of the arms one runs, that of the first test that holds, or the last."""

    name: str
    span: Span
    tests: tuple[Value, ...]
    arms: tuple[Region, ...]
    """One more than there are tests; an arm may be empty."""
    after: tuple[str, ...] = ()


Node = StepCall | MapCall | SwitchCall


@dataclass(eq=False)
class Region:
    """Nodes that run as often as each other: the whole pipeline, the body of a map, an arm of a switch."""

    nodes: list[Node] = field(default_factory=list["Node"])
    """In the order in which they were called."""


def build_body(root: Region) -> ir.Region:
    """The regions of the IR. The parts are checked where they are made, so that nothing is validated again."""
    return ir.Region.model_construct(nodes=tuple(_build_node(node) for node in root.nodes))


def _build_node(node: Node) -> ir.StepCall | ir.MapCall | ir.SwitchCall:
    common: dict[str, Any] = {"name": node.name, "span": node.span, "after": node.after}
    match node:
        case StepCall():
            return ir.StepCall.model_construct(**common, call=node.call, specs=node.specs, doc=node.doc)
        case MapCall():
            body = build_body(node.body)
            return ir.MapCall.model_construct(**common, sources=node.sources, body=body, product=node.product)
        case SwitchCall():
            arms = tuple(build_body(arm) for arm in node.arms)
            return ir.SwitchCall.model_construct(**common, tests=node.tests, arms=arms)
