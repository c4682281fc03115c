"""`map`, `zip` and the like: they look at what they go over when their first item is needed."""

from __future__ import annotations

import ast
from typing import Any, cast

from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.functions import apply
from flowc_compiler.evaluate.values import Function, Iterator, RuntimeValue, Unresolved, is_kind


def way_out_of(evaluator: Evaluator, name: str, given: BoundValue) -> str:
    """What to write where a builtin is called with a value that only a run has."""
    code = evaluator.code(given.node)
    if name in {"reversed", "sorted"}:
        return f"put it into order in a step that gets `{code}`, or in the step that returns it"
    if name in {"list", "enumerate", "zip", "tuple"}:
        return f"write `work.map({code})` to iterate over it, or do this in a step that gets it"
    if name == "range":
        return f"return the list from a step, and write `work.map({code})`"
    return "do this in a step that gets the result"


def lazy_iterator(evaluator: Evaluator, name: str, arguments: CallArguments, node: ast.expr) -> object:
    """`map`, `zip` and the like: they look at what they go over when their first item is needed."""
    function, sources = None, arguments.positional
    if name in {"map", "filter"}:
        if len(sources) < 2 or arguments.keywords:
            message = f"`{name}` takes a function and an iterable"
            raise evaluator.refuse("FC113", message, node, "write a comprehension")
        function, *sources = sources
        if isinstance(function.value, Unresolved):
            evaluator.escape(*(given.value for given in arguments.all()), why=function.value)
            raise evaluator.refuse_unresolved(function.value, node)
    for given in sources[: 1 if name in {"enumerate", "iter", "reversed"} else None]:
        found = evaluator.undetermined(given.value)
        if isinstance(found, RuntimeValue):
            later = evaluator.runtime_call("call", name, arguments, node)
            if later is not None:
                return later
        if found is not None:
            raise evaluator.not_known(found, given.node, f"`{name}` needs it", way_out_of(evaluator, name, given))
        if name == "reversed" and is_kind(given.value, set, frozenset, Iterator):
            raise evaluator.refuse("FC112", f"`{evaluator.code(given.node)}` has no order", node, "write `sorted(...)`")
    options = {key: given.value for key, given in arguments.keywords.items()}
    lenient = evaluator.lenient

    def make() -> list[object]:
        outer, evaluator.lenient = evaluator.lenient, lenient
        try:
            return _items(evaluator, name, function, sources, options, node)
        finally:
            evaluator.lenient = outer

    frame = evaluator.frame
    scopes = [frame.environment, *frame.closure]
    called = function.value if function is not None else None
    body: list[ast.AST] = [node]
    if isinstance(called, Function):
        scopes = [*called.closure, *scopes]
        body += [called.node.body] if isinstance(called.node, ast.Lambda) else called.node.body
    return Iterator(make, evaluator.watch_of(body, scopes))


def _items(
    evaluator: Evaluator, name: str, function: BoundValue | None, sources: list[BoundValue],
    options: dict[str, Any], node: ast.expr,
) -> list[object]:  # fmt: skip
    if name == "enumerate":
        first = sources[0]
        start = sources[1].value if len(sources) > 1 else options.get("start", 0)
        values = evaluator.iterate(first.value, first.node)
        return cast("list[object]", evaluator.computed(node, lambda: list(enumerate(values, cast("int", start)))))
    columns = [evaluator.iterate(given.value, given.node) for given in sources]
    if len({len(column) for column in columns}) > 1:  # Python leaves the rest in what it goes over
        why = Unresolved("how much was taken out of it is not known")
        evaluator.escape(*(given.value for given in sources if isinstance(given.value, Iterator)), why=why)
    if name in {"iter", "reversed"}:
        return columns[0] if name == "iter" else columns[0][::-1]
    if name == "zip":
        rows = evaluator.computed(node, lambda: list(zip(*columns, **options)))  # noqa: B905 - as the user's `strict=` says
        return cast("list[object]", rows)
    assert function is not None
    if name == "map":
        return [apply(evaluator, function.value, values, node) for values in zip(*columns)]  # noqa: B905 - as `map` does
    kept: list[object] = []
    for value in columns[0]:
        chosen = value if function.value is None else apply(evaluator, function.value, (value,), node)
        evaluator.check_known(function.node, "nothing can be left out by it here", "choose in a step", chosen)
        if chosen:
            kept.append(value)
    return kept
