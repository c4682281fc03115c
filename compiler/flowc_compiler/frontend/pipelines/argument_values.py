"""Evaluated arguments as values of the IR: what a step is given."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import cast

from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.iteration import in_order
from flowc_compiler.evaluate.operations import DEEPEST_VALUE
from flowc_compiler.evaluate.values import PLAIN, Function, Iterator, Unresolved
from flowc_compiler.evaluate.weights import check_weight
from flowc_compiler.frontend.pipelines.pipeline_values import (
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
    Unmapped,
)
from flowc_compiler.ir.regions import CollectionValue, EachValue, ItemValue, LiteralValue, OutputValue, Value


def argument_value(evaluator: Evaluator, value: object, node: ast.AST, depth: int = 0) -> Value:
    """What a step is given for an evaluated argument. Raises EvaluationError for what cannot be an argument."""
    if depth > DEEPEST_VALUE:
        raise evaluator.refuse("FC113", "this value is nested too deeply", node, "make it in a step")
    if not depth:
        check_weight(evaluator, node, value)
    unknown = evaluator.undetermined(value)
    if isinstance(unknown, Unresolved):
        raise evaluator.refuse_unresolved(unknown, node)
    match value:
        case Result(value=known):
            return known
        case StepOutputs(names=()):
            return LiteralValue(value=None)
        case StepOutputs(results=results):
            return CollectionValue(kind="tuple", values=tuple(item.value for item in results))
        case MappedResult():
            return _collected(evaluator, value, node)
        case range():
            return LiteralValue(value=value)
        case Iterator():
            return argument_value(evaluator, evaluator.iterate(value, node), node, depth)
        case list() | tuple() | set() | frozenset() | dict():
            return _collection(evaluator, cast("list[object]", value), node, depth)
        case _:
            if isinstance(value, PLAIN):
                return LiteralValue(value=value)
    raise _refuse(evaluator, value, node)


def _refuse(evaluator: Evaluator, value: object, node: ast.AST) -> Exception:
    if isinstance(value, Unmapped):
        return evaluator.refuse("FC222", "`unmapped` is for arguments of `.map` and `.product`", node, "pass the value")
    shown = evaluator.code(node)
    if isinstance(value, StepFunction | PipelineFunction | Function) and isinstance(node, ast.Name):
        message, way_out = f"`{shown}` is a function: a step cannot be given it", f"call it: `{shown}()`"
        return evaluator.refuse("FC113", message, node, way_out)
    return evaluator.refuse(
        "FC113", f"`{shown}` is not plain data: a step cannot be given it", node,
        "give it text, numbers, lists, dicts and results of steps; make other objects in the step",
    )  # fmt: skip


def _collection(evaluator: Evaluator, value: object, node: ast.AST, depth: int) -> Value:
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        for key in entries:
            if evaluator.find_undetermined(key) is not None or not _is_plain_key(key):
                message = "a key of this dict is not plain data"
                raise evaluator.refuse("FC113", message, node, "use text or numbers as keys")
        values = tuple(argument_value(evaluator, item, node, depth + 1) for item in entries.values())
        if all(isinstance(item, LiteralValue) for item in values):
            plain = (cast("LiteralValue", item).value for item in values)
            return LiteralValue(value=dict(zip(entries, plain, strict=True)))
        return CollectionValue(kind="dict", keys=tuple(entries), values=values)
    if isinstance(value, set | frozenset):
        return _set(evaluator, cast("set[object]", value), node, depth)
    kind = "list" if isinstance(value, list) else "tuple"
    values = tuple(argument_value(evaluator, item, node, depth + 1) for item in cast("Iterable[object]", value))
    if not all(isinstance(item, LiteralValue) for item in values):
        return CollectionValue(kind=kind, values=values)
    known = [cast("LiteralValue", item).value for item in values]
    return LiteralValue(value=known if kind == "list" else tuple(known))


def _set(evaluator: Evaluator, value: set[object] | frozenset[object], node: ast.AST, depth: int) -> Value:
    values = tuple(argument_value(evaluator, item, node, depth + 1) for item in in_order(value))
    if all(isinstance(item, LiteralValue) for item in values):
        return LiteralValue(value=value)
    if isinstance(value, frozenset):
        message = "a step cannot be given a frozenset of results"
        raise evaluator.refuse("FC113", message, node, "give it a set or a list")
    return CollectionValue(kind="set", values=values)


def _is_plain_key(key: object) -> bool:
    if isinstance(key, tuple):
        return all(map(_is_plain_key, cast("tuple[object, ...]", key)))
    return isinstance(key, PLAIN)


def _collected(evaluator: Evaluator, mapped: MappedResult, node: ast.AST) -> Value:
    """The list of what a mapped call gives for each item."""
    match mapped.item:
        case Result(value=OutputValue() as value):
            return value
        case MappedResult() as inner:
            return _collected(evaluator, inner, node)
        case StepOutputs(names=()):
            way_out = "return a value from the step, or write `after=` to wait for it"
            raise evaluator.refuse("FC222", "this mapped step has no output to pass on", node, way_out)
        case StepOutputs():
            way_out = "take them apart: `first, second = work.map(items).unpack()`"
            raise evaluator.refuse("FC222", "this mapped step has several outputs", node, way_out)
        case Result(value=ItemValue(opener=opener, source=source)) if opener == mapped.map.name:
            if not mapped.map.product:
                return mapped.map.sources[source]
        case None:
            message = "this mapped pipeline has no output to pass on"
            way_out = "return a value from it, or write `after=` to wait for it"
            raise evaluator.refuse("FC222", message, node, way_out)
        case _:
            pass
    return EachValue(opener=mapped.map.name, value=argument_value(evaluator, mapped.item, node))
