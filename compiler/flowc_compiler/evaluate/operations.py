"""Operators on values that are known, with bounds: what Python would compute, as far as it stays small."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sized
from typing import Any, cast

MOST_OPERATIONS = 1_000_000
"""Expressions and statements that are evaluated, each turn of a loop anew."""
MOST_ENTRIES = 5_000_000
"""Entries of lists, tuples, sets and dicts that are made, copied or looked at, in all; 8 characters count as one."""
LONGEST = 100_000
"""Entries of a list, tuple, set or dict, and characters of a string, that are computed."""
HEAVIEST = 1_000_000
"""Entries of a value that is written out, those of lists in lists counted each time."""
DEEPEST_TREE = 120
"""How deeply what stands for a result may be nested: an entry of an entry, or what an `if` after an `if` chose."""
MOST_BITS = 4096
"""Bits of a whole number that is computed."""
DEEPEST_CALLS = 60
"""How deeply functions may call one another."""
DEEPEST_VALUE = 50
"""How deeply lists and dicts may be nested in an argument of a step."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda left, right: left + right, ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right, ast.Div: lambda left, right: left / right,
    ast.FloorDiv: lambda left, right: left // right, ast.Mod: lambda left, right: left % right,
    ast.Pow: lambda left, right: left**right, ast.LShift: lambda left, right: left << right,
    ast.RShift: lambda left, right: left >> right, ast.BitAnd: lambda left, right: left & right,
    ast.BitOr: lambda left, right: left | right, ast.BitXor: lambda left, right: left ^ right,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq), ast.NotEq: ("!=", operator.ne), ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le), ast.Gt: (">", operator.gt), ast.GtE: (">=", operator.ge),
    ast.Is: ("is", operator.is_), ast.IsNot: ("is not", operator.is_not),
    ast.In: ("in", lambda left, right: left in right), ast.NotIn: ("not in", lambda left, right: left not in right),
}  # fmt: skip
"""How each comparison is written, and what it does."""
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert, ast.Not: operator.not_,
}  # fmt: skip


class TooLargeError(Exception):
    """The result would be larger than what is computed."""


def binary(op: ast.operator, left: object, right: object) -> object:
    """`left op right`. Raises what Python does, and TooLargeError."""
    function = _BINARY.get(type(op))
    if function is None:
        raise TypeError("flowc does not evaluate this operator")
    _check_size(op, left, right)
    return checked(function(left, right))


def checked(value: object) -> object:
    """A value that was computed. Raises TooLargeError."""
    if isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise TooLargeError
    elif size(value) > LONGEST:
        raise TooLargeError
    return value


def size(value: object) -> int:
    """How many entries or characters a value has; 0 for one without."""
    sized = isinstance(value, str | bytes | list | tuple | set | frozenset | dict)
    return len(cast("Sized", value)) if sized else 0


def cost(value: object) -> int:
    """How many entries it costs to make or to go over a value."""
    return size(value) // 8 if isinstance(value, str | bytes) else size(value)


def _check_size(op: ast.operator, left: object, right: object) -> None:
    """Refuse what would take long to compute at all."""
    if isinstance(op, ast.Mult):
        for count, sequence in ((left, right), (right, left)):
            if isinstance(count, int) and count * size(sequence) > LONGEST:
                raise TooLargeError
    elif isinstance(op, ast.Mod) and isinstance(left, str | bytes):
        check_format(left if isinstance(left, str) else left.decode("latin-1"))
    elif isinstance(left, int) and isinstance(right, int):
        bits = abs(right) * max(1, left.bit_length()) if isinstance(op, ast.Pow) else 0
        if max(bits, right if isinstance(op, ast.LShift) else 0) > MOST_BITS:
            raise TooLargeError


def check_format(spec: str) -> None:
    """Refuse a format with a width of many characters. Raises TooLargeError."""
    digits = 0
    for character in spec:
        digits = digits + 1 if character.isdigit() else 0
        if digits > len(str(LONGEST)) or character == "*":
            raise TooLargeError
