"""The body of a pipeline before `lower_regions`: calls of steps, maps and switches, each in the region it stands in.

Names are unique in the whole flow, and values refer to nodes by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from flowc_compiler.ir.base import Model, Node
from flowc_compiler.ir.spec_sets import NO_SPECS, StepSpecs
from flowc_compiler.ir.values import Call, Value


class RegionNodeBase(Node):
    """What every node of a region has."""

    name: str
    after: tuple[str, ...] = ()
    """Names of nodes that have to be done before, beside those whose values this node uses."""


class StepCall(RegionNodeBase):
    """One call of a step; `span` is the call's."""

    kind: Literal["step"] = "step"
    call: Call
    specs: StepSpecs = NO_SPECS
    doc: str = ""


class MapCall(RegionNodeBase):
    """A region that runs once for each item: `work.map(items)` and what follows it item by item."""

    kind: Literal["map"] = "map"
    sources: tuple[Value, ...]
    body: Region
    product: bool = False


class SwitchCall(RegionNodeBase):
    """An `if` on the result of a step: the arm of the first test that holds runs, or else the last one."""

    kind: Literal["switch"] = "switch"
    tests: tuple[Value, ...]
    arms: tuple[Region, ...]
    """One more than there are tests; an arm may be empty."""


RegionNode: TypeAlias = Annotated[StepCall | MapCall | SwitchCall, Field(discriminator="kind")]
"""One node of a region, by `kind`."""


class Region(Model):
    """Nodes that run equally often: the whole pipeline, the body of a map, or an arm of a switch."""

    nodes: tuple[RegionNode, ...] = ()
    """In the order in which they were called."""


def regions_of(node: StepCall | MapCall | SwitchCall) -> tuple[Region, ...]:
    """The regions inside of a node."""
    match node:
        case StepCall():
            return ()
        case MapCall(body=body):
            return (body,)
        case SwitchCall(arms=arms):
            return arms


def values_of(node: StepCall | MapCall | SwitchCall) -> tuple[Value, ...]:
    """The values that a node uses itself; those of the nodes inside of it are left out."""
    match node:
        case StepCall(call=call):
            return tuple(argument.value for argument in call.arguments)
        case MapCall(sources=sources):
            return sources
        case SwitchCall(tests=tests):
            return tests


def step_calls(region: Region) -> Iterator[StepCall]:
    """Every call of a step in a region, however deep, in the order of the calls."""
    pending = [*reversed(region.nodes)]
    while pending:
        node = pending.pop()
        if isinstance(node, StepCall):
            yield node
        for inner in reversed(regions_of(node)):
            pending.extend(reversed(inner.nodes))
