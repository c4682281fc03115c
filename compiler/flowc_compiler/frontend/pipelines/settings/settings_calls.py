"""Calls that configure steps and pipelines: `with_options` and `configure`, and `unmapped` for how one is mapped."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

from flowc_compiler.evaluate.evaluation_state import Recorded
from flowc_compiler.evaluate.known_values import RecordedScope
from flowc_compiler.evaluate.literals import UnresolvedError, evaluate
from flowc_compiler.evaluate.values import is_kind, plain_copy
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction, StepFunction, Unmapped
from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator


_Kind = Literal["step", "pipeline"]


def settings_call(evaluator: PipelineEvaluator, node: ast.Call) -> object | None:
    """What `unmapped(...)`, `.with_options(...)` and `.configure(...)` make."""
    if evaluator.served_name(node.func) == "unmapped":
        arguments = evaluator.arguments_of(node)
        if len(arguments.positional) != 1 or arguments.keywords:
            raise evaluator.refuse("FC113", "`unmapped` takes one argument", node, "write `unmapped(value)`")
        return Unmapped(arguments.positional[0].value)
    if evaluator.served_name(node.func) == "CommandStep":
        from flowc_compiler.frontend.pipelines.command_steps import command_step

        keywords = [item for item in node.keywords if item.arg != "command"]
        others = ast.copy_location(ast.Call(func=node.func, args=[], keywords=keywords), node)
        layer = _layer(evaluator, "step", others, "with_options")
        return command_step(evaluator, node, layer, name_argument(layer))
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr not in {"with_options", "configure"}:
        return None
    owner = evaluator.lookup(function.value)
    if not isinstance(owner, StepFunction | PipelineFunction):
        return evaluator.call(evaluator.attribute(owner, function.attr, function), evaluator.arguments_of(node), node)
    if function.attr == "with_options":
        layer = _layer(evaluator, _kind_of(owner), node, "with_options")
        return replace(owner, layers=[*owner.layers, layer])
    if evaluator.arms:
        raise evaluator.refuse(
            "FC223", "a step cannot be configured in an `if` on a result", node,
            "write `other = step.with_options(...)`, and call that",
        )  # fmt: skip
    if evaluator.conditional:
        evaluator.lasting_sink.error(
            "FC402", f"whether this configures `{owner.name}` is not known", evaluator.span(node),
            help="configure it on every way that the file takes",
        )  # fmt: skip
    owner.layers.append(_layer(evaluator, _kind_of(owner), node, "configure"))
    return owner


def _layer(
    evaluator: PipelineEvaluator, of: _Kind, call: ast.Call, kind: Literal["configure", "with_options"]
) -> SettingsLayer:
    """The layer of settings that a call is: its arguments have the values that they have now."""
    outer, evaluator.recorded = evaluator.recorded, {}
    records = evaluator.recorded
    try:
        for value in (*call.args, *(item.value for item in call.keywords)):
            with evaluator.leniently():
                evaluator.lookup(value.value if isinstance(value, ast.Starred) else value)
    finally:
        evaluator.recorded = outer
    for keyword in call.keywords:
        if keyword.arg is None and keyword.value in records:
            records[keyword.value] = _snapshot(evaluator, records[keyword.value])
    return SettingsLayer(
        kind=kind,
        of=of,
        arguments=(*call.args, *call.keywords),
        view=evaluator.view,
        scope=RecordedScope(evaluator, records),
        in_body=not evaluator.lenient,
    )


def _snapshot(evaluator: PipelineEvaluator, found: Recorded) -> Recorded:
    """What `**mapping` passes on: what the mapping is given later does not count."""
    if not is_kind(found.value, dict) or evaluator.undetermined(found.value) is not None:
        return found
    entries = cast("dict[object, object]", found.value)
    known = {key: item for key, item in entries.items() if evaluator.find_undetermined(item) is None}
    return Recorded({key: plain_copy(item) if key in known else item for key, item in entries.items()}, None)


def _kind_of(owner: StepFunction | PipelineFunction) -> _Kind:
    return "step" if isinstance(owner, StepFunction) else "pipeline"


def name_argument(layer: SettingsLayer) -> str | None:
    """The value of `@step(name=...)`, where it is known; the reader of settings reports when it is not."""
    for arg in layer.arguments:
        if isinstance(arg, ast.keyword) and arg.arg == "name":
            try:
                name = evaluate(arg.value, layer.scope)
            except UnresolvedError:
                return None
            return name if isinstance(name, str) and name else None
    return None
