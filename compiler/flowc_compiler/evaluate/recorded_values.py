"""The values of expressions as they were when a class statement, a decorator or a call was evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Literal, cast

from flowc_compiler.evaluate.assumptions import may_settle, settled
from flowc_compiler.evaluate.environment_reads import task_variable
from flowc_compiler.evaluate.evaluation_state import Recorded, Records
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.literals import UnresolvedError
from flowc_compiler.evaluate.operations import HEAVIEST
from flowc_compiler.evaluate.plain_data import TOO_HEAVY, plain_members, weight
from flowc_compiler.evaluate.values import (
    LIBRARY_TYPES,
    BoundMethod,
    Builtin,
    ClassObject,
    ConfigReference,
    ConfigTree,
    Foreign,
    Function,
    Instance,
    Module,
    Partial,
    RuntimeValue,
    SettingsObject,
    Undetermined,
    Unresolved,
    is_kind,
)
from flowc_compiler.ir.base import TaskVariable
from flowc_compiler.syntax.tree_walk import children

OF_A_RUN = "it is the result of a step, which is not known when the flow is compiled"
Accepted = Literal["nothing", "variables", "places"]
"""Which assumptions a value may depend on: of variables, or also of where the files are."""


def recorded(
    evaluator: Evaluator,
    node: ast.expr,
    found: Recorded,
    *,
    definitions: bool = False,
    accepts: Accepted = "variables",
    records: Records | None = None,
) -> object:
    """A value that was recorded, if it is known all through; with `definitions`, it may contain functions and classes.

    `records` has what its parts were. Raises UnresolvedError.
    """
    value, held = found
    value = settled(evaluator, value, located=accepts == "places", variables=accepts != "nothing")
    unknown = None if isinstance(value, ConfigReference) else _first_unknown(evaluator, value)
    if isinstance(unknown, Unresolved):
        known = records if records is not None else evaluator.records
        part = _unknown_part(evaluator, node, known)
        inner = _first_unknown(evaluator, known[part].value) if part in known else None
        unknown = inner if isinstance(inner, Unresolved) else unknown
        raise UnresolvedError(part, unknown.reason, unknown.help, wrong=unknown.wrong)
    if isinstance(unknown, RuntimeValue):
        raise UnresolvedError(node, OF_A_RUN)
    if weight(value) > HEAVIEST:
        raise UnresolvedError(node, TOO_HEAVY, "compute it in a step")
    if held is not None and held != value:
        raise UnresolvedError(node, "it is changed after this", "write the value out here")
    value = plain_members(value)
    if not definitions and (definition := _first_definition(value)) is not None:
        raise UnresolvedError(node, *_described(definition[0]))
    return value


def with_task_variables(found: Recorded) -> Recorded:
    """A dict of variables in which each secret that is read from the environment is a TaskVariable."""
    if not is_kind(found.value, dict):
        return found
    entries = cast("dict[object, object]", found.value)
    secrets = {key: secret for key, item in entries.items() if (secret := task_variable(key, item)) is not None}
    held = cast("dict[object, object]", found.copy) if is_kind(found.copy, dict) else None
    return Recorded({**entries, **secrets}, held and {**held, **secrets}) if secrets else found


def _unknown_part(evaluator: Evaluator, node: ast.expr, records: Records) -> ast.expr:
    """The smallest part of an expression that is not known, as far as it was recorded."""
    while True:
        inner = next((item for item in _operands(node, records) if _is_unknown(evaluator, records[item])), None)
        if inner is None:
            return node
        node = inner


def _operands(node: ast.AST, records: Records) -> Iterator[ast.expr]:
    """The parts that an expression is computed of; not what a name of another module begins with."""
    owner = node.value if isinstance(node, ast.Attribute | ast.Subscript) else getattr(node, "func", None)
    for child in children(node):
        if child not in records:  # an argument, and what is called, which is looked up another way
            yield from _operands(child, records)
        elif isinstance(child, ast.expr) and not (child is owner and isinstance(records[child].value, Foreign)):
            yield child


def _is_unknown(evaluator: Evaluator, found: Recorded) -> bool:
    known = may_settle(evaluator, found.value)
    return not known and isinstance(_first_unknown(evaluator, found.value), Unresolved)


def _first_unknown(evaluator: Evaluator, value: object) -> Undetermined | None:
    """The first part of a value that is not known; references to configs are looked up later.

    Of several, one that is known under assumptions that could be made comes last.
    """
    assumed: Undetermined | None = None
    for item in _parts(value):
        found = evaluator.undetermined(item)
        if found is not None and not isinstance(found, ConfigReference):
            if not may_settle(evaluator, found):
                return found
            assumed = assumed or found
    return assumed


def _first_definition(value: object) -> tuple[object] | None:
    """The first part of a value that is a function, a class or the like."""
    return next(((item,) for item in _parts(value) if _is_definition(item)), None)


def _parts(value: object) -> Iterator[object]:
    """A value, and what is in it."""
    pending: list[object] = [value]
    seen = set[int]()
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, dict):
            pending.extend(reversed(cast("dict[object, object]", item).values()))
        elif isinstance(item, list | tuple | set | frozenset):
            pending.extend(reversed(list(cast("list[object]", item))))


def _described(value: object) -> tuple[str, str]:
    """What a value is that is not data, and what to write instead."""
    name = getattr(value, "name", "")
    match value:
        case Function() | Partial() | BoundMethod() | Builtin():
            shown = f"`{name}`" if name and name != "<lambda>" else "it"
            return f"{shown} is a function, which nothing calls", "call it, or write the value itself"
        case ClassObject():
            return f"`{name}` is a class", "write the value itself"
        case Instance() if value.of is not None and value.of.kind == "enum":
            shown = f"{value.of.name}.{value.attributes['name']}"
            return f"it is the member `{shown}` of an enumeration", f"write `{shown}.value`"
        case Instance() if value.of is not None:
            return f"it is an object of the class `{value.of.name}`", "write the value itself"
        case Module():
            return "it is a module", "write the value itself"
        case _:
            return "", ""


def _is_definition(value: object) -> bool:
    """Whether a value is not data: a function, a class, a step."""
    plain = isinstance(value, str | bytes | int | float | complex | list | dict | tuple | set | frozenset | None)
    return not (plain or isinstance(value, (SettingsObject, TaskVariable, Undetermined, *LIBRARY_TYPES)))


def entry_of(node: ast.expr, container: object, key: object) -> object:
    """An entry of a list, dict or text. Raises UnresolvedError if there is none."""
    if not isinstance(container, dict | list | tuple | str):
        raise UnresolvedError(node)
    entries = cast("Any", container)
    try:
        return entries[key]
    except (KeyError, IndexError, TypeError):
        kind = "the config" if isinstance(container, ConfigTree) else "the constant"
        raise UnresolvedError(node, f"{kind} has no entry {key!r}", _entries(entries), wrong=True) from None


def _entries(container: object) -> str:
    if isinstance(container, dict):
        keys = [str(key) for key in cast("dict[object, object]", container)]
        return f"it has {', '.join(keys[:20])}" if keys else "it is empty"
    return f"it has {len(cast('str', container))} entries"
