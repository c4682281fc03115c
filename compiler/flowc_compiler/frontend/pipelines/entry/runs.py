"""Which pipeline of a file is meant, and what it is called with at the end of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst

from flowc_compiler.frontend.pipelines.calling.signature import Signature, signature_of
from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import Environment, HelperFunction, PipelineFunction, Unusable
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
    call: cst.Call
    span: Span
    arguments: dict[str, object] = field(default_factory=dict[str, object])
    """Values by parameter; a `Problem` for one that is not known."""


class RunFinder:
    """Looks at what a file does when it is run."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._view = machine.view
        self._functions = {item.name.value: item for item in self._view.tree.body if isinstance(item, cst.FunctionDef)}
        self._open: list[str] = []
        self.runs: list[Run] = []

    def find(self) -> list[Run]:
        """The calls of pipelines, in order."""
        statements = [item for item in self._view.tree.body if not isinstance(item, cst.FunctionDef | cst.ClassDef)]
        self._block(statements, {}, top=True)
        return self.runs

    def _block(self, statements: Sequence[cst.CSTNode], environment: Environment, *, top: bool = False) -> None:
        for item in statements:
            match item:
                case cst.SimpleStatementLine(body=small):
                    for statement in small:
                        self._small(statement, environment, top=top)
                case cst.FunctionDef() | cst.ClassDef():
                    pass
                case _:
                    self._compound(item, environment)

    def _compound(self, item: cst.CSTNode, environment: Environment) -> None:
        """`if __name__ == "__main__":` and other statements with a body: all of them are looked into."""
        if isinstance(item, cst.BaseSuite):
            self._block(item.body, environment)
            return
        for child in item.children:
            if isinstance(child, cst.BaseSuite | cst.Else | cst.If | cst.ExceptHandler | cst.Finally):
                self._compound(child, environment)
            elif isinstance(child, cst.BaseExpression):
                self._calls(child, environment)

    def _small(self, statement: cst.BaseSmallStatement, environment: Environment, *, top: bool) -> None:
        value = getattr(statement, "value", None)
        if not isinstance(value, cst.BaseExpression):
            return
        found = self._calls(value, environment)
        if top or not isinstance(statement, cst.Assign | cst.AnnAssign):
            return
        targets = (
            [statement.target] if isinstance(statement, cst.AnnAssign) else [item.target for item in statement.targets]
        )
        known: object = Unusable("it is known when the file is run only", "")
        if not found:
            with self._machine.within(Frame(self._view, environment)):
                evaluated, problem = self._machine.attempt(value)
            known = evaluated if problem is None else Unusable(problem.message, problem.help)
        for target in targets:
            if isinstance(target, cst.Name):
                environment[target.value] = known

    def _calls(self, node: cst.CSTNode, environment: Environment) -> bool:
        """Note the pipelines that an expression calls; whether there are any."""
        pending: list[cst.CSTNode] = [node]
        found = False
        while pending:
            current = pending.pop()
            if isinstance(current, cst.Lambda):
                continue
            if isinstance(current, cst.Call) and self._call(current, environment):
                found = True
                continue
            pending.extend(reversed(current.children))
        return found

    def _call(self, call: cst.Call, environment: Environment) -> bool:
        callee = self._callee(call.func, environment)
        if isinstance(callee, PipelineFunction):
            with self._machine.within(Frame(self._view, environment)):
                self.runs.append(self._run(callee, call))
            return True
        if isinstance(call.func, cst.Name) and call.func.value in self._functions and callee is not None:
            self._function(self._functions[call.func.value], call, environment)
            return True
        return False

    def _callee(self, node: cst.BaseExpression, environment: Environment) -> object:
        """What is called: a pipeline, also of a module, or a function of the file; `None` for the rest."""
        root = node
        while isinstance(root, cst.Attribute | cst.Call):
            root = root.func if isinstance(root, cst.Call) else root.value
        if not isinstance(root, cst.Name):
            return None
        if (
            root.value not in environment
            and not self._machine.file(self._view).binds(root.value)
            and root.value not in self._view.imports
        ):
            return None
        with self._machine.within(Frame(self._view, environment)):
            value, problem = self._machine.attempt(node)
        if isinstance(node, cst.Name) and node.value in self._functions and not isinstance(value, PipelineFunction):
            return HelperFunction(self._view, self._functions[node.value])
        return value if problem is None and isinstance(value, PipelineFunction) else None

    def _function(self, function: cst.FunctionDef, call: cst.Call, environment: Environment) -> None:
        """Look into a function that is called."""
        name = function.name.value
        if name in self._open or len(self._open) >= _DEEPEST:
            return
        with self._machine.within(Frame(self._view, environment)):
            bound = _bound(self._machine, signature_of(function), call)
        inner: Environment = {}
        for parameter in signature_of(function).named:
            value = bound.get(parameter.name.value)
            if value is None and parameter.default is not None and not function.decorators:
                with self._machine.within(Frame(self._view, {})):
                    evaluated, problem = self._machine.attempt(parameter.default)
                value = (evaluated,) if problem is None else None
            known = value[0] if value is not None else Problem("", self._machine.span(call))
            unknown = Unusable(f"`{parameter.name.value}` is known when the file is run only", "")
            inner[parameter.name.value] = unknown if isinstance(known, Problem) else known
        self._open.append(name)
        self._block(function.body.body, inner)
        self._open.pop()

    def _run(self, pipeline: PipelineFunction, call: cst.Call) -> Run:
        machine = self._machine
        bound = _bound(machine, signature_of(pipeline.node), call)
        return Run(pipeline, call, machine.span(call), {name: value[0] for name, value in bound.items()})


def _bound(machine: Machine, signature: Signature, call: cst.Call) -> dict[str, tuple[object]]:
    """The values of a call's arguments by parameter; what does not fit is told when the pipeline is evaluated."""
    names = [item.name.value for item in signature.positional]
    found: dict[str, tuple[object]] = {}
    for place, arg in enumerate(call.args):
        value, problem = machine.attempt(arg.value)
        known = value if problem is None else Problem(problem.message, machine.span(arg.value))
        if arg.star == "**" and isinstance(known, dict):
            found.update({str(key): (item,) for key, item in known.items()})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        elif arg.star:
            for item in signature.named:
                found.setdefault(item.name.value, (Problem("it is unpacked", machine.span(arg.value)),))
        elif arg.keyword is not None:
            found[arg.keyword.value] = (known,)
        elif place < len(names):
            found[names[place]] = (known,)
    return found
