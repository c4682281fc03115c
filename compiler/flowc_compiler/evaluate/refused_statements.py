"""What a pipeline's body cannot have, each with what to write instead."""

from __future__ import annotations

import ast

from flowc_compiler.evaluate.evaluation_state import EvaluationError
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import walk

_REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.Try: ("`try`", "catch errors in the step itself; what must run whatever happens is a hook: `on_failure=`"),
    ast.TryStar: ("`try`", "catch errors in the step itself"),
    ast.With: ("`with`", "open files and connections in the step that needs them"),
    ast.AsyncWith: ("`with`", "open files and connections in the step that needs them"),
    ast.ClassDef: ("`class`", "define classes at the top level of the file, and use them in steps"),
    ast.Global: ("`global`", "return values from functions, and keep them in variables"),
    ast.Nonlocal: ("`nonlocal`", "return values from functions, and keep them in variables"),
    ast.AsyncFor: ("`async for`", "write `for`"),
    ast.Await: ("`await`", "call the step: it runs as soon as what it needs is there"),
    ast.Yield: ("`yield`", "return a list"),
}


def refuse_statement(evaluator: Evaluator, node: ast.AST) -> EvaluationError:
    """FC110 for a statement or expression outside of the subset; FC112 for `raise`, which is reached."""
    if isinstance(node, ast.Raise):
        return _refuse_raise(evaluator, node)
    shown = f"`{evaluator.code(node)}`" if isinstance(node, ast.expr) else "this statement"
    what, way_out = _REFUSED.get(type(node), (shown, "do this in a step"))
    if isinstance(node, ast.Try) and (called := _first_call(node)):
        way_out = (
            f"write `@catch` above the step `{called}`, whose result is `None` where it fails, and "
            f"`if {called}(...) is None:` for `except`; what must run whatever happens is a hook: `on_failure=`"
        )
    message = f"a pipeline's body cannot have {what}: it is compiled, and not run"
    return evaluator.refuse("FC110", message, _head(node), way_out)


def _first_call(node: ast.Try) -> str:
    """The name of what a `try` calls first."""
    calls = (item.func for statement in node.body for item in walk(statement) if isinstance(item, ast.Call))
    return next((".".join(path) for path in map(dotted, calls) if path), "")


def _refuse_raise(evaluator: Evaluator, node: ast.Raise) -> EvaluationError:
    if evaluator.arms:
        return evaluator.refuse(
            "FC223", "`raise` cannot depend on a result here: the body is compiled, and not run", node,
            "raise it in a step that gets the result",
        )  # fmt: skip
    shown = evaluator.code(node.exc) if node.exc is not None else "an error"
    match node.exc:
        case ast.Call(func=function, args=[first, *_]):
            said, problem = evaluator.attempt(first)
            if problem is None and evaluator.find_undetermined(said) is None:
                shown = f"{evaluator.code(function)}: {said}"
        case _:
            pass
    return evaluator.refuse("FC112", f"the pipeline raises {shown}", node, "give the pipeline other parameters")


def _head(node: ast.AST) -> ast.AST:
    """The part of a compound statement that is marked."""
    match node:
        case ast.With(items=[first, *_]) | ast.AsyncWith(items=[first, *_]):
            return first.context_expr
        case ast.Try(body=[first, *_]) | ast.TryStar(body=[first, *_]):
            return first
        case ast.AsyncFor(iter=source):
            return source
        case _:
            return node
