"""What is plain data of Python's, what may be compared as Python would, and how large values are when written out."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Sequence, Sized
from typing import cast

from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.operations import DEEPEST_TREE, HEAVIEST, LONGEST, MOST_COLLISIONS, costs_nothing
from flowc_compiler.evaluate.values import (
    ATOMS,
    LIBRARY_TYPES,
    PLAIN,
    Instance,
    Member,
    RuntimeValue,
    is_kind,
    parts_to_look_into,
    with_replaced,
)
from flowc_compiler.ir.regions import (
    ChosenValue,
    CollectionValue,
    EachValue,
    ElementValue,
    LiteralValue,
    OperationValue,
)


def check_plain(evaluator: Evaluator, node: ast.AST, what: str, way_out: str, *values: object) -> None:
    """Raise EvaluationError where a part of values is not known, or is not plain data of Python's."""
    evaluator.check_known(node, what, way_out, *values)
    if any(map(has_objects, values)):
        message = f"flowc does not compute with the objects in `{evaluator.code(node)}`"
        raise evaluator.refuse("FC113", message, node, "use numbers, text, lists and dicts")


def has_objects(value: object) -> bool:
    """Whether a value is, or has in it, what is not plain data of Python's."""
    pending, seen = [value], set[int]()
    while pending:
        found = pending.pop()
        if is_kind(found, dict, list, tuple, set, frozenset):
            if id(found) not in seen:
                seen.add(id(found))
                pending.extend(parts_to_look_into(found))
        elif not isinstance(found, (*PLAIN, *LIBRARY_TYPES, range, slice)):
            return True
    return False


def plain_members(value: object) -> object:
    """A value with text and numbers for the members of enumerations that are such; unchanged without these."""
    return with_replaced(value, lambda part: part.plain if isinstance(part, Member) else part)


def check_key(evaluator: Evaluator, node: ast.AST, key: object) -> None:
    """Raise EvaluationError for what cannot be a key of a dict."""
    if costs_nothing(key):
        return
    evaluator.check_known(node, "it cannot be a key of a dict", "make the dict in a step", key)
    check_hashable(evaluator, node, key)
    evaluator.computed(node, lambda: hash(key) and None)


def check_hashable(evaluator: Evaluator, node: ast.AST, value: object) -> None:
    """Raise EvaluationError for objects that may be equal to each other by rules of their own."""
    if not compared_by_identity(value):
        message = "flowc does not compare objects of this class"
        raise evaluator.refuse("FC113", message, node, "use numbers or text")
    check_weight(evaluator, node, value)


def check_keys(evaluator: Evaluator, node: ast.AST, values: object) -> None:
    """Refuse entries, or pairs with them, that cannot all be in one set or dict. Raises EvaluationError.

    FC114 for many different keys of one hash: to make a set or dict of them takes the square of their number.
    """
    check_hashable(evaluator, node, values)
    if not is_kind(values, list, tuple, range) or not MOST_COLLISIONS < len(cast("Sized", values)) <= LONGEST:
        return
    evaluator.charge(len(cast("Sized", values)), node)
    values = cast("Sequence[object]", values)
    pairs = [item for item in values if is_kind(item, tuple) and len(cast("Sized", item)) == 2]
    for entries in (values, [cast("tuple[object, object]", item)[0] for item in pairs]):
        try:
            hashes = Counter(map(hash, entries))
        except TypeError:  # they cannot be keys, which is found where they are to be
            continue
        shared, times = next(iter(hashes.most_common(1)), (0, 0))
        if times <= MOST_COLLISIONS:
            continue
        alike = [item for item in entries if hash(item) == shared]
        if sum(item != alike[0] for item in alike) > MOST_COLLISIONS:
            message = "these keys have one hash, so that looking for them takes too long"
            raise evaluator.refuse("FC114", message, node, "use other keys")


def compared_by_identity(value: object) -> bool:
    """Whether comparing this with Python's operators does what the file's classes would do."""
    pending, seen = [value], set[int]()
    while pending:
        found = pending.pop()
        if isinstance(found, Member):
            continue
        if isinstance(found, Instance):
            own = () if found.of is None else found.of.mro()
            if found.of is None or any(
                item.kind in {"dataclass", "opaque"} or item.namespace.keys() & {"__eq__", "__ne__", "__hash__"}
                for item in own
            ):
                return False
        elif is_kind(found, dict, list, tuple, set, frozenset) and id(found) not in seen:
            seen.add(id(found))
            pending.extend(parts_to_look_into(found))
    return True


