"""`with`: files that are read when compiling, and managers that flowc does not know."""

from __future__ import annotations

import ast

from flowc_compiler.evaluate.evaluation_state import CallArguments, Signal
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.refused_statements import refuse_statement
from flowc_compiler.evaluate.targets import assign
from flowc_compiler.evaluate.values import Instance, OpenedFile, Unresolved
from flowc_compiler.syntax.served_imports import dotted


def with_statement(evaluator: Evaluator, item: ast.With | ast.AsyncWith) -> Signal:
    """`with` of what flowc does not know: the body runs, and an error in it may be suppressed.

    A strict evaluation only has files that are opened to be read.
    """
    if _opens_files(evaluator, item):
        for entered in item.items:
            if entered.optional_vars is not None:
                file = evaluator.evaluate(entered.context_expr)
                assign(evaluator, entered.optional_vars, file, entered.context_expr)
        return evaluator.execute(item.body)
    if not evaluator.lenient:
        raise refuse_statement(evaluator, item)
    suppresses = False
    managers: list[object] = []
    for entered in item.items:
        manager = evaluator.evaluate(entered.context_expr)
        evaluator.escape(manager, why=Unresolved("it is used by `with`"))
        managers += _managing(manager)
        _run_manager(evaluator, managers, entered.context_expr)
        path = _called(entered.context_expr)
        suppresses = suppresses or path[-1:] not in {
            ("open",),
            ("Lock",),
            ("NamedTemporaryFile",),
            ("TemporaryDirectory",),
        }
        if entered.optional_vars is not None:
            value = Unresolved(f"`{evaluator.code(entered.context_expr)}` is not known before the file runs")
            assign(evaluator, entered.optional_vars, value, entered.context_expr)
    hazards = evaluator.hazards
    if not suppresses:
        return evaluator.execute(item.body)
    signal = evaluator.execute(item.body)
    if evaluator.hazards > hazards and signal is None:
        evaluator.forget(item.body, Unresolved("whether an error ends this `with` is not known"), only_bound=True)
    _run_manager(evaluator, managers, item.items[0].context_expr)
    return signal


def _opens_files(evaluator: Evaluator, item: ast.With | ast.AsyncWith) -> bool:
    """Whether all that a `with` enters are files that are read when compiling."""
    if any(_called(entered.context_expr)[-1:] != ("open",) for entered in item.items):
        return False
    return all(isinstance(evaluator.attempt(entered.context_expr)[0], OpenedFile) for entered in item.items)


def _managing(manager: object) -> list[object]:
    """The methods of a class of the file that `with` calls."""
    order = manager.of.mro() if isinstance(manager, Instance) and manager.of is not None else []
    return [owner.namespace[name] for owner in order for name in ("__enter__", "__exit__") if name in owner.namespace]


def _run_manager(evaluator: Evaluator, methods: list[object], node: ast.expr) -> None:
    callee = Unresolved("`with` runs code that flowc does not follow", "", tuple(methods))
    evaluator.call(callee, CallArguments(), node)


def _called(node: ast.expr) -> tuple[str, ...]:
    return dotted(node.func) if isinstance(node, ast.Call) else ()
