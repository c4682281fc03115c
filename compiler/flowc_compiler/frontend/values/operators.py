"""Operators on values that are known: what Python would compute, as far as the result stays small."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

import libcst as cst

LONGEST = 1_000_000
"""The longest string or list that is computed; flowc never spends a machine's memory on a flow file."""

_ARITHMETIC: dict[type[cst.BaseBinaryOp], Callable[[Any, Any], Any]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.Divide: lambda left, right: left / right,
    cst.FloorDivide: lambda left, right: left // right,
    cst.Modulo: lambda left, right: left % right,
}
_COMPARISONS: dict[type[cst.BaseCompOp], Callable[[Any, Any], Any]] = {
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
    cst.Is: operator.is_,
    cst.IsNot: operator.is_not,
    cst.In: lambda left, right: left in right,
    cst.NotIn: lambda left, right: left not in right,
}


class FoldError(Exception):
    """The operation has no value that flowc computes; the message may be empty."""


def fold(op: cst.BaseBinaryOp, left: object, right: object) -> object:
    """The value of `left op right`: numbers, and sums of two strings, lists or tuples. Raises FoldError."""
    function = _ARITHMETIC.get(type(op))
    if function is None or not _foldable(op, left, right):
        raise FoldError
    return _computed(function, left, right)


def compare(op: cst.BaseCompOp, left: object, right: object) -> object:
    """The value of one comparison. Raises FoldError."""
    function = _COMPARISONS.get(type(op))
    if function is None:
        raise FoldError
    return _computed(function, left, right)


def negate(op: cst.BaseUnaryOp, value: object) -> object:
    """The value of `-x`, `+x` or `not x`. Raises FoldError."""
    match op:
        case cst.Not():
            return not value
        case cst.Minus() if _is_number(value):
            return _computed(lambda left, _: -left, value, None)
        case cst.Plus() if _is_number(value):
            return value
        case _:
            raise FoldError


def _computed(function: Callable[[Any, Any], Any], left: object, right: object) -> object:
    try:
        return function(left, right)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise FoldError(f"the expression fails: {error}") from None


def _foldable(op: cst.BaseBinaryOp, left: object, right: object) -> bool:
    if _is_number(left) and _is_number(right):
        return True
    if not isinstance(op, cst.Add) or type(left) not in (str, list, tuple) or type(left) is not type(right):
        return False
    return len(cast("str", left)) + len(cast("str", right)) <= LONGEST


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
