"""The types of values that are known, and of the small trees of values that steps are called with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from flowc_compiler.frontend.pipelines.types.model import (
    NONE,
    UNKNOWN,
    Instance,
    LiteralType,
    TupleType,
    Type,
    several_of,
)

_DEEPEST = 24
_MOST_DISTINCT = 50
"""Values of a list that are told apart; beyond that their classes are."""


def type_of_value(value: object, depth: int = 0) -> Type:
    """The type of plain data. Of its own class exactly: an object of another class is unknown."""
    if value is None:
        return NONE
    if type(value) in {int, str, bool, bytes, float}:
        kind = type(value).__name__
        return LiteralType(kind, cast("int | str | bytes | float", value))  # type: ignore[arg-type]
    if depth > _DEEPEST:
        return UNKNOWN
    if type(value) is tuple:
        return TupleType(tuple(type_of_value(item, depth + 1) for item in cast("tuple[object, ...]", value)))
    if type(value) is dict:
        entries = cast("dict[object, object]", value)
        return Instance("dict", (_all_of(entries, depth), _all_of(entries.values(), depth)))
    if type(value) in {list, set, frozenset, range}:
        items = () if isinstance(value, range) else (_all_of(cast("Iterable[object]", value), depth),)
        return Instance(type(value).__name__, items)
    return UNKNOWN


def _all_of(values: Iterable[object], depth: int) -> Type:
    distinct: dict[Type, None] = {}
    for value in values:
        of = type_of_value(value, depth + 1)
        if len(distinct) > _MOST_DISTINCT and isinstance(of, LiteralType):
            of = Instance(of.kind)
        distinct.setdefault(of)
    return several_of(distinct)
