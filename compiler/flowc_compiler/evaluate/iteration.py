"""Going over values: lists, dicts, sets in an order that is known, and iterators, which make all items at once."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from flowc_compiler.evaluate.branches import namespaces, snapshot, widen
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.merging import State
from flowc_compiler.evaluate.operations import LONGEST, cost
from flowc_compiler.evaluate.plain_data import has_objects
from flowc_compiler.evaluate.values import (
    ClassObject,
    DictView,
    Function,
    Instance,
    Iterator,
    Undetermined,
    Unresolved,
    is_kind,
)


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
    if isinstance(value, range) and len(value) > LONGEST:
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
    names = sorted({node.id for item in body for node in ast.walk(item) if isinstance(node, ast.Name)})

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
