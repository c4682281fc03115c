"""Steps and pipelines as values: made from their functions, copied and configured."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Literal

from flowc_compiler.frontend.decorators.decorator_arguments import callee
from flowc_compiler.frontend.pipelines.calling.outputs import outputs_of
from flowc_compiler.frontend.pipelines.evaluation.bodyscope import BodyScope
from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import FunctionNode, PipelineFunction, StepFunction
from flowc_compiler.frontend.pipelines.settings.settings_layer import SettingsLayer
from flowc_compiler.frontend.values.literals import NotLiteralError, evaluate
from flowc_compiler.syntax.modules import ModuleView


def step_function(machine: Machine, view: ModuleView, module: str | None, node: FunctionNode) -> StepFunction:
    """The step that a function with `@step` is."""
    layer = _decorator(machine, view, node, "step")
    if isinstance(node, ast.AsyncFunctionDef):
        machine.lasting_sink.error(
            "FC107", f"the step `{node.name}` is `async`", view.name_span(node),
            help="write `def`, and call `asyncio.run(...)` inside of it",
        )  # fmt: skip
    outputs = outputs_of(node, view, machine.lasting_sink)
    name = _name_argument(layer) or node.name
    return StepFunction(view, module, node, outputs.names, outputs.many, [layer], name)


def pipeline_function(machine: Machine, view: ModuleView, node: FunctionNode) -> PipelineFunction:
    """The pipeline that a function with `@pipeline` is."""
    return PipelineFunction(view, node, [_decorator(machine, view, node, "pipeline")])


def configured(
    machine: Machine,
    function: StepFunction | PipelineFunction,
    call: ast.Call,
    kind: Literal["configure", "with_options"],
) -> SettingsLayer:
    """The layer that a call of `.configure` or `.with_options` is."""
    return SettingsLayer(
        kind=kind,
        of="step" if isinstance(function, StepFunction) else "pipeline",
        arguments=(*call.args, *call.keywords),
        view=machine.view,
        scope=BodyScope(machine, machine.frame),
    )


def with_layer(function: StepFunction | PipelineFunction, layer: SettingsLayer) -> StepFunction | PipelineFunction:
    """A copy of a step or pipeline that is configured further."""
    return replace(function, layers=[*function.layers, layer])


def _decorator(
    machine: Machine, view: ModuleView, node: FunctionNode, kind: Literal["step", "pipeline"]
) -> SettingsLayer:
    item = next(item for item in node.decorator_list if view.names.resolve(callee(item)) == kind)
    return SettingsLayer(
        kind=kind,
        of=kind,
        arguments=(*item.args, *item.keywords) if isinstance(item, ast.Call) else (),
        view=view,
        scope=BodyScope(machine, Frame(view, {})),
        function=node,
    )


def _name_argument(layer: SettingsLayer) -> str | None:
    """The value of `@step(name=...)`, where it is known; the reader of settings tells when it is not."""
    for arg in layer.arguments:
        if isinstance(arg, ast.keyword) and arg.arg == "name":
            try:
                name = evaluate(arg.value, layer.scope)
            except NotLiteralError:
                return None
            return name if isinstance(name, str) and name else None
    return None
