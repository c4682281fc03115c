"""Objects of the file's own classes that a task can make anew, as the file makes them when it is run."""

from __future__ import annotations

import ast
import copy

from flowc_compiler.evaluate.evaluation_state import CallArguments
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.plain_data import has_objects
from flowc_compiler.evaluate.values import (
    PLAIN,
    ClassObject,
    Constructed,
    Instance,
    Unresolved,
    is_kind,
    parts_of_container,
    plain_copy,
)
from flowc_compiler.syntax.served_imports import callee

_MODELS = frozenset({("pydantic", "BaseModel"), ("pydantic", "RootModel"), ("typing", "NamedTuple"),
                     ("typing", "TypedDict"), ("pydantic_settings", "BaseSettings")})  # fmt: skip


def constructed(evaluator: Evaluator, of: ClassObject, arguments: CallArguments, why: Unresolved) -> Constructed | None:
    """The object that a call of a model's class makes; `None` for other classes and for unknown arguments."""
    if not is_structured(of) or arguments.open or not is_global(of):
        return None
    positional = tuple(kept(evaluator, given.value) for given in arguments.positional)
    keywords = {name: kept(evaluator, given.value) for name, given in arguments.keywords.items()}
    if any(value is UNKNOWN for value in (*positional, *keywords.values())):
        return None
    return Constructed(why.message, why.help, of=of, positional=positional, keywords=keywords)


UNKNOWN = object()
"""Stands for a value that no task can make anew."""


def kept(evaluator: Evaluator, value: object) -> object:
    """A value as it is now, if a task can make it anew; else `UNKNOWN`."""
    if can_be_made(evaluator, value):
        return value
    if is_kind(value, list, tuple, set, frozenset, dict) and id(value) not in evaluator.poisoned:
        if evaluator.find_undetermined(value) is None and not has_objects(value):
            return plain_copy(value)
        if all(can_be_made(evaluator, part) for part in parts_of_container(value)):
            return copy.copy(value)
    return UNKNOWN


def can_be_made(evaluator: Evaluator, value: object) -> bool:
    """Whether a task can make a value anew that is no container: plain data, an object of a model, a member."""
    if isinstance(value, Constructed):
        return not value.changes
    if evaluator.undetermined(value) is not None:
        return False
    return isinstance(value, PLAIN) or (isinstance(value, Instance) and is_rebuilt(evaluator, value))


def is_rebuilt(evaluator: Evaluator, value: Instance) -> bool:
    """Whether the class makes an equal object of an object's attributes; members of enumerations are what they are."""
    if value.of is None or not is_global(value.of) or id(value.attributes) in evaluator.poisoned:
        return False
    if value.of.kind == "enum":
        return True
    own = {name for item in value.of.mro() for name in item.namespace}
    same = value.attributes.keys() == value.of.fields.keys()
    return value.of.kind == "dataclass" and same and not own & {"__init__", "__post_init__", "__setattr__"}


def is_global(of: ClassObject) -> bool:
    """Whether a class is one of its module, so that a task finds it by its name."""
    return any(item is of.node for item in of.view.tree.body)


def is_structured(found: ClassObject) -> bool:
    """Whether objects of a class are given as JSON: dataclasses, models of pydantic's, named tuples."""
    for item in found.mro():
        if item.kind == "dataclass" or any(item.view.imported_path(base) in _MODELS for base in item.node.bases):
            return True
        decorators = [callee(node) for node in item.node.decorator_list]
        if any(isinstance(node, ast.Name | ast.Attribute) and _name(node) == "dataclass" for node in decorators):
            return True
    return False


def _name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr
