"""Which pipeline of a file is meant, and what it is called with at the end of the file."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from flowc_compiler.frontend.pipelines.calling.signature import Signature, signature_of
from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    Environment,
    FunctionNode,
    HelperFunction,
    PipelineFunction,
    Unusable,
)
from flowc_compiler.source import Span

_DEEPEST = 5
"""How deeply functions that are called at the end of the file are looked into."""


@dataclass(frozen=True, eq=False)
class Problem:
    """An argument whose value is not known, and why."""

    message: str
    span: Span


@dataclass(eq=False)
class Run:
    """A call of a pipeline where the file is run: not in another pipeline."""

    pipeline: PipelineFunction
    call: ast.Call
    span: Span
    arguments: dict[str, object] = field(default_factory=dict[str, object])
    """Values by parameter; a `Problem` for one that is not known."""


class RunFinder:
    """Looks at what a file does when it is run."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._view = machine.view
        self._functions = {item.name: item for item in self._view.tree.body if isinstance(item, FunctionNode)}
        self._open: list[str] = []
        self.runs: list[Run] = []

    def find(self) -> list[Run]:
        """The calls of pipelines, in order."""
        statements = [item for item in self._view.tree.body if not isinstance(item, FunctionNode | ast.ClassDef)]
        self._block(statements, {}, top=True)
        return self.runs

    def _block(self, statements: Sequence[ast.AST], environment: Environment, *, top: bool = False) -> None:
        for item in statements:
            match item:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    pass
                case ast.If() | ast.For() | ast.AsyncFor() | ast.While() | ast.Try() | ast.With() | ast.Match():
                    self._compound(item, environment)
                case _:
                    self._small(item, environment, top=top)

    def _compound(self, item: ast.AST, environment: Environment) -> None:
        """`if __name__ == "__main__":` and other statements with a body: all of them are looked into."""
        for child in ast.iter_child_nodes(item):
            if isinstance(child, ast.stmt):
                self._block([child], environment)
            elif isinstance(child, ast.ExceptHandler | ast.match_case):
                self._block(child.body, environment)
            elif isinstance(child, ast.expr):
                self._calls(child, environment)

    def _small(self, statement: ast.AST, environment: Environment, *, top: bool) -> None:
        value = getattr(statement, "value", None)
        if not isinstance(value, ast.expr):
            return
        found = self._calls(value, environment)
        if top or not isinstance(statement, ast.Assign | ast.AnnAssign):
            return
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else statement.targets
        known: object = Unusable("it is known when the file is run only", "")
        if not found:
            with self._machine.within(Frame(self._view, environment)):
                evaluated, problem = self._machine.attempt(value)
            known = evaluated if problem is None else Unusable(problem.message, problem.help)
        for target in targets:
            if isinstance(target, ast.Name):
                environment[target.id] = known

    def _calls(self, node: ast.AST, environment: Environment) -> bool:
        """Note the pipelines that an expression calls; whether there are any."""
        pending: list[ast.AST] = [node]
        found = False
        while pending:
            current = pending.pop()
            if isinstance(current, ast.Lambda):
                continue
            if isinstance(current, ast.Call) and self._call(current, environment):
                found = True
                continue
            pending.extend(reversed(list(ast.iter_child_nodes(current))))
        return found

    def _call(self, call: ast.Call, environment: Environment) -> bool:
        callee = self._callee(call.func, environment)
        if isinstance(callee, PipelineFunction):
            with self._machine.within(Frame(self._view, environment)):
                self.runs.append(self._run(callee, call))
            return True
        if isinstance(call.func, ast.Name) and call.func.id in self._functions and callee is not None:
            self._function(self._functions[call.func.id], call, environment)
            return True
        return False

    def _callee(self, node: ast.expr, environment: Environment) -> object:
        """What is called: a pipeline, also of a module, or a function of the file; `None` for the rest."""
        root = node
        while isinstance(root, ast.Attribute | ast.Call):
            root = root.func if isinstance(root, ast.Call) else root.value
        if not isinstance(root, ast.Name):
            return None
        if (
            root.id not in environment
            and not self._machine.file(self._view).binds(root.id)
            and root.id not in self._view.imports
        ):
            return None
        with self._machine.within(Frame(self._view, environment)):
            value, problem = self._machine.attempt(node)
        if isinstance(node, ast.Name) and node.id in self._functions and not isinstance(value, PipelineFunction):
            return HelperFunction(self._view, self._functions[node.id])
        return value if problem is None and isinstance(value, PipelineFunction) else None

    def _function(self, function: FunctionNode, call: ast.Call, environment: Environment) -> None:
        """Look into a function that is called."""
        name = function.name
        if name in self._open or len(self._open) >= _DEEPEST:
            return
        with self._machine.within(Frame(self._view, environment)):
            bound = _bound(self._machine, signature_of(function), call)
        inner: Environment = {}
        for parameter in signature_of(function).named:
            value = bound.get(parameter.name)
            if value is None and parameter.default is not None and not function.decorator_list:
                with self._machine.within(Frame(self._view, {})):
                    evaluated, problem = self._machine.attempt(parameter.default)
                value = (evaluated,) if problem is None else None
            known = value[0] if value is not None else Problem("", self._machine.span(call))
            unknown = Unusable(f"`{parameter.name}` is known when the file is run only", "")
            inner[parameter.name] = unknown if isinstance(known, Problem) else known
        self._open.append(name)
        self._block(function.body, inner)
        self._open.pop()

    def _run(self, pipeline: PipelineFunction, call: ast.Call) -> Run:
        machine = self._machine
        bound = _bound(machine, signature_of(pipeline.node), call)
        return Run(pipeline, call, machine.span(call), {name: value[0] for name, value in bound.items()})


def _bound(machine: Machine, signature: Signature, call: ast.Call) -> dict[str, tuple[object]]:
    """The values of a call's arguments by parameter; what does not fit is told when the pipeline is evaluated."""
    names = [item.name for item in signature.positional]
    found: dict[str, tuple[object]] = {}
    for place, arg in enumerate((*call.args, *call.keywords)):
        node = arg.value if isinstance(arg, ast.Starred | ast.keyword) else arg
        value, problem = machine.attempt(node)
        known = value if problem is None else Problem(problem.message, machine.span(node))
        if isinstance(arg, ast.keyword) and arg.arg is not None:
            found[arg.arg] = (known,)
        elif isinstance(arg, ast.keyword) and isinstance(known, dict):
            found.update({str(key): (item,) for key, item in known.items()})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        elif isinstance(arg, ast.keyword | ast.Starred):
            for item in signature.named:
                found.setdefault(item.name, (Problem("it is unpacked", machine.span(node)),))
        elif place < len(names):
            found[names[place]] = (known,)
    return found
