"""Operators on values that are known: what Python would compute, as far as the result stays small."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, cast

LONGEST = 1_000_000
"""The longest string or list that is computed; flowc never spends a machine's memory on a flow file."""

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.Mod: lambda left, right: left % right,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


class FoldError(Exception):
    """The operation has no value that flowc computes; the message may be empty."""


def fold(op: ast.operator, left: object, right: object) -> object:
    """The value of `left op right`: numbers, and sums of two strings, lists or tuples. Raises FoldError."""
    function = _ARITHMETIC.get(type(op))
    if function is None or not _foldable(op, left, right):
        raise FoldError
    return _computed(function, left, right)


def compare(op: ast.cmpop, left: object, right: object) -> object:
    """The value of one comparison. Raises FoldError."""
    function = _COMPARISONS.get(type(op))
    if function is None:
        raise FoldError
    return _computed(function, left, right)


def negate(op: ast.unaryop, value: object) -> object:
    """The value of `-x`, `+x` or `not x`. Raises FoldError."""
    match op:
        case ast.Not():
            return not value
        case ast.USub() if _is_number(value):
            return _computed(lambda left, _: -left, value, None)
        case ast.UAdd() if _is_number(value):
            return value
        case _:
            raise FoldError


def _computed(function: Callable[[Any, Any], Any], left: object, right: object) -> object:
    try:
        return function(left, right)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise FoldError(f"the expression fails: {error}") from None


def _foldable(op: ast.operator, left: object, right: object) -> bool:
    if _is_number(left) and _is_number(right):
        return True
    if not isinstance(op, ast.Add) or type(left) not in (str, list, tuple) or type(left) is not type(right):
        return False
    return len(cast("str", left)) + len(cast("str", right)) <= LONGEST


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
