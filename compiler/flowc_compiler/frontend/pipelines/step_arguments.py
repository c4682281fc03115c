"""What the arguments of steps are in the IR: results of other steps, and values that are known."""

from __future__ import annotations

import ast
import datetime as dt
import os
from collections.abc import Iterable
from copy import copy
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, cast

from flowc_compiler.evaluate.assumptions import settled
from flowc_compiler.evaluate.constructed import can_be_made
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.iteration import in_order
from flowc_compiler.evaluate.library_values import PosixPath, is_named_tuple
from flowc_compiler.evaluate.operations import DEEPEST_VALUE
from flowc_compiler.evaluate.plain_data import check_weight
from flowc_compiler.evaluate.values import (
    LIBRARY_TYPES,
    PLAIN,
    Assumed,
    Constructed,
    Function,
    Instance,
    Iterator,
    Unresolved,
    parts_to_look_into,
)
from flowc_compiler.frontend.pipelines.pipeline_values import (
    ClientRead,
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
    Unmapped,
)
from flowc_compiler.ir.regions import (
    CollectionValue,
    EachValue,
    ItemValue,
    LiteralValue,
    ObjectValue,
    OperationValue,
    OutputValue,
    Value,
)
from flowc_compiler.syntax.import_root import located

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator


def argument_value(  # noqa: PLR0912 - one case for each kind
    evaluator: Evaluator, value: object, node: ast.AST, depth: int = 0
) -> Value:
    """What a step is given for an evaluated argument. Raises EvaluationError for what cannot be an argument."""
    if depth > DEEPEST_VALUE:
        raise evaluator.refuse("FC113", "this value is nested too deeply", node, "make it in a step")
    if not depth:
        check_weight(evaluator, node, value)
    unknown = None if isinstance(value, Constructed) and not value.changes else evaluator.undetermined(value)
    if isinstance(unknown, Assumed) and unknown.is_beside_file:
        return _place_value(evaluator, unknown, node)
    if isinstance(unknown, Unresolved):
        value = evaluator.settle_or_refuse(unknown, node)
    if is_named_tuple(value):
        raise _refuse(evaluator, value, node)
    match value:
        case Result(value=known):
            return known
        case Constructed() | Instance() if can_be_made(evaluator, value):
            return _object_value(evaluator, value, node, depth)
        case ClientRead():
            from flowc_compiler.frontend.pipelines.body_reads import read_result

            return read_result(cast("PipelineEvaluator", evaluator), value, node).value
        case StepOutputs(names=()):
            return LiteralValue(value=None)
        case StepOutputs(results=results):
            return CollectionValue(kind="tuple", values=tuple(item.value for item in results))
        case MappedResult():
            return _collected(evaluator, value, node)
        case range():
            return LiteralValue(value=value)
        case Iterator():
            return argument_value(evaluator, evaluator.iterate(value, node), node, depth)
        case list() | tuple() | set() | frozenset() | dict():
            return _collection(evaluator, cast("list[object]", value), node, depth)
        case _:
            if isinstance(value, PLAIN):
                return LiteralValue(value=value)
            if isinstance(value, LIBRARY_TYPES):
                return _library_value(value)
    raise _refuse(evaluator, value, node)


def _library_value(value: object) -> ObjectValue:
    """A date, a path and the like, as the task makes it."""
    name, parts, keywords = type(value).__name__, list[object](), dict[str, object]()
    match value:
        case dt.datetime() | dt.time():
            fields = ("hour", "minute", "second", "microsecond")
            day = ("year", "month", "day") if isinstance(value, dt.datetime) else ()
            parts = [getattr(value, field) for field in (*day, *fields)]
            keywords = {"tzinfo": value.tzinfo, "fold": value.fold}
        case dt.date():
            parts = [value.year, value.month, value.day]
        case dt.timedelta():
            parts = [value.days, value.seconds, value.microseconds]
        case dt.timezone():
            parts = [value.utcoffset(None)]
        case PurePath():
            name, parts = "Path" if isinstance(value, PosixPath) else "PurePath", [str(value)]
        case _:
            parts = [str(value)]
    given = {key: item for key, item in keywords.items() if item}
    made = [*parts, *given.values()]
    module = "pathlib" if isinstance(value, PurePath) else type(value).__module__
    return ObjectValue(
        name=name,
        module=module,
        values=tuple(
            _library_value(part) if isinstance(part, LIBRARY_TYPES) else LiteralValue(value=part) for part in made
        ),
        keywords=tuple(given),
    )


def _place_value(evaluator: Evaluator, value: Assumed, node: ast.AST) -> OperationValue:
    """A path beside the flow's files, as a task finds it. Raises EvaluationError for what is no such path."""
    found = settled(evaluator, value, located=True)
    folder = located(evaluator.executed_views()[0].source.path).parent
    if not isinstance(found, str | PurePath) or not Path(found).is_relative_to(evaluator.modules.top):
        raise evaluator.refuse_unresolved(value, node)
    kind = "str" if isinstance(found, str) else "Path"
    operands = (LiteralValue(value=Path(os.path.relpath(found, folder)).as_posix()), LiteralValue(value=kind))
    return OperationValue(operator="place", operands=operands)


