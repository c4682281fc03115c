"""A pipeline's body as it was evaluated: calls of steps, maps and switches, each in the region that it stands in.

The evaluator makes these; `lowering` makes steps of the IR from them. Names are unique in the whole flow, and values
refer to nodes by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
