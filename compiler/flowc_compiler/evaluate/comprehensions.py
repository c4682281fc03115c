"""Comprehensions and generator expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from flowc_compiler.evaluate.branches import widen_loop
from flowc_compiler.evaluate.conditions import test
from flowc_compiler.evaluate.evaluator import EvaluationError, Evaluator, Frame
from flowc_compiler.evaluate.functions import bound_names, check_items
from flowc_compiler.evaluate.iteration import watch_of
from flowc_compiler.evaluate.plain_data import check_hashable, check_key
from flowc_compiler.evaluate.targets import assign
from flowc_compiler.evaluate.values import Iterator, Undetermined, Unresolved

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def closure_of(frame: Frame) -> tuple[dict[str, object], ...]:
    """What a function that is defined here sees beside the names of the module: no names of classes."""
    if frame.is_class or (frame.function is None and frame.around is None):
        return frame.closure
    return (frame.environment, *frame.closure)


def comprehension(evaluator: Evaluator, node: Comprehension) -> object:
    """The list, set or dict that a comprehension makes, or the iterator that a generator expression is."""
    for clause in node.generators:
        if clause.is_async:
            message = "a pipeline's body cannot have `async for`: it is compiled, and not run"
            raise evaluator.refuse("FC110", message, clause.iter, "write `for`")
    outer = evaluator.frame
    first = node.generators[0].iter
    source = evaluator.evaluate(first)
    inner = Frame(
        outer.view, {}, closure_of(outer), around=outer, function=outer.function, first_receiver=outer.first_receiver
    )
    if outer.is_class:  # the names of a class are seen by the first source only
        inner.closure = outer.closure
    if isinstance(node, ast.GeneratorExp):
        element = node.elt
        if isinstance(source, Undetermined) or evaluator.undetermined(source):
            return _over_unknown(evaluator, node, source, inner)
        lenient = evaluator.lenient

        def make() -> list[object]:
            values: list[object] = []
            outer_lenient, evaluator.lenient = evaluator.lenient, lenient
            try:
                with evaluator.within(inner):
                    start = evaluator.iterate(source, first)
                    _turns(evaluator, node.generators, start, lambda: values.append(evaluator.evaluate(element)))
            finally:
                evaluator.lenient = outer_lenient
            check_items(evaluator, values, inner.environment, node)
            return values

        return Iterator(make, watch_of(evaluator, [node], [outer.environment, *outer.closure]))
    if evaluator.lenient and evaluator.undetermined(source) is not None:
        return _over_unknown(evaluator, node, source, inner)
    return _collect(evaluator, node, evaluator.iterate(source, first), inner)


def _collect(evaluator: Evaluator, node: Comprehension, source: list[object], inner: Frame) -> object:
    if isinstance(node, ast.DictComp):
        pairs: dict[object, object] = {}

        def put() -> None:
            key = evaluator.evaluate(node.key)
            check_key(evaluator, node.key, key)
            pairs[key] = evaluator.evaluate(node.value)

        with evaluator.within(inner):
            _turns(evaluator, node.generators, source, put)
        return evaluator.computed(node, lambda: pairs)
    values: list[object] = []
    element = node.elt
    with evaluator.within(inner):
        _turns(evaluator, node.generators, source, lambda: values.append(evaluator.evaluate(element)))
    if isinstance(node, ast.SetComp):
        evaluator.check_known(node, "it cannot be in a set", "make the set in a step", values)
        check_hashable(evaluator, node, values)
        return evaluator.computed(node, lambda: set(values))
    return evaluator.computed(node, lambda: values)


def _over_unknown(evaluator: Evaluator, node: Comprehension, source: object, inner: Frame) -> object:
    """Evaluate a comprehension over what is not known once, for what its calls do."""
    found = evaluator.undetermined(source)
    if not evaluator.lenient or not isinstance(found, Unresolved):
        evaluator.iterate(source, node.generators[0].iter)
        raise EvaluationError
    item = Unresolved(found.message, found.help, (source,))

    def turn() -> object:
        with evaluator.within(inner):
            assign(evaluator, node.generators[0].target, item, node.generators[0].iter)
            for clause in node.generators:
                if clause is not node.generators[0]:
                    evaluator.evaluate(clause.iter)
                    assign(evaluator, clause.target, item, clause.iter)
                for condition in clause.ifs:
                    evaluator.evaluate(condition)
            for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
                evaluator.evaluate(part)
        return None

    widen_loop(evaluator, turn, bound_names([ast.Expr(node)]), node, found)
    return item


def _turns(
    evaluator: Evaluator, clauses: Sequence[ast.comprehension], source: list[object], body: Callable[[], None]
) -> None:
    clause, *inner = clauses
    for item in source:
        evaluator.tick(clause.iter)
        assign(evaluator, clause.target, item, clause.iter)
        if all(_holds(evaluator, condition) for condition in clause.ifs):
            if not inner:
                body()
            else:
                following = inner[0].iter
                _turns(evaluator, inner, evaluator.iterate(evaluator.evaluate(following), following), body)


def _holds(evaluator: Evaluator, node: ast.expr) -> bool:
    holds = test(evaluator, node)
    if not isinstance(holds, bool):
        what, way_out = "a comprehension cannot leave things out by it", "choose in a step that gets the results"
        raise evaluator.not_known(holds, node, what, way_out)
    return holds
