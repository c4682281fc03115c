"""Decorators that are the user's own: plain Python, which runs in the task as it does in Python.

What Metaflow's decorators ask for has to be known when the flow is compiled, though. So a name that stands for one of
them, `fast = resources(cpu=4)` or `partial(retry, times=2)`, and a function that does nothing but apply some, are read
as if they stood above the step; whatever else applies one is refused. `name = step(function)` is read as a definition.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import copy, deepcopy
from typing import TYPE_CHECKING, Literal, TypeVar

from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from flowc_compiler.syntax.modules import FunctionNode, ModuleView, own_nodes
from flowc_compiler.syntax.served_imports import ServedName, callee, dotted
from flowc_compiler.syntax.tree_walk import walk

if TYPE_CHECKING:
    from flowc_compiler.syntax.modules import LocalModules

Decorated = TypeVar("Decorated", bound=ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
SERVED = frozenset({*ARGUMENTS, *FLOW_ARGUMENTS, "step", "pipeline"})
"""The decorators that are read when the flow is compiled."""
Owner = Literal["step", "function", "flow", "pipeline"]
"""What a decorator stands above: a step is a method, or in a pipeline a function."""
Kind = Literal["flow mutator", "step mutator", "user step decorator"]
KINDS: dict[str, Kind] = {
    "FlowMutator": "flow mutator",
    "StepMutator": "step mutator",
    "UserStepDecorator": "user step decorator",
    "user_step_decorator": "user step decorator",
}
"""What is derived from a class, or decorated: what runs around a step in the task, or changes the flow here."""
_MOST_EXPANSIONS = 20
"""Functions that apply each other, which Python would not end, must not cause an endless loop."""


def definitions(body: list[ast.stmt], view: ModuleView, modules: LocalModules | None = None) -> list[ast.stmt]:
    """The statements of a class or a file, with `name = step(function)` as the definitions that these are."""
    if "step" not in view.source.text:
        return body
    functions = {item.name: item for item in view.tree.body if isinstance(item, FunctionNode)}
    found: list[ast.stmt] = []
    for statement in body:
        made: ast.stmt | None = None
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                functions[name] = statement
                made = expanded(statement, view, modules)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value):
                made = _definition(name, value, functions, view, modules, is_file=body is view.tree.body)
            case _:
                pass
        found.append(made or statement)
    return found


def expanded(node: Decorated, view: ModuleView, modules: LocalModules | None = None) -> Decorated:
    """A function or class with the decorators that names of the file stand for written out."""
    items = [part for item in node.decorator_list for part in _expansion(item, view, modules)]
    if items == node.decorator_list:
        return node
    changed = copy(node)
    changed.decorator_list = items
    return changed


def _definition(
    name: str,
    value: ast.Call,
    functions: dict[str, FunctionNode],
    view: ModuleView,
    modules: LocalModules | None,
    *,
    is_file: bool,
) -> ast.stmt | None:
    """The definition that `name = step(function)` is, with whatever other decorators; `None` for anything else."""
    decorators, inner = _unwrapped(value, view)
    if not (isinstance(inner, ast.Name) and inner.id in functions):
        return None
    function = functions[inner.id]
    items = [part for item in decorators for part in _expansion(item, view, modules)]
    if not any(view.names.resolve(callee(item)) == "step" for item in items):
        return None
    if name != function.name and is_file:
        items = [_named(item, function.name) if view.names.resolve(callee(item)) == "step" else item for item in items]
    made = copy(function)
    made.name, made.decorator_list = name, [*items, *expanded(function, view, modules).decorator_list]
    return made


def _named(item: ast.expr, name: str) -> ast.expr:
    """`step(name="...")`: a step of pipelines is called like its function, wherever it is bound."""
    function, args, keywords = (item.func, item.args, item.keywords) if isinstance(item, ast.Call) else (item, [], [])
    if any(keyword.arg == "name" for keyword in keywords):
        return item
    value = ast.copy_location(ast.Constant(name), item)
    keyword = ast.copy_location(ast.keyword("name", value), item)
    return ast.copy_location(ast.Call(function, args, [*keywords, keyword]), item)


def _unwrapped(value: ast.expr, view: ModuleView | None = None) -> tuple[list[ast.expr], ast.expr]:
    """The decorators that `a(b(1)(function))` applies, the outermost first, and what they are applied to.

    In a file, `step(function, name="x")` is `step(name="x")(function)`.
    """
    decorators: list[ast.expr] = []
    while isinstance(value, ast.Call) and len(value.args) == 1:
        if not value.keywords:
            decorators.append(value.func)
        elif view is not None and view.names.resolve(value.func) == "step":
            decorators.append(ast.copy_location(ast.Call(value.func, [], value.keywords), value))
        else:
            break
        value = value.args[0]
    return decorators, value


def _expansion(item: ast.expr, view: ModuleView, modules: LocalModules | None, turns: int = 0) -> list[ast.expr]:
    """The decorators of Metaflow that an expression stands for; itself where it is none but its own."""
    own = view.last_values.get(called.id) if isinstance(called := callee(item), ast.Name) else None
    if own is not None and (bound := _of_partial(own, item.keywords if isinstance(item, ast.Call) else (), view)):
        return [bound]  # also of a name that it had before: `retry = partial(retry, times=2)`
    if turns > _MOST_EXPANSIONS or view.names.resolve(callee(item)) in SERVED:
        return [item]
    if (bound := _of_partial(item, (), view)) is not None:
        return [bound]
    name = callee(item)
    if isinstance(name, ast.Name) and name.id in view.bindings and name.id not in view.imports:
        return _of_name(item, name.id, view, modules, turns)
    origin = modules.origin(view, name) if modules is not None else None
    if origin is None:
        return [item]
    other, known = origin
    there = ast.copy_location(ast.Name(known, ast.Load()), name)
    called = ast.copy_location(ast.Call(there, item.args, item.keywords), item) if isinstance(item, ast.Call) else there
    parts = [_moved(part, item, other) for part in _expansion(called, other, modules, turns + 1)]
    return [item] if None in parts else [part for part in parts if part is not None]


def _of_name(item: ast.expr, name: str, view: ModuleView, modules: LocalModules | None, turns: int) -> list[ast.expr]:
    """What a decorator stands for that is a name of the file, perhaps called."""
    value = view.values.get(name)
    if value is not None and view.names.resolve(callee(value)) in SERVED and not isinstance(item, ast.Call):
        return [value]
    function = view.single_functions.get(name)
    if function is None or isinstance(item, ast.Call):
        return [item]
    applied = _applied(function)
    parts = [part for inner in applied or () for part in _expansion(inner, view, modules, turns + 1)]
    return parts if any(view.names.resolve(callee(part)) in SERVED for part in parts) else [item]


def _moved(part: ast.expr, item: ast.expr, view: ModuleView) -> ast.expr | None:
    """A decorator of Metaflow in another file, as if it stood where `item` does; `None` for any other expression.

    Its arguments are literals: names would mean something else there.
    """
    served = view.names.resolve(callee(part))
    if served is None or served not in SERVED:
        return None
    name = ast.copy_location(ServedName(served, ast.Load()), callee(item))
    if not isinstance(part, ast.Call):
        return name
    if part.args or any(keyword.arg is None or not _is_literal(keyword.value) for keyword in part.keywords):
        return None
    moved = ast.Call(name, [], [ast.keyword(keyword.arg, deepcopy(keyword.value)) for keyword in part.keywords])
    for node in walk(moved):
        if node is not name:
            ast.copy_location(node, item)
    return moved


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _of_partial(value: ast.expr, keywords: list[ast.keyword] | tuple[()], view: ModuleView) -> ast.expr | None:
    """`retry(times=2)` for `partial(retry, times=2)`; `None` for anything but a `partial` of a known decorator."""
    match value:
        case ast.Call(func=func, args=[target], keywords=own) if view.imported_path(func) == ("functools", "partial"):
            if view.names.resolve(target) not in SERVED:
                return None
            replaced = {item.arg for item in keywords}
            kept = [item for item in own if item.arg is None or item.arg not in replaced]
            return ast.copy_location(ast.Call(target, [], [*kept, *keywords]), value)
        case _:
            return None


def _applied(function: FunctionNode) -> list[ast.expr] | None:
    """The decorators that a function applies to its argument, the outermost first; `None` where it does more."""
    arguments = function.args
    if len(arguments.args) != 1 or arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        return None
    parameter = arguments.args[0].arg
    applied: list[ast.expr] = []
    for statement in function.body:
        match statement:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == parameter:
                pass
            case ast.Return(value=ast.expr() as value):
                pass
            case _:
                return None
        decorators, inner = _unwrapped(value)
        if not (isinstance(inner, ast.Name) and inner.id == parameter):
            return None
        applied = [*decorators, *applied]
        if isinstance(statement, ast.Return):
            return applied
    return None


def applies(item: ast.expr, view: ModuleView, modules: LocalModules | None) -> str | None:
    """A decorator of Metaflow that a decorator of the user's applies, or may apply, in some way; `None` for none."""
    return next(applied_names(item, view, modules), None)


