"""The state of an evaluation: names, regions of the graph, limits, and how errors are told.

The parts that evaluate expressions, statements and calls need each other; they meet in this class, which the evaluator
completes.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink
from flowc_compiler.frontend.pipelines.calling.nodes import Nodes
from flowc_compiler.frontend.pipelines.evaluation.limits import MOST_OPERATIONS
from flowc_compiler.frontend.pipelines.evaluation.objects import Environment, StepFunction
from flowc_compiler.frontend.pipelines.graph import Node, Region
from flowc_compiler.frontend.pipelines.settings.layer_specs import step_specs
from flowc_compiler.frontend.pipelines.settings.settings_layer import SettingsLayer
from flowc_compiler.frontend.pipelines.types.evaluation_types import TypeHook
from flowc_compiler.ir import StepSpecs
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.names import dotted

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator

Statement = ast.stmt


class RefusedError(Exception):
    """What was evaluated has no value; a diagnostic says why."""


class ExhaustedError(Exception):
    """A limit is exceeded, with a diagnostic: the evaluation ends."""


@dataclass(frozen=True)
class Returned:
    """`return`: the function is left with a value."""

    value: object


Signal = Returned | Literal["break", "continue"] | None
"""How statements end: `None` where they run through."""


@dataclass(frozen=True)
class Given:
    """An argument of a call."""

    value: object
    node: ast.AST
    """Where it is written."""


@dataclass
class Arguments:
    """The arguments of a call, evaluated."""

    positional: list[Given] = field(default_factory=list[Given])
    keywords: dict[str, Given] = field(default_factory=dict[str, Given])

    def pop(self, name: str) -> Given | None:
        """Take a keyword argument out."""
        return self.keywords.pop(name, None)


@dataclass(eq=False)
class Frame:
    """One function that is being evaluated."""

    view: ModuleView
    environment: Environment
    closure: tuple[Environment, ...] = ()
    """The names of the functions around it, innermost first."""
    local: frozenset[str] = frozenset()
    """Names that the function binds somewhere: of these there is no value in the module."""
    loops: int = 0
    """How many loops of the function are being evaluated."""
    around: Frame | None = None
    """Of a comprehension: what it stands in, where `:=` in it binds names."""


class FileNames(Protocol):
    """The names at the top level of a file."""

    def binds(self, name: str) -> bool:
        """Whether the file gives that name a meaning."""
        ...

    def value(self, name: str, node: ast.AST) -> object:
        """What a name stands for. Raises RefusedError."""
        ...


class Waiting(NamedTuple):
    """A name in `after=` of a step that is not called yet."""

    node: Node
    name: str
    path: tuple[Region, ...]
    """The regions around the node."""
    span: Span


class Machine(ABC):
    """Evaluates one pipeline."""

    def __init__(
        self, modules: LocalModules, sink: DiagnosticSink, hook: TypeHook, attached: Sequence[CliDecorator]
    ) -> None:
        self.modules = modules
        self.sink = sink
        """Where errors are collected: a scratch sink while an expression is tried out."""
        self.lasting_sink = sink
        """Where what is wrong with a definition is collected, whatever it was looked at for."""
        self.hook = hook
        self.attached = attached
        self.frames: list[Frame] = []
        self.nodes = Nodes()
        self.pipeline_layers: tuple[SettingsLayer, ...] = ()
        """What configures the pipeline that is compiled, and so its steps."""
        self.arms = 0
        """How many arms of an `if` on results are around."""
        self._left = MOST_OPERATIONS
        self.frozen: dict[int, tuple[object, str]] = {}
        """Lists, dicts and sets that can only be read, by identity, and why."""
        self.waiting: list[Waiting] = []
        self._specs: dict[tuple[int, ...], tuple[tuple[SettingsLayer, ...], StepSpecs]] = {}
        self._spans: dict[ast.AST, Span] = {}

    @property
    def frame(self) -> Frame:
        """The function that is being evaluated."""
        return self.frames[-1]

    @property
    def view(self) -> ModuleView:
        """The file of the code that is being evaluated."""
        return self.frames[-1].view

    @abstractmethod
    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression. Raises RefusedError, ExhaustedError."""

    @abstractmethod
    def execute(self, statements: Sequence[Statement]) -> Signal:
        """Run statements one after the other. Raises RefusedError, ExhaustedError."""

    @abstractmethod
    def call(self, callee: object, arguments: Arguments, node: ast.expr) -> object:
        """The value of a call. Raises RefusedError, ExhaustedError."""

    @abstractmethod
    def is_local(self, name: str) -> bool:
        """Whether a name is bound in the functions that are being evaluated, or by an assignment in their file."""

    def served(self, node: ast.expr) -> str | None:
        """The name of flowc's or ZenML's that an expression stands for."""
        root = dotted(node)[:1]
        return None if not root or self.is_local(root[0]) else self.view.names.resolve(node)

    def specs_of(self, step: StepFunction) -> StepSpecs:
        """What a step asks for, the pipeline's own settings included."""
        layers = (*self.pipeline_layers, *step.layers)
        key = tuple(map(id, layers))
        if key not in self._specs:
            self._specs[key] = (layers, step_specs(layers, self.sink, self.attached))
        return self._specs[key][1]

    @abstractmethod
    def file(self, view: ModuleView) -> FileNames:
        """What names at the top level of a file stand for."""

    @abstractmethod
    def module_names(self) -> Sequence[Environment]:
        """The names of modules that were looked up, as environments."""

    def tick(self, node: ast.AST) -> None:
        """Count one operation. Raises ExhaustedError when there were too many."""
        self._left -= 1
        if self._left < 0:
            self.exhausted("the pipeline's body takes too long to evaluate", node, "do the work in a step")

    def exhausted(self, message: str, node: ast.AST, help: str) -> None:
        """Collect FC114 and raise ExhaustedError."""
        self.sink.error("FC114", message, self.span(node), help=help)
        raise ExhaustedError

    def refuse(self, code: str, message: str, node: ast.AST, help: str) -> RefusedError:
        """Collect an error at a node; for the caller to raise."""
        self.sink.error(code, message, self.span(node), help=help)
        return RefusedError()

    def check_free(self, value: object, node: ast.AST) -> None:
        """Raise RefusedError with FC223 for a list, dict or set that may not be changed any more."""
        _, why = self.frozen.get(id(value), (None, ""))
        if why:
            message = f"this cannot be changed: {why}"
            raise self.refuse("FC223", message, node, "change a copy: `list(...)`, `dict(...)`")

    def attempt(self, node: ast.expr) -> tuple[object, Diagnostic | None]:
        """The value of an expression, or the error that says why it has none; nothing is collected.

        The error has no message where an earlier one says it.
        """
        sink, self.sink = self.sink, DiagnosticSink()
        try:
            return self.evaluate(node), None
        except RefusedError:
            errors = (item for item in self.sink.diagnostics if item.severity == "error")
            return None, next(errors, Diagnostic(code="FC112", severity="error", message=""))
        finally:
            self.sink = sink

    def span(self, node: ast.AST) -> Span:
        """Where a node of the current file stands."""
        if node not in self._spans:
            self._spans[node] = self.view.span(node)
        return self._spans[node]

    def code(self, node: ast.AST) -> str:
        """The text of a node, shortened, as messages show it."""
        text = " ".join(self.view.code(node).split())
        return text if len(text) <= 60 else f"{text[:57]}..."

    @contextmanager
    def within(self, frame: Frame) -> Generator[None]:
        """Evaluate in another function."""
        self.frames.append(frame)
        try:
            yield
        finally:
            self.frames.pop()
