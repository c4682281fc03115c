"""What a pipeline's body does with a parameter: whether it is only passed on to steps."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from flowc_compiler.evaluate.evaluation_state import Frame
from flowc_compiler.evaluate.statements import prints
from flowc_compiler.evaluate.values import Function
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import ClientRead, PipelineFunction, StepFunction
from flowc_compiler.frontend.pipelines.result_nodes import COMPUTING, result_nodes
from flowc_compiler.syntax.modules import FunctionNode
from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import bound_names, children

_SHAPING = frozenset({"id", "after", "start_after"})
"""Arguments of a step's call that are for the graph."""
_METHODS = frozenset({"map", "product", "submit"})


def only_passed_on(
    evaluator: PipelineEvaluator, pipeline: PipelineFunction, name: str, *, is_list: bool, computed: bool = False
) -> bool:
    """Whether every use of a parameter is as a whole argument of a step's call, or of what is mapped.

    A list that a pipeline is mapped over, `per_item.map(items)`, is such a use, too: the pipeline sees the items only.
    So is what is computed with a result, `result > limit`: a task does that. With `computed` a task also does what is
    computed with the parameter alone, as of a default that only a task knows.
    """
    local = bound_names(pipeline.node.body) | {item.arg for item in pipeline.node.args.args}
    with evaluator.within(Frame(pipeline.view, {}, (), local, function=Function(pipeline.view, pipeline.node))):
        for item in pipeline.node.body:
            if isinstance(item, ast.Import | ast.ImportFrom):
                evaluator.import_names(item)
        if _is_passed(evaluator, _uses(pipeline.node, name), is_list=is_list):
            return True
        own = {name} if computed else frozenset[str]()
        results = result_nodes(pipeline.node, lambda call: is_step_call(evaluator, call, is_list=False), own)
        return _is_passed(evaluator, _uses(pipeline.node, name, results), is_list=is_list, computed=computed)


def _is_passed(
    evaluator: PipelineEvaluator, uses: Iterator[ast.Call | None], *, is_list: bool, computed: bool = False
) -> bool:
    return all(
        call is not None
        and (
            is_step_call(evaluator, call, is_list=is_list)
            or _is_read(evaluator, call)
            or (computed and prints(evaluator, call.func))
        )
        for call in uses
    )


def _is_read(evaluator: PipelineEvaluator, call: ast.Call) -> bool:
    """Whether a call becomes a task of its own: `Client().get_artifact_version(name)`, `load_artifact(name)`."""
    if evaluator.served_name(call.func) in {"approve", "call_flow", "load_artifact", "save_artifact", "wait"}:
        return True
    value, problem = evaluator.attempt(call.func)
    return problem is None and isinstance(value, ClientRead)


def _uses(function: FunctionNode, name: str, results: Collection[ast.AST] = ()) -> Iterator[ast.Call | None]:
    """For each use of a name: the call that it is a whole argument of, or `None`; none of what is in a result."""
    pending: list[ast.AST] = [*function.body]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            if node.id == name:
                yield None
        elif isinstance(node, ast.Attribute):
            pending.append(node.value)
        elif isinstance(node, COMPUTING) and node in results:
            pending += _within_result(node, name)
        elif (
            isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Name) and node.value in results
        ):
            pass  # another name for it
        elif isinstance(node, ast.Call):
            pending.append(node.func)
            for keyword, value in _call_arguments(node):
                passed = _passed(value)
                if isinstance(passed, ast.Name) and passed.id == name:
                    yield None if keyword in _SHAPING else node
                else:
                    pending.append(value)
        else:
            pending.extend(children(node))


def _within_result(node: ast.expr, name: str) -> Iterator[ast.AST]:
    """What stands in a result and is no operand of it, to look for uses of a name."""
    pending: list[ast.AST] = [node]
    while pending:
        for item in children(pending.pop()):
            if isinstance(item, COMPUTING):
                pending.append(item)
            elif not (isinstance(item, ast.Name) and item.id == name):
                yield item


def _call_arguments(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """The arguments of a call, each with its keyword; of what is unpacked, the whole expression in a `Starred`."""
    for value in call.args:
        yield "", value
    for keyword in call.keywords:
        if keyword.arg == "params" and isinstance(keyword.value, ast.Dict) and dotted(call.func)[-1:] == ("call_flow",):
            yield from (("", value) for value in keyword.value.values)
            continue
        yield keyword.arg or "", keyword.value if keyword.arg is not None else ast.Starred(keyword.value)


def _passed(value: ast.expr) -> ast.expr:
    """What an argument is, `unmapped(...)` around it left out."""
    match value:
        case ast.Call(func=function, args=[inner], keywords=[]) if dotted(function)[-1:] == ("unmapped",):
            return inner
        case ast.Call(func=function, args=[], keywords=[ast.keyword(arg="value", value=inner)]) if dotted(function)[
            -1:
        ] == ("ExternalArtifact",):
            return inner
        case _:
            return value


def is_step_call(evaluator: PipelineEvaluator, call: ast.Call, *, is_list: bool) -> bool:
    """Whether a call is one of a step; with `is_list`, a pipeline that is mapped counts, too."""
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
        return mapped and is_list and not any(_passed(value) is not value for _, value in _call_arguments(call))
    return problem is None and isinstance(value, StepFunction)
