"""Values that are known under assumptions: of where the flow's files are, and of variables of the environment.

An operation on such values is computed as usual, and what it gives depends on the same assumptions. Who needs the value
decides whether these hold: a file that is read when compiling may be named by where the flow is, and a task may not.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.values import (
    ATOMS,
    Assumed,
    ConfigReference,
    DictView,
    Iterator,
    Located,
    VariableDefault,
    is_kind,
    parts_of_container,
    with_replaced,
)
from flowc_compiler.source import SourceFile

if TYPE_CHECKING:
    from flowc_compiler.evaluate.evaluator import Evaluator

_PLACE_HELP = "compute it in a step, where `__file__` is that of the file in the task; write the value itself here"


def file_place(source: SourceFile) -> Assumed:
    """The value of `__file__`."""
    path = Path(os.path.abspath(source.path)).as_posix()  # noqa: PTH100 - as Python, which follows no links
    message = f"it depends on where {source.name} is, which is another place where the flow runs"
    return Assumed(message, _PLACE_HELP, value=path, assumptions=(Located(path),))


def machine_place(value: object, shown: str) -> Assumed:
    """The value of an expression that depends on the current folder or on the user's home."""
    message = f"`{shown}` is a folder of this machine, and another one where the flow runs"
    return Assumed(message, _PLACE_HELP, value=value, assumptions=(Located(),))


def is_file_itself(value: Assumed) -> bool:
    """Whether a value is the path of one of the flow's files, and not that of a folder around it."""
    return str(value.value) in {item.file for item in value.assumptions if isinstance(item, Located)} - {""}


def assumed_parts(evaluator: Evaluator, *values: object) -> list[Assumed]:
    """The parts of values that are known under assumptions; none where another part is not known at all."""
    pending, seen, found = list(values)[::-1], set[int](), list[Assumed]()
    while pending:
        value = pending.pop()
        part = evaluator.undetermined(value)
        if isinstance(part, Assumed):
            found.append(part)
        elif part is not None and not isinstance(part, ConfigReference):
            return []
        elif is_kind(value, list, tuple, set, frozenset, dict) and id(value) not in seen:
            seen.add(id(value))
            inner = parts_of_container(value)
            if not set(map(type, inner)) <= ATOMS:
                pending.extend(inner)
    return found


def stripped(value: object) -> object:
    """A value without its assumptions. Lists and dicts that have such values in them are copied."""
    return with_replaced(value, lambda part: part.value if isinstance(part, Assumed) else part)


def assuming(evaluator: Evaluator, found: list[Assumed], run: Callable[[], object]) -> object:
    """What an operation gives for values without their assumptions, under these. Raises EvaluationError."""
    from flowc_compiler.evaluate.evaluation_state import EvaluationError

    try:
        value = run()
    except EvaluationError:
        unset = next((item for item in found if item.value is None and not _is_given(item)), None)
        if unset is None:
            raise
        raise evaluator.refuse_unresolved(unset, evaluator.view.tree) from None  # what fails is None for a variable
    if isinstance(value, Iterator):
        value = list(value.items())[::-1]
    elif isinstance(value, DictView):
        value = value.entries()
    return under(evaluator, value, found)


def under(evaluator: Evaluator, value: object, found: list[Assumed]) -> object:
    """A value under the assumptions of others, and its own."""
    own = assumed_parts(evaluator, value)
    if not own and evaluator.find_undetermined(value) is not None:
        return value
    assumptions = tuple(dict.fromkeys(item for part in (*found, *own) for item in part.assumptions))
    first = next((item for item in (*found, *own) if item.is_located), found[0])
    return Assumed(first.message, first.help, options=(value,), value=stripped(value), assumptions=assumptions)


def _is_given(value: Assumed) -> bool:
    return all(item.is_given for item in value.assumptions if isinstance(item, VariableDefault))


def may_settle(evaluator: Evaluator, value: object, *, located: bool = False, variables: bool = True) -> bool:
    """Whether a value is known under assumptions, all of which may be made: of places, and of variables.

    For a variable without a default in the code, Python has None, which is no value that anybody wants.
    """
    found = assumed_parts(evaluator, value)
    if not found or (not located and any(item.is_located for item in found)):
        return False
    if not variables and any(isinstance(item, VariableDefault) for part in found for item in part.assumptions):
        return False
    return not any(part.value is None and not _is_given(part) for part in found)


def settled(evaluator: Evaluator, value: object, *, located: bool = False, variables: bool = True) -> object:
    """A value without the assumptions that may be made where it is needed; unchanged where one of them may not."""
    if not may_settle(evaluator, value, located=located, variables=variables):
        return value
    made = [item for part in assumed_parts(evaluator, value) for item in part.assumptions]
    for item in dict.fromkeys(item for item in made if isinstance(item, VariableDefault)):
        evaluator.note_default(item)
    return stripped(value)