def applied_names(item: ast.expr, view: ModuleView, modules: LocalModules | None) -> Iterator[str]:
    """The decorators of Metaflow that a decorator of the user's applies, or may apply, in some way."""
    pending: list[tuple[ModuleView, ast.AST]] = [(view, item)]
    seen: set[tuple[str, str]] = set()
    while pending:
        owner, node = pending.pop()
        parts = [part for inner in _executed(node) for part in walk(inner)]
        own = {name for part in parts for name in _bound_by(part)}
        for part in parts:
            if not isinstance(part, ast.Name | ast.Attribute) or not isinstance(part.ctx, ast.Load):
                continue
            if (found := _served(part, owner, parts)) is not None:
                yield found
            key = (owner.source.name, ast.unparse(part))
            if key in seen or (dotted(part) or ("",))[0] in own:
                continue
            seen.add(key)
            if isinstance(part, ast.Name):
                pending += ((owner, binding) for binding in _bindings(owner, part.id))
            origin = modules.origin(owner, part) if modules is not None else None
            if origin is not None:
                pending += ((origin[0], binding) for binding in _bindings(*origin))


def _executed(node: ast.AST) -> list[ast.AST]:
    """What runs of a definition when its name is used: all but its own decorators."""
    return [*node.body, node.args] if isinstance(node, FunctionNode) else [node]


