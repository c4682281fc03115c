"""Decorators that Metaflow runs while it loads a flow: mutators and user step decorators. flowc cannot follow them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Literal

from flowc_compiler.diagnostics import DiagnosticSink, Fix, suggest
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from flowc_compiler.syntax.modules import ModuleView

Owner = Literal["step", "flow"]
_KINDS = {
    "FlowMutator": "a flow mutator",
    "StepMutator": "a step mutator",
    "UserStepDecorator": "a user step decorator",
    "user_step_decorator": "a user step decorator",
}
_WAYS_OUT = {
    "a flow mutator": "write the decorators and parameters that it adds into the file",
    "a step mutator": "write the decorators that it adds above the steps",
    "a user step decorator": "call a function with the decorator's code in the step",
}


def report_decorator(item: ast.expr, name: str | None, view: ModuleView, of: Owner, sink: DiagnosticSink) -> None:
    """Collect FC401 for a decorator that a step or flow does not take, and FC408 for one that would have to be run."""
    node = item.func if isinstance(item, ast.Call) else item
    shown, span = view.code(node), view.span(item if of == "step" else node)
    if of == "step" and name in FLOW_ARGUMENTS:
        message = f"`@{shown}` is a decorator of the flow, not of a step"
        sink.error("FC401", message, span, help="put it above the class")
    elif of == "flow" and name in ARGUMENTS:
        message = f"`@{shown}` is a decorator of steps, not of the flow"
        sink.error("FC401", message, span, help="put it above each step that needs it")
    elif (kind := _kind(node, view)) is not None:
        message = f"`@{shown}` is {kind}: flowc would have to execute it, and it never executes a flow to compile it"
        sink.error("FC408", message, span, help=_WAYS_OUT[kind])
    else:
        known, takes = (ARGUMENTS, "steps take") if of == "step" else (FLOW_ARGUMENTS, "a flow takes")
        _report_unknown(node, view, known, takes, sink)


def _kind(node: ast.expr, view: ModuleView) -> str | None:
    """What a decorator is, when the file itself says that it is one of those; `None` for anything else."""
    if not isinstance(node, ast.Name):
        return None
    for statement in view.tree.body:
        match statement:
            case ast.ClassDef(name=name, bases=bases) if name == node.id:
                candidates = bases
            case ast.FunctionDef(name=name, decorator_list=decorators) if name == node.id:
                candidates = [item.func if isinstance(item, ast.Call) else item for item in decorators]
            case _:
                continue
        for candidate in candidates:
            kind = _KINDS.get(view.names.resolve(candidate) or "")
            if kind is not None:
                return kind
    return None


def _report_unknown(node: ast.expr, view: ModuleView, known: Iterable[str], takes: str, sink: DiagnosticSink) -> None:
    """Collect FC401 for a decorator that is not one of flowc's; `takes` begins the help line that lists those."""
    shown = view.code(node)
    otherwise = (
        f"{takes} {', '.join('@' + name for name in sorted(known))}; "
        "other decorators need code to run, and flowc never executes a flow to compile it"
    )
    fix: Fix | None = None
    if isinstance(node, ast.Name) and not _is_bound(view.tree, node.id):
        if node.id in known:
            otherwise, fix = f"import it: `from flowc import {node.id}`", Fix("import", "flowc", node.id)
        else:
            otherwise, fix = suggest(node.id, known, otherwise)
    message = f"`@{shown}` is not a decorator that flowc knows"
    sink.error("FC401", message, view.span(node), help=otherwise, fix=fix)


def _is_bound(tree: ast.Module, name: str) -> bool:
    """Whether a file gives a name a meaning anywhere."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found):
                bound = found == name
            case ast.alias(name=imported, asname=asname):
                bound = name == (asname or imported) or imported == "*"
            case ast.Name(id=found, ctx=ast.Store()):
                bound = found == name
            case _:
                continue
        if bound:
            return True
    return False
