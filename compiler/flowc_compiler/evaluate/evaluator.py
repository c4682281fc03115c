"""The state of an evaluation: the functions that are being evaluated, the limits, and how errors are reported.

The parts that evaluate expressions, statements and calls need each other; they meet in this class, which `Interpreter`
completes. What is allowed is the policy's: a *strict* evaluation, of a `@pipeline` body, reports the first thing that
has no value; a *lenient* one, of modules and main blocks, goes on with `Unresolved` in its place, and forgets whatever
the unknown code could have changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink, Fix
from flowc_compiler.evaluate.assumptions import settled
from flowc_compiler.evaluate.environment_reads import INSTEAD_OF_SECRETS, looks_secret, way_out
from flowc_compiler.evaluate.evaluation_state import EvaluationError, ExitError, Frame, LimitError, RaisedError, Records
from flowc_compiler.evaluate.evaluator_parts import EvaluatorParts
from flowc_compiler.evaluate.operations import (
    LONGEST,
    MOST_ENTRIES,
    MOST_OPERATIONS,
    TooLargeError,
    checked,
    cost,
    current_budget,
)
from flowc_compiler.evaluate.values import (
    ATOMS,
    Assumed,
    Constructed,
    DictView,
    Environment,
    Foreign,
    Undetermined,
    Unresolved,
    VariableDefault,
    is_kind,
    parts_of_container,
)
from flowc_compiler.evaluate.variable_files import LoadedFile, find_variable
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import dotted

if TYPE_CHECKING:
    from flowc_compiler.evaluate.applied_decorators import Applying, DecoratorOutcome
    from flowc_compiler.evaluate.reachable_state import State

_OWN_CLASSES = re.compile(
    r"\b(BoundMethod|Builtin|ClassObject|Descriptor|DictView|Foreign|Function|Instance|Iterator|Module|Partial|Unresolved)\b"
)
"""Classes of flowc in a message of Python's: Python would have had an object of the file, and may not have failed."""


