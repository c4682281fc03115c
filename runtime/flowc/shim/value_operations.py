"""Operations on the results of steps that a pipeline's body has, done in the task that needs their outcome.

The plan has them as data; no text of the user's is evaluated here.
"""

from __future__ import annotations

import operator

from flowc.protocol.expressions import FUNCTIONS, LISTED, METHODS, TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    Value = Dict[str, Any]
    """An operand, as the plan has it."""


def _method(owner: Any, name: str, *values: Any, **keywords: Any) -> Any:
    if name not in METHODS:
        raise ValueError(f"{name!r} is no method that a plan may call")
    found = getattr(owner, name)(*values, **keywords)
    plain = isinstance(owner, dict)  # views of a dict cannot be stored
    return list(found) if plain and name in LISTED else found


def _call(name: str, *values: Any, **keywords: Any) -> Any:
    return FUNCTIONS[name](*values, **keywords)


def _formatted(value: Any, conversion: str, spec: str) -> str:
    return format(_CONVERSIONS[conversion](value) if conversion else value, spec)


_CONVERSIONS: Dict[str, Callable[[Any], str]] = {"r": repr, "s": str, "a": ascii}


def _is_instance(value: Any, names: List[str]) -> bool:
    return isinstance(value, tuple(type(None) if name == "None" else TYPES[name] for name in names))


_OPERATIONS: Dict[str, Callable[..., Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is": operator.is_,
    "is not": operator.is_not,
    "in": lambda item, many: item in many,
    "not in": lambda item, many: item not in many,
    "not": operator.not_,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "@": operator.matmul,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "neg": operator.neg,
    "pos": operator.pos,
    "invert": operator.invert,
    "getattr": getattr,
    "getitem": operator.getitem,
    "slice": slice,
    "format": _formatted,
    "concat": lambda *parts: "".join(parts),
    "call": _call,
    "method": _method,
    "isinstance": _is_instance,
}
CHAINED = frozenset({"+", "-", "*", "/", "//", "%", "@", "<<", ">>", "&", "|", "^"})
"""Operators that group from the left: `a + b + c` is one operation with three operands."""


def operate(name: str, operands: List[Value], keywords: List[str], value_of: Callable[[Value], Any]) -> Any:
    """What an operation gives; `value_of` looks an operand up. Raises what Python would, and no more than it needs."""
    if name in ("and", "or"):
        result: Any = None
        for operand in operands:
            result = value_of(operand)
            if bool(result) is (name == "or"):
                break
        return result
    if name == "if":
        condition, held, other = operands
        return value_of(held if value_of(condition) else other)
    function = _OPERATIONS[name]
    if name in CHAINED:
        result = value_of(operands[0])
        for operand in operands[1:]:
            result = function(result, value_of(operand))
        return result
    values = [value_of(operand) for operand in operands]
    first = len(values) - len(keywords)
    return function(*values[:first], **dict(zip(keywords, values[first:])))
