"""Comparisons, `and`, `or` and `not`: of known values now, of results when the flow runs."""

from __future__ import annotations

from typing import Literal, cast

import libcst as cst

from flowc_compiler.frontend.pipelines.code.expressions import computed
from flowc_compiler.frontend.pipelines.code.operations import COMPARISONS
from flowc_compiler.frontend.pipelines.evaluation.limits import LONGEST
from flowc_compiler.frontend.pipelines.evaluation.machine import Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import Result, StepOutputs
from flowc_compiler.frontend.pipelines.evaluation.unknown import (
    as_value,
    check_weight,
    has_unknown,
    is_unknown,
    not_known,
)
from flowc_compiler.ir.values import OperationValue, Operator, Value


def test(machine: Machine, node: cst.BaseExpression) -> bool | Value:
    """Whether a condition holds; a value where that is known at run time only. Raises RefusedError."""
    return _truth(machine, _tested(machine, node), node)


def _truth(machine: Machine, value: object, node: cst.BaseExpression) -> bool | Value:
    if isinstance(value, StepOutputs):
        message = f"the step `{value.step}` gives no single value that could be true or false"
        raise machine.refuse("FC112", message, node, "test one of its outputs")
    if is_unknown(value):
        return as_value(machine, value, node)
    return bool(computed(machine, node, bool, value))


def _tested(machine: Machine, node: cst.BaseExpression) -> object:
    """The value of a condition, of which only the truth counts."""
    match node:
        case cst.BooleanOperation():
            return _both(machine, node)
        case cst.UnaryOperation(operator=cst.Not(), expression=inner):
            return negation(machine, inner)
        case _:
            return machine.evaluate(node)


def _both(machine: Machine, node: cst.BooleanOperation) -> object:
    """`and` or `or` in a condition: what is known decides, or drops out."""
    operator: Literal["and", "or"] = "and" if isinstance(node.operator, cst.And) else "or"
    left = test(machine, node.left)
    if isinstance(left, bool):
        return left if left is (operator == "or") else _as_result(test(machine, node.right))
    right = _right(machine, node)
    if isinstance(right, bool):
        if right is (operator == "and"):
            return Result(left)
        return right
    return Result(_joined(operator, left, right))


def _joined(operator: Literal["and", "or"], left: Value, right: Value) -> Value:
    """`left and right`; a long chain is one operation, and not as many within each other."""
    chained = left.operands if isinstance(left, OperationValue) and left.operator == operator else (left,)
    return OperationValue(kind="operation", operator=operator, operands=(*chained, right))


def _right(machine: Machine, node: cst.BooleanOperation) -> bool | Value:
    """The right side, which Python evaluates only where the left one lets it: it may not call a step."""
    before = len(machine.nodes)
    right = test(machine, node.right)
    if len(machine.nodes) > before:
        raise machine.refuse(
            "FC223", "whether this step is called depends on a result, in the middle of a condition", node.right,
            "call the step before the `if`, or write a second `if` inside of the first",
        )  # fmt: skip
    return right


def _as_result(value: bool | Value) -> object:
    return value if isinstance(value, bool) else Result(value)


def boolean(machine: Machine, node: cst.BooleanOperation) -> object:
    """`a and b` as a value: one of the two where the first is known, and true or false for comparisons of results."""
    left = machine.evaluate(node.left)
    is_and = isinstance(node.operator, cst.And)
    if not is_unknown(left):
        holds = bool(computed(machine, node.left, bool, left))
        return left if holds is not is_and else machine.evaluate(node.right)
    right_value = _right_value(machine, node)
    if not (_is_comparison(left) and _is_comparison(right_value)):
        raise not_known(
            machine, node, f"`{'and' if is_and else 'or'}` cannot choose between values here",
            "write `if`, or compare: `result == ... and other > ...`",
        )  # fmt: skip
    operands = tuple(as_value(machine, item, node) for item in (left, right_value))
    return Result(OperationValue(kind="operation", operator="and" if is_and else "or", operands=operands))


def _right_value(machine: Machine, node: cst.BooleanOperation) -> object:
    before = len(machine.nodes)
    value = machine.evaluate(node.right)
    if len(machine.nodes) > before:
        raise machine.refuse(
            "FC223", "whether this step is called depends on a result, in the middle of an expression", node.right,
            "call the step before",
        )  # fmt: skip
    return value


def _is_comparison(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, Result) and isinstance(value.value, OperationValue))


def negation(machine: Machine, node: cst.BaseExpression) -> object:
    """`not x`."""
    value = test(machine, node)
    if isinstance(value, bool):
        return not value
    return Result(OperationValue(kind="operation", operator="not", operands=(value,)))


def comparison(machine: Machine, node: cst.Comparison) -> object:
    """`a < b`, `a < b < c`, `a in b`, `a is None`."""
    left_node, left = node.left, machine.evaluate(node.left)
    found: object = True
    for target in node.comparisons:
        before = len(machine.nodes)
        right = machine.evaluate(target.comparator)
        if is_unknown(found) and len(machine.nodes) > before:
            raise machine.refuse(
                "FC223", "whether this step is called depends on a result, in the middle of a comparison",
                target.comparator, "call the step before",
            )  # fmt: skip
        one = _compare(machine, node, target.operator, (left, left_node), (right, target.comparator))
        if not is_unknown(one) and not one:
            return one
        if is_unknown(found) and is_unknown(one):
            operands = tuple(as_value(machine, item, node) for item in (found, one))
            found = Result(OperationValue(kind="operation", operator="and", operands=operands))
        elif not is_unknown(found):
            found = one
        left_node, left = target.comparator, right
    return found


def _is_known(op: cst.BaseCompOp, left: object, right: object) -> bool:
    """Whether a comparison does not look at the results that lists and dicts hold."""
    match op:
        case cst.Is() | cst.IsNot():
            return not is_unknown(left) and not is_unknown(right)
        case cst.In() | cst.NotIn():
            return isinstance(right, dict) and not has_unknown(left)
        case _:
            return False


def _compare(
    machine: Machine,
    node: cst.Comparison,
    op: cst.BaseCompOp,
    left: tuple[object, cst.BaseExpression],
    right: tuple[object, cst.BaseExpression],
) -> object:
    shown, function = COMPARISONS[type(op).__name__]
    if not (has_unknown(left[0]) or has_unknown(right[0])) or _is_known(op, left[0], right[0]):
        check_weight(machine, node, left[0], right[0])
        if isinstance(right[0], range) and len(right[0]) > LONGEST and not isinstance(left[0], int):
            machine.exhausted("this range is longer than what flowc looks through", node, "compare numbers")
        return computed(machine, node, function, left[0], right[0])
    operands = tuple(as_value(machine, value, where) for value, where in (left, right))
    return Result(OperationValue(kind="operation", operator=cast("Operator", shown), operands=operands))
