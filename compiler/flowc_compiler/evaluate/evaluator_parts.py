"""What the parts of the evaluator need of each other, and what a front end adds to them."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.evaluation_state import CallArguments, Frame, Records, Signal
from flowc_compiler.evaluate.values import Environment, Foreign, Function, FunctionNode, Unresolved
from flowc_compiler.syntax.modules import ModuleView

if TYPE_CHECKING:
    from flowc_compiler.evaluate.reachable_state import State


class EvaluatorParts(ABC):
    """The parts that evaluate expressions, statements and calls; `Interpreter` completes it."""

    # What the parts need of each other.

    @abstractmethod
    def lookup(self, node: ast.expr) -> object:
        """The value of an expression, which may be `Unresolved`. Raises EvaluationError, LimitError, ExitError."""

    @abstractmethod
    def execute(self, statements: Sequence[ast.stmt]) -> Signal:
        """Run statements one after the other. Raises EvaluationError, LimitError, ExitError."""

    @abstractmethod
    def call(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """The value of a call. Raises EvaluationError, LimitError, ExitError."""

    @abstractmethod
    def attribute(self, owner: object, name: str, node: ast.expr) -> object:
        """The value of an attribute. Raises EvaluationError."""

    @abstractmethod
    def namespace(self, view: ModuleView) -> Environment:
        """The names of a file, which is executed if it was not."""

    @abstractmethod
    def escape(self, *values: object, why: Unresolved) -> None:
        """Note that unknown code has these values, and may change whatever it reaches from them."""

    @abstractmethod
    def recursive_call(self, function: Function, arguments: CallArguments) -> Unresolved | None:
        """What a call stands for that would recur endlessly here; `None` for any other call."""

    @abstractmethod
    def watch_of(self, body: Sequence[ast.AST], scopes: Sequence[Environment]) -> Callable[[], tuple[State, object]]:
        """What tells whether something changed that the code of a generator reads."""

    @abstractmethod
    def builtin_name(self, name: str, node: ast.AST) -> object:
        """A builtin, unless the file may have bound its name or changed it. Raises EvaluationError."""

    @abstractmethod
    def star_name(self, name: str) -> object | None:
        """What `from module import *` binds a name to, where that is known."""

    @abstractmethod
    def change_foreign(self, owner: Foreign) -> None:
        """Note that the file changes a module that is installed, or its own by way of `sys.modules`."""

    @abstractmethod
    def iterate(self, value: object, node: ast.AST) -> list[object]:
        """The entries of a known list, dict, range, ... Raises EvaluationError."""

    @abstractmethod
    def executed_views(self) -> Sequence[ModuleView]:
        """The files that were executed, the flow's own first."""

    @abstractmethod
    def module_names(self) -> Sequence[Environment]:
        """The names of modules that were executed."""

    @abstractmethod
    def forget(self, statements: Sequence[ast.AST], why: Unresolved, *, only_bound: bool = False) -> None:
        """Let nothing be known of what code that cannot be followed binds, and unless `only_bound` of what it uses."""

    @abstractmethod
    def decorate_with(self, decorator: object, value: object, node: ast.expr) -> object:
        """What an evaluated decorator makes of a function or class."""

    @abstractmethod
    def import_names(self, node: ast.Import | ast.ImportFrom) -> None:
        """Bind what an import statement imports."""

    # What a front end adds: values that exist at run time.

    @abstractmethod
    def runtime_entry(self, value: object, key: object, node: ast.AST, entries: int | None = None) -> object:
        """An entry of a run-time value; `entries` is how many there must be, where all of them are unpacked."""

    @abstractmethod
    def runtime_attribute(self, owner: object, name: str, node: ast.expr) -> object:
        """An attribute of a run-time value, or of an object of the front end. Raises EvaluationError."""

    @abstractmethod
    def runtime_operation(self, operator: str, operands: Sequence[object], node: ast.AST) -> object:
        """What an operator gives when the flow runs. Raises EvaluationError."""

    @abstractmethod
    def runtime_call(
        self, kind: str, name: str, arguments: CallArguments, node: ast.expr, owner: object = None
    ) -> object | None:
        """What a builtin function (`call`) or a `method` gives for run-time values; `None` for one that cannot be."""

    @abstractmethod
    def runtime_loop(self, source: object, node: ast.For) -> None:
        """Run a loop over a run-time value. Raises EvaluationError."""

    @abstractmethod
    def runtime_comprehension(self, source: object, node: ast.expr, inner: Frame) -> object | None:
        """What a comprehension over a run-time value gives; `None` for one that cannot be."""

    @abstractmethod
    def runtime_choice(
        self, arms: Sequence[tuple[ast.expr | None, Callable[[], object]]], first: object, node: ast.AST
    ) -> object:
        """The merged outcome of an `if` whose first condition is the run-time value `first`."""

    @abstractmethod
    def define(self, node: FunctionNode, function: Function, records: Records) -> object | None:
        """What a decorated function of a module is to the front end; `None` where it is nothing to it."""

    @abstractmethod
    def decorated(self, value: object) -> object:
        """What a function is to the front end after decorators of the user's own, which may have applied others."""

    @abstractmethod
    def settings(self, node: ast.Call) -> object | None:
        """What a call makes that is the front end's own, such as `step.with_options(...)`; `None` for other calls."""

    @abstractmethod
    def call_special(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """The value of a call of an object of the front end. Raises EvaluationError."""
