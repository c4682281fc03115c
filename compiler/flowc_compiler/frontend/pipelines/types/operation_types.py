"""The types of operations on values, and what conditions say of the types of values that they test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flowc_compiler.frontend.types.assignability import Assignability
from flowc_compiler.ir.regions import LiteralValue, OperationValue, Value, value_key
from flowc_compiler.ir.type_model import (
    BOOL,
    BYTES,
    INT,
    NONE,
    STR,
    UNKNOWN,
    Instance,
    LiteralType,
    SeveralTypes,
    TupleType,
    Type,
    UnionType,
    Verdict,
    list_of,
    members_of,
    several_of,
    union_of,
)

_FLOAT = Instance("float")
_PLAIN = union_of([Instance("complex"), STR, BYTES, NONE])
"""What comparisons of are true or false."""
_MOST_FACTS = 200


def operation_type(rules: Assignability, value: OperationValue, operands: Sequence[Type]) -> Type:
    """The type of what an operation gives, by those of its operands."""
    match value.operator:
        case "and" | "or":
            *earlier, last = operands
            kept = (without_none(of) for of in earlier) if value.operator == "or" else earlier
            return union_of([*kept, last])
        case "if":
            return several_of(operands[1:])
        case "not" | "is" | "is not" | "in" | "not in" | "isinstance":
            return BOOL
        case "==" | "!=" | "<" | "<=" | ">" | ">=":  # an array compared with a number is an array
            return BOOL if all(rules.verdict(of, _PLAIN) is Verdict.FITS for of in operands) else UNKNOWN
        case "format" | "concat":
            return STR
        case "place":
            return STR if value.operands[1] == LiteralValue(value="str") else UNKNOWN
        case "call":
            return _call_type(rules, value.operands[0], operands[1:])
        case "+" | "-" | "*" | "/" | "//" | "%":
            return _arithmetic(value.operator, [_class_of(of) for of in operands])
        case "neg" | "pos":
            return _arithmetic("+", [_class_of(of) for of in operands])
        case _:
            return UNKNOWN


def _class_of(of: Type) -> Type:
    return Instance(of.kind) if isinstance(of, LiteralType) else of


def _arithmetic(operator: str, operands: Sequence[Type]) -> Type:
    if all(of in {INT, BOOL} for of in operands):
        return _FLOAT if operator == "/" else INT
    if all(of in {INT, BOOL, _FLOAT} for of in operands):
        return _FLOAT
    if operator == "%" and operands[0] == STR:
        return STR
    return STR if operator == "+" and all(of == STR for of in operands) else UNKNOWN


_BY_NAME = {
    "all": BOOL, "any": BOOL, "ascii": STR, "bin": STR, "bool": BOOL, "bytes": BYTES, "chr": STR, "float": _FLOAT,
    "hex": STR, "int": INT, "len": INT, "oct": STR, "ord": INT, "range": Instance("range"), "repr": STR, "str": STR,
}  # fmt: skip


def _call_type(rules: Assignability, name: Value, operands: Sequence[Type]) -> Type:
    """The type of what a builtin function gives."""
    called = name.value if isinstance(name, LiteralValue) else None
    if called in _BY_NAME:
        return _BY_NAME[called]
    if called in {"list", "sorted", "reversed"} and operands:
        return list_of(rules.element(operands[0])[1])
    elements = [rules.element(of)[1] for of in operands]
    if called == "zip" or (called == "enumerate" and len(elements) == 1):
        return list_of(TupleType((INT, *elements) if called == "enumerate" else tuple(elements)))
    if called == "sum" and len(operands) == 1:
        element = rules.element(operands[0])[1]
        return element if element == INT else UNKNOWN
    if called == "abs" and operands:
        return _arithmetic("+", [_class_of(operands[0])])
    return UNKNOWN


def without_none(of: Type) -> Type:
    """A type without `None`, where it is one of several."""
    members = [item for item in members_of(of) if item != NONE]
    if len(members) == len(members_of(of)) or not members:
        return of
    return union_of(members) if isinstance(of, UnionType) else several_of(members)


class Fact(NamedTuple):
    """What a condition says of a value: that it is of one of some types, or of none of them."""

    value: Value
    types: tuple[Type, ...]
    holds: bool


def facts_of(tests: Sequence[Value], arm: int) -> tuple[Fact, ...]:
    """What is known in an arm of an `if`: its own test holds, and none of those before."""
    found: list[Fact] = []
    for test in tests[:arm]:
        found += _facts(test, holds=False)
    if arm < len(tests):
        found += _facts(tests[arm], holds=True)
    return tuple(found[:_MOST_FACTS])


def _facts(test: Value, *, holds: bool) -> Iterator[Fact]:
    pending = [(test, holds)]
    while pending:
        found, is_true = pending.pop()
        match found:
            case OperationValue(operator="not", operands=(inner,)):
                pending.append((inner, not is_true))
            case OperationValue(operator="and", operands=operands) if is_true:
                pending += [(operand, True) for operand in operands]
            case OperationValue(operator="or", operands=operands) if not is_true:
                pending += [(operand, False) for operand in operands]
            case OperationValue(operator="is" | "==" as word, operands=(value, LiteralValue(value=None))):
                del word
                yield Fact(value, (NONE,), is_true)
            case OperationValue(operator="is not" | "!=", operands=(value, LiteralValue(value=None))):
                yield Fact(value, (NONE,), not is_true)
            case OperationValue(operator="isinstance", operands=(value, LiteralValue(value=names))):
                yield Fact(value, tuple(Instance(str(name)) for name in names), is_true)
            case OperationValue():
                pass
            case value if is_true:
                yield Fact(value, (NONE,), False)
            case _:
                pass


def narrowed(rules: Assignability, of: Type, value: Value, facts: Sequence[Fact]) -> Type:
    """The type of a value where some facts are known of it."""
    key = value_key(value) if facts else ()
    for fact in facts:
        if fact.value.kind != value.kind or value_key(fact.value) != key:
            continue
        if isinstance(of, UnionType):
            kept = [item for item in of.members if _may_be(rules, item, fact)]
            of = union_of(kept) if kept else of
        elif isinstance(of, SeveralTypes):  # what arms assign: those are left that may have run
            members = (narrowed(rules, item, value, [fact]) for item in of.members)
            kept = [item for item in members if _may_be(rules, item, fact)]
            of = several_of(kept) if kept else of
    return of


def _may_be(rules: Assignability, of: Type, fact: Fact) -> bool:
    verdicts = [rules.verdict(of, wanted) for wanted in fact.types]
    return min(verdicts) < Verdict.NO if fact.holds else min(verdicts) > Verdict.FITS
