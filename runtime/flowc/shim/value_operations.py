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


def _place(path: str, kind: str) -> Any:
    """A path beside the flow's file. Raises UnloadableArtifact while the task has no files yet."""
    import os

    from flowc.errors import UnloadableArtifact
    from flowc.protocol import env_names

    folder = os.environ.get(env_names.FILES)
    if folder is None:
        raise UnloadableArtifact("the task has no files yet")
    found = os.path.normpath(os.path.join(folder, path))
    if kind == "str":
        return found
    from pathlib import Path

    return Path(found)


def _contains(item: Any, many: Any) -> bool:
    return item in many


def _contains_not(item: Any, many: Any) -> bool:
    return item not in many


def _concatenated(*parts: str) -> str:
    return "".join(parts)


_OF_OPERATOR: Dict[str, str] = {
    "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "is": "is_", "is not": "is_not",
    "not": "not_",
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "@": "matmul",
    "<<": "lshift", ">>": "rshift", "&": "and_", "|": "or_", "^": "xor", "neg": "neg", "pos": "pos",
    "invert": "invert", "getitem": "getitem",
}  # fmt: skip
"""Operators by the names of their functions in Python's module `operator`."""
_OPERATIONS: Dict[str, Callable[..., Any]] = {
    **{word: getattr(operator, name) for word, name in _OF_OPERATOR.items()},
    "in": _contains,
    "not in": _contains_not,
    "getattr": getattr,
    "slice": slice,
    "format": _formatted,
    "concat": _concatenated,
    "call": _call,
    "method": _method,
    "isinstance": _is_instance,
    "place": _place,
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