class Evaluator(EvaluatorParts):
    """Evaluates code of the flow's files."""

    def __init__(self, modules: LocalModules, sink: DiagnosticSink) -> None:
        self.modules = modules
        self.sink = sink
        """Where errors are collected."""
        self.lasting_sink = sink
        """Where what is wrong with a definition is collected, whatever it was looked at for."""
        self.frames: list[Frame] = []
        self.lenient = False
        """Whether what has no value is `Unresolved`, and no error."""
        self.arms = 0
        """How many arms of an `if` on run-time values are around."""
        self.frozen: dict[int, tuple[object, str]] = {}
        """Lists, dicts and sets that can only be read, by identity, and why."""
        self.poisoned: dict[int, tuple[object, Unresolved]] = {}
        """Lists, dicts, sets and namespaces that unknown code may have changed, by identity, and why."""
        self.hazards: int = 0
        """How many operations were met that may raise any error."""
        self.recorded: Records | None = None
        """Where the values of expressions are kept, while a class statement or a decorator is executed."""
        self.records: Records = {}
        """The values of the expressions in the class statements of the file."""
        self.applying: Applying | None = None
        """The decorator that is called with a step or flow, and what it has applied."""
        self.outcomes: dict[ast.expr, DecoratorOutcome] = {}
        """What the decorators of functions and classes have applied, by their expressions."""
        self.conditional = 0
        """The number of arms around that may run or not."""
        self.guarded = 0
        """How many bodies of `try` are around."""
        self.rehearsing = 0
        """Whether a turn of a loop is evaluated only to see what it changes."""
        self.last_state: State | None = None
        """The state that was taken last, which the next one has most in common with."""
        self.notes = sink
        """Where warnings about assumptions are collected."""
        self.changed_variables = set[str]()
        """Variables of the environment that the files set; `*` stands for all of them."""
        self.loaded_files: list[LoadedFile] = []
        """The files of variables that the files load."""
        self._noted = set[object]()
        self._budget = current_budget()
        self._spent = [0, 0]
        self._most_operations = MOST_OPERATIONS
        self._spans: dict[ast.AST, Span] = {}

    @property
    def frame(self) -> Frame:
        """The function that is being evaluated."""
        return self.frames[-1]

    @property
    def view(self) -> ModuleView:
        """The file of the code that is being evaluated."""
        return self.frames[-1].view

    def poison(self, value: object, why: Unresolved) -> bool:
        """Forget what a list, dict, set, namespace or iterator holds; whether that was known."""
        if id(value) in self.poisoned:
            return False
        self.poisoned[id(value)] = (value, why)
        return True

    def fork_marks(self) -> object:
        """What the front end notes of the way that led here, to compare the ways with each other."""
        return None

    def set_marks(self, marks: object) -> None:
        """Go back to what was noted before."""

    def merge_marks(self, marks: Sequence[object]) -> None:
        """Go on with what several ways have noted."""

    # Limits and errors.

    def tick(self, node: ast.AST, count: int = 1) -> None:
        """Count operations. Raises LimitError when there were too many."""
        self._spent[0] += count
        if self._spent[0] > self._most_operations:
            self.exhausted("the pipeline's body takes too long to evaluate", node, "do the work in a step")
        if (problem := self._budget.overdrawn()) is not None:
            self.exhausted(f"the file {problem}", node, "do the work in a step")

    def charge(self, entries: int, node: ast.AST) -> None:
        """Count entries that are made or gone over. Raises LimitError when there were too many."""
        self._spent[1] += entries
        if self._spent[1] > MOST_ENTRIES:
            message = f"the values that are computed have more than {MOST_ENTRIES} entries in all"
            self.exhausted(message, node, "make them in a step")
        if entries > 1000 and (problem := self._budget.overdrawn()) is not None:
            self.exhausted(f"the file {problem}", node, "do the work in a step")

    def exhausted(self, message: str, node: ast.AST, help: str) -> None:
        """Collect FC114 and raise LimitError."""
        if not self.lenient:
            self.sink.error("FC114", message, self.span(node), help=help)
        raise LimitError(message)

    def importing(self, characters: int) -> AbstractContextManager[None]:
        """Charge the evaluation of an imported module of this length to what imports may take."""
        return self._budget.importing(characters)

    @contextmanager
    def own_limits(self, operations: int) -> Generator[None]:
        """Count anew, for a part of the work that has limits of its own."""
        outer = self._spent, self._most_operations
        self._spent, self._most_operations = [0, 0], operations
        try:
            yield
        finally:
            self._spent, self._most_operations = outer

    def refuse(
        self, code: str, message: str, node: ast.AST, help: str, *options: object, fix: Fix | None = None
    ) -> EvaluationError:
        """Report an error at a node; for the caller to raise."""
        span = None if self.lenient else self.span(node)
        if span is not None:
            self.sink.error(code, message, span, help=help, fix=fix)
        found = Diagnostic(code=code, severity="error", message=message, span=span, help=help)
        return EvaluationError(found, options)

    def undetermined(self, value: object) -> Undetermined | None:
        """The value itself where its content is not known, or what a poisoned list, dict or set holds instead."""
        if isinstance(value, Constructed):
            return value.unresolved
        if isinstance(value, Undetermined):
            return value
        poison = self.poisoned.get(id(value.owner if isinstance(value, DictView) else value))
        return None if poison is None else poison[1]

    def find_undetermined(self, *values: object, node: ast.AST | None = None) -> Undetermined | None:
        """The first part of values that is not known."""
        if len(values) == 1 and type(values[0]) in ATOMS:
            return None
        pending, seen = list(values)[::-1], set[int]()
        while pending:
            value = pending.pop()
            found = self.undetermined(value)
            if found is not None:
                return found
            if isinstance(value, DictView):
                value = value.owner
            if is_kind(value, list, tuple, set, frozenset, dict) and id(value) not in seen:
                seen.add(id(value))
                inner = parts_of_container(value)
                if not set(map(type, inner)) <= ATOMS:
                    pending.extend(inner)
                if node is not None:
                    self.charge(len(inner), node)
        return None

    def not_known(self, value: object, node: ast.AST, what: str, way_out: str) -> EvaluationError:
        """The error that `what` needs an undetermined part of a value; for the caller to raise.

        FC111 for a run-time value; for one that cannot be computed, the reason of that.
        """
        found = self.find_undetermined(value)
        if isinstance(found, Unresolved):
            return self.refuse_unresolved(found, node)
        message = f"a step's result is not known when the flow is compiled: {what}"
        return self.refuse("FC111", message, node, way_out)

    def refuse_unresolved(self, value: Unresolved, node: ast.AST) -> EvaluationError:
        """The error that a value is `Unresolved`; for the caller to raise."""
        if self.lenient:
            found = Diagnostic(code=value.code, severity="error", message=value.reason, help=value.help)
            return EvaluationError(found, (value,))
        if not value.message:
            return EvaluationError()
        message = value.message
        if isinstance(value, Foreign):
            because = "" if value.code == "FC106" else ": the body is compiled, and not run"
            message = f"`{self.code(node)}` {value.message}{because}"
        elif isinstance(node, ast.Name | ast.Attribute):
            message = f"`{self.code(node)}` cannot be used here: {value.message}"
        return self.refuse(value.code, message, node, value.help)

    def check_known(self, node: ast.AST, what: str, way_out: str, *values: object) -> None:
        """Raise EvaluationError where a part of values is not known."""
        found = self.find_undetermined(*values, node=node)
        if found is not None:
            raise self.not_known(found, node, what, way_out)

    def check_free(self, value: object, node: ast.AST) -> None:
        """Raise EvaluationError with FC223 for a list, dict or set that may not be changed any more."""
        _, why = self.frozen.get(id(value), (None, ""))
        if why:
            message = f"this cannot be changed: {why}"
            raise self.refuse("FC223", message, node, "change a copy: `list(...)`, `dict(...)`")

    def computed(self, node: ast.AST, function: Callable[..., object], *operands: object) -> object:
        """What a function of Python's gives for known values. Raises EvaluationError."""
        try:
            self.charge(sum(map(cost, operands)) // 2, node)
            value = checked(function(*operands))
            self.charge(cost(value), node)
            return value
        except (EvaluationError, LimitError, ExitError):
            raise
        except TooLargeError:
            message = f"`{self.code(node)}` is larger than what flowc computes"
            raise self.refuse("FC114", message, node, f"make values of more than {LONGEST} entries in a step") from None
        except RecursionError:
            raise self.refuse("FC114", "this is nested too deeply", node, "make it in a step") from None
        except MemoryError:
            raise self.refuse("FC114", "this takes too much memory", node, "make it in a step") from None
        except Exception as error:
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            if _OWN_CLASSES.search(text):
                message = f"flowc does not compute with the objects in `{self.code(node)}`"
                raise self.refuse("FC113", message, node, "use numbers, text, lists and dicts") from None
            refused = self.refuse("FC112", f"`{self.code(node)}` fails: {text}", node, "correct it")
            if "flowc" in text:
                raise refused from None
            raise RaisedError(refused.diagnostic, error) from None

    # Evaluating.

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression; in a strict evaluation `Unresolved` only where a task can make it.

        A place that depends on where a file is is one that a task has, too. Raises EvaluationError, LimitError.
        """
        value = self.lookup(node)
        if self.lenient or not isinstance(value, Unresolved) or isinstance(value, Constructed):
            return value
        if isinstance(value, Assumed) and value.is_beside_file:
            return value
        return self.settle_or_refuse(value, node)

    def sets_variable(self, target: ast.Subscript, value: object) -> bool:
        """Whether an assignment sets a variable of the environment that the front end keeps."""
        del target, value
        return False

    def settle_or_refuse(self, value: Unresolved, node: ast.AST) -> object:
        """In a strict evaluation, a value without assumptions of variables. Raises EvaluationError for any other."""
        found = settled(self, value) if isinstance(value, Assumed) else value
        if isinstance(found, Unresolved):
            raise self.refuse_unresolved(found, node)
        return found

    def note_default(self, found: VariableDefault) -> None:
        """Warn of a variable that is set, and whose default in the code counts."""
        given = find_variable(self.loaded_files, found.name)
        if given is None or given.value == found.value or found in self._noted:
            return
        self._noted.add(found)
        default = "the code's default" if found.value is ... else f"{found.value!r}, the code's default"
        where = f" in {given.place}" if given.place else ""
        message = (
            f"`{found.read}` is {default}: {found.name} is set{where}, and flowc does not read it when it compiles"
        )
        self.notes.warning("FC119", message, found.span, help=way_out(found.name, given.place))

    def note_secret(self, name: str, node: ast.AST) -> None:
        """Warn of a secret whose value the command line has compiled into the output."""
        if looks_secret(name) and name not in self._noted:
            self._noted.add(name)
            message = f"the value of {name} is compiled into the output, as plain text"
            self.notes.warning("FC119", message, self.span(node), help=INSTEAD_OF_SECRETS)

    def attempt(self, node: ast.expr) -> tuple[object, Diagnostic | None]:
        """The value of an expression, or the error that says why it has none; nothing is collected.

        The error has no message where an earlier one says it.
        """
        sink, self.sink = self.sink, DiagnosticSink()
        try:
            return self.evaluate(node), None
        except EvaluationError as error:
            return None, error.diagnostic
        finally:
            self.sink = sink

    def is_local(self, name: str) -> bool:
        """Whether a name is bound in the functions that are being evaluated."""
        frame = self.frame
        return (
            name in frame.local
            or any(name in scope for scope in frame.closure)
            or (name in frame.environment and (frame.function is not None or frame.around is not None))
        )

    def served_name(self, node: ast.expr) -> str | None:
        """The name of flowc's, Metaflow's or ZenML's that an expression stands for, also by an import in a function."""
        parts = dotted(node)
        if not parts or not self.is_local(parts[0]):
            return self.view.names.resolve(node)
        scopes = (self.frame.environment, *self.frame.closure)
        value = next((scope[parts[0]] for scope in scopes if parts[0] in scope), None)
        path = (*value.path, *parts[1:]) if isinstance(value, Foreign) else ()
        return path[-1] if path[:1] == ("flowc",) and len(path) > 1 and "()" not in path else None

    def bind(self, name: str, value: object) -> None:
        """Bind a name in the function that is being evaluated."""
        self.environment_of(name)[name] = value

    def environment_of(self, name: str) -> Environment:
        """The names among which the current function binds a name."""
        frame = self.frame
        if name not in frame.outer:
            return frame.environment
        outer = frame.outer[name]
        return self.namespace(frame.view) if outer is None else outer

    def span(self, node: ast.AST) -> Span:
        """Where a node of the current file stands."""
        if self.frame.is_detached:
            return self.view.source.line_span(1)
        if node not in self._spans:
            self._spans[node] = self.view.span(node)
        return self._spans[node]

    def code(self, node: ast.AST) -> str:
        """The text of a node, shortened, as messages show it."""
        text = " ".join((ast.unparse(node) if self.frame.is_detached else self.view.code(node)).split())
        return text if len(text) <= 60 else f"{text[:57]}..."

    @contextmanager
    def within(self, frame: Frame) -> Generator[None]:
        """Evaluate in another function."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()

    @contextmanager
    def leniently(self) -> Generator[None]:
        """Evaluate code that may have values that are not known."""
        outer, self.lenient = self.lenient, True
        try:
            yield
        finally:
            self.lenient = outer
