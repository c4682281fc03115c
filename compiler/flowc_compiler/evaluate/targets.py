"""What assignments, loops, deletions and `match` bind: names, tuples of names, entries and attributes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, cast

from flowc_compiler.evaluate.conditions import test
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.functions import call_function
from flowc_compiler.evaluate.operations import LONGEST, TooLargeError, size
from flowc_compiler.evaluate.plain_data import check_hashable
from flowc_compiler.evaluate.values import (
    Builtin,
    ClassObject,
    Descriptor,
    Environment,
    Foreign,
    Function,
    Instance,
    Module,
    RuntimeValue,
    Undetermined,
    Unresolved,
    is_kind,
)


def assign(evaluator: Evaluator, target: ast.expr, value: object, node: ast.AST) -> None:
    """Bind what a target names. Raises EvaluationError."""
    match target:
        case ast.Name(id=name):
            evaluator.bind(name, value)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            _unpack(evaluator, items, value, node)
        case ast.Subscript():
            _assign_entry(evaluator, target, value)
        case ast.Attribute():
            _assign_attribute(evaluator, target, value)
        case ast.Starred(value=inner):
            assign(evaluator, inner, value, node)
        case _:
            raise evaluator.refuse("FC110", "flowc cannot assign to this", target, "assign to a name")


def _unpack(evaluator: Evaluator, items: Sequence[ast.expr], value: object, node: ast.AST) -> None:
    star = next((place for place, item in enumerate(items) if isinstance(item, ast.Starred)), None)
    found = evaluator.undetermined(value)
    if isinstance(found, Unresolved) and evaluator.lenient:
        for item in items:
            assign(evaluator, item, Unresolved(found.message, found.help, (value,)), node)
        return
    if isinstance(found, RuntimeValue):
        if star is not None:
            raise evaluator.not_known(found, node, "`*` cannot take what is left of it", "take it apart in a step")
        values = [evaluator.runtime_entry(value, place, node, len(items)) for place in range(len(items))]
    else:
        values = evaluator.iterate(value, node)
    least = len(items) - (star is not None)
    if len(values) < least or (star is None and len(values) > least):
        shown = f"{'at least ' if star is not None else ''}{least} value{'s' * (least != 1)}"
        message = (
            f"`{evaluator.code(node)}` has {len(values)} value{'s' * (len(values) != 1)}, and {shown} are expected"
        )
        raise evaluator.refuse("FC112", message, node, "make the numbers equal")
    if star is not None:
        end = len(values) - (len(items) - star - 1)
        values = [*values[:star], values[star:end], *values[end:]]
    for item, entry in zip(items, values, strict=True):
        assign(evaluator, item, entry, node)


def _assign_entry(evaluator: Evaluator, target: ast.Subscript, value: object) -> None:
    if evaluator.sets_variable(target, value):
        return

    def put(container: Any, key: object) -> None:
        if is_kind(key, slice) and size(container) + size(value) > LONGEST:
            raise TooLargeError
        container[key] = value

    _change_entry(evaluator, target, "assigned", put, value)


def _change_entry(
    evaluator: Evaluator, target: ast.Subscript, what: str, change: Callable[[Any, object], object], *values: object
) -> None:
    container = evaluator.evaluate(target.value)
    key = key_of(evaluator, target.slice)
    found = evaluator.undetermined(container) or evaluator.find_undetermined(*index_parts(key))
    if isinstance(found, Unresolved) and evaluator.lenient:
        evaluator.escape(container, *values, why=found)
        if isinstance(container, Foreign) and container.path == ("os", "environ") and isinstance(key, str):
            evaluator.changed_variables.add(key)
        elif isinstance(container, Foreign):
            evaluator.change_foreign(container)
        return
    if evaluator.undetermined(container) is not None:
        raise evaluator.not_known(container, target, f"its entries cannot be {what}", "change it in a step")
    if found is not None:
        raise evaluator.not_known(found, target, "it cannot be an index here", "do it in a step that gets the result")
    if not is_kind(container, list, dict):
        if evaluator.lenient:
            evaluator.escape(container, *values, why=Unresolved("flowc cannot follow this assignment"))
        raise evaluator.refuse("FC112", f"`{evaluator.code(target)}` cannot be {what}", target, "use a list or a dict")
    evaluator.check_free(container, target)
    if is_kind(container, dict):
        check_hashable(evaluator, target, key)
    evaluator.computed(target, lambda: change(container, key) and None)
    evaluator.computed(target, lambda: len(cast("list[object]", container)) and None)


def _assign_attribute(evaluator: Evaluator, target: ast.Attribute, value: object) -> None:
    if not evaluator.lenient:
        raise evaluator.refuse(
            "FC110", "an attribute cannot be assigned in a pipeline's body", target,
            "keep values in variables, lists and dicts",
        )  # fmt: skip
    owner = evaluator.evaluate(target.value)
    if (setter := setter_of(owner, target.attr)) is not None:
        call_function(evaluator, setter, CallArguments([BoundValue(owner, target), BoundValue(value, target)]), target)
        return
    names = attributes_of(evaluator, owner, target.attr)
    if names is None:
        why = Unresolved("flowc cannot follow this assignment")
        evaluator.escape(owner, value, why=why)
        if isinstance(owner, Function):
            evaluator.poison(owner, why)
        if isinstance(owner, Foreign):
            evaluator.change_foreign(owner)
    else:
        names[target.attr] = value


def is_descriptor(value: object) -> bool:
    """Whether a value in a class decides itself what reading or assigning the attribute does."""
    if not isinstance(value, Instance) or value.of is None:
        return False
    return any(item.namespace.keys() & {"__get__", "__set__", "__delete__"} for item in value.of.mro())


def setter_of(owner: object, name: str) -> Function | None:
    """The function that an assignment to an attribute calls; `None` if the attribute is no property with a setter."""
    if not isinstance(owner, Instance) or owner.of is None:
        return None
    order = owner.of.mro()
    found = next((item.namespace[name] for item in order if name in item.namespace), None)
    plain = not any(item.kind == "opaque" or "__setattr__" in item.namespace for item in order)
    found = found.setter if plain and isinstance(found, Descriptor) else None
    return found if isinstance(found, Function) else None


def _may_be_descriptor(value: object) -> bool:
    return isinstance(value, Descriptor | Undetermined) or is_descriptor(value)


def attributes_of(evaluator: Evaluator, owner: object, name: str) -> dict[str, object] | None:
    """The names that an assignment to an attribute changes; `None` where that is not known."""
    if isinstance(owner, Undetermined) or evaluator.undetermined(owner):
        return None
    if isinstance(owner, Module):
        return owner.namespace
    if isinstance(owner, ClassObject) and owner.kind in {"plain", "dataclass"}:
        return owner.namespace
    if isinstance(owner, Instance):
        for item in owner.of.mro() if owner.of is not None else ():
            special = item.namespace.keys() & {"__setattr__", "__delattr__", "__slots__"}
            kept = item.namespace.get(name)
            if item.kind == "opaque" or item.is_frozen or special or _may_be_descriptor(kept):
                return None
        return owner.attributes
    return None


def index_parts(key: object) -> tuple[object, ...]:
    """The bounds of a slice, or an index alone."""
    found = cast("Any", key)
    return (found.start, found.stop, found.step) if is_kind(key, slice) else (key,)


def key_of(evaluator: Evaluator, node: ast.expr) -> object:
    """What stands in `[...]`."""
    match node:
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else evaluator.evaluate(part) for part in (lower, upper, step)))
        case ast.Tuple(elts=items) if any(isinstance(item, ast.Slice) for item in items):
            return tuple(key_of(evaluator, item) for item in items)
        case _:
            return evaluator.evaluate(node)


def delete(evaluator: Evaluator, target: ast.expr) -> None:
    """`del name`, `del values[key]` and `del object.name`."""
    match target:
        case ast.Name(id=name) if name in evaluator.environment_of(name):
            del evaluator.environment_of(name)[name]
        case ast.Subscript():
            _change_entry(evaluator, target, "deleted", lambda container, key: container.__delitem__(key))
        case ast.Tuple(elts=items) | ast.List(elts=items):
            for item in items:
                delete(evaluator, item)
        case ast.Attribute() if evaluator.lenient:
            owner = evaluator.evaluate(target.value)
            names = attributes_of(evaluator, owner, target.attr)
            if names is None or target.attr not in names:
                evaluator.escape(owner, why=Unresolved("flowc cannot follow this `del`"))
            else:
                del names[target.attr]
        case _:
            raise evaluator.refuse(
                "FC110", "flowc cannot delete this", target, "delete a name or an entry of a list or dict"
            )


def match_statement(evaluator: Evaluator, node: ast.Match) -> Sequence[ast.stmt]:
    """The body of the first case that fits; nothing where none does. Raises EvaluationError."""
    subject = evaluator.evaluate(node.subject)
    evaluator.check_known(
        node.subject, "`match` cannot look at it",
        "write `if result == ...: ... elif result == ...: ...`, which becomes a switch", subject,
    )  # fmt: skip
    check_hashable(evaluator, node.subject, subject)
    for case in node.cases:
        found: Environment = {}
        if not _fits(evaluator, case.pattern, subject, found):
            continue
        for name, value in found.items():
            evaluator.bind(name, value)
        holds = True if case.guard is None else test(evaluator, case.guard)
        if isinstance(holds, Undetermined):
            raise evaluator.not_known(holds, case.guard or node, "a case cannot depend on it", "write `if` in the case")
        if holds:
            return case.body
    return ()


def _fits(evaluator: Evaluator, pattern: ast.pattern, subject: object, found: Environment) -> bool:
    match pattern:
        case ast.MatchValue(value=value):
            wanted = evaluator.evaluate(value)
            if isinstance(wanted, Unresolved):
                raise evaluator.refuse_unresolved(wanted, value)
            return not isinstance(wanted, Undetermined) and bool(evaluator.computed(value, lambda: subject == wanted))
        case ast.MatchSingleton(value=value):
            return subject is value
        case ast.MatchAs(pattern=inner, name=name):
            if inner is not None and not _fits(evaluator, inner, subject, found):
                return False
            if name is not None:
                found[name] = subject
            return True
        case ast.MatchOr(patterns=patterns):
            return any(_fits(evaluator, item, subject, found) for item in patterns)
        case ast.MatchSequence(patterns=patterns):
            return _sequence(evaluator, patterns, subject, found)
        case ast.MatchMapping():
            return _mapping(evaluator, pattern, subject, found)
        case ast.MatchClass(patterns=[] | [_] as inner, kwd_patterns=[]) if evaluator.lenient:
            return _of_type(evaluator, pattern, inner, subject, found)
        case _:
            raise evaluator.refuse(
                "FC110", "flowc does not evaluate a class pattern", pattern, "match plain values, lists and dicts"
            )


def _of_type(
    evaluator: Evaluator, pattern: ast.MatchClass, inner: list[ast.pattern], subject: object, found: Environment
) -> bool:
    """`int()` and `str(name)`."""
    kind = evaluator.evaluate(pattern.cls)
    if not isinstance(kind, Builtin) or kind.function not in (str, int, float, bool, list, tuple, dict, set, bytes):
        raise evaluator.refuse("FC110", "flowc does not evaluate this class pattern", pattern, "match plain values")
    if not isinstance(subject, cast("type", kind.function)):
        return False
    return not inner or _fits(evaluator, inner[0], subject, found)


def _sequence(evaluator: Evaluator, patterns: Sequence[ast.pattern], subject: object, found: Environment) -> bool:
    if not isinstance(subject, list | tuple | range):
        return False
    values = list(cast("Sequence[object]", subject))
    star = next((place for place, item in enumerate(patterns) if isinstance(item, ast.MatchStar)), None)
    if len(values) < len(patterns) - (star is not None) or (star is None and len(values) > len(patterns)):
        return False
    if star is not None:
        end = len(values) - (len(patterns) - star - 1)
        values = [*values[:star], values[star:end], *values[end:]]
    for item, value in zip(patterns, values, strict=True):
        if isinstance(item, ast.MatchStar):
            if item.name is not None:
                found[item.name] = value
        elif not _fits(evaluator, item, value, found):
            return False
    return True


def _mapping(evaluator: Evaluator, pattern: ast.MatchMapping, subject: object, found: Environment) -> bool:
    if not isinstance(subject, dict):
        return False
    rest = dict(cast("dict[object, object]", subject))
    for key_node, inner in zip(pattern.keys, pattern.patterns, strict=True):
        key = evaluator.evaluate(key_node)
        if key not in rest or not _fits(evaluator, inner, rest.pop(key), found):
            return False
    if pattern.rest is not None:
        found[pattern.rest] = rest
    return True