def _bound_by(node: ast.AST) -> tuple[str, ...]:
    """The names that a node within a function binds there."""
    match node:
        case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
            return (name,)
        case _:
            return ()


def _served(part: ast.expr, view: ModuleView, within: list[ast.AST]) -> str | None:
    """The decorator of Metaflow that a name stands for, by the imports of its file or of the function it stands in."""
    name = view.names.resolve(part)
    if name in SERVED:
        return name
    if not isinstance(part, ast.Name):
        return None
    for node in within:
        match node:
            case ast.ImportFrom(module="metaflow" | "flowc" | "zenml", names=aliases):
                for alias in aliases:
                    if (alias.asname or alias.name) == part.id and alias.name in SERVED:
                        return alias.name
            case _:
                pass
    return None


def _bindings(view: ModuleView, name: str) -> Iterator[ast.AST]:
    """What a name stands for at a file's top level: definitions, and the values that it is assigned."""
    for node in own_nodes(view.tree):
        match node:
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found) if (
                found == name
            ):
                yield node
            case ast.Assign(targets=targets, value=value):
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    yield value
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if found == name:
                yield value
            case _:
                pass


def is_applying(item: ast.expr, view: ModuleView, modules: LocalModules | None) -> bool:
    """Whether a decorator is one of the user's that applies, or may apply, a decorator of Metaflow."""
    node = callee(item)
    if isinstance(node, ServedName) or view.names.resolve(node) is not None or kind_of(node, view, modules) is not None:
        return False
    return applies(item, view, modules) is not None


def kind_of(node: ast.expr, view: ModuleView, modules: LocalModules | None, turns: int = 0) -> Kind | None:
    """Which of Metaflow's decorators of the user's own a name is, by its definition; `None` for any other name."""
    if turns > _MOST_EXPANSIONS:
        return None
    kind = KINDS.get(view.names.resolve(node) or "")
    if kind is not None:
        return kind
    if isinstance(node, ast.Name):
        for statement in view.tree.body:
            match statement:
                case ast.ClassDef(name=name, bases=bases) if name == node.id:
                    found = bases
                case ast.FunctionDef(name=name, decorator_list=decorators) if name == node.id:
                    found = [callee(item) for item in decorators]
                case _:
                    continue
            for item in found:
                if (kind := kind_of(item, view, modules, turns + 1)) is not None:
                    return kind
            return None
    origin = modules.origin(view, node) if modules is not None else None
    if origin is None or origin[0] is view:
        return None
    there = ast.copy_location(ast.Name(origin[1], ast.Load()), node)
    return kind_of(there, origin[0], modules, turns + 1)
