"""A pipeline that is called in another one: its steps become steps of its caller."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.evaluation_state import CallArguments
from flowc_compiler.evaluate.functions import bind, call_function, signature_of
from flowc_compiler.evaluate.values import Function
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction
from flowc_compiler.frontend.pipelines.types.pipeline_types import BoundArgument
from flowc_compiler.syntax.served_imports import callee

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator


def call_pipeline(
    evaluator: PipelineEvaluator, pipeline: PipelineFunction, arguments: CallArguments, node: ast.expr
) -> object:
    """What a pipeline returns that is called in another one: its steps become those of the caller, as in ZenML."""
    own = {item.name for item in signature_of(pipeline.node).named}
    for name in ("id", "after"):
        if name in arguments.keywords and name not in own:
            message = f"the pipeline `{pipeline.name}` takes no `{name}`: its steps become steps of this pipeline"
            raise evaluator.refuse(
                "FC113", message, arguments.keywords[name].node, f"give `{name}=` to the steps in it"
            )

    _check_circle(evaluator, pipeline, node)
    _report_unused(evaluator, pipeline, node)
    bound = bind(evaluator, signature_of(pipeline.node), arguments, pipeline.name, node)
    checked = [BoundArgument(key, given.value, evaluator.span(given.node)) for key, given in bound.named.items()]
    evaluator.hook.check_pipeline(pipeline, checked)
    evaluator.calling.append(pipeline)
    try:
        return call_function(evaluator, Function(pipeline.view, pipeline.node, (), pipeline.defaults), arguments, node)
    finally:
        evaluator.calling.pop()


def _check_circle(evaluator: PipelineEvaluator, pipeline: PipelineFunction, node: ast.expr) -> None:
    """Refuse, with FC228, a call of a pipeline that is being called, or compiled."""
    above = [item.node for item in evaluator.calling]
    if pipeline.node in above:
        circle = [*evaluator.calling[above.index(pipeline.node) :], pipeline]
        message = f"pipelines call each other without an end: {' calls '.join(f'`{item.name}`' for item in circle)}"
        help_ = "a called pipeline becomes a part of its caller: let one of them do without the other"
        raise evaluator.refuse("FC228", message, node, help_)


def _report_unused(evaluator: PipelineEvaluator, pipeline: PipelineFunction, node: ast.expr) -> None:
    """Warn (FC409) of decorators and settings of a called pipeline: those of the caller count, as in ZenML."""
    names = [evaluator.served_name(callee(item)) for item in pipeline.node.decorator_list]
    unused = [f"`@{name}`" for name in names if name not in {None, "pipeline"}]
    given = (item.arg for layer in pipeline.layers for item in layer.arguments if isinstance(item, ast.keyword))
    unused += [f"`{name}`" for name in dict.fromkeys(given) if name not in {None, "dynamic", "name"}]
    if unused and pipeline.node not in evaluator.with_unused_settings:
        evaluator.with_unused_settings.add(pipeline.node)
        message = f"{', '.join(unused)} of pipeline `{pipeline.name}` count only where it runs by itself"
        evaluator.lasting_sink.warning(
            "FC409", message, evaluator.span(node), help="write it on the pipeline that calls it"
        )
