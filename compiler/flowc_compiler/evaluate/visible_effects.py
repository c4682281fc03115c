"""Whether a function that unknown code may call can do something that a compilation sees.

To evaluate such a function, with arguments that are not known, costs far more than to look at what it reaches: most
callbacks and cached functions of a large project are of no concern to its flow.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.evaluate.reachable_state import parts_of
from flowc_compiler.evaluate.values import (
    LIBRARY_TYPES,
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
from flowc_compiler.syntax.tree_walk import walk

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
        if id(value) in seen or is_kind(value, *PLAIN, *LIBRARY_TYPES, Builtin):
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


NAMESPACES = frozenset({"builtins", "ctypes", "gc", "importlib", "inspect", "sys", "__main__"})
"""Modules that give away the names of files: what they give may change any name."""
_GIVING_NAMES = {(name,) for name in (*NAMESPACES, "atexit")}


class _Code(NamedTuple):
    """What the text of a function says."""

    is_open: bool
    """Whether it may reach any name of a file."""
    imports: tuple[ast.Import | ast.ImportFrom, ...]
    names: frozenset[str]
    """Names but for those of which an attribute is read."""
    attributes: frozenset[tuple[str, str]]
    """Names of which an attribute is read, and the attribute."""
    changed: frozenset[str]
    """Names of whose values an attribute or entry is set."""


@lru_cache(maxsize=2000)
def _code_of(function: ast.AST) -> _Code:
    imports: list[ast.Import | ast.ImportFrom] = []
    names, attributes, changed = set[str](), set[tuple[str, str]](), set[str]()
    entered = set[ast.AST]()
    is_open = False
    for node in walk(function):  # each node before those in it
        match node:
            case ast.Global() | ast.Nonlocal():
                is_open = True
            case ast.Import() | ast.ImportFrom():
                imports.append(node)
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _NAMES:
                is_open = True
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                changed.add(_root(node))
            case ast.Attribute(value=ast.Name(id=name) as inner, attr=attribute):
                entered.add(inner)
                attributes.add((name, attribute))
            case ast.Name(id=name) if node not in entered:
                names.add(name)
            case _:
                pass
    return _Code(is_open, tuple(imports), frozenset(names), frozenset(attributes), frozenset(changed))


def _reached_by(evaluator: Evaluator, function: Function) -> list[object] | None:
    """The values that a function's code names; `None` where it may have effects that others see."""
    code = _code_of(function.node)
    scopes = [*function.closure, evaluator.namespace(function.view)]
    if code.is_open or any(
        is_kind(_named(item, scopes), ClassObject, Module, Foreign, Function) for item in code.changed
    ):
        return None
    found: list[object] = [
        *function.defaults.values(),
        *function.closure,
        *(_named(item, scopes) for item in code.names),
    ]
    for name, attribute in code.attributes:
        value = _named(name, scopes)
        found.append(value.namespace.get(attribute, value) if isinstance(value, Module) else value)
    for node in code.imports:
        imported = _imported(evaluator, function, node)
        if imported is None:
            return None
        found += imported
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


def _root(node: ast.expr) -> str:
    """The first name of `name.attribute[...]`; nothing where there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
