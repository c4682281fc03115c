"""Decorators that Metaflow runs while it loads a flow: mutators and user step decorators. flowc cannot follow them."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from flowc_compiler.diagnostics import DiagnosticSink, Fix, suggest
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import ModuleView

_KINDS = {
    "FlowMutator": "a flow mutator",
    "StepMutator": "a step mutator",
    "UserStepDecorator": "a user step decorator",
    "user_step_decorator": "a user step decorator",
}
_WAYS_OUT = {
    "a flow mutator": "write the decorators and parameters that it adds into the file",
    "a step mutator": "write the decorators that it adds above the steps",
    "a user step decorator": "let the step call a function that does what the decorator does",
}


def unsupported_kind(node: ast.expr, view: ModuleView) -> str | None:
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


def report_unsupported_decorator(shown: str, kind: str, span: Span, sink: DiagnosticSink) -> None:
    """Collect FC408."""
    sink.error(
        "FC408",
        f"`@{shown}` is {kind}: it would have to be executed, and flowc never executes a flow to compile it",
        span,
        help=_WAYS_OUT[kind],
    )


def report_unknown_decorator(
    node: ast.expr, view: ModuleView, known: Iterable[str], takes: str, sink: DiagnosticSink
) -> None:
    """Collect FC401 for a decorator that is not one of flowc's; `takes` begins the help line that lists those."""
    shown = view.code(node)
    otherwise = (
        f"{takes} {', '.join('@' + name for name in sorted(known))}; "
        "other decorators would have to be executed, and flowc never executes a flow to compile it"
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
