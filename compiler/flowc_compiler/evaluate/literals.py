"""Values of plain literals, and scopes, which know those of other expressions.

Most flows give literals only: the evaluator is imported for the first expression that is none.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path, PurePath
from typing import Generic, NamedTuple, TypeVar, cast

from flowc_compiler.source import SourceFile

ENV_AT_COMPILE: ContextVar[Callable[[], frozenset[str]]] = ContextVar("ENV_AT_COMPILE", default=frozenset)
"""The variables that `--env-at-compile` and `env_at_compile` of `[tool.flowc]` name: they are read when compiling."""


VARIABLES_READ: ContextVar[set[str] | None] = ContextVar("VARIABLES_READ", default=None)
"""Where the names of variables are noted that the evaluation of a file reads."""


@contextmanager
def reading_variables(names: Callable[[], frozenset[str]]) -> Generator[None]:
    """Let the evaluation of a file read variables of the environment. `names` is called for the first that it needs."""
    token = ENV_AT_COMPILE.set(names)
    try:
        yield
    finally:
        ENV_AT_COMPILE.reset(token)


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


class AppliedItems(NamedTuple):
    """Decorators of the runtime that a decorator of the user's applies, as if they were written in its place.

    The outermost is the first. `reason` and `help` say why they are not known, and what to do about it.
    """

    items: tuple[ast.expr, ...] = ()
    reason: str = ""
    help: str = ""


class Scope:
    """What expressions stand for where they are read. In this one, no name is known."""

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression that is not a plain literal. Raises UnresolvedError."""
        from flowc_compiler.evaluate.known_values import without_names

        return without_names(node)

    def certain(self, node: ast.expr) -> object:
        """The value of an expression that is the same in a task: no variable of the environment has its default.

        Raises UnresolvedError.
        """
        return self.evaluate(node)

    def located(self, node: ast.expr) -> object:
        """The value of an expression that may depend on where the flow's files are. Raises UnresolvedError."""
        return self.evaluate(node)

    def entries(self, node: ast.expr) -> Mapping[str, object] | None:
        """The entries of a mapping that is unpacked, each its value or an UnresolvedError; `None` for no mapping.

        Raises UnresolvedError where it is not known at all.
        """
        value = plain_or(node, self.evaluate)
        if not isinstance(value, dict):
            return None
        return {str(key): item for key, item in cast("dict[object, object]", value).items()}

    def environment(self, node: ast.expr) -> object:
        """The value of an expression that gives a task its variables: a dict may have a TaskVariable for a secret that
        is read from the environment. Raises UnresolvedError.
        """
        return self.evaluate(node)

    def definition(self, node: ast.expr) -> object:
        """The value of an expression, which may be a function or a class. Raises UnresolvedError."""
        return self.evaluate(node)

    def applied(self, node: ast.expr) -> AppliedItems | None:
        """What the decorator of the user's at this place applies; `None` where the files do not get there."""
        del node
        return None

    def called(
        self, function: object, context: Mapping[str, object], node: ast.expr, *, located: bool = False
    ) -> object:
        """What a function returns for Metaflow's ParameterContext: `context` has those of its fields that are known.

        With `located`, that may depend on where the files are. Raises UnresolvedError.
        """
        del function, context, located
        raise UnresolvedError(node)


NO_SCOPE = Scope()


def evaluate(node: ast.expr, scope: Scope = NO_SCOPE) -> object:
    """The value of an expression: of literals, and by what a scope knows. Raises UnresolvedError."""
    return plain_or(node, scope.evaluate)


def plain_or(node: ast.expr, compute: Callable[[ast.expr], object]) -> object:
    """The value of a literal, or what `compute` gives for any other expression. Raises UnresolvedError."""
    with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return cast("object", ast.literal_eval(node))
    return compute(node)


def path_value(node: ast.expr, scope: Scope, source: SourceFile) -> object:
    """The value of an argument that names a file to read when compiling: a path becomes text.

    A place that depends on where the flow is becomes one as the flow's file is named, so that it is the same on each
    machine. Raises UnresolvedError.
    """
    value = plain_or(node, scope.located)
    with suppress(UnresolvedError):
        value = plain_or(node, scope.certain)
        return str(value) if isinstance(value, PurePath) else value
    return path_from_here(value, source)


def path_from_here(value: object, source: SourceFile) -> object:
    """A path that depends on where the flow is, as the flow's file is named; any other value as it is."""
    if not isinstance(value, PurePath | str) or source.path.is_absolute():
        return str(value) if isinstance(value, PurePath) else value
    return Path(os.path.relpath(value)).as_posix()


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

    def certain(self, node: ast.expr) -> object:
        """The value of an expression that is the same in a task. Raises UnresolvedError."""
        return self.made.certain(node)

    def located(self, node: ast.expr) -> object:
        """The value of an expression that may depend on where the files are. Raises UnresolvedError."""
        return self.made.located(node)

    def environment(self, node: ast.expr) -> object:
        """The value of an expression that gives a task its variables. Raises UnresolvedError."""
        return self.made.environment(node)

    def definition(self, node: ast.expr) -> object:
        """The value of an expression, which may be a function or a class. Raises UnresolvedError."""
        return self.made.definition(node)

    def applied(self, node: ast.expr) -> AppliedItems | None:
        """What the decorator of the user's at this place applies."""
        return self.made.applied(node)

    def called(
        self, function: object, context: Mapping[str, object], node: ast.expr, *, located: bool = False
    ) -> object:
        """What a function returns. Raises UnresolvedError."""
        return self.made.called(function, context, node, located=located)
