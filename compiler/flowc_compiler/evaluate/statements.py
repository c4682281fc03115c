"""Statements, one after the other. In a strict evaluation the others are looked at, too, after one that is wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, cast

from flowc_compiler.evaluate.branches import fork, leave, likely_arm, test, widen_loop
from flowc_compiler.evaluate.classes import define_class, descriptor_of, evaluate_decorator
from flowc_compiler.evaluate.evaluator import (
    BoundValue,
    CallArguments,
    EvaluationError,
    Evaluator,
    Frame,
    RaisedError,
    Records,
    Returned,
    Signal,
)
from flowc_compiler.evaluate.exceptions import raise_statement, try_statement
from flowc_compiler.evaluate.expressions import operate
from flowc_compiler.evaluate.functions import defaults_of
from flowc_compiler.evaluate.iteration import check_unspent, take_items
from flowc_compiler.evaluate.merging import has_one_name
from flowc_compiler.evaluate.targets import assign, delete, match_statement
from flowc_compiler.evaluate.values import (
    Foreign,
    Function,
    FunctionNode,
    Instance,
    OpenedFile,
    RuntimeValue,
    Undetermined,
    Unresolved,
    is_kind,
)
from flowc_compiler.evaluate.values import (
    Iterator as ValueIterator,
)
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
            evaluator.span(item), help="call it in a step; remove it here",
        )  # fmt: skip
        return None
    evaluator.evaluate(item.value)
    return None


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


def _for(evaluator: Evaluator, item: ast.For) -> Signal:
    source = evaluator.evaluate(item.iter)
    if evaluator.lenient and isinstance(found := evaluator.undetermined(source), Unresolved):
        value = Unresolved(found.message, found.help, (source,))
        return _unknown_loop(evaluator, item, found, lambda: assign(evaluator, item.target, value, item.iter))
    if isinstance(evaluator.undetermined(source), RuntimeValue) and not evaluator.lenient:
        evaluator.runtime_loop(source, item)
        return evaluator.execute(item.orelse)
    return _loop(evaluator, item, _turns(evaluator, source, item))


def _turns(evaluator: Evaluator, source: object, item: ast.For) -> Iterator[bool]:
    """Bind the loop's target for each turn: over a list as it is when the turn begins."""
    if isinstance(source, ValueIterator):
        check_unspent(evaluator, source, item.iter)
        items = take_items(evaluator, source, item.iter)
        watched = source.watch() if source.watch is not None and evaluator.lenient else None
        while items:
            assign(evaluator, item.target, items.pop(), item.iter)
            yield True
        if (
            watched is not None
            and source.watch is not None
            and (watched[0].changed() or source.watch()[1] != watched[1])
        ):
            message = "the loop changes what its generator reads"
            raise evaluator.refuse("FC115", message, item.iter, "make a list of it first: `list(...)`")
        return
    values = evaluator.iterate(source, item.iter)
    live = cast("list[object]", source) if is_kind(source, list) else values
    place = 0
    while place < len(live):
        assign(evaluator, item.target, live[place], item.iter)
        place += 1
        yield True
        if isinstance(found := evaluator.undetermined(source), Unresolved):
            raise evaluator.refuse_unresolved(found, item.iter)
        if is_kind(source, dict, set) and len(cast("set[object]", source)) != len(values):
            message = f"`{evaluator.code(item.iter)}` changes while the loop iterates over it"
            raise evaluator.refuse("FC112", message, item.iter, "iterate over `list(...)` of it")


def _while(evaluator: Evaluator, item: ast.While) -> Signal:
    frame = evaluator.frame
    frame.loops += 1
    try:
        while True:
            holds = test(evaluator, item.test)
            if isinstance(holds, Undetermined):
                break
            if not holds:
                return evaluator.execute(item.orelse)
            signal = _turn(evaluator, item, frame)
            if signal is not None:
                return None if signal == "break" else signal
    finally:
        frame.loops -= 1
    if isinstance(holds, Unresolved) and evaluator.lenient:
        return _unknown_loop(evaluator, item, holds, lambda: evaluator.evaluate(item.test) and None)
    raise evaluator.not_known(
        holds, item.test, "how often a loop runs cannot depend on it",
        f"write `while {evaluator.code(item.test)}:` inside of one step, which calls what the loop calls as plain "
        "functions; or run at most a fixed number of turns: `for i in range(10):` with the loop's body in an `if`",
    )  # fmt: skip


def _loop(evaluator: Evaluator, item: ast.For, turns: Iterator[bool]) -> Signal:
    frame = evaluator.frame
    frame.loops += 1
    try:
        for _ in turns:
            signal = _turn(evaluator, item, frame)
            if signal is not None:
                return None if signal == "break" else signal
    finally:
        frame.loops -= 1
    return evaluator.execute(item.orelse)


