"""Comparisons, `and`, `or` and `not`: of known values now, of results when the flow runs."""

from __future__ import annotations

import ast
from typing import Literal, cast

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


def test(machine: Machine, node: ast.expr) -> bool | Value:
    """Whether a condition holds; a value where that is known at run time only. Raises RefusedError."""
    return _truth(machine, _tested(machine, node), node)


def _truth(machine: Machine, value: object, node: ast.expr) -> bool | Value:
    if isinstance(value, StepOutputs):
        message = f"the step `{value.step}` gives no single value that could be true or false"
        raise machine.refuse("FC112", message, node, "test one of its outputs")
    if is_unknown(value):
        return as_value(machine, value, node)
    return bool(computed(machine, node, bool, value))


def _tested(machine: Machine, node: ast.expr) -> object:
    """The value of a condition, of which only the truth counts."""
    match node:
        case ast.BoolOp():
            return _both(machine, node)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return negation(machine, inner)
        case _:
            return machine.evaluate(node)


def _both(machine: Machine, node: ast.BoolOp) -> object:
    """`and` or `or` in a condition: what is known decides, or drops out."""
    operator: Literal["and", "or"] = "and" if isinstance(node.op, ast.And) else "or"
    found = test(machine, node.values[0])
    for item in node.values[1:]:
        if isinstance(found, bool):
            if found is (operator == "or"):
                break
            found = test(machine, item)
            continue
        right = _right(machine, item)
        if isinstance(right, bool):
            if right is (operator == "or"):
                return right
        else:
            found = _joined(operator, found, right)
    return _as_result(found)


def _joined(operator: Literal["and", "or"], left: Value, right: Value) -> Value:
    """`left and right`; a long chain is one operation, and not as many within each other."""
    chained = left.operands if isinstance(left, OperationValue) and left.operator == operator else (left,)
    return OperationValue(kind="operation", operator=operator, operands=(*chained, right))


def _right(machine: Machine, node: ast.expr) -> bool | Value:
    """A right side, which Python evaluates only where the left one lets it: it may not call a step."""
    before = len(machine.nodes)
    right = test(machine, node)
    if len(machine.nodes) > before:
        raise machine.refuse(
            "FC223", "whether this step is called depends on a result, in the middle of a condition", node,
            "call the step before the `if`, or write a second `if` inside of the first",
        )  # fmt: skip
    return right


def _as_result(value: bool | Value) -> object:
    return value if isinstance(value, bool) else Result(value)


def boolean(machine: Machine, node: ast.BoolOp) -> object:
    """`a and b` as a value: one of the two where the first is known, and true or false for comparisons of results."""
    is_and = isinstance(node.op, ast.And)
    left_node, left = node.values[0], machine.evaluate(node.values[0])
    for item in node.values[1:]:
        if not is_unknown(left):
            holds = bool(computed(machine, left_node, bool, left))
            if holds is not is_and:
                return left
            left_node, left = item, machine.evaluate(item)
            continue
        right = _right_value(machine, item)
        if not (_is_comparison(left) and _is_comparison(right)):
            raise not_known(
                machine, node, f"`{'and' if is_and else 'or'}` cannot choose between values here",
                "write `if`, or compare: `result == ... and other > ...`",
            )  # fmt: skip
        operands = tuple(as_value(machine, value, node) for value in (left, right))
        left = Result(OperationValue(kind="operation", operator="and" if is_and else "or", operands=operands))
    return left


def _right_value(machine: Machine, node: ast.expr) -> object:
    before = len(machine.nodes)
    value = machine.evaluate(node)
    if len(machine.nodes) > before:
        raise machine.refuse(
            "FC223", "whether this step is called depends on a result, in the middle of an expression", node,
            "call the step before",
        )  # fmt: skip
    return value


def _is_comparison(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, Result) and isinstance(value.value, OperationValue))


def negation(machine: Machine, node: ast.expr) -> object:
    """`not x`."""
    value = test(machine, node)
    if isinstance(value, bool):
        return not value
    return Result(OperationValue(kind="operation", operator="not", operands=(value,)))


def comparison(machine: Machine, node: ast.Compare) -> object:
    """`a < b`, `a < b < c`, `a in b`, `a is None`."""
    left_node, left = node.left, machine.evaluate(node.left)
    found: object = True
    for operator, comparator in zip(node.ops, node.comparators, strict=True):
        before = len(machine.nodes)
        right = machine.evaluate(comparator)
        if is_unknown(found) and len(machine.nodes) > before:
            raise machine.refuse(
                "FC223", "whether this step is called depends on a result, in the middle of a comparison",
                comparator, "call the step before",
            )  # fmt: skip
        one = _compare(machine, node, operator, (left, left_node), (right, comparator))
        if not is_unknown(one) and not one:
            return one
        if is_unknown(found) and is_unknown(one):
            operands = tuple(as_value(machine, item, node) for item in (found, one))
            found = Result(OperationValue(kind="operation", operator="and", operands=operands))
        elif not is_unknown(found):
            found = one
        left_node, left = comparator, right
    return found


def _is_known(op: ast.cmpop, left: object, right: object) -> bool:
    """Whether a comparison does not look at the results that lists and dicts hold."""
    match op:
        case ast.Is() | ast.IsNot():
            return not is_unknown(left) and not is_unknown(right)
        case ast.In() | ast.NotIn():
            return isinstance(right, dict) and not has_unknown(left)
        case _:
            return False


def _compare(
    machine: Machine,
    node: ast.Compare,
    op: ast.cmpop,
    left: tuple[object, ast.expr],
    right: tuple[object, ast.expr],
) -> object:
    shown, function = COMPARISONS[type(op).__name__]
    if not (has_unknown(left[0]) or has_unknown(right[0])) or _is_known(op, left[0], right[0]):
        check_weight(machine, node, left[0], right[0])
        if isinstance(right[0], range) and len(right[0]) > LONGEST and not isinstance(left[0], int):
            machine.exhausted("this range is longer than what flowc looks through", node, "compare numbers")
        return computed(machine, node, function, left[0], right[0])
    operands = tuple(as_value(machine, value, where) for value, where in (left, right))
    return Result(OperationValue(kind="operation", operator=cast("Operator", shown), operands=operands))
