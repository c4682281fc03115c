"""Assignments: names, tuples of names, entries of lists and dicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import libcst as cst

from flowc_compiler.frontend.pipelines.code.expressions import computed, element, iterated
from flowc_compiler.frontend.pipelines.evaluation.machine import Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import MappedResult, Result, StepOutputs
from flowc_compiler.frontend.pipelines.evaluation.unknown import has_unknown, is_unknown, not_known


def assign(machine: Machine, target: cst.BaseExpression, value: object, node: cst.CSTNode) -> None:
    """Bind what a target names. Raises RefusedError."""
    match target:
        case cst.Name(value=name):
            machine.frame.environment[name] = value
        case cst.Tuple(elements=items) | cst.List(elements=items):
            _unpack(machine, items, value, node)
        case cst.Subscript():
            _assign_entry(machine, target, value)
        case cst.Attribute():
            raise machine.refuse(
                "FC110", "an attribute cannot be assigned in a pipeline's body", target,
                "keep values in variables, lists and dicts",
            )  # fmt: skip
        case _:
            raise machine.refuse("FC110", "flowc cannot assign to this", target, "assign to a name")


def _unpack(machine: Machine, items: Sequence[cst.BaseElement], value: object, node: cst.CSTNode) -> None:
    star = next((place for place, item in enumerate(items) if isinstance(item, cst.StarredElement)), None)
    values = _entries(machine, value, len(items), star, node)
    least = len(items) - (star is not None)
    if len(values) < least or (star is None and len(values) > least):
        shown = f"{'at least ' if star is not None else ''}{least} value{'s' * (least != 1)}"
        message = f"`{machine.code(node)}` has {len(values)} value{'s' * (len(values) != 1)}, and {shown} are wanted"
        raise machine.refuse("FC112", message, node, "make the numbers equal")
    if star is not None:
        end = len(values) - (len(items) - star - 1)
        values = [*values[:star], values[star:end], *values[end:]]
    for item, entry in zip(items, values, strict=True):
        assign(machine, item.value, entry, node)


def _entries(machine: Machine, value: object, count: int, star: int | None, node: cst.CSTNode) -> list[object]:
    """The values to unpack. Of a single result that is unpacked, each is an entry."""
    if isinstance(value, StepOutputs) and value.results:
        return list(value.results)
    if isinstance(value, Result) and star is None:
        return [element(machine, value, place, node, count) for place in range(count)]
    if isinstance(value, MappedResult):
        raise not_known(
            machine, node, "how many items were mapped over is not known",
            "of a step with several outputs: `first, second = work.map(items).unpack()`",
        )  # fmt: skip
    if isinstance(value, Result):
        raise not_known(machine, node, "`*` cannot take what is left of it", "take it apart in a step")
    return iterated(machine, value, node)


def _assign_entry(machine: Machine, target: cst.Subscript, value: object) -> None:
    container = machine.evaluate(target.value)
    if is_unknown(container):
        raise not_known(machine, target, "its entries cannot be assigned", "change it in a step")
    machine.check_free(container, target)
    key = _index(machine, target)
    if has_unknown(key):
        raise not_known(machine, target, "it cannot be an index here", "do it in a step that gets the result")
    computed(machine, target, lambda: cast("Any", container).__setitem__(key, value))
    computed(machine, target, lambda: container)


def delete(machine: Machine, target: cst.BaseExpression) -> None:
    """`del name` and `del values[key]`."""
    match target:
        case cst.Name(value=name) if name in machine.frame.environment:
            del machine.frame.environment[name]
        case cst.Subscript():
            container = machine.evaluate(target.value)
            if is_unknown(container):
                raise not_known(machine, target, "its entries cannot be deleted", "change it in a step")
            machine.check_free(container, target)
            key = _index(machine, target)
            computed(machine, target, lambda: cast("Any", container).__delitem__(key))
        case cst.Tuple(elements=items) | cst.List(elements=items):
            for item in items:
                delete(machine, item.value)
        case _:
            raise machine.refuse(
                "FC110", "flowc cannot delete this", target, "delete a name or an entry of a list or dict"
            )


def _index(machine: Machine, target: cst.Subscript) -> object:
    keys: list[object] = []
    for item in target.slice:
        if isinstance(item.slice, cst.Index):
            keys.append(machine.evaluate(item.slice.value))
        else:
            parts = (item.slice.lower, item.slice.upper, item.slice.step) if isinstance(item.slice, cst.Slice) else ()
            keys.append(slice(*[None if part is None else machine.evaluate(part) for part in parts]))
    return keys[0] if len(keys) == 1 else tuple(keys)
