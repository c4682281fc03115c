"""Comprehensions and what assignments bind, both over values that are known."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from flowc_compiler.frontend.pipelines.code.conditions import test
from flowc_compiler.frontend.pipelines.code.expressions import computed, iterated
from flowc_compiler.frontend.pipelines.code.targets import assign
from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import OneShot
from flowc_compiler.frontend.pipelines.evaluation.unknown import check_weight, has_unknown, not_known


def comprehension(machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> object:
    """The list, set or dict that a comprehension makes; a generator is a list."""
    _check_plain(machine, node.generators)
    outer = machine.frame
    first = node.generators[0]
    source = iterated(machine, machine.evaluate(first.iter), first.iter)
    inner = Frame(outer.view, {}, (outer.environment, *outer.closure), frozenset(), around=outer)
    if isinstance(node, ast.DictComp):
        pairs: dict[object, object] = {}

        def put() -> None:
            key = machine.evaluate(node.key)
            if has_unknown(key):
                raise not_known(machine, node.key, "it cannot be a key of a dict", "make the dict in a step")
            check_weight(machine, node.key, key)
            computed(machine, node.key, lambda: hash(key))
            pairs[key] = machine.evaluate(node.value)

        with machine.within(inner):
            _over(machine, node.generators, source, put)
        return pairs
    values: list[object] = []
    element = node.elt
    with machine.within(inner):
        _over(machine, node.generators, source, lambda: values.append(machine.evaluate(element)))
    if not isinstance(node, ast.SetComp):
        return OneShot(values) if isinstance(node, ast.GeneratorExp) else values
    check_weight(machine, node, values)
    return computed(machine, node, lambda: set(values))


def _check_plain(machine: Machine, clauses: Sequence[ast.comprehension]) -> None:
    for clause in clauses:
        if clause.is_async:
            message = "a pipeline's body cannot have `async for`: it is compiled, and not run"
            raise machine.refuse("FC110", message, clause.iter, "write `for`")


def _over(
    machine: Machine, clauses: Sequence[ast.comprehension], source: list[object], body: Callable[[], None]
) -> None:
    clause, *inner = clauses
    for item in source:
        machine.tick(clause.iter)
        assign(machine, clause.target, item, clause.iter)
        if all(_holds(machine, condition) for condition in clause.ifs):
            if not inner:
                body()
            else:
                following = inner[0].iter
                _over(machine, inner, iterated(machine, machine.evaluate(following), following), body)


def _holds(machine: Machine, node: ast.expr) -> bool:
    holds = test(machine, node)
    if not isinstance(holds, bool):
        raise not_known(
            machine, node, "a comprehension cannot leave things out by it", "choose in a step that gets the results"
        )
    return holds
