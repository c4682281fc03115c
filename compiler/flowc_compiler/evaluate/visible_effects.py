"""Whether a function that unknown code may call can do something that a compilation sees.

To evaluate such a function, with arguments that are not known, costs far more than to look at what it reaches: most
callbacks and cached functions of a large project are of no concern to its flow.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from flowc_compiler.evaluate.merging import parts_of
from flowc_compiler.evaluate.values import (
    PLAIN,
    BoundMethod,
    Builtin,
    ClassObject,
    Descriptor,
    Foreign,
    Function,
    Instance,
    Iterator,
    Module,
    Partial,
    Unresolved,
    is_kind,
)

if TYPE_CHECKING:
    from flowc_compiler.evaluate.evaluator import Evaluator

_NAMES = frozenset({
    "__builtins__", "__dict__", "__globals__", "__import__", "delattr", "dotenv", "environ", "eval", "exec", "getattr",
    "globals", "import_module", "load_dotenv", "locals", "modules", "putenv", "setattr", "unsetenv", "vars",
})  # fmt: skip
"""Names of what reaches any name of a file, or the environment."""


def has_visible_effects(evaluator: Evaluator, function: Function, harmless: set[int]) -> bool:
    """Whether a call may reach an object of the front end, names of modules, attributes of classes, or the environment.

    Lists, dicts, sets and objects that the function reads by a name of its own are no concern here: these are forgotten
    whenever unknown code is called. `harmless` has the identities of what was looked at before without a finding; what
    this call looks at is added.
    """
    pending: list[object] = [function]
    seen = set(harmless)
    while pending:
        value = pending.pop()
        if id(value) in seen or is_kind(value, *PLAIN, Builtin):
            continue
        seen.add(id(value))
        if isinstance(value, Function):
            reached = _reached_by(evaluator, value)
            if reached is None:
                return True
            pending += reached
        elif isinstance(value, ClassObject):
            if any(is_kind(item, list, dict, set, Instance) for item in value.namespace.values()):
                return True
            pending += [*value.namespace.values(), *value.bases]
        elif isinstance(value, Foreign) and value.path[:1] in _GIVING_NAMES:
            return True
        elif is_kind(value, list, dict, set, tuple, Instance, BoundMethod, Partial, Descriptor, Unresolved):
            pending += parts_of(value)
        elif not isinstance(value, Iterator):
            return True
    harmless |= seen
    return False


_GIVING_NAMES = {(name,) for name in ("builtins", "ctypes", "gc", "importlib", "inspect", "sys", "__main__", "atexit")}


def _reached_by(evaluator: Evaluator, function: Function) -> list[object] | None:
    """The values that a function's code names; `None` where it may have effects that others see."""
    scopes = [*function.closure, evaluator.namespace(function.view)]
    found: list[object] = [*function.defaults.values(), *function.closure]
    entered = set[ast.AST]()
    """Names of modules of which an attribute is looked at."""
    for node in ast.walk(function.node):  # each node before those in it
        reached: list[object] | None = []
        match node:
            case ast.Global() | ast.Nonlocal():
                return None
            case ast.Import() | ast.ImportFrom():
                reached = _imported(evaluator, function, node)
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _NAMES:
                return None
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                if isinstance(_root(node, scopes), ClassObject | Module | Foreign | Function):
                    return None
            case ast.Attribute(value=ast.Name(id=name) as inner, attr=attribute):
                module = _named(name, scopes)
                if isinstance(module, Module):
                    entered.add(inner)
                    reached = [module.namespace.get(attribute, module)]
            case ast.Name(id=name) if node not in entered:
                reached = [_named(name, scopes)]
            case _:
                pass
        if reached is None:
            return None
        found += reached
    return found


def _imported(evaluator: Evaluator, function: Function, node: ast.Import | ast.ImportFrom) -> list[object] | None:
    """What an import in a function binds; `None` where it may execute a file."""
    if isinstance(node, ast.Import):
        paths = [(0, tuple(item.name.split("."))) for item in node.names]
    else:
        paths = [(node.level, tuple(node.module.split(".")) if node.module else ())]
    views = [evaluator.modules.load(function.view, level, parts) for level, parts in paths]
    if not any(views) and not any(level for level, _ in paths):
        return []
    if isinstance(node, ast.Import) or views[0] is None or views[0] not in evaluator.executed_views():
        return None
    names = evaluator.namespace(views[0])
    return [names[item.name] for item in node.names] if all(item.name in names for item in node.names) else None


def _named(name: str, scopes: list[dict[str, object]]) -> object:
    return next((scope[name] for scope in scopes if name in scope), None)


def _root(node: ast.expr, scopes: list[dict[str, object]]) -> object:
    """What the first name of `name.attribute[...]` stands for."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return _named(node.id, scopes) if isinstance(node, ast.Name) else None
