"""What an evaluation passes along: arguments, frames of functions, ends of statements, and errors."""

from __future__ import annotations

import ast
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.evaluate.values import Environment, Function, Unresolved
from flowc_compiler.syntax.modules import ModuleView

if TYPE_CHECKING:
    pass


class EvaluationError(Exception):
    """What was evaluated has no value; the diagnostic says why, and has no message where another one says it."""

    def __init__(self, diagnostic: Diagnostic | None = None, options: tuple[object, ...] = ()) -> None:
        super().__init__(diagnostic.message if diagnostic else "")
        self.diagnostic = diagnostic or Diagnostic(code="FC112", severity="error", message="")
        self.options = options
        """Values that the result could share parts with."""
        self.wrong = any(isinstance(item, Unresolved) and item.wrong for item in options)
        """Whether Python itself would fail."""


class RaisedError(EvaluationError):
    """Python would raise an exception here."""

    def __init__(self, diagnostic: Diagnostic, error: object) -> None:
        super().__init__(diagnostic)
        self.error = error
        """The exception: Python's own, or an object of the evaluation."""


class LimitError(Exception):
    """A limit is exceeded, with a diagnostic: the evaluation ends."""


class ExitError(Exception):
    """`sys.exit()`: the program ends."""


@dataclass(frozen=True)
class Returned:
    """`return`: the function is left with a value."""

    value: object


Signal = Returned | Literal["break", "continue", "diverted"] | None
"""How statements end: `None` where they run through, `diverted` where every way out was noted in the frame."""


@dataclass(frozen=True)
class BoundValue:
    """An argument of a call, or what a parameter is bound to."""

    value: object
    node: ast.AST
    """Where it is written."""


@dataclass
class CallArguments:
    """The arguments of a call, evaluated."""

    positional: list[BoundValue] = field(default_factory=list[BoundValue])
    keywords: dict[str, BoundValue] = field(default_factory=dict[str, BoundValue])
    open: bool = False
    """Whether there may be more of them, out of an unknown `*args` or `**kwargs`."""

    def pop(self, name: str) -> BoundValue | None:
        """Take a keyword argument out."""
        return self.keywords.pop(name, None)

    def all(self) -> list[BoundValue]:
        """All of them."""
        return [*self.positional, *self.keywords.values()]


class Recorded(NamedTuple):
    """The value of an expression when it was evaluated, and a copy of what it held then."""

    value: object
    copy: object


Records = dict[ast.AST, Recorded]


@dataclass(eq=False)
class Frame:
    """One function, class body or module that is being evaluated."""

    view: ModuleView
    environment: Environment
    closure: tuple[Environment, ...] = ()
    """The names of the functions around it, innermost first."""
    local: frozenset[str] = frozenset()
    """Names that the function binds somewhere: the module has no value for these."""
    loops: int = 0
    """How many loops of the function are being evaluated."""
    around: Frame | None = None
    """Of a comprehension: what it stands in, where `:=` in it binds names."""
    function: Function | None = None
    is_class: bool = False
    outer: dict[str, Environment | None] = field(default_factory=dict[str, Environment | None])
    """Names under `global`, with `None`, and under `nonlocal`, with the names of the function that binds them."""
    exits: list[tuple[Signal, Any]] = field(default_factory=list[tuple[Signal, Any]])
    """Ways out of the function, or of a loop, that some arms of an unknown `if` took, with the state there."""
    first_receiver: object = None
    """The first argument of a method, for `super()`."""
    lost: EvaluationError | None = None
    """Of a generator: the error of a `yield from` whose items are not known."""
    yields: list[object] | None = None
    """What a generator has yielded."""
    is_detached: bool = False
    """Whether the expression that is evaluated is not in the text of the file."""

    @property
    def inner_closure(self) -> tuple[Environment, ...]:
        """What a function that is defined here sees beside the names of the module: no names of classes."""
        if self.is_class or (self.function is None and self.around is None):
            return self.closure
        return (self.environment, *self.closure)


@contextmanager
def deep_recursion() -> Generator[None]:
    """Allow for the evaluator's own depth, which is a multiple of the depth of the code."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


_RECURSION = 12_000
