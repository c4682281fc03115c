"""Values of plain literals, and scopes, which know those of other expressions.

Most flows give literals only: the evaluator is imported for the first expression that is none.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Generic, TypeVar, cast


class UnresolvedError(Exception):
    """The value of an expression is not known; `node` is the part that has none.

    `reason`, where there is one, says more than "not a literal" and stands in a diagnostic's message; `help` is the way
    out. With `reported` set, the cause has a diagnostic already, and another one would only repeat it. With `wrong`
    set, Python itself would fail on the expression.
    """

    def __init__(
        self, node: ast.AST, reason: str = "", help: str = "", *, reported: bool = False, wrong: bool = False
    ) -> None:
        super().__init__(reason or "not a literal")
        self.node = node
        self.reason = reason
        self.help = help
        self.reported = reported
        self.wrong = wrong

    @property
    def because(self) -> str:
        """The end of a message: a colon and the reason, or nothing."""
        return f": {self.reason}" if self.reason else ""


class Scope:
    """What expressions stand for where they are read. In this one, no name is known."""

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression that is not a plain literal. Raises UnresolvedError."""
        from flowc_compiler.evaluate.known_values import without_names

        return without_names(node)

    def definition(self, node: ast.expr) -> object:
        """The value of an expression, which may be a function or a class. Raises UnresolvedError."""
        return self.evaluate(node)

    def called(self, function: object, context: Mapping[str, object], node: ast.expr) -> object:
        """What a function returns for Metaflow's ParameterContext: `context` has those of its fields that are known.

        Raises UnresolvedError.
        """
        del function, context
        raise UnresolvedError(node)


NO_SCOPE = Scope()


def evaluate(node: ast.expr, scope: Scope = NO_SCOPE) -> object:
    """The value of an expression: of literals, and by what a scope knows. Raises UnresolvedError."""
    with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return cast("object", ast.literal_eval(node))
    return scope.evaluate(node)


Made = TypeVar("Made", bound=Scope)


class LazyScope(Scope, Generic[Made]):
    """A scope that is created for the first expression that is not a plain literal."""

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make

    @cached_property
    def made(self) -> Made:
        """The scope itself."""
        return self._make()

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression. Raises UnresolvedError."""
        return self.made.evaluate(node)

    def definition(self, node: ast.expr) -> object:
        """The value of an expression, which may be a function or a class. Raises UnresolvedError."""
        return self.made.definition(node)

    def called(self, function: object, context: Mapping[str, object], node: ast.expr) -> object:
        """What a function returns. Raises UnresolvedError."""
        return self.made.called(function, context, node)
