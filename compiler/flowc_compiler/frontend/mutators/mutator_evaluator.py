"""The evaluator of a class flow's files, which also evaluates the methods of mutators.

A method of a mutator is evaluated like any code of the file, until the flow depends on something that is not known.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.applied_decorators import Applying
from flowc_compiler.evaluate.evaluation_state import CallArguments, Frame, LimitError, Records, deep_recursion
from flowc_compiler.evaluate.interpreter import Interpreter
from flowc_compiler.evaluate.operations import MOST_OPERATIONS
from flowc_compiler.evaluate.values import ClassObject, Function, FunctionNode, Unresolved
from flowc_compiler.frontend.decorators.user_decorators import KINDS, Kind
from flowc_compiler.syntax.served_imports import callee

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.syntax.modules import LocalModules, ModuleView

DUPLICATES = {"IGNORE": 1, "ERROR": 2, "OVERRIDE": 3}
"""What `MutableStep` and `MutableFlow` call the ways to treat a decorator that is there already."""


class HostObject(ABC):
    """An object of the compiler's that a mutator's code uses."""

    @abstractmethod
    def attribute(self, name: str, node: ast.expr) -> object | None:
        """The value of an attribute; `None` where there is none."""


@dataclass(frozen=True, eq=False)
class HostMethod:
    """A method of such an object."""

    function: Callable[[CallArguments, ast.expr], object]


@dataclass(frozen=True, eq=False)
class OwnDecorator:
    """A decorator that is derived from one of Metaflow's classes, or a generator under `@user_step_decorator`."""

    kind: Kind
    view: ModuleView
    name: str
    of: ClassObject | None = None
    arguments: CallArguments | None = None
    """What it is called with, before it gets the step."""


class UnfollowedError(LimitError):
    """What a mutator does is not known; nothing of the evaluation catches this."""

    def __init__(self, message: str, help: str, where: tuple[ModuleView, ast.AST]) -> None:
        super().__init__(message)
        self.message, self.help, self.where = message, help, where


class MutatorEvaluator(Interpreter):
    """Knows the user's own decorators, and the objects that mutators get."""

    def __init__(self, modules: LocalModules, sink: DiagnosticSink) -> None:
        super().__init__(modules, sink)
        self.last: tuple[ModuleView, ast.AST] = (modules.main, modules.main.tree)
        """The file and the node that is evaluated."""
        self.mutating = 0
        """While a mutator's method is evaluated, one more than the operations before it that may raise any error."""

    @contextmanager
    def mutator(self, of: ClassObject) -> Generator[None]:
        """Evaluate a method of a mutator. A variable of the environment is its default, as in other decorators."""
        applying, self.applying = self.applying, Applying(of)
        frames, self.frames = self.frames, [Frame(of.view, {}, is_detached=True)]
        self.mutating = self.hazards + 1
        try:
            with deep_recursion(), self.leniently(), self.own_limits(MOST_OPERATIONS // 4):
                yield
        finally:
            self.applying, self.frames, self.mutating = applying, frames, 0

    def call(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """A call of one of the user's decorators changes nothing of what it is given."""
        own = own_decorator(callee)
        if own is None:
            return super().call(callee, arguments, node)
        first = arguments.positional[0].value if len(arguments.positional) == 1 and not arguments.keywords else None
        if isinstance(first, Function | ClassObject | OwnDecorator):
            return first
        return OwnDecorator(own.kind, own.view, own.name, own.of, arguments)

    def define(self, node: FunctionNode, function: Function, records: Records) -> object | None:
        """A generator under `@user_step_decorator`."""
        names = (self.served_name(callee(item)) for item in node.decorator_list)
        if "user_step_decorator" not in names:
            return super().define(node, function, records)
        return OwnDecorator("user step decorator", function.view, node.name)

    def call_special(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """Call a method of an object that a mutator got."""
        if isinstance(callee, HostMethod):
            return callee.function(arguments, node)
        return super().call_special(callee, arguments, node)

    def runtime_attribute(self, owner: object, name: str, node: ast.expr) -> object:
        """An attribute of an object that a mutator got."""
        if not isinstance(owner, HostObject):
            return super().runtime_attribute(owner, name, node)
        found = owner.attribute(name, node)
        if found is None:
            raise self.refuse("FC112", f"there is no attribute `{name}`", node, "correct the name")
        return found

    def escape_special(self, value: object, why: Unresolved) -> None:
        """What unknown code does with the flow is not known."""
        if isinstance(value, HostObject | HostMethod):
            raise UnfollowedError(why.reason or "unknown code gets the flow", why.help, self.last)
        super().escape_special(value, why)

    def tick(self, node: ast.AST, count: int = 1) -> None:
        """Count operations, and note where the evaluation is."""
        if self.mutating:
            self.last = (self.view, node)
        super().tick(node, count)

    def check_certain(self, node: ast.expr) -> None:
        """Raise UnfollowedError where it is not certain that the code gets here."""
        unsure = self.conditional or self.rehearsing or any(frame.exits for frame in self.frames)
        if not (unsure or (self.guarded and self.hazards + 1 != self.mutating)):
            return
        found = self.applying.unknown if self.applying is not None else None
        reason = found.reason if found is not None and found.reason else "it depends on something that is not known"
        raise UnfollowedError(reason, found.help if found is not None else "", (self.view, node))


def own_decorator(value: object) -> OwnDecorator | None:
    """The decorator of the user's own that a value is."""
    if isinstance(value, OwnDecorator):
        return value
    if not isinstance(value, ClassObject):
        return None
    for item in value.mro():
        for base in item.node.bases:
            kind = KINDS.get(item.view.names.resolve(base) or "")
            if kind is not None:
                return OwnDecorator(kind, value.view, value.name, value)
    return None
