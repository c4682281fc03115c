"""Operators on values that are known, with bounds: what Python would compute, as far as it stays small."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sized
from typing import Any, cast

from flowc_compiler.frontend.pipelines.evaluation.limits import LONGEST, MOST_BITS

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod, "Pow": operator.pow, "LShift": operator.lshift,
    "RShift": operator.rshift, "BitAnd": operator.and_, "BitOr": operator.or_, "BitXor": operator.xor,
}  # fmt: skip
"""Operators by the name of their syntax node."""

COMPARISONS: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "Eq": ("==", operator.eq), "NotEq": ("!=", operator.ne), "Lt": ("<", operator.lt), "LtE": ("<=", operator.le),
    "Gt": (">", operator.gt), "GtE": (">=", operator.ge),
    "Is": ("is", operator.is_), "IsNot": ("is not", operator.is_not),
    "In": ("in", lambda left, right: left in right), "NotIn": ("not in", lambda left, right: left not in right),
}  # fmt: skip
"""Comparisons by the name of their syntax node: how they are written, and what they do."""

UNARY: dict[str, Callable[[Any], Any]] = {
    "USub": operator.neg, "UAdd": operator.pos, "Invert": operator.invert, "Not": operator.not_,
}  # fmt: skip
"""Operators of one operand by the name of their syntax node."""


class TooLargeError(Exception):
    """The result would be larger than what is computed."""


def binary(op: ast.AST, left: object, right: object) -> object:
    """`left op right`; also for the operator of an assignment. Raises what Python does, and TooLargeError."""
    name = type(op).__name__
    function = BINARY.get(name)
    if function is None:
        raise TypeError("an operator that flowc does not evaluate")
    _check_size(name, left, right)
    return checked(function(left, right))


def checked(value: object) -> object:
    """A value that was computed. Raises TooLargeError."""
    if isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise TooLargeError
    elif _is_sized(value) and len(cast("Sized", value)) > LONGEST:
        raise TooLargeError
    return value


def _is_sized(value: object) -> bool:
    return isinstance(value, str | bytes | list | tuple | set | frozenset | dict)


def _check_size(name: str, left: object, right: object) -> None:
    """Refuse what would take long to compute at all."""
    if name == "Mult":
        for count, sequence in ((left, right), (right, left)):
            is_sequence = isinstance(sequence, str | bytes | list | tuple)
            if isinstance(count, int) and is_sequence and count * len(cast("Sized", sequence)) > LONGEST:
                raise TooLargeError
    elif name == "Pow" and isinstance(left, int) and isinstance(right, int):
        if abs(right) * max(1, left.bit_length()) > MOST_BITS:
            raise TooLargeError
    elif name == "LShift" and isinstance(left, int) and isinstance(right, int):
        if right > MOST_BITS:
            raise TooLargeError
    elif name == "Mod" and isinstance(left, str | bytes):
        check_format(left if isinstance(left, str) else left.decode("latin-1"))


def check_format(spec: str) -> None:
    """Refuse a format that asks for a width of many characters. Raises TooLargeError."""
    digits = 0
    for character in spec:
        digits = digits + 1 if character.isdigit() else 0
        if digits > len(str(LONGEST)) or character == "*":
            raise TooLargeError
