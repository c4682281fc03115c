"""Steps and pipelines as files define them: functions with `@step` or `@pipeline` above, or applied by decorators."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from flowc_compiler.evaluate.evaluation_state import Recorded, Records
from flowc_compiler.evaluate.known_values import RecordedScope
from flowc_compiler.evaluate.values import Function, Unresolved
from flowc_compiler.frontend.pipelines.command_options import define_command
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction, StepFunction
from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer
from flowc_compiler.frontend.pipelines.settings.settings_calls import name_argument
from flowc_compiler.frontend.pipelines.types.signatures import outputs_of
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.served_imports import ServedName, callee

if TYPE_CHECKING:
    from flowc_compiler.evaluate.applied_decorators import AppliedDecorator
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

_Kind = Literal["step", "pipeline"]

_MISPLACED = "it is defined in a {}, and a task finds steps by their names at the top of a file"
_OUT_OF_CLASSES = "move `def {0}` out of the class, and call it by its own name, `{0}(...)`"
_OUT_OF_FUNCTIONS = "move `{0}` to the top level of the file, and pass it what it takes from the function"


@dataclass(frozen=True, eq=False)
class Misplaced(Unresolved):
    """A step or pipeline that is defined in a class or a function."""


def _keywords(applied: AppliedDecorator) -> list[ast.keyword]:
    items = applied.arguments.keywords.items()
    return [ast.keyword(key, cast("ast.expr", given.node)) for key, given in items]


def _written_out(applied: AppliedDecorator, node: FunctionNode) -> ast.expr:
    """A decorator that was applied, as if it stood above the function."""
    name = ast.copy_location(ServedName(applied.name, ast.Load()), node)
    positional = [cast("ast.expr", given.node) for given in applied.arguments.positional]
    return ast.copy_location(ast.Call(name, positional, _keywords(applied)), node)


def read_definition(
    evaluator: PipelineEvaluator, node: FunctionNode, function: Function, records: Records
) -> object | None:
    """The step or pipeline that a function with `@step` or `@pipeline` is, whatever other decorators it has.

    Those of the user's own run in the task, around the step.
    """
    kinds = {evaluator.view.names.resolve(callee(item)) for item in node.decorator_list}
    if not kinds & {"step", "pipeline"}:
        return define_command(evaluator, node, function)
    if evaluator.frame.is_class or evaluator.frame.function is not None:
        way_out = _OUT_OF_CLASSES if evaluator.frame.is_class else _OUT_OF_FUNCTIONS
        where = _MISPLACED.format("class" if evaluator.frame.is_class else "function")
        return Misplaced(where, way_out.format(node.name))
    kind: _Kind = "step" if "step" in kinds else "pipeline"
    item = next(item for item in node.decorator_list if evaluator.view.names.resolve(callee(item)) == kind)
    arguments: list[ast.expr | ast.keyword] = [*item.args, *item.keywords] if isinstance(item, ast.Call) else []
    return _definition(evaluator, function, kind, arguments, evaluator.view, records)


def read_applied_step(evaluator: PipelineEvaluator, value: object) -> object:
    """The step that a function is to which decorators of the user's own have applied `step`."""
    if not isinstance(value, Function) or evaluator.frame.is_class or evaluator.frame.function is not None:
        return value
    last = next((item for item in value.applied[::-1] if item.name == "step"), None)
    function = value.wraps or value
    if last is None or not isinstance(function.node, FunctionNode):
        return value
    given = [item for applied in value.applied for item in applied.arguments.all()]
    records: Records = {item.node: Recorded(item.value, None) for item in given}
    node = copy(function.node)
    node.decorator_list = [_written_out(item, function.node) for item in value.applied[::-1]]
    return _definition(
        evaluator, replace(function, node=node), "step", _keywords(last), last.view or evaluator.view, records
    )


def _definition(
    evaluator: PipelineEvaluator,
    function: Function,
    kind: _Kind,
    arguments: Sequence[ast.expr | ast.keyword],
    view: ModuleView,
    records: Records,
) -> StepFunction | PipelineFunction:
    """A step or a pipeline, with the arguments of its decorator, which stand in the file of `view`."""
    node = function.node
    assert isinstance(node, FunctionNode)
    scope = RecordedScope(evaluator, records)
    layer = SettingsLayer(kind=kind, of=kind, arguments=tuple(arguments), view=view, scope=scope, function=node)
    if kind == "pipeline":
        return PipelineFunction(evaluator.view, node, [layer], function.defaults)
    outputs = outputs_of(node, evaluator.view, evaluator.lasting_sink)
    name = name_argument(layer) or node.name
    return StepFunction(evaluator.view, _module_of(evaluator), node, outputs.names, outputs.many, [layer], name)


def _module_of(evaluator: PipelineEvaluator) -> str | None:
    """The name of the file that is evaluated; `None` for the flow's own."""
    view = evaluator.view
    return None if view is evaluator.main else evaluator.modules.module_name(view)
