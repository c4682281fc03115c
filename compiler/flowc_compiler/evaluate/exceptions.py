"""`raise` and `try` in a lenient evaluation: errors that Python raises, and those that unknown code may raise."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import cast

from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.evaluate.branches import fork, snapshot, widen
from flowc_compiler.evaluate.evaluation_state import ExitError, RaisedError, Signal
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.reachable_state import State, namespaces
from flowc_compiler.evaluate.values import Builtin, ClassObject, Instance, Unresolved

_CAUSE = Unresolved("whether an error is raised is not known")


def raise_statement(evaluator: Evaluator, item: ast.Raise) -> None:
    """Raise what a `raise` statement does: RaisedError, or ExitError for `SystemExit`."""
    if item.exc is None:
        raise RaisedError(Diagnostic(code="FC112", severity="error", message="an error is raised"), None)
    value = evaluator.evaluate(item.exc)
    if isinstance(value, ClassObject):
        value = Instance(value)
    error = value.function() if isinstance(value, Builtin) and is_exception(value) else value
    if isinstance(error, SystemExit | KeyboardInterrupt):
        raise ExitError
    message = f"`{evaluator.code(item)}` is reached"
    raise RaisedError(Diagnostic(code="FC112", severity="error", message=message), error)


def is_exception(value: Builtin) -> bool:
    """Whether a builtin is a class of exceptions."""
    return isinstance(value.function, type) and issubclass(value.function, BaseException)


def try_statement(evaluator: Evaluator, item: ast.Try) -> Signal:
    """`try`: its handlers run where an error is surely raised, and may run where unknown code is called."""
    before = snapshot(evaluator, item)
    hazards, marks = evaluator.hazards, evaluator.fork_marks()
    signal: Signal = None
    raised: RaisedError | None = None
    evaluator.guarded += 1
    try:
        signal = evaluator.execute(item.body)
    except RaisedError as error:
        raised = error
    except ExitError:
        handler = next((handler for handler in item.handlers if _catches(evaluator, handler, SystemExit())), None)
        if handler is None:
            evaluator.execute(item.finalbody)
            raise
        raised = RaisedError(Diagnostic(code="FC112", severity="error", message="the program exits"), SystemExit())
    finally:
        evaluator.guarded -= 1
    try:
        if evaluator.hazards != hazards and item.handlers:
            signal = _perhaps_raised(evaluator, item, before, signal, raised, marks)
        elif raised is None:
            signal = signal if signal is not None else evaluator.execute(item.orelse)
        else:
            signal = _handled(evaluator, item, raised)
    except (RaisedError, ExitError):
        evaluator.execute(item.finalbody)
        raise
    last = evaluator.execute(item.finalbody)
    return last if last is not None else signal


def _handled(evaluator: Evaluator, item: ast.Try, raised: RaisedError) -> Signal:
    for handler in item.handlers:
        fits = _catches(evaluator, handler, raised.error)
        if fits is None:
            raise evaluator.refuse("FC115", "flowc cannot know which error is caught", handler, "write the value out")
        if fits:
            return _handle(evaluator, handler, raised.error)
    raise raised


def _handle(evaluator: Evaluator, handler: ast.ExceptHandler, error: object) -> Signal:
    if handler.name is not None:
        evaluator.bind(handler.name, error if isinstance(error, Instance) else Unresolved("it is an error"))
    signal = evaluator.execute(handler.body)
    if handler.name is not None:
        evaluator.environment_of(handler.name).pop(handler.name, None)
    return signal


def _catches(evaluator: Evaluator, handler: ast.ExceptHandler, error: object) -> bool | None:
    """Whether a handler is for an error; `None` where that is not known."""
    if handler.type is None:
        return True
    wanted = evaluator.evaluate(handler.type)
    kinds = cast("tuple[object, ...]", wanted) if isinstance(wanted, tuple) else (wanted,)
    found: bool | None = False
    for kind in kinds:
        if isinstance(kind, Builtin) and is_exception(kind):
            catches = kind.function in (Exception, BaseException)
            if isinstance(error, BaseException):
                catches = isinstance(error, cast("type", kind.function))
            elif not catches:
                found = None
                continue
        elif isinstance(kind, ClassObject) and isinstance(error, Instance) and error.of is not None:
            catches = kind in error.of.mro()
        elif isinstance(kind, ClassObject) and isinstance(error, BaseException):
            catches = False
        else:
            found = None
            continue
        if catches:
            return True
    return found


def _perhaps_raised(
    evaluator: Evaluator, item: ast.Try, before: State, signal: Signal, raised: RaisedError | None, marks: object
) -> Signal:
    """The handlers of a body that may have raised an error anywhere: what the body changed is not known in them."""
    after = snapshot(evaluator, item, *before.containers)
    done = evaluator.fork_marks()
    changed = [(container, after.content(container)) for container in before.changed()]
    spaces = {*map(id, namespaces(evaluator)), *before.environments}
    before.restore()

    def through() -> object:
        after.restore()
        evaluator.set_marks(done)
        return signal if signal is not None else evaluator.execute(item.orelse)

    def handle(handler: ast.ExceptHandler) -> Callable[[], object]:
        def run() -> object:
            evaluator.merge_marks([marks, done])
            for container, content in changed:
                widen(evaluator, container, content, spaces, handler, _CAUSE)
            return _handle(evaluator, handler, None)

        return run

    arms = [handle(handler) for handler in item.handlers]
    return cast("Signal", fork(evaluator, [*([through] if raised is None else []), *arms], item, _CAUSE))


def builtin_exception(name: str) -> Builtin | None:
    """The builtin exception class of that name."""
    found = getattr(builtins, name, None)
    return Builtin(name, found) if isinstance(found, type) and issubclass(found, BaseException) else None
