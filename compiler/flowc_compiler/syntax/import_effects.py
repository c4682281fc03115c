"""What executing a statement of a module does: whether it only binds a name, or may do what other code notices."""

from __future__ import annotations

import ast
import sys

from flowc_compiler.syntax.served_imports import ROOTS
from flowc_compiler.syntax.tree_walk import children

_PURE = frozenset(
    {
        "abs", "bool", "bytes", "complex", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int", "len",
        "list", "map", "max", "min", "object", "pow", "range", "reversed", "round", "set", "slice", "sorted", "str",
        "sum", "tuple", "zip",
    }
)  # fmt: skip
"""Builtin functions that change nothing."""
BUILT_IN = frozenset({"Exception", "classmethod", "object", "property", "staticmethod"})
"""Bases and decorators of Python's own that need no import."""
_NEVER_WHEN_MADE = frozenset({"__str__", "__repr__", "__eq__", "__hash__", "__len__", "__iter__", "__call__", "__lt__"})
"""Methods that Python does not call to make an object."""


def is_harmless_module(name: str) -> bool:
    """Whether importing a module does nothing that other steps would notice: one of Python's own or flowc's."""
    top = name.partition(".")[0]
    return top in ROOTS or top in sys.stdlib_module_names


def harmless_names(tree: ast.Module) -> frozenset[str]:
    """The names that a module imports from Python's own modules and from those that flowc serves."""
    found: set[str] = set()
    for node in tree.body:
        match node:
            case ast.Import(names=names):
                found.update(
                    alias.asname or alias.name.partition(".")[0] for alias in names if is_harmless_module(alias.name)
                )
            case ast.ImportFrom(module=str(module), level=0, names=names) if is_harmless_module(module):
                found.update(alias.asname or alias.name for alias in names)
            case _:
                pass
    return frozenset(found)


def is_pure(node: ast.expr, harmless: frozenset[str], plain: frozenset[str] = frozenset()) -> bool:
    """Whether making a value surely changes nothing else: it calls no function but Python's own, and flowc's.

    `plain` are classes that only keep what they are given.
    """
    pending: list[ast.AST] = [node]
    while pending:
        item = pending.pop()
        match item:
            case ast.Await() | ast.Yield() | ast.YieldFrom() | ast.NamedExpr():
                return False
            case ast.Lambda():
                continue
            case ast.Call():
                root = root_of(item)
                known = isinstance(root, ast.Name) and (root.id in _PURE or root.id in harmless)
                known = known or (isinstance(item.func, ast.Name) and item.func.id in plain)
                if not known and not isinstance(root, ast.Constant | ast.JoinedStr):
                    return False
            case _:
                pass
        pending += children(item)
    return True


def is_plain_target(node: ast.expr) -> bool:
    """Whether an assignment to it only binds names."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(map(is_plain_target, node.elts))
    return isinstance(node, ast.Name)


def is_executed(node: ast.AST | None) -> bool:
    """Whether a part is computed when its module is executed, and not only named."""
    match node:
        case None | ast.Import() | ast.ImportFrom():
            return False
        case ast.FunctionDef(args=args) | ast.AsyncFunctionDef(args=args):
            return bool(node.decorator_list or args.defaults or any(args.kw_defaults))
        case ast.Assign(value=value) | ast.AnnAssign(value=value):
            return value is not None and not isinstance(value, ast.Constant)
        case _:
            return True


def acts(node: ast.stmt) -> bool:
    """Whether a statement in the body of a class does more than bind a name in it."""
    match node:
        case ast.Expr(value=value):
            return not isinstance(value, ast.Constant)
        case ast.Assign(targets=targets):
            return not all(map(is_plain_target, targets))
        case ast.ClassDef(body=body):
            return any(map(acts, body))
        case ast.If(body=body, orelse=orelse):
            return any(map(acts, (*body, *orelse)))
        case ast.AnnAssign() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Pass():
            return False
        case _:
            return True


def plain_classes(tree: ast.Module, harmless: frozenset[str]) -> frozenset[str]:
    """The classes of a module that only keep what they are given: dataclasses, named tuples and the like."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            around = map(root_of, (*node.decorator_list, *node.bases))
            known = all(isinstance(root, ast.Name) and root.id in harmless | found | BUILT_IN for root in around)
            if known and not node.keywords and not any(map(acts, node.body)) and not _runs_when_made(node):
                found.add(node.name)
            else:
                found.discard(node.name)
    return frozenset(found)


def _runs_when_made(node: ast.ClassDef) -> bool:
    """Whether making an object of a class runs code of the user's."""
    for item in ast.walk(node):
        match item:
            case ast.FunctionDef(name=name) if name.startswith("__") and name not in _NEVER_WHEN_MADE:
                return True
            case ast.keyword(arg="default_factory" | "factory" | "converter", value=value):
                if not (isinstance(value, ast.Name) and value.id in _PURE):
                    return True
            case _:
                pass
    return False


def root_of(node: ast.expr) -> ast.expr:
    """What an expression of attributes, items and calls begins with."""
    while True:
        match node:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return node