def _turn(evaluator: Evaluator, item: ast.For | ast.While, frame: Frame) -> Signal:
    """One turn of a loop; `None` where the loop goes on."""
    evaluator.tick(item)
    signal = evaluator.execute(item.body)
    if signal in ("continue", None) and not frame.exits:
        return None
    if any(kind == "break" for kind, _ in frame.exits):  # whether the loop goes on is not known
        raise evaluator.refuse("FC115", "flowc cannot know whether this loop continues", item, "write the value out")
    reaches, _ = leave(evaluator, frame, ("continue",), None if signal == "continue" else signal, None, item)
    if signal == "diverted":
        return None if reaches else "diverted"
    return None if signal == "continue" else signal


def _unknown_loop(
    evaluator: Evaluator, item: ast.For | ast.While, cause: Undetermined, begin: Callable[[], object]
) -> Signal:
    """A loop with an unknown number of iterations."""
    frame = evaluator.frame

    def turn() -> object:
        begin()
        frame.loops += 1
        try:
            signal = evaluator.execute(item.body)
        finally:
            frame.loops -= 1
        reaches, _ = leave(evaluator, frame, ("continue",), None if signal == "continue" else signal, None, item)
        return ("diverted" if not reaches else None) if signal in ("diverted", "continue", None) else signal

    widen_loop(evaluator, turn, bound_names([item]), item, cause)
    leave(evaluator, frame, ("break",), None, None, item)
    return evaluator.execute(item.orelse)


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


def _with(evaluator: Evaluator, item: ast.With | ast.AsyncWith) -> Signal:
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
    ast.For: _for,
    ast.While: _while,
    ast.Return: _return,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Assert: _assert,
    ast.Delete: _delete,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.With: _with,
}
_LENIENT: dict[type[ast.stmt], Callable[[Evaluator, Any], Signal]] = {
    ast.If: _if,
    ast.Match: _match,
    ast.ClassDef: _class,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Raise: _raise,
}

_REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.Try: ("`try`", "catch errors in the step itself; what must run whatever happens is a hook: `on_failure=`"),
    ast.TryStar: ("`try`", "catch errors in the step itself"),
    ast.With: ("`with`", "open files and connections in the step that needs them"),
    ast.AsyncWith: ("`with`", "open files and connections in the step that needs them"),
    ast.ClassDef: ("`class`", "define classes at the top level of the file, and use them in steps"),
    ast.Global: ("`global`", "return values from functions, and keep them in variables"),
    ast.Nonlocal: ("`nonlocal`", "return values from functions, and keep them in variables"),
    ast.AsyncFor: ("`async for`", "write `for`"),
    ast.Await: ("`await`", "call the step: it runs as soon as what it needs is there"),
    ast.Yield: ("`yield`", "return a list"),
}


def refuse_statement(evaluator: Evaluator, node: ast.AST) -> EvaluationError:
    """FC110 for a statement or expression outside of the subset; FC112 for `raise`, which is reached."""
    if isinstance(node, ast.Raise):
        return _refuse_raise(evaluator, node)
    shown = f"`{evaluator.code(node)}`" if isinstance(node, ast.expr) else "this statement"
    what, way_out = _REFUSED.get(type(node), (shown, "do this in a step"))
    if isinstance(node, ast.Try) and (called := _first_call(node)):
        way_out = (
            f"write `@catch` above the step `{called}`, whose result is `None` where it fails, and "
            f"`if {called}(...) is None:` for `except`; what must run whatever happens is a hook: `on_failure=`"
        )
    message = f"a pipeline's body cannot have {what}: it is compiled, and not run"
    return evaluator.refuse("FC110", message, _head(node), way_out)


def _first_call(node: ast.Try) -> str:
    """The name of what a `try` calls first."""
    calls = (item.func for statement in node.body for item in walk(statement) if isinstance(item, ast.Call))
    return next((".".join(path) for path in map(dotted, calls) if path), "")


def _refuse_raise(evaluator: Evaluator, node: ast.Raise) -> EvaluationError:
    if evaluator.arms:
        return evaluator.refuse(
            "FC223", "`raise` cannot depend on a result here: the body is compiled, and not run", node,
            "raise it in a step that gets the result",
        )  # fmt: skip
    shown = evaluator.code(node.exc) if node.exc is not None else "an error"
    match node.exc:
        case ast.Call(func=function, args=[first, *_]):
            said, problem = evaluator.attempt(first)
            if problem is None and evaluator.find_undetermined(said) is None:
                shown = f"{evaluator.code(function)}: {said}"
        case _:
            pass
    return evaluator.refuse("FC112", f"the pipeline raises {shown}", node, "give the pipeline other parameters")


def _head(node: ast.AST) -> ast.AST:
    """The part of a compound statement that is marked."""
    match node:
        case ast.With(items=[first, *_]) | ast.AsyncWith(items=[first, *_]):
            return first.context_expr
        case ast.Try(body=[first, *_]) | ast.TryStar(body=[first, *_]):
            return first
        case ast.AsyncFor(iter=source):
            return source
        case _:
            return node
