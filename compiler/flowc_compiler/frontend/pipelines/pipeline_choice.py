"""Choosing the pipeline of a file that is compiled."""

from __future__ import annotations

import ast
from typing import NamedTuple

from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_runs import Run
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction
from flowc_compiler.syntax.modules import FunctionNode, ModuleView


class Chosen(NamedTuple):
    """A pipeline, and the call that sets its parameters."""

    pipeline: PipelineFunction
    run: Run | None


def choose_pipeline(evaluator: PipelineEvaluator, view: ModuleView, wanted: str | None) -> Chosen | None:
    """The pipeline to compile: `wanted`, or the one that the file calls, or the only one; else FC102 or FC103."""
    bound = evaluator.namespace(view)
    pipelines = {
        item.name: found
        for item in view.tree.body
        if isinstance(item, FunctionNode) and isinstance(found := bound.get(item.name), PipelineFunction)
    }
    runs = evaluator.runs.runs
    for run in runs:
        pipelines.setdefault(run.pipeline.name, run.pipeline)
    if wanted is not None and wanted not in pipelines:
        known = f"the pipelines here: {', '.join(pipelines)}" if pipelines else _WRITE_ONE
        evaluator.sink.error(
            "FC102", f"there is no flow `{wanted}` in {view.source.name}", view.source.line_span(1), help=known
        )
        return None
    if not pipelines:
        message = f"there is no flow in {view.source.name}"
        evaluator.sink.error("FC102", message, view.source.line_span(1), help=_WRITE_ONE)
        return None
    names = [wanted] if wanted is not None else _candidates(pipelines, runs)
    if len(names) > 1:
        for name in names[1:]:
            evaluator.sink.error(
                "FC103", f"`{name}` is another flow of this file", pipelines[name].view.name_span(pipelines[name].node),
                help=f"name the one you mean with `--flow`: {', '.join(names)}",
            )  # fmt: skip
        return None
    first = evaluator.runs.first(names[0])
    for other in evaluator.runs.configured_differently(names[0])[1:]:
        evaluator.sink.error(
            "FC402", f"which options of `{names[0]}` count is not known: another call of it has others", other.span,
            help="call the pipeline with the same options, whichever way the file takes",
        )  # fmt: skip
    for other in evaluator.runs.others(names[0]):
        evaluator.sink.warning(
            "FC117", f"`{names[0]}` is called a second time: the first call sets its parameters", other.span,
            help="give the values of another run with `-p`",
        )  # fmt: skip
    return Chosen(first.pipeline if first is not None else pipelines[names[0]], first)


_WRITE_ONE = "a flow is `class MyFlow(FlowSpec)` with `@step` methods, or a function with `@pipeline`"


def _candidates(pipelines: dict[str, PipelineFunction], runs: list[Run]) -> list[str]:
    """The pipelines that the file calls; otherwise those that no other pipeline calls."""
    called = list(dict.fromkeys(run.pipeline.name for run in runs))
    if called:
        return called
    inner = {name for other, pipeline in pipelines.items() for name in _names_in(pipeline.node) if name != other}
    return [name for name in pipelines if name not in inner] or list(pipelines)


def _names_in(node: FunctionNode) -> set[str]:
    names: set[str] = set()
    pending: list[ast.AST] = [*node.body]
    while pending:
        current = pending.pop()
        if isinstance(current, ast.Name):
            names.add(current.id)
        pending.extend(ast.iter_child_nodes(current))
    return names
