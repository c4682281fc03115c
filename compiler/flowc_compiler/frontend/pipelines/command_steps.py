"""ZenML's `CommandStep(command=[...])`: a step that runs a command in the image of the step, and takes no values."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from flowc_compiler.evaluate.values import Function
from flowc_compiler.frontend.pipelines.pipeline_values import StepFunction

if TYPE_CHECKING:
    from flowc_compiler.evaluate.evaluation_state import BoundValue
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
    from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer

NAME = "CommandStep"
"""What such a step is called by default."""


def command_step(evaluator: PipelineEvaluator, node: ast.Call, layer: SettingsLayer, name: str | None) -> StepFunction:
    """The step that a call of `CommandStep` makes, with the layer of its other arguments.

    Raises EvaluationError with FC113 for a command that is not known, or is none.
    """
    arguments = evaluator.arguments_of(node)
    given = arguments.positional[0] if arguments.positional else arguments.keywords.get("command")
    if given is None or len(arguments.positional) > 1:
        raise evaluator.refuse("FC113", f"`{NAME}` takes a command", node, f"write `{NAME}(command=['make', 'all'])`")
    function = ast.FunctionDef(
        name=name or NAME,
        args=ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]),
        body=[ast.copy_location(ast.Pass(), node)],
        decorator_list=[],
        returns=ast.copy_location(ast.Constant(value=None), node),
    )
    layer = replace(layer, kind="step", function=None)
    return StepFunction(
        evaluator.view, None, ast.copy_location(function, node), (), False, [layer], function.name,
        command=_words(evaluator, given),
    )  # fmt: skip


def _words(evaluator: PipelineEvaluator, given: BoundValue) -> tuple[str, ...]:
    """The words of a command; of a function, those that run its code in a Python of its own."""
    value = given.value
    if isinstance(value, Function) and isinstance(value.node, ast.FunctionDef):
        if signature := ast.unparse(value.node.args):
            message = f"the function `{value.node.name}` takes {signature}, and a command step gives it nothing"
            raise evaluator.refuse("FC113", message, given.node, "give it no parameters, or write a step")
        source = ast.get_source_segment(value.view.source.text, value.node, padded=True) or ""
        return ("python", "-c", f"{textwrap.dedent(source)}\n{value.node.name}()\n")
    items = list(cast("list[object]", value)) if isinstance(value, list | tuple) else []
    words = tuple(item for item in items if isinstance(item, str))
    if not words or len(words) < len(items):
        message = f"the command `{evaluator.code(given.node)}` is not a list of texts that is known"
        raise evaluator.refuse("FC113", message, given.node, "write it out: ['make', 'all']")
    return words
