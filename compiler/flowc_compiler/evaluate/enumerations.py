"""Enumerations of the file: their members, and what these are as numbers and texts."""

from __future__ import annotations

import ast
from typing import cast

from flowc_compiler.evaluate.evaluation_state import CallArguments
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.values import (
    MISSING,
    Builtin,
    ClassObject,
    Descriptor,
    Environment,
    Foreign,
    Function,
    Instance,
    Member,
    Unresolved,
)

_EITHER = "str or StrEnum"
ENUMS = frozenset(
    {
        ("enum", _EITHER),
        ("enum", "Enum"),
        ("enum", "Flag"),
        ("enum", "IntEnum"),
        ("enum", "IntFlag"),
        ("enum", "StrEnum"),
    }
)


def enumeration_of(base: object) -> object:
    """A base class; of one that is made in two ways, for old and new versions of Python, what these have in common.

    That is that the members are texts. How one is written out differs.
    """
    if isinstance(base, Foreign) and base.path == ("flowc", "utils", "enum_utils", "StrEnum"):
        return Foreign(base.message, base.help, path=("enum", "StrEnum"))
    if not isinstance(base, Unresolved) or not base.is_choice or not all(map(_is_of_texts, base.options)):
        return base
    return Foreign(base.message, base.help, path=("enum", _EITHER))


def _is_of_texts(base: object) -> bool:
    if isinstance(base, ClassObject):
        return base.kind == "enum" and base.options <= {"str", "StrEnum"} and not member_names(base)
    return isinstance(base, Foreign) and base.path == ("enum", "StrEnum")


def member_names(enumeration: ClassObject) -> list[str]:
    """The names of the members that an enumeration has so far."""
    names = enumeration.namespace.items()
    return [name for name, value in names if not name.startswith("_") and not isinstance(value, Function | Descriptor)]


def has_enum(bases: list[object]) -> bool:
    """Whether the bases of a class are a type of Python's and `Enum`."""
    return len(bases) == 2 and isinstance(bases[1], Foreign) and bases[1].path == ("enum", "Enum")


MIXED_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "IntEnum": int, "StrEnum": str, _EITHER: str}
"""The types of the members of enumerations, by the name of a base."""


def make_members(evaluator: Evaluator, made: ClassObject, bases: list[object]) -> None:
    """Let the constants of an enumeration be its members. Flags, and values of another type, are unknown."""
    first = bases[0]
    if isinstance(first, ClassObject):
        base = next(iter(first.options))
    else:
        base = first.name if isinstance(first, Builtin) else cast("Foreign", first).path[-1]
    mixed = MIXED_TYPES.get(base)
    made.options.add(base)
    by_value: dict[object, Instance] = {}
    others: list[tuple[object, Instance]] = []
    last: int | None = 0
    """The last value, from which `auto()` counts on; `None` where they do not go up."""
    for name, written in list(made.namespace.items()):
        if name.startswith("_") or isinstance(written, Function | Descriptor):
            continue
        value = _automatic(name, last, mixed) if _is_auto(written) else written
        attributes: Environment = {"value": value, "_value_": value, "name": name, "_name_": name}
        new = Instance(made, attributes) if base == "Enum" else Member(made, attributes, value)
        if isinstance(value, str | int | float):
            member = by_value.setdefault((str, value) if isinstance(value, str) else value, new)
        else:
            evaluator.charge(len(others), made.node)
            member = next((member for other, member in others if type(other) is type(value) and other == value), new)
            others.append((value, member))
        is_first = member is new and len(by_value) + len(others) == 1
        last = value if type(value) is int and last is not None and (is_first or value >= last) else None
        is_known = base == "Enum" or type(value) is mixed
        made.namespace[name] = member if is_known else Unresolved("flowc cannot tell what this member is equal to")


def _is_auto(value: object) -> bool:
    return isinstance(value, Foreign) and value.path == ("enum", "auto", "()")


def _automatic(name: str, last: int | None, mixed: type | None) -> object:
    """The value that `auto()` gives: one more than the last, and of text the name in small letters."""
    if mixed is str:
        return name.lower()
    return Unresolved("it is made by `auto()`", "write the value out") if last is None else last + 1


def member_text(value: Instance, *, formatted: bool) -> str | None:
    """What `str` or a format makes of a member of an enumeration; `None` where that depends on the Python."""
    of = value.of
    if of is None or of.kind != "enum" or any(of.find(name) is not MISSING for name in ("__str__", "__format__")):
        return None
    if "StrEnum" in of.options or (formatted and "IntEnum" in of.options):
        return str(cast("Member", value).plain)
    is_plain = not isinstance(value, Member) or ("str" in of.options and not formatted)
    return f"{of.name}.{value.attributes['name']}" if is_plain else None


def member_called(evaluator: Evaluator, of: ClassObject, arguments: CallArguments, node: ast.expr) -> object:
    """The member with a value, as `Color("red")` gives it. Raises EvaluationError if there is none."""
    wanted = arguments.positional[0].value if arguments.positional else None
    for member in of.namespace.values():
        if isinstance(member, Instance) and member.of is of and evaluator.undetermined(wanted) is None:
            if member is wanted:
                return member
            value = member.attributes["value"]
            if type(value) is type(wanted) and value == wanted:
                return member
    raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the member")
