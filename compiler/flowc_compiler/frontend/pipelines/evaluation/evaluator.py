"""The evaluator: what every kind of expression is evaluated by, and what names stand for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.calling import calls
from flowc_compiler.frontend.pipelines.calling.inlining import defaults_of
from flowc_compiler.frontend.pipelines.code import conditions, expressions, switches
from flowc_compiler.frontend.pipelines.code.comprehensions import comprehension
from flowc_compiler.frontend.pipelines.code.statements import execute
from flowc_compiler.frontend.pipelines.evaluation import lookups
from flowc_compiler.frontend.pipelines.evaluation.lookups import usable
from flowc_compiler.frontend.pipelines.evaluation.machine import Arguments, Machine, Signal, Statement
from flowc_compiler.frontend.pipelines.evaluation.modulenames import ModuleNames
from flowc_compiler.frontend.pipelines.evaluation.objects import Environment, HelperFunction, Unusable
from flowc_compiler.frontend.pipelines.evaluation.refusals import refuse_expression
from flowc_compiler.frontend.pipelines.types.evaluation_types import TypeHook
from flowc_compiler.syntax.import_root import find_import_root
from flowc_compiler.syntax.modules import LocalModules, ModuleView

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator


class Evaluator(Machine):
    """Evaluates pipelines of one file."""

    def __init__(
        self,
        main: ModuleView,
        modules: LocalModules,
        sink: DiagnosticSink,
        hook: TypeHook,
        attached: Sequence[CliDecorator],
    ) -> None:
        super().__init__(modules, sink, hook, attached)
        self._main = main
        self._files: dict[ModuleView, ModuleNames] = {}

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression. Raises RefusedError, ExhaustedError."""
        self.tick(node)
        evaluate = _EXPRESSIONS.get(type(node))
        if evaluate is None:
            raise refuse_expression(self, node)
        value = evaluate(self, node)
        return usable(self, value, node) if type(value) is Unusable else value

    def execute(self, statements: Sequence[Statement]) -> Signal:
        """Run statements. Raises RefusedError, ExhaustedError."""
        return execute(self, statements)

    def call(self, callee: object, arguments: Arguments, node: ast.expr) -> object:
        """The value of a call. Raises RefusedError, ExhaustedError."""
        return calls.call_value(self, callee, arguments, node)

    def file(self, view: ModuleView) -> ModuleNames:
        """The names of a file."""
        if view not in self._files:
            self._files[view] = ModuleNames(view, self._module_of(view), self)
        return self._files[view]

    def module_names(self) -> Sequence[Environment]:
        """The names of modules that were looked up."""
        return [names.values for names in self._files.values()]

    def is_local(self, name: str) -> bool:
        """Whether a name is bound in the functions that are being evaluated."""
        frame = self.frame
        return name in frame.local or any(name in scope for scope in (frame.environment, *frame.closure))

    def _module_of(self, view: ModuleView) -> str | None:
        if view is self._main:
            return None
        folder = find_import_root(self._main.source).folder
        path = Path(view.source.path).absolute()
        parts = path.resolve().relative_to(folder.resolve()).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _lambda(machine: Machine, node: ast.Lambda) -> object:
    frame = machine.frame
    return HelperFunction(frame.view, node, (frame.environment, *frame.closure), defaults_of(machine, node))


def _named(machine: Machine, node: ast.NamedExpr) -> object:
    """`(name := value)`."""
    value = machine.evaluate(node.value)
    frame = machine.frame
    while frame.around is not None:
        frame = frame.around
    frame.environment[node.target.id] = value
    return value


_EXPRESSIONS: dict[type[ast.AST], Callable[[Any, Any], object]] = {
    ast.Constant: expressions.literal,
    ast.JoinedStr: expressions.formatted,
    ast.Name: lookups.name,
    ast.Attribute: lookups.attribute,
    ast.Call: calls.call,
    ast.Subscript: expressions.subscript,
    ast.List: lambda machine, node: expressions.elements(machine, node.elts),
    ast.Tuple: lambda machine, node: tuple(expressions.elements(machine, node.elts)),
    ast.Set: expressions.make_set,
    ast.Dict: expressions.make_dict,
    ast.UnaryOp: lambda machine, node: (
        conditions.negation(machine, node.operand) if isinstance(node.op, ast.Not) else expressions.unary(machine, node)
    ),
    ast.BinOp: expressions.operation,
    ast.BoolOp: conditions.boolean,
    ast.Compare: conditions.comparison,
    ast.IfExp: switches.conditional,
    ast.ListComp: comprehension,
    ast.SetComp: comprehension,
    ast.DictComp: comprehension,
    ast.GeneratorExp: comprehension,
    ast.Lambda: _lambda,
    ast.NamedExpr: _named,
}
