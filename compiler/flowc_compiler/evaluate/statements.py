"""Statements, one after the other. In a strict evaluation the others are looked at, too, after one that is wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, cast

from flowc_compiler.evaluate.branches import fork
from flowc_compiler.evaluate.classes import define_class, descriptor_of, evaluate_decorator
from flowc_compiler.evaluate.conditions import likely_arm, test
from flowc_compiler.evaluate.evaluation_state import (
    BoundValue,
    CallArguments,
    EvaluationError,
    RaisedError,
    Records,
    Returned,
    Signal,
)
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.exceptions import raise_statement, try_statement
from flowc_compiler.evaluate.expressions import operate
from flowc_compiler.evaluate.functions import defaults_of
from flowc_compiler.evaluate.loops import for_loop, while_loop
from flowc_compiler.evaluate.reachable_state import has_one_name
from flowc_compiler.evaluate.refused_statements import refuse_statement
from flowc_compiler.evaluate.targets import assign, delete, match_statement
from flowc_compiler.evaluate.values import (
    Foreign,
    Function,
    FunctionNode,
    RuntimeValue,
    Undetermined,
    Unresolved,
    is_kind,
)
from flowc_compiler.evaluate.with_statement import with_statement
from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import bound_names, children, walk

_NOTHING: tuple[type[ast.stmt], ...] = (ast.Pass, ast.Global, ast.Nonlocal, getattr(ast, "TypeAlias", ast.Pass))
"""Statements that do nothing here; `type X = ...` is of Python 3.12."""


def execute(evaluator: Evaluator, statements: Sequence[ast.stmt]) -> Signal:
    """Run statements. What one that is wrong would have bound is unusable after it, without another error."""
    refused = False
    for place, item in enumerate(statements):
        evaluator.tick(item)
        try:
            if isinstance(item, ast.If) and not evaluator.lenient:
                signal, with_rest = _if_with_rest(evaluator, item, statements[place + 1 :])
                if with_rest:
                    return signal
            elif isinstance(item, ast.Match) and not evaluator.lenient:
                body = match_statement(evaluator, item)
                signal = evaluator.execute(body)
            else:
                signal = _one(evaluator, item)
        except EvaluationError as error:
            if evaluator.lenient:
                nested = evaluator.frame.function is not None or evaluator.conditional or evaluator.guarded
                if isinstance(error, RaisedError) and nested:
                    raise
                why = Unresolved(error.diagnostic.message, error.diagnostic.help)
                evaluator.forget([item], why, only_bound=isinstance(error, RaisedError))
                continue
            refused = True
            _forget_effects(evaluator, item)
            continue
        if signal is not None:
            if refused:
                raise EvaluationError
            return signal
    if refused:
        raise EvaluationError
    return None


def _forget_effects(evaluator: Evaluator, item: ast.stmt) -> None:
    """Make what a refused statement would have bound or changed unusable, without another error."""
    for name in bound_names([item]):
        evaluator.bind(name, Unresolved(""))
    for value in _changed_values(evaluator, item):
        evaluator.poison(value, Unresolved(""))


def _changed_values(evaluator: Evaluator, item: ast.stmt) -> Iterator[object]:
    """The lists, dicts and sets that a statement would have changed: by an assignment, or by a method."""
    scopes = (evaluator.frame.environment, *evaluator.frame.closure)
    for node in walk(item):
        changes = isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
        owner = node.value if isinstance(node, ast.Subscript) and changes else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
        while isinstance(owner, ast.Subscript | ast.Attribute):
            owner = owner.value
        if isinstance(owner, ast.Name):
            value = next((scope[owner.id] for scope in scopes if owner.id in scope), None)
            if is_kind(value, list, dict, set):
                yield value


def _one(evaluator: Evaluator, item: ast.stmt) -> Signal:
    if isinstance(item, _NOTHING) and (evaluator.lenient or not isinstance(item, ast.Global | ast.Nonlocal)):
        return None
    handler = _ANYWHERE.get(type(item)) or (_LENIENT.get(type(item)) if evaluator.lenient else None)
    if handler is None:
        raise refuse_statement(evaluator, item)
    return handler(evaluator, item)


def _assignment(evaluator: Evaluator, item: ast.Assign | ast.AnnAssign) -> Signal:
    if item.value is not None:
        value = evaluator.evaluate(item.value)
        for target in [item.target] if isinstance(item, ast.AnnAssign) else item.targets:
            assign(evaluator, target, value, item.value)
    return None


def _augmented(evaluator: Evaluator, item: ast.AugAssign) -> Signal:
    """`x += y`; a list, set or dict is changed in place, as in Python."""
    old, new = evaluator.lookup(item.target), evaluator.evaluate(item.value)
    found = evaluator.undetermined(old)
    if evaluator.lenient and found is not None and isinstance(found, Unresolved):
        evaluator.escape(old, new, why=found)
        assign(evaluator, item.target, Unresolved(found.message, found.help, (old, new)), item.value)
        return None
    later = isinstance(evaluator.undetermined(new), RuntimeValue)
    if later and is_kind(old, list, dict, set):
        message = "this changes what other names have, to something that is known in the run only"
        hint = "make a new one: `x = x + result`"
        if not has_one_name(evaluator, old):
            raise evaluator.refuse("FC223", message, item, hint)
        if is_kind(old, list) and isinstance(item.op, ast.Add):
            new = evaluator.runtime_call("call", "list", CallArguments([BoundValue(new, item.value)]), item.value)
    if is_kind(old, list) and isinstance(item.op, ast.Add) and not later:
        values = cast("list[object]", old)
        evaluator.check_free(values, item)
        if evaluator.lenient and isinstance(unknown := evaluator.undetermined(new), Unresolved):
            evaluator.escape(values, new, why=unknown)
            return None
        added = evaluator.iterate(new, item.value)
        evaluator.computed(item, lambda: [*values, *added] if len(values) + len(added) > 100_000 else added)
        values.extend(added)
        assign(evaluator, item.target, values, item.value)
        return None
    evaluator.check_free(old, item)
    changed = operate(evaluator, item, item.op, old, new)
    if is_kind(old, list, set, dict) and is_kind(changed, list, set, dict):
        container = cast("Any", old)
        if is_kind(container, list):
            container[:] = changed
        else:
            container.clear()
            container.update(changed)
        changed = container
    assign(evaluator, item.target, changed, item.value)
    return None


def _expression(evaluator: Evaluator, item: ast.Expr) -> Signal:
    """A statement that is an expression: a call of a step, mostly. What only prints is left out."""
    if isinstance(item.value, ast.Constant):
        return None
    if isinstance(item.value, ast.Call) and not evaluator.lenient and prints(evaluator, item.value.func):
        evaluator.sink.warning(
            "FC116", f"`{evaluator.code(item.value.func)}` does nothing: this body is compiled, and not run",
            evaluator.span(item), help=_where_to_print(evaluator),
        )  # fmt: skip
        return None
    evaluator.evaluate(item.value)
    return None


def _where_to_print(evaluator: Evaluator) -> str:
    """What to do with a statement that only prints: a function that prints is often meant as a step."""
    function = evaluator.frame.function
    if function is None or not isinstance(evaluator.namespace(function.view).get(function.name), Function):
        return "call it in a step; remove it here"
    return f"call it in a step; write `@step` above `{function.name}` to make it one"


def prints(evaluator: Evaluator, function: ast.expr) -> bool:
    """Whether a function only writes for a person: `print`, `logger.info`, `warnings.warn`, a logger's `log_row`."""
    parts = dotted(function)
    local = parts[:1] and evaluator.is_local(parts[0])
    if not parts or (local and len(parts) == 1):
        return False
    if len(parts) == 1:
        return parts == ("print",)
    scopes = (evaluator.frame.environment, *evaluator.frame.closure) if local else ()
    own = (scope[parts[0]] for scope in scopes if parts[0] in scope)
    value = next(own, None) if local else evaluator.namespace(evaluator.view).get(parts[0])
    path = value.path if isinstance(value, Foreign) else ()
    if parts[-1] not in _WRITING:
        return len(parts) == 2 and path == ("logging", "getLogger", "()") and parts[1].startswith("log_")
    return path[:1] in {("logging",), ("warnings",), ("loguru",), ("rich",)} or "logger" in path


