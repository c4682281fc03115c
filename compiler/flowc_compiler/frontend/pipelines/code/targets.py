"""Assignments: names, tuples of names, entries of lists and dicts."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, cast

from flowc_compiler.frontend.pipelines.code.expressions import computed, element, iterated, key_of
from flowc_compiler.frontend.pipelines.evaluation.machine import Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import MappedResult, Result, StepOutputs
from flowc_compiler.frontend.pipelines.evaluation.unknown import has_unknown, is_unknown, not_known


def assign(machine: Machine, target: ast.expr, value: object, node: ast.AST) -> None:
    """Bind what a target names. Raises RefusedError."""
    match target:
        case ast.Name(id=name):
            machine.frame.environment[name] = value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            _unpack(machine, items, value, node)
        case ast.Subscript():
            _assign_entry(machine, target, value)
        case ast.Attribute():
            raise machine.refuse(
                "FC110", "an attribute cannot be assigned in a pipeline's body", target,
                "keep values in variables, lists and dicts",
            )  # fmt: skip
        case _:
            raise machine.refuse("FC110", "flowc cannot assign to this", target, "assign to a name")


def _unpack(machine: Machine, items: Sequence[ast.expr], value: object, node: ast.AST) -> None:
    star = next((place for place, item in enumerate(items) if isinstance(item, ast.Starred)), None)
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
        assign(machine, item.value if isinstance(item, ast.Starred) else item, entry, node)


def _entries(machine: Machine, value: object, count: int, star: int | None, node: ast.AST) -> list[object]:
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


def _assign_entry(machine: Machine, target: ast.Subscript, value: object) -> None:
    container = machine.evaluate(target.value)
    if is_unknown(container):
        raise not_known(machine, target, "its entries cannot be assigned", "change it in a step")
    machine.check_free(container, target)
    key = key_of(machine, target.slice)
    if has_unknown(key):
        raise not_known(machine, target, "it cannot be an index here", "do it in a step that gets the result")
    computed(machine, target, lambda: cast("Any", container).__setitem__(key, value))
    computed(machine, target, lambda: container)


def delete(machine: Machine, target: ast.expr) -> None:
    """`del name` and `del values[key]`."""
    match target:
        case ast.Name(id=name) if name in machine.frame.environment:
            del machine.frame.environment[name]
        case ast.Subscript():
            container = machine.evaluate(target.value)
            if is_unknown(container):
                raise not_known(machine, target, "its entries cannot be deleted", "change it in a step")
            machine.check_free(container, target)
            key = key_of(machine, target.slice)
            computed(machine, target, lambda: cast("Any", container).__delitem__(key))
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for item in items:
                delete(machine, item)
        case _:
            raise machine.refuse(
                "FC110", "flowc cannot delete this", target, "delete a name or an entry of a list or dict"
            )
