"""What names at the top level of a file stand for: functions, constants, and what is imported from local modules.

A name has the value that it has when the file was read to its end: where it is bound several times, by statements that
stand directly in the file, the last one counts. Nothing is executed: a name is evaluated when it is used.
"""

from __future__ import annotations

import ast
from functools import cached_property

from flowc_compiler.frontend.decorators.decorator_arguments import callee
from flowc_compiler.frontend.pipelines.calling.functions import configured, pipeline_function, step_function
from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    Environment,
    FunctionNode,
    HelperFunction,
    PipelineFunction,
    StepFunction,
    Unusable,
)
from flowc_compiler.frontend.pipelines.settings.settings_layer import SettingsLayer
from flowc_compiler.frontend.values.bindings import Bindings, bindings, may_change
from flowc_compiler.syntax.modules import ModuleView

_IMMUTABLE = (
    str,
    int,
    float,
    bool,
    bytes,
    tuple,
    frozenset,
    type(None),
    StepFunction,
    PipelineFunction,
    HelperFunction,
)


def _is_immutable(value: object) -> bool:
    return isinstance(value, _IMMUTABLE)


_OUT_OF_CLASSES = "use it in a step; a step or pipeline that is defined in a class has to be a function of the file"


class ModuleNames:
    """The names of one file."""

    def __init__(self, view: ModuleView, module: str | None, machine: Machine) -> None:
        self.view = view
        self.module = module
        """The dotted name by which tasks import the file; `None` for the flow's own."""
        self.values: Environment = {}
        """What was looked up."""
        self._machine = machine
        self._open: set[str] = set()

    @cached_property
    def _bound(self) -> Bindings:
        return bindings(self.view.tree.body)

    def binds(self, name: str) -> bool:
        """Whether the file gives that name a meaning."""
        return name in self._bound

    def value(self, name: str, node: ast.AST) -> object:
        """What a name of the file stands for. Raises RefusedError."""
        if name not in self.values:
            if name in self._open:
                raise self._machine.refuse("FC110", f"`{name}` needs itself", node, "write the value out")
            self._open.add(name)
            try:
                self.values[name] = self._evaluate(name)
            finally:
                self._open.discard(name)
        return self.values[name]

    def _evaluate(self, name: str) -> object:
        statements = self._statements(name)
        if any(isinstance(item, ast.ClassDef) and item.name == name for item in self.view.tree.body):
            return Unusable("classes are for steps: the body is compiled, and not run", _OUT_OF_CLASSES)
        if not statements:
            return Unusable(
                f"the value of `{name}` cannot be told without running the file",
                "bind it once, directly in the file, to a value that is written out",
            )
        value: object = None
        frame = Frame(self.view, {})
        for statement in statements:
            frame.environment[name] = value
            if isinstance(statement, FunctionNode):
                value = self.function(statement)
                continue
            with self._machine.within(frame):
                value, problem = self._machine.attempt(statement)
            if problem is not None:
                return Unusable(problem.message, problem.help)
        if not _is_immutable(value) and may_change(name, self.view.source.text):
            return Unusable(
                f"`{name}` may be changed somewhere in the file",
                "pass the value to the pipeline, or make it in the pipeline's body",
            )
        return self._configured(name, value)

    def _statements(self, name: str) -> list[FunctionNode | ast.expr]:
        """What a name is bound to, in order; nothing where that is not certain."""
        found: list[FunctionNode | ast.expr] = []
        for statement in self.view.tree.body:
            bound = bindings([statement])
            if name not in bound:
                continue
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    found.append(statement)
                case _:
                    value = bound[name]
                    if value is None:
                        return []
                    found.append(value)
        return found

    def function(self, node: FunctionNode) -> object:
        """What a function definition of the file makes."""
        names = self.view.names
        kinds = {names.resolve(callee(item)) for item in node.decorator_list}
        if "step" in kinds:
            return step_function(self._machine, self.view, self.module, node)
        if "pipeline" in kinds:
            return pipeline_function(self._machine, self.view, node)
        if node.decorator_list:
            shown = self.view.code(callee(node.decorator_list[0]))
            return Unusable(f"`{node.name}` has the decorator `@{shown}`, which flowc cannot run", "remove it")
        return HelperFunction(self.view, node)

    def _configured(self, name: str, value: object) -> object:
        """A step or pipeline after the calls of `name.configure(...)` that stand in the file."""
        if isinstance(value, StepFunction | PipelineFunction):
            for statement in self.view.tree.body:
                match statement:
                    case ast.Expr(
                        value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="configure")) as call
                    ) if owner == name:
                        with self._machine.within(Frame(self.view, {})):
                            value.layers.append(self._layer(value, call))
                    case _:
                        pass
        return value

    def _layer(self, value: StepFunction | PipelineFunction, call: ast.Call) -> SettingsLayer:
        return configured(self._machine, value, call, "configure")
