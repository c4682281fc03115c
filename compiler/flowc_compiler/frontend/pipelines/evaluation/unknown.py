"""Values that are not known when the flow is compiled: what can be done with them, and what is said of the rest."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import cast

from flowc_compiler.frontend.pipelines.evaluation.limits import DEEPEST_VALUE, HEAVIEST
from flowc_compiler.frontend.pipelines.evaluation.machine import Machine, RefusedError
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    HelperFunction,
    MappedResult,
    OneShot,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
    Unmapped,
)
from flowc_compiler.frontend.pipelines.evaluation.weights import weight
from flowc_compiler.ir.values import CollectionValue, EachValue, ItemValue, LiteralValue, OutputValue, Value

PLAIN = (str, int, float, complex, bool, bytes, type(None), type(...))
"""Types of plain data, beside list, tuple, set and dict."""


def is_unknown(value: object) -> bool:
    """Whether a value is known at run time only."""
    return isinstance(value, Result | MappedResult | StepOutputs)


def has_unknown(value: object) -> bool:
    """Whether a value is, or has in it, what is known at run time only."""
    pending, seen = [value], set[int]()
    while pending:
        found = pending.pop()
        if is_unknown(found):
            return True
        if _holds(found) and id(found) not in seen:
            seen.add(id(found))
            inner: object = cast("dict[object, object]", found).values() if isinstance(found, dict) else found
            pending.extend(cast("Iterable[object]", inner))
    return False


def _holds(value: object) -> bool:
    return isinstance(value, list | tuple | set | frozenset | dict)


def not_known(machine: Machine, node: ast.AST, what: str, way_out: str) -> RefusedError:
    """FC111: `what` needs the value of a result; for the caller to raise."""
    message = f"a step's result is not known when the flow is compiled: {what}"
    return machine.refuse("FC111", message, node, way_out)


def as_value(machine: Machine, value: object, node: ast.AST, depth: int = 0) -> Value:
    """What a step is given for an evaluated argument. Raises RefusedError for what cannot be an argument."""
    if depth > DEEPEST_VALUE:
        raise machine.refuse("FC113", "this value is nested too deeply", node, "make it in a step")
    if not depth:
        check_weight(machine, node, value)
    match value:
        case Result(value=known):
            return known
        case StepOutputs(names=()):
            return LiteralValue(value=None)
        case StepOutputs(results=results):
            return CollectionValue(kind="tuple", values=tuple(item.value for item in results))
        case MappedResult():
            return _collected(machine, value, node)
        case range():
            return LiteralValue(value=value)
        case list() | tuple() | set() | frozenset() | dict():
            return _collection(machine, cast("list[object]", value), node, depth)
        case _:
            if isinstance(value, PLAIN):
                return LiteralValue(value=value)
    if isinstance(value, Unmapped):
        raise machine.refuse("FC222", "`unmapped` is for arguments of `.map` and `.product`", node, "pass the value")
    if isinstance(value, StepFunction | PipelineFunction | HelperFunction) and isinstance(node, ast.Name):
        shown = machine.code(node)
        message, way_out = f"`{shown}` is a function: a step cannot be given it", f"call it: `{shown}()`"
        raise machine.refuse("FC113", message, node, way_out)
    raise machine.refuse(
        "FC113", f"`{machine.code(node)}` is no plain data: a step cannot be given it", node,
        "give it text, numbers, lists, dicts and results of steps; make other objects in the step",
    )  # fmt: skip


def _collection(machine: Machine, value: object, node: ast.AST, depth: int) -> Value:
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        for key in entries:
            if has_unknown(key) or not _is_plain_key(key):
                raise machine.refuse(
                    "FC113", "a key of this dict is no plain data", node, "use text or numbers as keys"
                )
        values = tuple(as_value(machine, item, node, depth + 1) for item in entries.values())
        if all(isinstance(item, LiteralValue) for item in values):
            plain = (cast("LiteralValue", item).value for item in values)
            return LiteralValue(value=dict(zip(entries, plain, strict=True)))
        return CollectionValue(kind="dict", keys=tuple(entries), values=values)
    if isinstance(value, set | frozenset):
        return _set(machine, cast("set[object]", value), node, depth)
    kind = "list" if isinstance(value, list) else "tuple"
    values = tuple(as_value(machine, item, node, depth + 1) for item in cast("Iterable[object]", value))
    if not all(isinstance(item, LiteralValue) for item in values):
        return CollectionValue(kind=kind, values=values)
    known = [cast("LiteralValue", item).value for item in values]
    return LiteralValue(value=known if kind == "list" else tuple(known))


def _set(machine: Machine, value: set[object] | frozenset[object], node: ast.AST, depth: int) -> Value:
    values = tuple(as_value(machine, item, node, depth + 1) for item in in_order(value))
    if all(isinstance(item, LiteralValue) for item in values):
        return LiteralValue(value=value)
    if isinstance(value, frozenset):
        raise machine.refuse("FC113", "a step cannot be given a frozenset of results", node, "give it a set or a list")
    return CollectionValue(kind="set", values=values)


def check_once(machine: Machine, value: object, node: ast.AST) -> None:
    """Note that an iterator is gone over. Raises RefusedError with FC112 the second time, when Python finds nothing."""
    if isinstance(value, OneShot):
        if value.spent:
            message = f"`{machine.code(node)}` was gone over before: nothing is left in it"
            raise machine.refuse("FC112", message, node, "make a list of it first: `list(...)`")
        value.spent = True


def in_order(values: Iterable[object]) -> list[object]:
    """The entries of a set, in an order that is the same each time that a file is compiled; of others, in theirs."""
    entries = list(values)
    return sorted(entries, key=repr) if isinstance(values, set | frozenset) and not has_unknown(values) else entries


def check_weight(machine: Machine, node: ast.AST, *values: object) -> None:
    """Refuse values that are much larger written out than in memory. Raises RefusedError with FC114."""
    if sum(weight(value) for value in values) > HEAVIEST:
        message = f"this value is nested too deeply, or has more than {HEAVIEST} entries, counted each time"
        raise machine.refuse("FC114", message, node, "make it in a step")


def _is_plain_key(key: object) -> bool:
    if isinstance(key, tuple):
        return all(map(_is_plain_key, cast("tuple[object, ...]", key)))
    return isinstance(key, PLAIN)


def _collected(machine: Machine, mapped: MappedResult, node: ast.AST) -> Value:
    """The list of what a mapped call gives for each item."""
    match mapped.item:
        case Result(value=OutputValue() as value):
            return value
        case MappedResult() as inner:
            return _collected(machine, inner, node)
        case StepOutputs(names=()):
            way_out = "let the step return something, or write `after=` to wait for it"
            raise machine.refuse("FC222", "this mapped step returns nothing that could be passed on", node, way_out)
        case StepOutputs():
            way_out = "take them apart: `first, second = work.map(items).unpack()`"
            raise machine.refuse("FC222", "this mapped step has several outputs", node, way_out)
        case Result(value=ItemValue(opener=opener, source=source)) if opener == mapped.map.name:
            if not mapped.map.product:
                return mapped.map.sources[source]
        case None:
            message = "this mapped pipeline returns nothing that could be passed on"
            raise machine.refuse("FC222", message, node, "let it return something, or write `after=` to wait for it")
        case _:
            pass
    return EachValue(opener=mapped.map.name, value=as_value(machine, mapped.item, node))
