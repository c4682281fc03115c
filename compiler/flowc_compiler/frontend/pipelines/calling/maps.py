"""`.map` and `.product`: a region of the graph that runs once for each item."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import cast

from flowc_compiler.frontend.pipelines.calling.nodes import references
from flowc_compiler.frontend.pipelines.calling.signature import signature_of
from flowc_compiler.frontend.pipelines.calling.stepcalls import read_after
from flowc_compiler.frontend.pipelines.calling.waiting import wait_for, waited_names
from flowc_compiler.frontend.pipelines.evaluation.machine import Arguments, Given, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
    Unmapped,
)
from flowc_compiler.frontend.pipelines.evaluation.unknown import as_value, has_unknown
from flowc_compiler.frontend.pipelines.graph import MapCall, Region
from flowc_compiler.ir.values import ItemValue, Value

_Slot = tuple[str | int, Given]
"""An argument by its name or position."""


def call_map(
    machine: Machine,
    function: StepFunction | PipelineFunction,
    arguments: Arguments,
    node: ast.expr,
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
    node: ast.expr,
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


def _call(
    machine: Machine,
    function: StepFunction | PipelineFunction,
    slots: Sequence[_Slot],
    items: dict[str | int, Given],
    node: ast.expr,
) -> object:
    """The call for one item."""
    arguments = Arguments()
    for key, given in slots:
        value = items.get(key)
        if value is None:
            value = Given(given.value.value, given.node) if isinstance(given.value, Unmapped) else given
        if isinstance(key, int):
            arguments.positional.append(value)
        else:
            arguments.keywords[key] = value
    return machine.call(function, arguments, node)


def _is_mapped(machine: Machine, slot: _Slot) -> bool:
    """Whether an argument is gone over: lists and results are, other plain data goes to every item as it is."""
    key, given = slot
    value = given.value
    if key == "id":
        raise machine.refuse(
            "FC222", "`id` is for single calls", given.node, "a mapped step has the name of its function"
        )
    if isinstance(value, set | frozenset):
        raise machine.refuse(
            "FC222", "a set has no order to map over", given.node, "write `sorted(...)` or `unmapped(...)`"
        )
    if isinstance(value, StepOutputs):
        raise machine.refuse(
            "FC222",
            "a step with several outputs, or none, cannot be mapped over",
            given.node,
            "map over one of its outputs",
        )
    if isinstance(value, Result):
        return not machine.hook.is_single(value.type)
    return isinstance(value, MappedResult | list | tuple | range)


def _position(function: StepFunction | PipelineFunction, key: str | int) -> int:
    """Where a parameter stands: combinations come in the order of the parameters, as in ZenML, not of the call."""
    if isinstance(key, int):
        return key
    names = [item.name for item in signature_of(function.node).named]
    return names.index(key) if key in names else len(names)


def _source(machine: Machine, given: Given) -> Value:
    value = given.value
    return as_value(machine, list(value) if isinstance(value, range) else value, given.node)


def _chain(machine: Machine, slots: Sequence[_Slot], mapped: Sequence[_Slot], after: Sequence[Given]) -> MapCall | None:
    """The map that the call can join, item by item: all that is mapped comes from it, and nothing else needs it."""
    first = mapped[0][1].value
    if not isinstance(first, MappedResult):
        return None
    opened = first.map
    if not any(node is opened for node in machine.nodes.current.nodes):
        return None
    for _, given in mapped:
        if not isinstance(given.value, MappedResult) or given.value.map is not opened:
            return None
    others = [given for key, given in slots if all(key != other for other, _ in mapped)]
    names: list[str] = []
    for given in others:
        value = given.value.value if isinstance(given.value, Unmapped) else given.value
        if has_unknown(value):
            names += references(as_value(machine, value, given.node))
    for given in after:
        if isinstance(given.value, str) and machine.nodes.get(given.value) is None:
            return None
        names += waited_names(machine, given)
    return None if machine.nodes.depends(names, opened) else opened
