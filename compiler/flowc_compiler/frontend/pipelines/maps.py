"""`.map` and `.product`: a region of the graph that runs once for each item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import libcst as cst

from flowc_compiler.frontend.pipelines.graph import MapCall, Region
from flowc_compiler.frontend.pipelines.machine import Arguments, Given, Machine
from flowc_compiler.frontend.pipelines.objects import (
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
)
from flowc_compiler.frontend.pipelines.stepcalls import read_after
from flowc_compiler.frontend.pipelines.waiting import wait_for
from flowc_compiler.ir.values import ItemValue

_Slot = tuple[str | int, Given]
"""An argument by its name or position."""


def call_map(
    machine: Machine,
    function: StepFunction | PipelineFunction,
    arguments: Arguments,
    node: cst.BaseExpression,
    *,
    product: bool,
) -> MappedResult:
    """Call a step or a pipeline once for each item of what it is given."""
    after = read_after(machine, arguments)
    slots: list[_Slot] = [*enumerate(arguments.positional), *arguments.keywords.items()]
    mapped = [slot for slot in slots if _is_mapped(machine, slot)]
    mapped = mapped or [slot for slot in slots if isinstance(slot[1].value, Result)]  # FC312, when types are checked
    if not mapped:
        raise machine.refuse(
            "FC222", "there is nothing to map over", node,
            f"give `{function.name}` a result that is a list, or a list that is written out",
        )  # fmt: skip
    if product:
        mapped.sort(key=lambda slot: _position(function, slot[0]))
    chain = None if product else _chain(machine, slots, mapped, after)
    if chain is None:
        return _new_map(machine, function, slots, mapped, after, node, product=product)
    items = {key: Given(cast("MappedResult", given.value).item, given.node) for key, given in mapped}
    with machine.nodes.inside(chain.body):
        before = len(chain.body.nodes)
        item = _call(machine, function, slots, items, node)
        for added in chain.body.nodes[before:]:
            wait_for(machine, added, after)
    return MappedResult(chain, item)


def _new_map(
    machine: Machine,
    function: StepFunction | PipelineFunction,
    slots: Sequence[_Slot],
    mapped: Sequence[_Slot],
    after: Sequence[Given],
    node: cst.BaseExpression,
    *,
    product: bool,
) -> MappedResult:
    """A map of its own over its sources."""
    sources = tuple(_source(machine, given) for _, given in mapped)
    opened = MapCall(
        name=machine.nodes.reserve(f"{function.name}_map"),
        span=machine.span(node),
        sources=sources,
        body=Region(),
        product=product and len(sources) > 1,
    )
    machine.nodes.add(opened)
    wait_for(machine, opened, after)
    items = {
        key: Given(Result(ItemValue(opener=opened.name, source=place), machine.hook.item_type(given.value)), given.node)
        for place, (key, given) in enumerate(mapped)
    }
    with machine.nodes.inside(opened.body):
        item = _call(machine, function, slots, items, node)
    if not opened.body.nodes:
        raise machine.refuse("FC224", f"`{function.name}` calls no step", node, "call a step in it")
    return MappedResult(opened, item)
