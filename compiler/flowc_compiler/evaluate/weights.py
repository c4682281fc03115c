"""How large values are when they are written out: what is held twice counts twice, so that a few lines make much."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import cast

from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.operations import DEEPEST_TREE, HEAVIEST
from flowc_compiler.evaluate.values import RuntimeValue
from flowc_compiler.ir.regions import (
    ChosenValue,
    CollectionValue,
    EachValue,
    ElementValue,
    LiteralValue,
    OperationValue,
)

_CHARACTERS = 100
"""How many characters of a text count as one entry."""


TOO_HEAVY = f"this value is nested too deeply, or has more than {HEAVIEST} entries, counted each time"
"""Why a value is refused that is much larger written out than in memory."""


def check_weight(evaluator: Evaluator, node: ast.AST, *values: object) -> None:
    """Refuse values that are much larger written out than in memory. Raises EvaluationError with FC114."""
    if sum(weight(value) for value in values) > HEAVIEST:
        raise evaluator.refuse("FC114", TOO_HEAVY, node, "make it in a step")


def weight(value: object) -> int:
    """How many entries a value has, those of lists in it counted as often as they are there; at most a few too many.

    Linear in what is in memory. A list that holds itself has endlessly many, and so has what is nested too deeply.
    """
    known: dict[int, int] = {}
    depths: dict[int, int] = {}
    pending: list[tuple[object, bool]] = [(value, False)]
    while pending:
        found, is_done = pending.pop()
        if is_done:
            inside = _inside(found)
            total = 1 + sum(_known(known, item) for item in inside)
            depth = 1 + max(depths.get(id(item), 0) for item in inside)
            depths[id(found)] = depth
            known[id(found)] = HEAVIEST + 1 if depth > DEEPEST_TREE else min(total, HEAVIEST + 1)
        elif id(found) not in known and _inside(found):
            known[id(found)] = HEAVIEST + 1  # until it is done: what is met before holds itself
            pending.append((found, True))
            pending.extend((item, False) for item in _inside(found))
    return _known(known, value)


def _known(known: dict[int, int], value: object) -> int:
    if isinstance(value, str | bytes):
        return 1 + len(value) // _CHARACTERS
    return known.get(id(value), 1)


def _inside(value: object) -> Iterable[object]:
    match value:
        case RuntimeValue():
            inner = getattr(value, "value", None)
            return () if inner is None else (inner,)
        case ElementValue(value=inner) | EachValue(value=inner) | LiteralValue(value=inner):
            return (inner,)
        case CollectionValue(values=inner) | ChosenValue(values=inner) | OperationValue(operands=inner):
            return inner
        case dict():
            entries = cast("dict[object, object]", value)
            return (*entries.keys(), *entries.values())
        case list() | tuple() | set() | frozenset():
            return cast("Iterable[object]", value)
        case _:
            return ()
