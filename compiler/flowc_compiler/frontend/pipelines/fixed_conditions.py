"""Conditions on parameters that are fixed when the flow is compiled: the other way is not in what is compiled."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from flowc_compiler.evaluate.evaluation_state import Frame
from flowc_compiler.evaluate.functions import signature_of
from flowc_compiler.evaluate.values import Function
from flowc_compiler.frontend.pipelines.parameter_uses import is_step_call
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction
from flowc_compiler.frontend.pipelines.result_nodes import result_nodes
from flowc_compiler.syntax.modules import FunctionNode
from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import bound_names, children, walk

_MOST_FUNCTIONS = 200
_LONGEST_SHOWN = 40


def report_conditions(evaluator: PipelineEvaluator, pipeline: PipelineFunction, fixed: Mapping[str, object]) -> None:
    """Collect FC225 for conditions on parameters that are fixed, in the body and in the functions that it calls.

    `fixed` are their values by name. A step's result depends on no parameter in this sense: it is known in the run.
    """
    pending = [(Function(pipeline.view, pipeline.node), {name: name for name in fixed})]
    seen: set[tuple[int, tuple[str, ...]]] = set()
    while pending and len(seen) < _MOST_FUNCTIONS:
        function, origins = pending.pop()
        key = (id(function.node), tuple(sorted(origins)))
        if key in seen or isinstance(function.node, ast.Lambda):
            continue
        seen.add(key)
        local = bound_names(function.node.body) | origins.keys()
        with evaluator.within(Frame(function.view, {}, (), local, function=function)):
            results = result_nodes(function.node, lambda call: is_step_call(evaluator, call, is_list=True))
            names = _derived(evaluator, function.node, origins)
            for test in _conditions(function.node):
                name = _origin(evaluator, test, names, results)
                if name is not None:
                    _report(evaluator, test, name, fixed[name])
            pending += _called_with(evaluator, function.node, names)


def _report(evaluator: PipelineEvaluator, test: ast.expr, name: str, value: object) -> None:
    text = repr(value) if isinstance(value, str | int | float | None) else ""
    shown = text if 0 < len(text) <= _LONGEST_SHOWN else f"a {type(value).__name__}"
    message = f"this condition is decided when the flow is compiled, by `{name}`"
    other = f"for the other way, compile with another `-p {name}=...`"
    way_out = f"{other}; to decide in each run, test the result of a step"
    evaluator.sink.warning("FC225", message, evaluator.span(test), help=way_out, label=f"`{name}` is {shown}")


def _conditions(function: FunctionNode) -> Iterator[ast.expr]:
    for node in walk(function):
        match node:
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) | ast.Match(subject=test):
                yield test
            case ast.comprehension(ifs=tests):
                yield from tests
            case _:
                pass


def _derived(evaluator: PipelineEvaluator, function: FunctionNode, origins: Mapping[str, str]) -> dict[str, str]:
    """The names of a function whose values depend on parameters, and on which: what is assigned in two passes."""
    names = dict(origins)
    bindings = [found for node in walk(function) if (found := _binding(node)) is not None]
    for _ in range(2):  # a loop's last statement may matter for its first
        for target, value in bindings:
            origin = _origin(evaluator, value, names)
            if origin is not None:
                for node in walk(target):
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                        names.setdefault(node.id, origin)
    return names


def _binding(node: ast.AST) -> tuple[ast.AST, ast.expr] | None:
    match node:
        case ast.Assign(targets=targets, value=value):
            return ast.Tuple(targets, ast.Store()), value
        case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            return target, value
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return target, value
        case ast.For(iter=value) | ast.comprehension(iter=value) if not _is_range(value):
            return node.target, value
        case _:
            return None


def _origin(
    evaluator: PipelineEvaluator, expression: ast.expr, names: Mapping[str, str], results: Collection[ast.AST] = ()
) -> str | None:
    """The parameter that an expression's value depends on; calls of steps, and what is a result, left out."""
    pending: list[ast.AST] = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and node.id in names:
            return names[node.id]
        if node not in results and not (isinstance(node, ast.Call) and is_step_call(evaluator, node, is_list=True)):
            pending.extend(children(node))
    return None


def _called_with(
    evaluator: PipelineEvaluator, function: FunctionNode, names: Mapping[str, str]
) -> Iterator[tuple[Function, dict[str, str]]]:
    """The functions and pipelines that are called with what depends on parameters, and in which arguments."""
    for node in walk(function):
        if not isinstance(node, ast.Call) or not dotted(node.func):
            continue
        given = [
            (key, origin) for key, value in _slots(node) if (origin := _origin(evaluator, value, names)) is not None
        ]
        value = evaluator.attempt(node.func)[0] if given else None
        if isinstance(value, PipelineFunction | Function) and not isinstance(value.node, ast.Lambda):
            positional = [item.name for item in signature_of(value.node).positional]
            slots = {
                key if isinstance(key, str) else "".join(positional[key : key + 1]): origin for key, origin in given
            }
            yield Function(value.view, value.node), slots


def _slots(call: ast.Call) -> Iterator[tuple[int | str, ast.expr]]:
    yield from enumerate(call.args)
    yield from ((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg is not None)


def _is_range(value: ast.expr) -> bool:
    """Whether a loop goes over numbers: that there are so many is no condition."""
    return isinstance(value, ast.Call) and dotted(value.func) == ("range",)