_WRITING = frozenset(
    {"critical", "debug", "error", "exception", "info", "log", "setLevel", "simplefilter", "warn", "warning",
     "basicConfig", "filterwarnings", "print"}
)  # fmt: skip


Arm = tuple[ast.expr | None, Sequence[ast.stmt]]


def _if(evaluator: Evaluator, item: ast.If) -> Signal:
    """`if` in a lenient evaluation."""
    return _first_arm(evaluator, arms_of(item), item)


def _first_arm(evaluator: Evaluator, arms: Sequence[Arm], node: ast.If) -> Signal:
    """Run the first arm whose condition holds; from one that is not known on, every arm that may be it."""
    for place, (condition, body) in enumerate(arms):
        holds = True if condition is None else test(evaluator, condition)
        if holds is True:
            return evaluator.execute(body)
        if isinstance(holds, Undetermined):
            ways = [partial(evaluator.execute, body), partial(_first_arm, evaluator, arms[place + 1 :], node)]
            return cast("Signal", fork(evaluator, ways, condition or node, holds, likely_arm(holds)))
    return None


def _if_with_rest(evaluator: Evaluator, node: ast.If, rest: Sequence[ast.stmt]) -> tuple[Signal, bool]:
    """`if` in a strict evaluation, and whether the statements after it were evaluated with it.

    Where an arm leaves the block, the statements that follow belong to the other arms: `rest`.
    """
    arms = arms_of(node)
    for place, (condition, arm) in enumerate(arms):
        holds = True if condition is None else test(evaluator, condition)
        if holds is False:
            continue
        leaves = any(_leaves_block(body) for _, body in arms[place:])
        if holds is True:
            return evaluator.execute([*arm, *rest] if leaves else arm), leaves
        if isinstance(holds, Unresolved):
            raise evaluator.refuse_unresolved(holds, condition or node)
        later: list[Arm] = [*arms[place:]] if arms[-1][0] is None else [*arms[place:], (None, ())]
        branches = [(item[0], _runner(evaluator, item[1], rest if leaves else ())) for item in later]
        signal = evaluator.runtime_choice(branches, holds, node.test)
        return signal if isinstance(signal, Returned) else None, leaves
    return None, False


