"""Going over values, and comprehensions: sets in an order that is known, iterators with all items at once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import cast

from flowc_compiler.evaluate.assumptions import assuming
from flowc_compiler.evaluate.branches import snapshot, widen, widen_loop
from flowc_compiler.evaluate.conditions import test
from flowc_compiler.evaluate.evaluation_state import EvaluationError, Frame
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.functions import check_items
from flowc_compiler.evaluate.operations import LONGEST, cost, range_length
from flowc_compiler.evaluate.plain_data import check_key, check_keys, has_objects
from flowc_compiler.evaluate.reachable_state import State, namespaces
from flowc_compiler.evaluate.targets import assign
from flowc_compiler.evaluate.values import (
    Assumed,
    ClassObject,
    DictView,
    Function,
    Instance,
    Iterator,
    RuntimeValue,
    Undetermined,
    Unresolved,
    is_kind,
)
from flowc_compiler.syntax.tree_walk import bound_names, walk


def iterated(evaluator: Evaluator, value: object, node: ast.AST) -> list[object]:
    """The entries of a known list, dict, range, ... Raises EvaluationError."""
    found = evaluator.undetermined(value)
    if found is not None:
        code = evaluator.code(node)
        way_out = f"write `work.map({code})`, and pass what that gives to the next step"
        raise evaluator.not_known(found, node, "nothing can go over it here", way_out)
    if isinstance(value, Iterator):
        check_unspent(evaluator, value, node)
        items = take_items(evaluator, value, node, whole=True)
        taken = items[::-1]
        items.clear()
        if evaluator.conditional:  # what is taken out of an iterator is not put back before the next arm
            evaluator.poison(value, Unresolved("whether something was taken out of it is not known"))
        return taken
    if isinstance(value, DictView):
        return value.entries()
    if isinstance(value, range) and range_length(value) > LONGEST:
        evaluator.exhausted("this range is longer than what flowc goes over", node, "go over it in a step")
    if isinstance(value, ClassObject) and value.kind == "enum":
        members: dict[int, object] = {id(item): item for item in value.namespace.values() if isinstance(item, Instance)}
        return list(members.values())
    if not is_kind(value, str, bytes, list, tuple, set, frozenset, dict, range) and has_objects(value):
        message = f"flowc cannot iterate over `{evaluator.code(node)}`"
        raise evaluator.refuse("FC113", message, node, "use lists and dicts", value)
    if evaluator.lenient and is_kind(value, set, frozenset) and not has_order(cast("set[object]", value)):
        message = f"the order of the set `{evaluator.code(node)}` differs in each process"
        raise evaluator.refuse("FC112", message, node, "write `sorted(...)`")
    evaluator.charge(cost(value), node)
    return cast("list[object]", evaluator.computed(node, in_order, value))


def has_order(values: Iterable[object]) -> bool:
    """Whether Python goes over a set in the same order in each process: hashes of text are not the same.

    Where hashes of numbers collide, the order depends on how the set came to be, for which Python has short cuts.
    """
    entries = list(values)
    if len(entries) < 2:
        return True
    if not all(isinstance(item, int | float) for item in entries):
        return False
    backwards = list(reversed(entries))
    return entries == list(set(entries)) == list(set(backwards)) == list(set(frozenset(entries)))


def in_order(values: Iterable[object]) -> list[object]:
    """The entries of a set, in an order that is the same each time that a file is compiled; of others, in theirs."""
    entries = list(values)
    unordered = is_kind(values, set, frozenset) and not has_order(entries)
    if unordered and not any(isinstance(item, Undetermined) for item in entries):
        return sorted(entries, key=repr)
    return entries


def take_items(evaluator: Evaluator, value: Iterator, node: ast.AST, *, whole: bool = False) -> list[object]:
    """The items that are left in an iterator, in reverse. All are made at once: what making one changes must not show.

    With `whole`, all are taken at once in Python, too.
    """
    if whole or not evaluator.lenient or value.watch is None or value.is_made:
        return cast("list[object]", evaluator.computed(node, value.items))
    before = snapshot(evaluator, node)
    items = cast("list[object]", evaluator.computed(node, value.items))
    why = Unresolved("a generator changes it, and when is not known")
    changed = before.changed()
    if changed:
        for item in changed:
            content = State([item]).content(item)
            widen(evaluator, item, content, {*map(id, namespaces(evaluator)), *before.environments}, node, why)
        raise evaluator.refuse("FC115", "flowc cannot know when this generator has its effects", node, "use a list")
    return items


def watch_of(
    evaluator: Evaluator, body: Sequence[ast.AST], scopes: Sequence[dict[str, object]]
) -> Callable[[], tuple[State, object]]:
    """What tells whether something changed that the code of a generator reads."""
    view = evaluator.view
    names = sorted({node.id for item in body for node in walk(item) if isinstance(node, ast.Name)})

    def watch() -> tuple[State, object]:
        spaces = [*scopes, evaluator.namespace(view)]
        values = [next((scope[name] for scope in spaces if name in scope), None) for name in names]
        own = [item for item in values if not isinstance(item, Function | ClassObject)]
        return State(own), tuple(map(id, values))

    return watch


def check_unspent(evaluator: Evaluator, value: Iterator, node: ast.AST) -> None:
    """Raise EvaluationError with FC112 for an iterator that was gone over: Python finds nothing in it."""
    if value.touched and not evaluator.lenient:
        message = f"`{evaluator.code(node)}` was iterated before: nothing is left in it"
        raise evaluator.refuse("FC112", message, node, "make a list of it first: `list(...)`")


Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


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
        outer.view, {}, outer.inner_closure, around=outer, function=outer.function, first_receiver=outer.first_receiver
    )
    if outer.is_class:  # the names of a class are seen by the first source only
        inner.closure = outer.closure
    if isinstance(source, Assumed):
        run = partial(_over_known, evaluator, node, source.value, inner)
        return assuming(evaluator, [source], run)
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
    if (found := evaluator.undetermined(source)) is not None and (evaluator.lenient or isinstance(found, RuntimeValue)):
        return _over_unknown(evaluator, node, source, inner)
    return _collect(evaluator, node, evaluator.iterate(source, first), inner)


def _over_known(evaluator: Evaluator, node: Comprehension, source: object, inner: Frame) -> object:
    """A comprehension over what is known under assumptions: of a generator, all items at once."""
    return _collect(evaluator, node, evaluator.iterate(source, node.generators[0].iter), inner)


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
        check_keys(evaluator, node, values)
        return evaluator.computed(node, lambda: set(values))
    return evaluator.computed(node, lambda: values)


def _over_unknown(evaluator: Evaluator, node: Comprehension, source: object, inner: Frame) -> object:
    """Evaluate a comprehension over what is not known once, for what its calls do."""
    found = evaluator.undetermined(source)
    if isinstance(found, RuntimeValue) and not evaluator.lenient:
        value = evaluator.runtime_comprehension(source, node, inner)
        if value is not None:
            return value
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
