"""Builtin functions of more than values: they look at objects of the file's, make such, or end it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import cast

from flowc_compiler.evaluate.builtin_names import BUILTIN_TYPES, builtin
from flowc_compiler.evaluate.classes import named_tuple
from flowc_compiler.evaluate.environment_reads import call_getenv
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, ExitError
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.functions import apply, call_function
from flowc_compiler.evaluate.iteration import take_items
from flowc_compiler.evaluate.plain_data import has_objects
from flowc_compiler.evaluate.targets import attributes_of, setter_of
from flowc_compiler.evaluate.values import (
    PLAIN,
    Builtin,
    ClassObject,
    Foreign,
    Function,
    Instance,
    Iterator,
    Member,
    Partial,
    RuntimeValue,
    Undetermined,
    Unresolved,
    is_kind,
    plain_copy,
)


def _isinstance(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    if len(arguments.positional) != 2 or arguments.keywords:
        message = "`isinstance` takes a value and a type"
        raise evaluator.refuse("FC113", message, node, "write `isinstance(value, str)`")
    value, kind = (given.value for given in arguments.positional)
    if isinstance(value, RuntimeValue):
        several = cast("tuple[object, ...]", kind) if is_kind(kind, tuple) else (kind,)
        wanted = tuple(item.name for item in several if isinstance(item, Builtin) and item.name in BUILTIN_TYPES)
        if len(wanted) == len(several):
            return evaluator.runtime_operation("isinstance", [value, wanted], node)
    if isinstance(value, Undetermined):
        way_out = "test it in a step that gets the result"
        raise evaluator.not_known(value, arguments.positional[0].node, "its type is not known", way_out)
    kinds = cast("tuple[object, ...]", kind) if is_kind(kind, tuple) else (kind,)
    classes = value.of.mro() if isinstance(value, Instance) and value.of is not None else []
    if classes and all(item.kind != "opaque" for item in classes) and all(isinstance(k, ClassObject) for k in kinds):
        return any(item in classes for item in kinds)
    names = [item.name for item in kinds if isinstance(item, Builtin) and item.name in BUILTIN_TYPES]
    others = [item for item in kinds if not (isinstance(item, Builtin) and item.name in BUILTIN_TYPES)]
    if others and not (isinstance(value, PLAIN) and all(isinstance(item, ClassObject) for item in others)):
        way_out = "write `str`, `int`, `list`, ..."
        raise evaluator.refuse("FC110", "flowc knows the builtin types only", arguments.positional[1].node, way_out)
    return isinstance(value.plain if isinstance(value, Member) else value, tuple(BUILTIN_TYPES[name] for name in names))


def _next(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    source = arguments.positional[0].value if arguments.positional else None
    if not isinstance(source, Iterator) or evaluator.undetermined(source):
        raise evaluator.refuse("FC112", f"`{evaluator.code(node)}` cannot be evaluated", node, "write `list(...)[0]`")
    items = take_items(evaluator, source, node)
    if items:
        found = items.pop()
        if evaluator.conditional:
            evaluator.poison(source, Unresolved("whether something was taken out of it is not known"))
        return found
    if len(arguments.positional) > 1:
        return arguments.positional[1].value
    return evaluator.computed(node, lambda: next(iter(())))


def _getattr(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner, name = _attribute_arguments(evaluator, arguments, node)
    if isinstance(evaluator.undetermined(owner), RuntimeValue) and len(arguments.positional) == 3:
        return evaluator.runtime_operation("getattr", [owner, name, arguments.positional[2].value], node)
    names = _names_of(owner)
    if names is not None and name not in names and len(arguments.positional) > 2:
        return arguments.positional[2].value
    return evaluator.attribute(owner, name, node)


def _hasattr(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner, name = _attribute_arguments(evaluator, arguments, node)
    names = _names_of(owner)
    if names is None:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write the value out", owner)
    return name in names


def _attribute_arguments(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> tuple[object, str]:
    values = [given.value for given in arguments.positional]
    if len(values) < 2 or not isinstance(values[1], str):
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the attribute", *values)
    return values[0], values[1]


def _names_of(owner: object) -> set[str] | None:
    """The attributes of an object, where they are all known."""
    if isinstance(owner, Instance):
        classes = owner.of.mro() if owner.of is not None else []
        names = set(owner.attributes)
    elif isinstance(owner, ClassObject):
        classes, names = owner.mro(), set[str]()
    else:
        return None
    if any(item.kind == "opaque" or "__getattr__" in item.namespace for item in classes):
        return None
    return names.union(*(item.namespace for item in classes))


def _setattr(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> None:
    values = [given.value for given in arguments.positional]
    setter = setter_of(values[0], values[1]) if len(values) == 3 and isinstance(values[1], str) else None
    if setter is not None:
        call_function(evaluator, setter, CallArguments([arguments.positional[0], arguments.positional[2]]), node)
        return
    names = attributes_of(evaluator, values[0], values[1]) if len(values) == 3 and isinstance(values[1], str) else None
    if names is None:
        evaluator.escape(*values, why=Unresolved("it is changed by `setattr`"))
        if values and isinstance(values[0], Foreign):
            evaluator.change_foreign(values[0])
    else:
        names[cast("str", values[1])] = values[2]


def _vars(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner = arguments.positional[0].value if len(arguments.positional) == 1 else None
    if isinstance(owner, Instance) and (owner.of is None or owner.of.kind in {"plain", "dataclass"}):
        return owner.attributes
    if not arguments.positional or isinstance(owner, Foreign):
        path = owner.path if isinstance(owner, Foreign) else ("builtins", "globals", "()")
        return Foreign("is known when the file runs", path=(*path, "__dict__"))
    raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the values", owner)


def _type(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    value = arguments.positional[0].value if len(arguments.positional) == 1 else Unresolved("")
    if isinstance(value, Instance) and value.of is not None:
        return value.of
    if isinstance(value, PLAIN) or type(value) in BUILTIN_TYPES.values():
        name = type(value).__name__
        if name in BUILTIN_TYPES:
            return builtin(name)
    raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write the type out", value)


def _callable(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    value = arguments.positional[0].value if arguments.positional else Unresolved("")
    if isinstance(value, Undetermined | Instance):
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write the value out", value)
    return isinstance(value, Function | Builtin | ClassObject | Partial)


def _print(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> None:
    del arguments
    if not evaluator.lenient:
        raise evaluator.refuse(
            "FC115", "flowc does not evaluate `print` in a pipeline's body", node, "do this in a step"
        )


def _exit(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    del arguments
    if evaluator.lenient:
        raise ExitError
    raise evaluator.refuse("FC115", "a pipeline's body cannot end the program", node, "do this in a step")


def _object(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    del arguments
    raise evaluator.refuse("FC115", "`object()` is not plain data", node, "use None")


def _partial(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    if not arguments.positional or arguments.open:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the arguments")
    function, *rest = (given.value for given in arguments.positional)
    if isinstance(function, Partial):
        keywords = {**function.keywords, **{key: given.value for key, given in arguments.keywords.items()}}
        return Partial(function.function, (*function.positional, *rest), keywords)
    return Partial(function, tuple(rest), {key: given.value for key, given in arguments.keywords.items()})


def _reduce(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    function, source, *start = arguments.positional
    values = evaluator.iterate(source.value, source.node)
    if not start and not values:
        raise evaluator.refuse("FC112", f"`{evaluator.code(node)}` has nothing to reduce", node, "give it a start")
    total = start[0].value if start else values.pop(0)
    for value in values:
        total = apply(evaluator, function.value, (total, value), node)
    return total


def _itemgetter(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    """`itemgetter(...)`: a function of plain data."""
    values = [given.value for given in arguments.positional]
    if arguments.open or arguments.keywords or evaluator.find_undetermined(values) or has_objects(values):
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write a lambda")
    return Builtin("itemgetter", cast("Callable[..., object]", evaluator.computed(node, itemgetter, *values)))


def _wraps(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    del evaluator, node
    of = arguments.positional[0].value if arguments.positional else None
    wrapped = of.wraps or of if isinstance(of, Function) else None
    applied = of.applied if isinstance(of, Function) else ()

    def wrap(function: object) -> object:
        if not isinstance(function, Function):
            return function
        return replace(function, wraps=wrapped, applied=(*applied, *function.applied))

    return Builtin("typing.cast", wrap)


def _namespace(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    if arguments.positional or arguments.open:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the arguments")
    return Instance(None, {key: given.value for key, given in arguments.keywords.items()})


def _asdict(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner = arguments.positional[0].value if arguments.positional else None
    if not isinstance(owner, Instance) or owner.of is None or owner.of.kind != "dataclass":
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the values", owner)
    found = {name: owner.attributes[name] for name in owner.of.fields if name in owner.attributes}
    evaluator.check_known(node, "it cannot be copied", "name the values", found)
    if has_objects(found):
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the values", owner)
    return evaluator.computed(node, plain_copy, found)


def _replace(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner = arguments.positional[0].value if arguments.positional else None
    if not isinstance(owner, Instance) or owner.of is None or owner.of.kind != "dataclass":
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the values", owner)
    own = {name: BoundValue(owner.attributes[name], node) for name in owner.of.fields if name in owner.attributes}
    return evaluator.call(owner.of, CallArguments([], {**own, **arguments.keywords}), node)


def _namedtuple(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    """`namedtuple("Name", ["x", "y"], defaults=[...])`: what it makes are Python's own named tuples."""
    values = [given.value for given in arguments.all()]
    plain = not arguments.open and evaluator.find_undetermined(values) is None and not any(map(has_objects, values))
    if not plain or len(arguments.positional) != 2 or arguments.keywords.keys() - {"defaults", "rename"}:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write a dataclass", *values)
    keywords = {key: given.value for key, given in arguments.keywords.items()}
    return named_tuple(evaluator, node, *values[:2], **keywords)


SPECIAL_BUILTINS: dict[str, Callable[[Evaluator, CallArguments, ast.expr], object]] = {
    "callable": _callable, "collections.namedtuple": _namedtuple, "dataclasses.asdict": _asdict,
    "dataclasses.replace": _replace, "exit": _exit, "functools.partial": _partial, "functools.reduce": _reduce,
    "functools.wraps": _wraps, "getattr": _getattr, "hasattr": _hasattr, "isinstance": _isinstance, "next": _next,
    "object": _object, "operator.itemgetter": _itemgetter, "os.getenv": call_getenv, "print": _print, "quit": _exit,
    "setattr": _setattr, "type": _type, "types.SimpleNamespace": _namespace, "vars": _vars,
}  # fmt: skip
