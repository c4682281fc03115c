"""`after=`: what a call waits for beside the steps whose results it gets."""

from __future__ import annotations

from collections.abc import Iterable

from flowc_compiler.diagnostics import suggest
from flowc_compiler.evaluate.evaluator import BoundValue
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PendingOrder, PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import MappedResult, Result, StepOutputs
from flowc_compiler.frontend.pipelines.region_builder import NodeBuilder
from flowc_compiler.ir.regions import references


def wait_for(evaluator: PipelineEvaluator, node: NodeBuilder, after: Iterable[BoundValue]) -> None:
    """Let a node wait for steps, by their names or results. A name may be that of a step that is called later."""
    for given in after:
        if isinstance(given.value, str) and evaluator.nodes.get(given.value) is None:
            waiting = PendingOrder(node, given.value, evaluator.nodes.path(), evaluator.span(given.node))
            evaluator.waiting.append(waiting)
            continue
        for name in waited_names(evaluator, given):
            _add(node, evaluator.nodes.anchor(name))


def waited_names(evaluator: PipelineEvaluator, given: BoundValue) -> list[str]:
    """The nodes that an entry of `after=` waits for. Raises EvaluationError with FC221 for anything but a step."""
    match given.value:
        case str() as name:
            return [name]
        case StepOutputs(step=step):
            return [step]
        case MappedResult(map=mapped):
            return [mapped.name]
        case Result(value=value, node=node):
            names = [*references(value), *([node] if node is not None else [])]
            if names:
                return list(dict.fromkeys(names))
        case _:
            pass
    raise evaluator.refuse(
        "FC221", f"`after` takes steps, and `{evaluator.code(given.node)}` is not a step", given.node,
        "give the name of a step, its result, or a list of these",
    )  # fmt: skip


def resolve_order(evaluator: PipelineEvaluator) -> None:
    """Look up the names of steps that were called after the step that waits for them. FC221 for unknown names."""
    for node, name, path, span in evaluator.waiting:
        if evaluator.nodes.get(name) is not None:
            _add(node, evaluator.nodes.anchor(name, path))
            continue
        known = evaluator.nodes.names
        help_text, fix = suggest(name, known, f"the steps are {', '.join(known[:20])}")
        evaluator.sink.error("FC221", f"there is no step `{name}`", span, help=help_text, fix=fix)


def _add(node: NodeBuilder, name: str | None) -> None:
    if name is not None and name not in node.after:
        node.after = (*node.after, name)
