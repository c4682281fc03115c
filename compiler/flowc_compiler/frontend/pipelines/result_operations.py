"""Conditions and comparisons of results: what a task or a switch computes when the flow runs."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from flowc_compiler.evaluate.branches import test
from flowc_compiler.frontend.pipelines.arm_bindings import conditions, evaluate_where
from flowc_compiler.frontend.pipelines.pipeline_values import Result
from flowc_compiler.frontend.pipelines.result_expressions import operation
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.ir.regions import OperationValue, Operator

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator


COMPARED = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"})


def result_operation(evaluator: PipelineEvaluator, operator: str, operands: Sequence[object], node: ast.AST) -> object:
    """What conditions and comparisons of results give when the flow runs."""
    if operator.endswith((", condition", ", comparator", ", as a value")):
        return _later_operand(evaluator, operator, operands, node)
    if operator.endswith("one more"):
        word = operator.partition(",")[0]
        left, right = (argument_value(evaluator, item, node) for item in operands)
        # A long chain is one operation, and not as many within each other.
        chained = left.operands if isinstance(left, OperationValue) and left.operator == word else (left,)
        return Result(OperationValue(kind="operation", operator=cast("Operator", word), operands=(*chained, right)))
    if operator in COMPARED and len(operands) == 4:
        one, other, left_node, right_node = operands
        places = [(one, cast("ast.AST", left_node)), (other, cast("ast.AST", right_node))]
        return operation(evaluator, operator, places, node)
    return operation(evaluator, operator, [(item, node) for item in operands], node)


def _later_operand(evaluator: PipelineEvaluator, operator: str, operands: Sequence[object], node: ast.AST) -> object:
    """A right side, which Python evaluates only where the left one lets it: it may not call a step."""
    word, _, place = operator.partition(", ")
    before, last = len(evaluator.nodes), cast("ast.expr", operands[-1])
    first = operands[0]
    known = first.value if isinstance(first, Result) else argument_value(evaluator, first, node)
    left = conditions([(known, word == "and")])
    evaluated = partial(test, evaluator, last) if place == "condition" else partial(evaluator.evaluate, last)
    value = evaluate_where(evaluator, left, last, evaluated)
    if len(evaluator.nodes) > before:
        shown = {"condition": "a condition", "comparator": "a comparison"}.get(place, "an expression")
        way_out = "call the step before"
        if place == "condition":
            way_out = "call the step before the `if`, or write a second `if` inside of the first"
        message = f"whether this step is called depends on a result, in the middle of {shown}"
        raise evaluator.refuse("FC223", message, last, way_out)
    if place != "as a value":
        return value
    return operation(evaluator, word, [(operands[0], node), (value, last)], node)
