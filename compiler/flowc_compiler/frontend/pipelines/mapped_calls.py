"""`.map` and `.product`: a region of the graph that runs once for each item."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import cast

from flowc.protocol.conversions import conversion
from flowc_compiler.evaluate.evaluator import BoundValue, CallArguments, EvaluationError
from flowc_compiler.evaluate.functions import signature_of
from flowc_compiler.evaluate.values import DictView, Iterator
from flowc_compiler.frontend.pipelines.argument_values import argument_value
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import (
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
    Unmapped,
)
from flowc_compiler.frontend.pipelines.region_builder import MapBuilder, RegionBuilder
from flowc_compiler.frontend.pipelines.step_calls import read_after
from flowc_compiler.frontend.pipelines.step_order import wait_for, waited_names
from flowc_compiler.ir.regions import ItemValue, Value, references

_Slot = tuple[str | int, BoundValue]
"""An argument by its name or position."""


def call_map(
    evaluator: PipelineEvaluator,
    function: StepFunction | PipelineFunction,
    arguments: CallArguments,
    node: ast.expr,
    *,
    product: bool,
) -> MappedResult:
    """Call a step or a pipeline once for each item of what it is given."""
    after = read_after(evaluator, arguments)
    given: list[_Slot] = [*enumerate(arguments.positional), *arguments.keywords.items()]
    slots = [(key, _as_list(evaluator, value)) for key, value in given]
    mapped = [slot for slot in slots if _is_mapped(evaluator, slot)]
    mapped = mapped or [slot for slot in slots if isinstance(slot[1].value, Result)]  # FC312, when types are checked
    if not mapped:
        raise _nothing_to_map(evaluator, function, slots, node)
    if product:
        mapped.sort(key=lambda slot: _position(function, slot[0]))
    chain = None if product else _chain(evaluator, slots, mapped, after)
    if chain is None:
        return _new_map(evaluator, function, slots, mapped, after, node, product=product)
    items = {key: BoundValue(cast("MappedResult", given.value).item, given.node) for key, given in mapped}
    with evaluator.nodes.inside(chain.body):
        before = len(chain.body.nodes)
        item = _call(evaluator, function, slots, items, node)
        for added in chain.body.nodes[before:]:
            wait_for(evaluator, added, after)
    return MappedResult(chain, item)


def _new_map(
    evaluator: PipelineEvaluator,
    function: StepFunction | PipelineFunction,
    slots: Sequence[_Slot],
    mapped: Sequence[_Slot],
    after: Sequence[BoundValue],
    node: ast.expr,
    *,
    product: bool,
) -> MappedResult:
    """A map of its own over its sources."""
    sources: tuple[Value, ...] = tuple(argument_value(evaluator, given.value, given.node) for _, given in mapped)
    opened = MapBuilder(
        name=evaluator.nodes.reserve(f"{function.name}_map"),
        span=evaluator.span(node),
        sources=sources,
        body=RegionBuilder(),
        product=product and len(sources) > 1,
    )
    evaluator.nodes.add(opened)
    wait_for(evaluator, opened, after)
    items = {
        key: BoundValue(
            Result(ItemValue(opener=opened.name, source=place), evaluator.hook.item_type(given.value)), given.node
        )
        for place, (key, given) in enumerate(mapped)
    }
    with evaluator.nodes.inside(opened.body):
        item = _call(evaluator, function, slots, items, node)
    if not opened.body.nodes:
        raise evaluator.refuse("FC224", f"`{function.name}` calls no step", node, "call a step in it")
    return MappedResult(opened, item)


def _call(
    evaluator: PipelineEvaluator,
    function: StepFunction | PipelineFunction,
    slots: Sequence[_Slot],
    items: dict[str | int, BoundValue],
    node: ast.expr,
) -> object:
    """The call for one item."""
    arguments = CallArguments()
    for key, given in slots:
        value = items.get(key)
        if value is None:
            value = BoundValue(given.value.value, given.node) if isinstance(given.value, Unmapped) else given
        if isinstance(key, int):
            arguments.positional.append(value)
        else:
            arguments.keywords[key] = value
    return evaluator.call(function, arguments, node)


def _is_mapped(evaluator: PipelineEvaluator, slot: _Slot) -> bool:
    """Whether an argument is gone over: lists and results are, what is no list goes to every item as it is."""
    key, given = slot
    value = given.value
    if key == "id":
        raise evaluator.refuse(
            "FC222", "`id` is for single calls", given.node, "remove it: a mapped step has the name of its function"
        )
    if isinstance(value, StepOutputs):
        raise evaluator.refuse(
            "FC222",
            "a step with several outputs, or none, cannot be mapped over",
            given.node,
            "map over one of its outputs",
        )
    if isinstance(value, Result):
        return not evaluator.hook.is_single(value.type)
    return isinstance(value, MappedResult | list | tuple)


def _as_list(evaluator: PipelineEvaluator, given: BoundValue) -> BoundValue:
    """An argument; as a list where it is known and `for` would go over it."""
    if not isinstance(given.value, range | set | frozenset | Iterator | DictView):
        return given
    return BoundValue(evaluator.iterate(given.value, given.node), given.node)


def _nothing_to_map(
    evaluator: PipelineEvaluator, function: StepFunction | PipelineFunction, slots: Sequence[_Slot], node: ast.expr
) -> EvaluationError:
    """FC312 with the conversion to write, where `for` would give keys or characters; else FC222."""
    for _, given in slots:
        way_out = conversion(given.value, evaluator.code(given.node))
        if way_out is not None:
            kind = type(given.value).__name__
            message = f"`.map` iterates over a list, and gets the `{kind}` `{evaluator.code(given.node)}`"
            return evaluator.refuse("FC312", message, given.node, f"write {way_out}")
    way_out = f"give `{function.name}` a result that is a list, or a list that is written out"
    return evaluator.refuse("FC222", "there is nothing to map over", node, way_out)


def _position(function: StepFunction | PipelineFunction, key: str | int) -> int:
    """Where a parameter stands: combinations come in the order of the parameters, as in ZenML, not of the call."""
    if isinstance(key, int):
        return key
    names = [item.name for item in signature_of(function.node).named]
    return names.index(key) if key in names else len(names)


def _chain(
    evaluator: PipelineEvaluator, slots: Sequence[_Slot], mapped: Sequence[_Slot], after: Sequence[BoundValue]
) -> MapBuilder | None:
    """The map that the call can join, item by item: all that is mapped comes from it, and nothing else needs it."""
    first = mapped[0][1].value
    if not isinstance(first, MappedResult):
        return None
    opened = first.map
    if not any(node is opened for node in evaluator.nodes.current.nodes):
        return None
    for _, given in mapped:
        if not isinstance(given.value, MappedResult) or given.value.map is not opened:
            return None
    others = [given for key, given in slots if all(key != other for other, _ in mapped)]
    names: list[str] = []
    for given in others:
        value = given.value.value if isinstance(given.value, Unmapped) else given.value
        if evaluator.find_undetermined(value) is not None:
            names += references(argument_value(evaluator, value, given.node))
    for given in after:
        if isinstance(given.value, str) and evaluator.nodes.get(given.value) is None:
            return None
        names += waited_names(evaluator, given)
    return None if evaluator.nodes.depends(names, opened) else opened
