"""How a pipeline's body uses a parameter: one that is only passed to steps may be a parameter of each run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flowc_compiler.evaluate.evaluator import Frame
from flowc_compiler.evaluate.functions import bound_names
from flowc_compiler.evaluate.values import Function
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction, StepFunction
from flowc_compiler.syntax.modules import FunctionNode
from flowc_compiler.syntax.served_imports import dotted

_SHAPING = frozenset({"id", "after", "start_after"})
"""Arguments of a step's call that are for the graph."""
_METHODS = frozenset({"map", "product", "submit"})


def only_passed_on(evaluator: PipelineEvaluator, pipeline: PipelineFunction, name: str, *, is_list: bool) -> bool:
    """Whether every use of a parameter is as a whole argument of a step's call, or of what is mapped.

    A list that a pipeline is mapped over, `per_item.map(items)`, is such a use, too: the pipeline sees the items only.
    """
    local = bound_names(pipeline.node.body) | {item.arg for item in pipeline.node.args.args}
    uses = list(_uses(pipeline.node, name))
    with evaluator.within(Frame(pipeline.view, {}, (), local, function=Function(pipeline.view, pipeline.node))):
        return all(call is not None and _is_step(evaluator, call, is_list=is_list) for call in uses)


def _uses(function: FunctionNode, name: str) -> Iterator[ast.Call | None]:
    """For each use of a name: the call that it is a whole argument of, or `None`."""
    pending: list[ast.AST] = [*function.body]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            if node.id == name:
                yield None
        elif isinstance(node, ast.Attribute):
            pending.append(node.value)
        elif isinstance(node, ast.Call):
            pending.append(node.func)
            for keyword, value in _arguments(node):
                passed = _passed(value)
                if isinstance(passed, ast.Name) and passed.id == name:
                    yield None if keyword in _SHAPING else node
                else:
                    pending.append(value)
        else:
            pending.extend(ast.iter_child_nodes(node))


def _arguments(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The arguments of a call, each with its keyword; of what is unpacked, the whole expression in a `Starred`."""
    for value in call.args:
        yield "", value
    for keyword in call.keywords:
        yield keyword.arg or "", keyword.value if keyword.arg is not None else ast.Starred(keyword.value)


def _passed(value: ast.expr) -> ast.expr:
    """What an argument is, `unmapped(...)` around it left out."""
    match value:
        case ast.Call(func=function, args=[inner], keywords=[]) if dotted(function)[-1:] == ("unmapped",):
            return inner
        case _:
            return value


def _is_step(evaluator: PipelineEvaluator, call: ast.Call, *, is_list: bool) -> bool:
    function = call.func
    mapped = isinstance(function, ast.Attribute) and function.attr in {"map", "product"}
    if isinstance(function, ast.Attribute) and function.attr in _METHODS:
        function = function.value
    if isinstance(function, ast.Call) and isinstance(function.func, ast.Attribute):
        if function.func.attr != "with_options":
            return False
        function = function.func.value
    if not dotted(function):
        return False
    value, problem = evaluator.attempt(function)
    if isinstance(value, PipelineFunction):
        return mapped and is_list and not any(_passed(value) is not value for _, value in _arguments(call))
    return problem is None and isinstance(value, StepFunction)