def _object_value(evaluator: Evaluator, value: Constructed | Instance, node: ast.AST, depth: int) -> ObjectValue:
    """An object of one of the file's classes, as the task is to make it."""
    of = value.of
    assert of is not None
    module = None if of.view is evaluator.modules.main else evaluator.modules.module_name(of.view)
    if isinstance(value, Instance) and of.kind == "enum":
        return ObjectValue(name=of.name, module=module, member=str(value.attributes["name"]))
    positional, keywords = (
        (value.positional, value.keywords) if isinstance(value, Constructed) else ((), value.attributes)
    )
    parts = (*positional, *keywords.values())
    values = tuple(argument_value(evaluator, part, node, depth + 1) for part in parts)
    return ObjectValue(name=of.name, module=module, values=values, keywords=tuple(keywords))


def _refuse(evaluator: Evaluator, value: object, node: ast.AST) -> Exception:
    if isinstance(value, Unmapped):
        return evaluator.refuse("FC222", "`unmapped` is for arguments of `.map` and `.product`", node, "pass the value")
    shown = evaluator.code(node)
    if isinstance(value, StepFunction | PipelineFunction | Function) and isinstance(node, ast.Name):
        message, way_out = f"`{shown}` is a function: a step cannot be given it", f"call it: `{shown}()`"
        return evaluator.refuse("FC113", message, node, way_out)
    return evaluator.refuse(
        "FC113", f"`{shown}` is not plain data: a step cannot be given it", node,
        "give it text, numbers, lists, dicts and results of steps; make other objects in the step",
    )  # fmt: skip


def _collection(evaluator: Evaluator, value: object, node: ast.AST, depth: int) -> Value:
    if type(value) in (dict, list, tuple) and depth < DEEPEST_VALUE and not parts_to_look_into(value):
        return LiteralValue(value=copy(value))
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        for key in entries:
            if evaluator.find_undetermined(key) is not None or not _is_plain_key(key):
                message = "a key of this dict is not plain data"
                raise evaluator.refuse("FC113", message, node, "use text or numbers as keys")
        values = tuple(argument_value(evaluator, item, node, depth + 1) for item in entries.values())
        if all(isinstance(item, LiteralValue) for item in values):
            plain = (cast("LiteralValue", item).value for item in values)
            return LiteralValue(value=dict(zip(entries, plain, strict=True)))
        return CollectionValue(kind="dict", keys=tuple(entries), values=values)
    if isinstance(value, set | frozenset):
        return _set_value(evaluator, cast("set[object]", value), node, depth)
    kind = "list" if isinstance(value, list) else "tuple"
    values = tuple(argument_value(evaluator, item, node, depth + 1) for item in cast("Iterable[object]", value))
    if not all(isinstance(item, LiteralValue) for item in values):
        return CollectionValue(kind=kind, values=values)
    known = [cast("LiteralValue", item).value for item in values]
    return LiteralValue(value=known if kind == "list" else tuple(known))


def _set_value(evaluator: Evaluator, value: set[object] | frozenset[object], node: ast.AST, depth: int) -> Value:
    values = tuple(argument_value(evaluator, item, node, depth + 1) for item in in_order(value))
    if all(isinstance(item, LiteralValue) for item in values):
        return LiteralValue(value=value)
    if isinstance(value, frozenset):
        message = "a step cannot be given a frozenset of results"
        raise evaluator.refuse("FC113", message, node, "give it a set or a list")
    return CollectionValue(kind="set", values=values)


def _is_plain_key(key: object) -> bool:
    if isinstance(key, tuple):
        return all(map(_is_plain_key, cast("tuple[object, ...]", key)))
    return isinstance(key, PLAIN)


def _collected(evaluator: Evaluator, mapped: MappedResult, node: ast.AST) -> Value:
    """The list of what a mapped call gives for each item."""
    match mapped.item:
        case Result(value=OutputValue() as value):
            return value
        case MappedResult() as inner:
            return _collected(evaluator, inner, node)
        case StepOutputs(names=()):
            way_out = "return a value from the step, or write `after=` to wait for it"
            raise evaluator.refuse("FC222", "this mapped step has no output to pass on", node, way_out)
        case StepOutputs():
            way_out = "take them apart: `first, second = work.map(items).unpack()`"
            raise evaluator.refuse("FC222", "this mapped step has several outputs", node, way_out)
        case Result(value=ItemValue(opener=opener, source=source)) if opener == mapped.map.name:
            if not mapped.map.product:
                return mapped.map.sources[source]
        case None:
            message = "this mapped pipeline has no output to pass on"
            way_out = "return a value from it, or write `after=` to wait for it"
            raise evaluator.refuse("FC222", message, node, way_out)
        case _:
            pass
    return EachValue(opener=mapped.map.name, value=argument_value(evaluator, mapped.item, node))


def condition_value(evaluator: Evaluator, value: object, node: ast.AST) -> Value:
    """A result as the condition of a switch. Raises EvaluationError."""
    if isinstance(value, StepOutputs):
        message = f"the step `{value.step}` has no single output that could be true or false"
        raise evaluator.refuse("FC112", message, node, "test one of its outputs")
    return argument_value(evaluator, value, node)
