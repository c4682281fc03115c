"""Comprehensions and what assignments bind, both over values that are known."""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from flowc_compiler.frontend.pipelines.code.conditions import test
from flowc_compiler.frontend.pipelines.code.expressions import computed, iterated
from flowc_compiler.frontend.pipelines.code.targets import assign
from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import OneShot
from flowc_compiler.frontend.pipelines.evaluation.unknown import check_weight, has_unknown, not_known


def comprehension(machine: Machine, node: cst.ListComp | cst.SetComp | cst.GeneratorExp | cst.DictComp) -> object:
    """The list, set or dict that a comprehension makes; a generator is a list."""
    _check_plain(machine, node.for_in)
    outer = machine.frame
    source = iterated(machine, machine.evaluate(node.for_in.iter), node.for_in.iter)
    inner = Frame(outer.view, {}, (outer.environment, *outer.closure), frozenset(), around=outer)
    if isinstance(node, cst.DictComp):
        pairs: dict[object, object] = {}

        def put() -> None:
            key = machine.evaluate(node.key)
            if has_unknown(key):
                raise not_known(machine, node.key, "it cannot be a key of a dict", "make the dict in a step")
            check_weight(machine, node.key, key)
            computed(machine, node.key, lambda: hash(key))
            pairs[key] = machine.evaluate(node.value)

        with machine.within(inner):
            _over(machine, node.for_in, source, put)
        return pairs
    values: list[object] = []
    element = node.elt
    with machine.within(inner):
        _over(machine, node.for_in, source, lambda: values.append(machine.evaluate(element)))
    if not isinstance(node, cst.SetComp):
        return OneShot(values) if isinstance(node, cst.GeneratorExp) else values
    check_weight(machine, node, values)
    return computed(machine, node, lambda: set(values))


def _check_plain(machine: Machine, clause: cst.CompFor) -> None:
    if clause.asynchronous is not None:
        message = "a pipeline's body cannot have `async for`: it is compiled, and not run"
        raise machine.refuse("FC110", message, clause.iter, "write `for`")
    if clause.inner_for_in is not None:
        _check_plain(machine, clause.inner_for_in)


def _over(machine: Machine, clause: cst.CompFor, source: list[object], body: Callable[[], None]) -> None:
    for item in source:
        machine.tick(clause)
        assign(machine, clause.target, item, clause.iter)
        if all(_holds(machine, condition.test) for condition in clause.ifs):
            if clause.inner_for_in is None:
                body()
            else:
                inner = clause.inner_for_in
                _over(machine, inner, iterated(machine, machine.evaluate(inner.iter), inner.iter), body)


def _holds(machine: Machine, node: cst.BaseExpression) -> bool:
    holds = test(machine, node)
    if not isinstance(holds, bool):
        raise not_known(
            machine, node, "a comprehension cannot leave things out by it", "choose in a step that gets the results"
        )
    return holds