_CHARACTERS = 100
"""How many characters of a text count as one entry."""


TOO_HEAVY = f"this value is nested too deeply, or has more than {HEAVIEST} entries, counted each time"
"""Why a value is refused that is much larger written out than in memory."""
_TOO_LONG = f"this makes a text of more than {HEAVIEST} characters"


def check_weight(evaluator: Evaluator, node: ast.AST, *values: object) -> None:
    """Refuse values that are much larger written out than in memory. Raises EvaluationError with FC114."""
    evaluator.charge(_total(evaluator, node, values, _CHARACTERS, TOO_HEAVY) // 4, node)


def check_written(evaluator: Evaluator, node: ast.AST, *values: object) -> None:
    """The same for what becomes a text, of which each character counts. Raises EvaluationError with FC114."""
    check_weight(evaluator, node, *values)
    _total(evaluator, node, values, 1, _TOO_LONG)


def _total(evaluator: Evaluator, node: ast.AST, values: Sequence[object], characters: int, message: str) -> int:
    total = 0
    for value in values:  # each takes time, and all may be the same one: stop at once
        total += weight(value, characters)
        if total > HEAVIEST:
            raise evaluator.refuse("FC114", message, node, "make it in a step")
    return total


def check_fields(evaluator: Evaluator, node: ast.AST, text: str | bytes, operands: object) -> None:
    """Refuse `text % operands` that makes a long text, or takes one many times. Raises EvaluationError."""
    plain = text if isinstance(text, str) else text.decode("latin-1")
    if not is_kind(operands, dict) or re.search(r"%[^%(]", plain):
        check_written(evaluator, node, operands)
    if not is_kind(operands, dict):
        return
    names = Counter[object](re.findall(r"%\(([^()]*)\)", plain))
    lengths: dict[object, int] = {}
    for key, value in cast("dict[object, object]", operands).items():
        lengths[key.decode("latin-1") if isinstance(key, bytes) else key] = weight(value, characters=1)
    total = sum(times * lengths.get(name, 0) for name, times in names.items())
    total += (plain.count("%(") - names.total()) * max(lengths.values(), default=0)  # of names with brackets in them
    if total > HEAVIEST:
        raise evaluator.refuse("FC114", _TOO_LONG, node, "make it in a step")


def weight(value: object, characters: int = _CHARACTERS) -> int:
    """How many entries a value has, those of lists in it counted as often as they are there; at most a few too many.

    That many characters of a text or a number count as one. Linear in what is in memory. A list that holds itself has
    endlessly many, and so has what is nested too deeply.
    """
    known: dict[int, int] = {}
    depths: dict[int, int] = {}
    pending: list[tuple[object, bool]] = [(value, False)]
    while pending:
        found, is_done = pending.pop()
        if is_done:
            inside = _inside(found)
            total = 1 + sum(_known(known, item, characters) for item in inside)
            depth = 1 + max(depths.get(id(item), 0) for item in inside)
            depths[id(found)] = depth
            known[id(found)] = HEAVIEST + 1 if depth > DEEPEST_TREE else min(total, HEAVIEST + 1)
        elif id(found) not in known and (inside := _inside(found)):
            if (kinds := set(map(type, inside))) <= ATOMS:  # most are, and this is ten times faster
                known[id(found)] = min(1 + len(inside) + _beyond_entries(inside, kinds, characters), HEAVIEST + 1)
                depths[id(found)] = 1
                continue
            known[id(found)] = HEAVIEST + 1  # until it is done: what is met before holds itself
            pending.append((found, True))
            pending.extend((item, False) for item in inside)
    return _known(known, value, characters)


def _known(known: dict[int, int], value: object, characters: int) -> int:
    if isinstance(value, str | bytes):
        return 1 + len(value) // characters
    if isinstance(value, int):
        return 1 + value.bit_length() // (4 * characters)
    return known.get(id(value), 1)


def _beyond_entries(inside: Collection[object], kinds: set[type], characters: int) -> int:
    """What the characters of atoms add to their number: of many numbers at once, since most lists have only such."""
    total = sum(_known({}, item, characters) - 1 for item in inside if type(item) in _TEXTS) if kinds & _TEXTS else 0
    if int in kinds:
        total += sum(item.bit_length() for item in inside if type(item) is int) // (4 * characters)
    return total


_TEXTS = frozenset({str, bytes})


def _inside(value: object) -> Collection[object]:
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
            return cast("Collection[object]", value)
        case _:
            return ()
