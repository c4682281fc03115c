"""Decorators that Metaflow runs while it loads a flow: mutators and user step decorators. flowc cannot follow them."""

from __future__ import annotations

import ast

from flowc_compiler.diagnostics import DiagnosticSink
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