def _runner(evaluator: Evaluator, arm: Sequence[ast.stmt], rest: Sequence[ast.stmt]) -> Callable[[], object]:
    return lambda: evaluator.execute([*arm, *rest])


def arms_of(node: ast.If) -> list[Arm]:
    """The conditions and bodies of `if`, `elif` and `else`; the last without a condition."""
    arms: list[Arm] = []
    current = node
    while True:
        arms.append((current.test, current.body))
        match current.orelse:
            case [ast.If() as other] if other.col_offset == current.col_offset:  # `elif`, and no `if` in an `else`
                current = other
            case []:
                return arms
            case rest:
                arms.append((None, rest))
                return arms


def _leaves_block(statements: Sequence[ast.stmt]) -> bool:
    """Whether statements have a `return`, `break` or `continue`, without those of functions and loops in them."""
    pending: list[tuple[ast.AST, bool]] = [(item, False) for item in statements]
    while pending:
        node, in_loop = pending.pop()
        if isinstance(node, ast.Return) or (not in_loop and isinstance(node, ast.Break | ast.Continue)):
            return True
        if isinstance(node, FunctionNode | ast.ClassDef | ast.expr):
            continue
        inner = in_loop or isinstance(node, ast.For | ast.AsyncFor | ast.While)
        pending.extend((child, inner) for child in children(node))
    return False


def _break(evaluator: Evaluator, item: ast.Break) -> Signal:
    del evaluator, item
    return "break"


