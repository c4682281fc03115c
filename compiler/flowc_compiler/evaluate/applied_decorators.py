"""Decorators of the runtime that the user's own decorators apply to a step or a flow: which, and with what arguments.

A decorator of the user's is called with the function or class that it stands above. What it applies to that, or to a
wrapper with `functools.wraps`, is recorded in a copy, as Metaflow keeps a list with the function: so after an unknown
condition there are two values to merge, and the outcome is unknown, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.assumptions import settled
from flowc_compiler.evaluate.evaluation_state import CallArguments, EvaluationError
from flowc_compiler.evaluate.values import Assumed, ClassObject, Foreign, Function, Unresolved

if TYPE_CHECKING:
    from flowc_compiler.evaluate.evaluator import Evaluator
    from flowc_compiler.syntax.modules import ModuleView


@dataclass(frozen=True, eq=False)
class DecoratorCall(Foreign):
    """What a call of the runtime's makes, such as `retry(times=2)`: a decorator, if it is one of those."""

    arguments: CallArguments = field(default_factory=CallArguments)
    view: ModuleView | None = None
    """The file of the call."""


@dataclass(frozen=True, eq=False)
class AppliedDecorator:
    """A decorator of the runtime, as it was applied."""

    name: str
    arguments: CallArguments
    view: ModuleView | None = None
    """The file that its arguments are written in; `None` where there are none."""


@dataclass(frozen=True, eq=False)
class DecoratorOutcome:
    """What the decorator at one place has applied, the first first; or why that is not known."""

    applied: tuple[AppliedDecorator, ...] = ()
    reason: str = ""
    help: str = ""


@dataclass(eq=False)
class Applying:
    """A call of a decorator with a step or flow."""

    subject: Function | ClassObject
    log: list[AppliedDecorator] = field(default_factory=list[AppliedDecorator])
    """Everything that was applied, on any way."""
    unknown: Unresolved | None = None
    """The first condition that was not known."""

    def is_subject(self, value: object) -> bool:
        """Whether a value is what is decorated, or a wrapper with its name."""
        if isinstance(value, Function):
            value = value.wraps or value
        subject = self.subject.wraps or self.subject if isinstance(self.subject, Function) else self.subject
        return isinstance(value, Function | ClassObject) and value.node is subject.node


def call_of_runtime(evaluator: Evaluator, callee: Foreign, arguments: CallArguments) -> object:
    """What a call of the runtime's gives: the step itself where a decorator is applied to it, else a decorator."""
    applying, given = evaluator.applying, arguments.all()
    alone = len(given) == 1 and bool(arguments.positional) and not arguments.open
    made = _apply(applying, callee, given[0].value) if applying is not None and alone else None
    if made is None and applying is not None and callee.path == ("flowc", "step") and len(arguments.positional) == 1:
        options = replace(arguments, positional=[])  # `step(function, name="x")` is `step(name="x")(function)`
        bound = DecoratorCall(callee.message, path=(*callee.path, "()"), arguments=options, view=evaluator.view)
        made = _apply(applying, bound, arguments.positional[0].value)
    if made is not None:
        return made
    return DecoratorCall(
        callee.message, callee.help, path=(*callee.path, "()"), arguments=arguments, view=evaluator.view
    )


def _apply(applying: Applying, callee: Foreign, value: object) -> object | None:
    """A step or flow to which a decorator is applied; `None` where it is applied to anything else."""
    if not (isinstance(value, Function | ClassObject) and applying.is_subject(value)):
        return None
    arguments, view = (callee.arguments, callee.view) if isinstance(callee, DecoratorCall) else (CallArguments(), None)
    found = AppliedDecorator(callee.path[1], arguments, view)
    applying.log.append(found)
    return replace(value, applied=(*value.applied, found))


def outcome_of(
    evaluator: Evaluator, decorator: object, subject: Function | ClassObject, call: Callable[[object], object]
) -> tuple[object, DecoratorOutcome]:
    """What `call` makes of a decorator and its subject, and which decorators that has applied.

    A condition on variables of the environment takes the defaults in the code, as arguments do.
    """
    evaluator.applying = applying = Applying(subject)
    try:
        if isinstance(decorator, Assumed):
            decorator = settled(evaluator, decorator)
        if isinstance(decorator, Foreign) and decorator.path[:1] == ("flowc",):
            value = _apply(applying, decorator, subject) or subject
        else:
            value = call(decorator)
    except EvaluationError as error:
        found = error.diagnostic
        value = Unresolved(found.message, found.help, (subject,))
        return value, DecoratorOutcome(reason=found.message or "it fails", help=found.help)
    finally:
        evaluator.applying = None
    return value, _outcome(value, applying)


def _outcome(value: object, applying: Applying) -> DecoratorOutcome:
    if isinstance(value, DecoratorCall) and any(isinstance(item.value, Function) for item in value.arguments.all()):
        reason = "it is applied to a function that is not the step, nor a wrapper of it with `functools.wraps`"
        return DecoratorOutcome(reason=reason)
    if isinstance(value, Unresolved):
        why = applying.unknown or value
        return DecoratorOutcome(reason=why.reason or "what it returns is not known", help=why.help)
    kept = value.applied[len(applying.subject.applied) :] if isinstance(value, Function | ClassObject) else ()
    if list(kept) == applying.log:
        return DecoratorOutcome(kept)
    if applying.unknown is not None:
        return DecoratorOutcome(reason=applying.unknown.reason, help=applying.unknown.help)
    return DecoratorOutcome(reason="it does not return what the decorator returns, or a wrapper of that")
