"""Conditions: what a test, a comparison, `and` and `or` give where parts of them are not known."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from flowc_compiler.evaluate.assumptions import assumed_parts, assuming, settled, stripped, under
from flowc_compiler.evaluate.branches import fork
from flowc_compiler.evaluate.environment_reads import read_variable
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.operations import COMPARISONS, LONGEST, cost, range_length
from flowc_compiler.evaluate.plain_data import check_hashable, has_objects
from flowc_compiler.evaluate.values import (
    Assumed,
    ClassObject,
    DictView,
    Foreign,
    Instance,
    Iterator,
    RuntimeValue,
    Undetermined,
    Unresolved,
    is_kind,
)

if TYPE_CHECKING:
    from flowc_compiler.evaluate.applied_decorators import Applying


def test(evaluator: Evaluator, node: ast.expr) -> bool | Undetermined:
    """Whether a condition holds; the value itself where that is not known. Raises EvaluationError."""
    return truth(evaluator, _tested(evaluator, node), node)


def truth(evaluator: Evaluator, value: object, node: ast.AST) -> bool | Undetermined:
    """Whether a value counts as true."""
    found = evaluator.undetermined(value)
    if isinstance(found, Assumed):
        if evaluator.applying is not None:
            return _settled_truth(evaluator, found, evaluator.applying, node)
        return cast("Assumed", assuming(evaluator, [found], partial(truth, evaluator, found.value, node)))
    if found is not None:
        if evaluator.applying is not None and isinstance(found, Unresolved):
            evaluator.applying.unknown = evaluator.applying.unknown or found
        return found
    if isinstance(value, Instance) and (value.of is None or value.of.kind != "enum"):
        own = value.of.mro() if value.of is not None else []
        if value.of is None or any(
            item.kind == "opaque" or item.namespace.keys() & {"__bool__", "__len__"} for item in own
        ):
            return Unresolved("flowc cannot tell whether this object counts as true")
    if isinstance(value, Iterator):
        return True
    if isinstance(value, DictView):
        return bool(value.owner)
    return bool(evaluator.computed(node, bool, value))


def _settled_truth(evaluator: Evaluator, value: Assumed, applying: Applying, node: ast.AST) -> bool | Undetermined:
    """Whether a value counts as true by the defaults of variables, while a decorator is called with a step."""
    found = settled(evaluator, assuming(evaluator, [value], partial(truth, evaluator, value.value, node)))
    if isinstance(found, Unresolved):
        applying.unknown = applying.unknown or found
        return found
    return bool(found)


def _tested(evaluator: Evaluator, node: ast.expr) -> object:
    """The value of a condition, of which only the truth counts."""
    match node:
        case ast.BoolOp():
            return _both(evaluator, node)
        case ast.UnaryOp(op=ast.Not()):
            return negation(evaluator, node)
        case _:
            return evaluator.evaluate(node)


def likely_arm(condition: Undetermined) -> int:
    """Which arm of an `if` runs under the assumptions of its condition: the first, or the second."""
    return int(not (isinstance(condition, Assumed) and condition.value))


def _both(evaluator: Evaluator, node: ast.BoolOp) -> object:
    """`and` or `or` in a condition: what is known decides, or drops out."""
    word = "and" if isinstance(node.op, ast.And) else "or"
    found = test(evaluator, node.values[0])
    for item in node.values[1:]:
        if isinstance(found, bool):
            if found is (word == "or"):
                break
            found = test(evaluator, item)
            continue
        if isinstance(found, Unresolved):
            ends = isinstance(found, Assumed) and found.value is (word == "or")
            right = fork(evaluator, [partial(test, evaluator, item), lambda: True], node, found, likely=int(ends))
            if isinstance(found, Assumed) and not ends:
                found = cast("Unresolved", under(evaluator, right, [found]))
            if right is (word == "or") and not evaluator.lenient:
                return right
            continue
        right = evaluator.runtime_operation(f"{word}, condition", [found, item], node)
        if isinstance(right, bool):
            if right is (word == "or"):
                return right
        else:
            found = cast("Undetermined", evaluator.runtime_operation(f"{word}, one more", [found, right], node))
    return found


def negation(evaluator: Evaluator, node: ast.UnaryOp) -> object:
    """`not x`."""
    value = test(evaluator, node.operand)
    if isinstance(value, RuntimeValue):
        return evaluator.runtime_operation("not", [value], node)
    if isinstance(value, Assumed):
        return assuming(evaluator, [value], lambda: not value.value)
    return not value if isinstance(value, bool) else value


def boolean(evaluator: Evaluator, node: ast.BoolOp) -> object:
    """`a and b` as a value: one of the two where the first is known, and true or false for comparisons of results."""
    word = "and" if isinstance(node.op, ast.And) else "or"
    left_node, left = node.values[0], evaluator.evaluate(node.values[0])
    for item in node.values[1:]:
        holds = truth(evaluator, left, left_node)
        if isinstance(holds, bool):
            if holds is (word == "or"):
                return left
            left_node, left = item, evaluator.evaluate(item)
        elif isinstance(holds, RuntimeValue):
            left = evaluator.runtime_operation(f"{word}, as a value", [left, item], node)
        else:
            likely = int(isinstance(holds, Assumed) and holds.value is (word == "or"))
            left = fork(evaluator, [partial(evaluator.evaluate, item), partial(_itself, left)], node, holds, likely)
    return left


def _itself(value: object) -> object:
    return value


def comparison(evaluator: Evaluator, node: ast.Compare) -> object:
    """`a < b`, `a < b < c`, `a in b`, `a is None`."""
    left_node, left = node.left, evaluator.evaluate(node.left)
    found: object = True
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        if isinstance(found, RuntimeValue):
            right = evaluator.runtime_operation("and, comparator", [found, comparator], node)
        else:
            right = evaluator.evaluate(comparator)
        one = _compare(evaluator, node, op, (left, left_node), (right, comparator))
        if not isinstance(one, Undetermined) and not one:
            return one
        if isinstance(found, RuntimeValue) and isinstance(one, RuntimeValue):
            found = evaluator.runtime_operation("and", [found, one], node)
        elif not isinstance(found, Undetermined):
            found = one
        left_node, left = comparator, right
    return found


_SHARED = (int, float, str, bytes, tuple, frozenset, complex)
"""Types of which Python may have one object for equal values, or several."""


def _compare(
    evaluator: Evaluator,
    node: ast.Compare,
    op: ast.cmpop,
    left: tuple[object, ast.expr],
    right: tuple[object, ast.expr],
) -> object:
    shown, function = COMPARISONS[type(op)]
    one, other = left[0], right[0]
    if isinstance(op, ast.Is | ast.IsNot):
        unknown = evaluator.undetermined(one) or evaluator.undetermined(other)
        assumed = [item for item in (one, other) if isinstance(item, Assumed)]
        if assumed and not any(isinstance(item, Unresolved) and item not in assumed for item in (one, other)):
            plain = [(item.value if isinstance(item, Assumed) else item) for item in (one, other)]
            run = partial(_compare, evaluator, node, op, (plain[0], left[1]), (plain[1], right[1]))
            return assuming(evaluator, assumed, run)
        if isinstance(unknown, Unresolved) and any(isinstance(item, Unresolved) for item in (one, other)):
            raise evaluator.refuse_unresolved(unknown, node)
        if unknown is None and type(one) is type(other) and is_kind(one, *_SHARED) and one == other:
            message = "whether equal numbers or texts are one object depends on the Python that runs the file"
            raise evaluator.refuse("FC115", message, node, "write `==`")
        if not isinstance(unknown, RuntimeValue):
            return function(one, other)
    elif isinstance(op, ast.In | ast.NotIn) and is_kind(other, dict) and not evaluator.undetermined(other):
        unknown = evaluator.find_undetermined(one)
    else:
        unknown = evaluator.find_undetermined(one, other, node=node)
    if isinstance(other, Foreign) and other.path == ("os", "environ") and isinstance(op, ast.In | ast.NotIn):
        given = read_variable(evaluator, one, node)
        test_none = ast.IsNot() if isinstance(op, ast.In) else ast.Is()
        return _compare(evaluator, node, test_none, (given, left[1]), (None, right[1]))
    if unknown is not None and (assumed := assumed_parts(evaluator, one, other)):
        sides = (stripped(one), left[1]), (stripped(other), right[1])
        return assuming(evaluator, assumed, lambda: _compare(evaluator, node, op, *sides))
    if unknown is None:
        return _compare_known(evaluator, node, op, one, other)
    if isinstance(unknown, Unresolved):
        raise evaluator.refuse_unresolved(unknown, node)
    return evaluator.runtime_operation(shown, [one, other, left[1], right[1]], node)


def _compare_known(evaluator: Evaluator, node: ast.Compare, op: ast.cmpop, one: object, other: object) -> object:
    if isinstance(other, DictView) and isinstance(op, ast.In | ast.NotIn):
        other = other.entries() if other.kind != "keys" else other.owner
    is_lookup = isinstance(op, ast.In | ast.NotIn) and is_kind(other, dict, set, frozenset)
    for item in (one,) if is_lookup else (one, other):
        check_hashable(evaluator, node, item)
        if isinstance(item, Iterator) or (has_objects(item) and isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE)):
            message = f"flowc does not compare `{evaluator.code(node)}`"
            raise evaluator.refuse("FC113", message, node, "compare numbers and text")
    if isinstance(other, ClassObject) and isinstance(op, ast.In | ast.NotIn):
        raise evaluator.refuse("FC113", f"flowc does not look into `{evaluator.code(node)}`", node, "write it out")
    if is_lookup:  # what is in it has been checked when it was put there
        return evaluator.computed(node, lambda: COMPARISONS[type(op)][1](one, other))
    evaluator.charge(min(cost(one), cost(other)) if isinstance(op, ast.Eq | ast.NotEq) else cost(other), node)
    if isinstance(other, range) and range_length(other) > LONGEST and not isinstance(one, int):
        evaluator.exhausted("this range is longer than what flowc looks through", node, "compare numbers")
    return evaluator.computed(node, COMPARISONS[type(op)][1], one, other)


def conditional(evaluator: Evaluator, node: ast.IfExp) -> object:
    """`x if condition else y`."""
    condition = test(evaluator, node.test)
    if isinstance(condition, bool):
        return evaluator.evaluate(node.body if condition else node.orelse)
    arms: list[Callable[[], object]] = [lambda: evaluator.evaluate(node.body), lambda: evaluator.evaluate(node.orelse)]
    if isinstance(condition, RuntimeValue):
        return evaluator.runtime_choice([(node.test, arms[0]), (None, arms[1])], condition, node)
    return fork(evaluator, arms, node, condition, likely_arm(condition))