def _continue(evaluator: Evaluator, item: ast.Continue) -> Signal:
    del evaluator, item
    return "continue"


def _return(evaluator: Evaluator, item: ast.Return) -> Signal:
    return Returned(None if item.value is None else evaluator.evaluate(item.value))


def _delete(evaluator: Evaluator, item: ast.Delete) -> Signal:
    for target in item.targets:
        delete(evaluator, target)
    return None


def _assert(evaluator: Evaluator, item: ast.Assert) -> Signal:
    holds = test(evaluator, item.test)
    if isinstance(holds, Undetermined):
        if evaluator.lenient:
            evaluator.hazards += 1
            return None
        raise evaluator.not_known(
            holds, item.test, "`assert` cannot check it", "check it in a step that gets the result"
        )
    if not holds:
        said = evaluator.evaluate(item.msg) if item.msg is not None else ""
        message = f"the assertion fails{f': {said}' if isinstance(said, str) and said else ''}"
        if evaluator.lenient:
            raise_statement(evaluator, ast.copy_location(ast.Raise(ast.Name("AssertionError", ast.Load())), item))
        raise evaluator.refuse("FC112", message, item, "give the pipeline other parameters")
    return None


def _function(evaluator: Evaluator, item: FunctionNode) -> Signal:
    """A function that is defined: of a module, of a class, or a helper in a body, evaluated where it is called."""
    frame = evaluator.frame
    if item.decorator_list and not evaluator.lenient:
        raise evaluator.refuse(
            "FC110", f"`{item.name}` has a decorator, inside a pipeline's body", item.decorator_list[0],
            "define steps and pipelines at the top level of the file",
        )  # fmt: skip
    function = Function(frame.view, item, frame.inner_closure, defaults_of(evaluator, item))
    decorators, records = _decorators(evaluator, item)
    value = evaluator.define(item, function, records) if decorators else function
    if value is None:
        value = function
        for decorator, node in decorators:
            value = descriptor_of(evaluator, node, value) or evaluator.decorate_with(decorator, value, node)
        value = evaluator.decorated(value) if decorators else value
    evaluator.bind(item.name, value)
    return None


def _decorators(evaluator: Evaluator, item: FunctionNode) -> tuple[list[tuple[object, ast.expr]], Records]:
    """The decorators of a function, the innermost first, and the values of the expressions in them."""
    outer = evaluator.recorded
    records = evaluator.recorded = {} if outer is None else outer
    try:
        found = [(evaluate_decorator(evaluator, node), node) for node in item.decorator_list]
    finally:
        evaluator.recorded = outer
    return found[::-1], records


def _class(evaluator: Evaluator, item: ast.ClassDef) -> Signal:
    evaluator.bind(item.name, define_class(evaluator, item))
    return None


def _import(evaluator: Evaluator, item: ast.Import | ast.ImportFrom) -> Signal:
    evaluator.import_names(item)
    return None


def _raise(evaluator: Evaluator, item: ast.Raise) -> Signal:
    raise_statement(evaluator, item)
    return None


def _try(evaluator: Evaluator, item: ast.Try) -> Signal:
    return try_statement(evaluator, item)


def _match(evaluator: Evaluator, item: ast.Match) -> Signal:
    return evaluator.execute(match_statement(evaluator, item))


_ANYWHERE: dict[type[ast.stmt], Callable[[Evaluator, Any], Signal]] = {
    ast.Assign: _assignment,
    ast.AnnAssign: _assignment,
    ast.AugAssign: _augmented,
    ast.Expr: _expression,
    ast.For: for_loop,
    ast.While: while_loop,
    ast.Return: _return,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Assert: _assert,
    ast.Delete: _delete,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.With: with_statement,
}
_LENIENT: dict[type[ast.stmt], Callable[[Evaluator, Any], Signal]] = {
    ast.If: _if,
    ast.Match: _match,
    ast.ClassDef: _class,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: with_statement,
    ast.AsyncWith: with_statement,
    ast.Raise: _raise,
}
