"""Which expressions of a pipeline's body surely are results of steps, without evaluating it.

What a parameter of the pipeline is computed with there is computed when the flow runs, so that each run may have
another value of it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from flowc.protocol.expressions import FUNCTIONS
from flowc_compiler.syntax.modules import FunctionNode
from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import children, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

COMPUTING = (ast.BinOp, ast.Compare, ast.UnaryOp, ast.JoinedStr, ast.FormattedValue)
"""Expressions that are results where an operand is one."""


def result_nodes(
    function: FunctionNode, is_step_call: Callable[[ast.Call], bool], given: Collection[str] = ()
) -> Collection[ast.AST]:
    """The expressions in a function that are results: by themselves, or by names that are bound to nothing else.

    The parameters that are `given` stand for results.
    """
    order = list(walk(function))[::-1]  # what is in an expression before the expression
    steps = {node for node in order if isinstance(node, ast.Call) and is_step_call(node)}
    bindings, others = _bindings(order, function)
    found: set[ast.AST] = set()
    names = set(given)
    for _ in range(3):  # a result of a result of a result; a longer chain in the wrong order is rare
        found = set()
        for node in order:
            if node in steps or _is_result(node, found, names):
                found.add(node)
        names = {name for name, values in bindings.items() if name not in others and found.issuperset(values)}
        names.update(given)
    return found


def _bindings(order: list[ast.AST], function: FunctionNode) -> tuple[dict[str, list[ast.expr]], set[str]]:
    """What names are assigned, and the names that are bound in any other way."""
    bindings: dict[str, list[ast.expr]] = {}
    assigned: set[ast.AST] = set()
    for node in order:
        targets: list[ast.expr] = []
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets, value = [node.target], node.value
        if value is None:
            continue
        for target in targets:
            for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(name, ast.Name):
                    assigned.add(name)
                    bindings.setdefault(name.id, []).append(value)
    others = {item.arg for item in walk(function) if isinstance(item, ast.arg)}
    stores = (node for node in order if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load))
    return bindings, others | {node.id for node in stores if node not in assigned}


def _is_result(node: ast.AST, found: set[ast.AST], names: set[str]) -> bool:
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            return name in names
        case ast.Attribute(value=value) | ast.Subscript(value=value):
            return value in found
        case ast.Call(func=ast.Attribute(value=value, attr="load" | "result"), args=[]):
            return value in found
        case ast.Call(func=function, args=args) if dotted(function) and dotted(function)[0] in FUNCTIONS:
            return any(item in found for item in args)
        case _:
            return isinstance(node, COMPUTING) and any(item in found for item in children(node))
