"""Statements of a pipeline's body, one after the other. After one that is wrong the others are looked at, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any, cast

from flowc_compiler.frontend.pipelines.calling.inlining import defaults_of
from flowc_compiler.frontend.pipelines.code.conditions import test
from flowc_compiler.frontend.pipelines.code.expressions import computed, iterated, operate
from flowc_compiler.frontend.pipelines.code.operations import binary
from flowc_compiler.frontend.pipelines.code.patterns import case_of
from flowc_compiler.frontend.pipelines.code.switches import leaves_block
from flowc_compiler.frontend.pipelines.code.switches import statement as if_statement
from flowc_compiler.frontend.pipelines.code.targets import assign, delete
from flowc_compiler.frontend.pipelines.evaluation.machine import Machine, RefusedError, Returned, Signal, Statement
from flowc_compiler.frontend.pipelines.evaluation.objects import FunctionNode, HelperFunction, Unusable
from flowc_compiler.frontend.pipelines.evaluation.refusals import refuse_statement
from flowc_compiler.frontend.pipelines.evaluation.unknown import is_unknown, not_known
from flowc_compiler.frontend.values.bindings import bindings
from flowc_compiler.syntax.names import dotted


def execute(machine: Machine, statements: Sequence[Statement]) -> Signal:
    """Run statements. What one that is wrong would have bound is unusable after it, without another error."""
    refused = False
    for place, item in enumerate(statements):
        machine.tick(item)
        try:
            if isinstance(item, ast.If | ast.Match):
                signal, with_rest = _choice(machine, item, statements[place + 1 :])
                if with_rest:
                    return signal
            else:
                signal = _one(machine, item)
        except RefusedError:
            refused = True
            for name in bindings([item]):
                machine.frame.environment[name] = Unusable("")
            continue
        if signal is not None:
            if refused:
                raise RefusedError
            return signal
    if refused:
        raise RefusedError
    return None


def _choice(machine: Machine, item: ast.If | ast.Match, rest: Sequence[Statement]) -> tuple[Signal, bool]:
    if isinstance(item, ast.If):
        return if_statement(machine, item, rest)
    body = case_of(machine, item)
    leaves = leaves_block(body)
    return machine.execute([*body, *rest] if leaves else body), leaves


_NOTHING: tuple[type[ast.stmt], ...] = (ast.Pass, getattr(ast, "TypeAlias", ast.Pass))
"""Statements that do nothing here; `type X = ...` is of Python 3.12."""


def _one(machine: Machine, item: Statement) -> Signal:  # noqa: PLR0912
    if isinstance(item, _NOTHING):
        return None
    match item:
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            _assignment(machine, item)
        case ast.Expr():
            _expression(machine, item)
        case ast.For():
            return _for(machine, item)
        case ast.While():
            return _while(machine, item)
        case ast.Return():
            return Returned(None if item.value is None else machine.evaluate(item.value))
        case ast.Break():
            return "break"
        case ast.Continue():
            return "continue"
        case ast.Assert():
            _assert(machine, item)
        case ast.Delete(targets=targets):
            for target in targets:
                delete(machine, target)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            _function(machine, item)
        case _:
            raise refuse_statement(machine, item)
    return None


def _assignment(machine: Machine, item: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
    if isinstance(item, ast.AugAssign):
        _augmented(machine, item)
    elif item.value is not None:
        value = machine.evaluate(item.value)
        targets = [item.target] if isinstance(item, ast.AnnAssign) else item.targets
        for target in targets:
            assign(machine, target, value, item.value)


def _augmented(machine: Machine, item: ast.AugAssign) -> None:
    """`x += y`; a list is extended in place, as in Python."""
    old, new = machine.evaluate(item.target), machine.evaluate(item.value)
    if _is_list(old) and isinstance(item.op, ast.Add) and not is_unknown(new):
        values = cast("list[object]", old)
        machine.check_free(values, item)
        added = iterated(machine, new, item.value)
        computed(machine, item, lambda: binary(ast.Add(), values, added))
        values.extend(added)
        assign(machine, item.target, values, item.value)
        return
    machine.check_free(old, item)
    changed = operate(machine, item, item.op, old, new)
    if _is_container(old) and _is_container(changed):
        _become(cast("Any", old), changed)
        changed = old
    assign(machine, item.target, changed, item.value)


def _become(old: Any, new: Any) -> None:
    """Let a list, set or dict hold what its operator of assignment gave: it stays the same object."""
    if isinstance(old, list):
        old[:] = new
    else:
        old.clear()
        old.update(new)


def _is_container(value: object) -> bool:
    return isinstance(value, list | set | dict)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _expression(machine: Machine, item: ast.Expr) -> None:
    """A statement that is an expression: a call of a step, mostly. What only prints is left out."""
    if isinstance(item.value, ast.Constant):
        return
    if isinstance(item.value, ast.Call) and _prints(machine, item.value.func):
        machine.sink.warning(
            "FC116", f"`{machine.code(item.value.func)}` does nothing: this body is compiled, and not run",
            machine.span(item), help="call it in a step; remove it here",
        )  # fmt: skip
        return
    machine.evaluate(item.value)


def _prints(machine: Machine, function: ast.expr) -> bool:
    """Whether a function only tells a person something: `print`, `logger.info`, `logging.info`, `warnings.warn`."""
    parts = dotted(function)
    if not parts or machine.is_local(parts[0]):
        return False
    if len(parts) == 1:
        return parts == ("print",)
    return parts[-1] in _TELLING and _is_logger(machine, parts[0])


def _is_logger(machine: Machine, name: str) -> bool:
    """Whether a name of the module is `logging`, `warnings`, or a logger."""
    imported = machine.view.imports.get(name)
    if imported is not None:
        return "logger" in name or imported.module[:1] in {("logging",), ("warnings",), ("loguru",), ("rich",)}
    value = bindings(machine.view.tree.body).get(name)
    return isinstance(value, ast.Call) and dotted(value.func)[-1:] in {("getLogger",), ("get_logger",), ("Console",)}


_TELLING = frozenset(
    {"critical", "debug", "error", "exception", "info", "log", "setLevel", "simplefilter", "warn", "warning",
     "basicConfig", "filterwarnings", "print"}
)  # fmt: skip


def _for(machine: Machine, item: ast.For) -> Signal:
    source = machine.evaluate(item.iter)
    values = iterated(machine, source, item.iter)
    machine.frame.loops += 1
    try:
        for value in _live(machine, source, values, item.iter):
            machine.tick(item)
            assign(machine, item.target, value, item.iter)
            signal = machine.execute(item.body)
            if signal == "break":
                return None
            if isinstance(signal, Returned):
                return signal
    finally:
        machine.frame.loops -= 1
    return machine.execute(item.orelse)


def _live(machine: Machine, source: object, values: list[object], node: ast.AST) -> Iterator[object]:
    """The turns of a loop: over a list as it is when each begins; dicts and sets may not change meanwhile."""
    if isinstance(source, list):
        yield from cast("list[object]", source)
        return
    for value in values:
        yield value
        if isinstance(source, dict | set) and len(cast("set[object]", source)) != len(values):
            message = f"`{machine.code(node)}` changes while the loop goes over it"
            raise machine.refuse("FC112", message, node, "go over `list(...)` of it")


def _while(machine: Machine, item: ast.While) -> Signal:
    machine.frame.loops += 1
    try:
        while _goes_on(machine, item):
            machine.tick(item)
            signal = machine.execute(item.body)
            if signal == "break":
                return None
            if isinstance(signal, Returned):
                return signal
    finally:
        machine.frame.loops -= 1
    return machine.execute(item.orelse)


def _goes_on(machine: Machine, item: ast.While) -> bool:
    holds = test(machine, item.test)
    if not isinstance(holds, bool):
        raise not_known(
            machine, item.test, "how often a loop runs cannot depend on it",
            "loop inside of one step, or run a fixed number of times with `for`",
        )  # fmt: skip
    return holds


def _assert(machine: Machine, item: ast.Assert) -> None:
    holds = test(machine, item.test)
    if not isinstance(holds, bool):
        raise not_known(machine, item.test, "`assert` cannot check it", "check it in a step that gets the result")
    if not holds:
        said = machine.evaluate(item.msg) if item.msg is not None else ""
        message = f"the assertion does not hold{f': {said}' if isinstance(said, str) and said else ''}"
        raise machine.refuse("FC112", message, item, "give the pipeline other parameters")


def _function(machine: Machine, item: FunctionNode) -> None:
    """A function that is defined in the body: a helper, which is evaluated where it is called."""
    if item.decorator_list:
        raise machine.refuse(
            "FC110", f"`{item.name}` has a decorator, inside of a pipeline's body", item.decorator_list[0],
            "define steps and pipelines at the top level of the file",
        )  # fmt: skip
    frame = machine.frame
    closure = (frame.environment, *frame.closure)
    frame.environment[item.name] = HelperFunction(frame.view, item, closure, defaults_of(machine, item))
