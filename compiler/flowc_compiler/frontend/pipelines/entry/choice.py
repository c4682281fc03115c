"""Choosing the pipeline of a file that is compiled."""

from __future__ import annotations

import ast
from typing import NamedTuple

from flowc_compiler.frontend.pipelines.entry.runs import Run, RunFinder
from flowc_compiler.frontend.pipelines.evaluation.evaluator import Evaluator
from flowc_compiler.frontend.pipelines.evaluation.objects import FunctionNode, PipelineFunction
from flowc_compiler.syntax.modules import ModuleView


class Chosen(NamedTuple):
    """A pipeline, and the call that sets its parameters."""

    pipeline: PipelineFunction
    run: Run | None


def choose_pipeline(machine: Evaluator, view: ModuleView, wanted: str | None) -> Chosen | None:
    """The pipeline to compile: `wanted`, or the one that the file calls, or the only one; else FC102 or FC103."""
    pipelines = {
        item.name: found
        for item in view.tree.body
        if isinstance(item, FunctionNode) and isinstance(found := _value(machine, item), PipelineFunction)
    }
    runs = RunFinder(machine).find()
    for run in runs:
        pipelines.setdefault(run.pipeline.name, run.pipeline)
    if wanted is not None and wanted not in pipelines:
        known = f"the pipelines here: {', '.join(pipelines)}" if pipelines else _WRITE_ONE
        machine.sink.error(
            "FC102", f"there is no flow `{wanted}` in {view.source.name}", view.source.line_span(1), help=known
        )
        return None
    if not pipelines:
        message = f"there is no flow in {view.source.name}"
        machine.sink.error("FC102", message, view.source.line_span(1), help=_WRITE_ONE)
        return None
    names = [wanted] if wanted is not None else _candidates(pipelines, runs)
    if len(names) > 1:
        for name in names[1:]:
            machine.sink.error(
                "FC103", f"`{name}` is another flow of this file", pipelines[name].view.name_span(pipelines[name].node),
                help=f"name the one you mean with `--flow`: {', '.join(names)}",
            )  # fmt: skip
        return None
    own = [run for run in runs if run.pipeline.name == names[0]]
    for other in own[1:]:
        machine.sink.warning(
            "FC117", f"`{names[0]}` is called a second time: the first call sets its parameters", other.span,
            help="give the values of another run with `-p`",
        )  # fmt: skip
    return Chosen(own[0].pipeline if own else pipelines[names[0]], own[0] if own else None)


_WRITE_ONE = "a flow is `class MyFlow(FlowSpec)` with `@step` methods, or a function with `@pipeline`"


def _value(machine: Evaluator, function: FunctionNode) -> object:
    value, problem = machine.attempt(ast.copy_location(ast.Name(id=function.name), function))
    return None if problem is not None else value


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
