"""Statements and expressions that a pipeline's body cannot have: what to write instead."""

from __future__ import annotations

import ast

from flowc_compiler.frontend.pipelines.evaluation.machine import Machine, RefusedError
from flowc_compiler.frontend.pipelines.evaluation.unknown import has_unknown

_STATEMENTS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Try: ("`try`", "catch errors in the step itself; what must run whatever happens is a hook: `on_failure=`"),
    ast.TryStar: ("`try`", "catch errors in the step itself"),
    ast.AsyncWith: ("`with`", "open files and connections in the step that needs them"),
    ast.With: ("`with`", "open files and connections in the step that needs them"),
    ast.ClassDef: ("`class`", "define classes at the top level of the file, and use them in steps"),
    ast.Import: ("`import`", "import at the top of the file, or in the step that needs the module"),
    ast.ImportFrom: ("`import`", "import at the top of the file, or in the step that needs the module"),
    ast.Global: ("`global`", "return values from functions, and keep them in variables"),
    ast.Nonlocal: ("`nonlocal`", "return values from functions, and keep them in variables"),
    ast.AsyncFor: ("`async for`", "write `for`"),
}
_EXPRESSIONS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Await: ("`await`", "call the step: it runs as soon as what it needs is there"),
    ast.Yield: ("`yield`", "return a list"),
}


def refuse_statement(machine: Machine, node: ast.AST) -> RefusedError:
    """FC110 for a statement outside of the subset; FC112 for `raise`, which is reached."""
    if isinstance(node, ast.Raise):
        return _raised(machine, node)
    what, way_out = _STATEMENTS.get(type(node), ("this statement", "do this in a step"))
    return machine.refuse(
        "FC110", f"a pipeline's body cannot have {what}: it is compiled, and not run", _head(node), way_out
    )


def refuse_expression(machine: Machine, node: ast.expr) -> RefusedError:
    """FC110 for an expression outside of the subset."""
    what, way_out = _EXPRESSIONS.get(type(node), (f"`{machine.code(node)}`", "do this in a step"))
    return machine.refuse("FC110", f"a pipeline's body cannot have {what}: it is compiled, and not run", node, way_out)


def _raised(machine: Machine, node: ast.Raise) -> RefusedError:
    if machine.arms:
        return machine.refuse(
            "FC223", "`raise` cannot depend on a result here: the body is compiled, and not run", node,
            "raise it in a step that gets the result",
        )  # fmt: skip
    shown = machine.code(node.exc) if node.exc is not None else "an error"
    match node.exc:
        case ast.Call(func=function, args=[first, *_]):
            said, problem = machine.attempt(first)
            if problem is None and not has_unknown(said):
                shown = f"{machine.code(function)}: {said}"
        case _:
            pass
    return machine.refuse("FC112", f"the pipeline raises {shown}", node, "give the pipeline other parameters")


def _head(node: ast.AST) -> ast.AST:
    """The part of a compound statement that is marked."""
    match node:
        case ast.With(items=[first, *_]) | ast.AsyncWith(items=[first, *_]):
            return first.context_expr
        case ast.Try() | ast.TryStar():
            return node.body[0]
        case ast.AsyncFor(iter=source):
            return source
        case _:
            return node
