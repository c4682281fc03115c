"""Pipelines of ZenML before 0.40, which get their steps as arguments: one error says so, and nothing else is said."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.functions import signature_of
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.served_imports import callee

_GONE = {
    "zenml.core": None,
    "zenml.pipelines": frozenset({"BasePipeline"}),
    "zenml.pipelines.base_pipeline": None,
    "zenml.post_execution": None,
    "zenml.repository": None,
    "zenml.steps": frozenset({"BaseParameters", "BaseStepConfig", "Output", "StepEnvironment"}),
    "zenml.steps.base_parameters": None,
    "zenml.steps.step_output": None,
}
"""Modules and names that ZenML has had no more since 0.40; `None` for whole modules."""
_HELP = (
    "write it as ZenML has it since 0.40: the body calls the steps, `data = load()`, and steps take and return "
    "annotated values"
)


class OldUse(NamedTuple):
    """What shows that a file is of an old ZenML."""

    view: ModuleView
    node: ast.AST
    what: str


def report_old(views: Iterable[ModuleView], sink: DiagnosticSink) -> bool:
    """Collect FC110 for the first file that is of ZenML before 0.40; whether there is one.

    A pipeline says more than an import, and comes first.
    """
    found = [use for view in views if "zenml" in view.source.text for use in _uses(view)]
    if not found:
        return False
    use = min(found, key=lambda item: not isinstance(item.node, FunctionNode))
    named = isinstance(use.node, FunctionNode)
    span = use.view.name_span(use.node) if isinstance(use.node, FunctionNode) else use.view.span(use.node)
    sink.add_source(use.view.source)
    message = f"`{use.what}` is a pipeline" if named else f"`{use.what}` is a name"
    sink.error("FC110", f"{message} of ZenML before 0.40, which flowc does not read", span, help=_HELP)
    return True


def is_old(view: ModuleView) -> bool:
    """Whether a file is of ZenML before 0.40."""
    return "zenml" in view.source.text and next(_uses(view), None) is not None


def _uses(view: ModuleView) -> Iterator[OldUse]:
    for node in view.tree.body:
        if isinstance(node, FunctionNode) and _takes_steps(view, node):
            yield OldUse(view, node, node.name)
        elif isinstance(node, ast.ImportFrom) and node.module in _GONE and not node.level:
            names = _GONE[node.module]
            yield from (
                OldUse(view, alias, f"{node.module}.{alias.name}")
                for alias in node.names
                if names is None or alias.name in names
            )


def _takes_steps(view: ModuleView, node: FunctionNode) -> bool:
    """Whether a pipeline calls one of its own arguments."""
    if not any(view.names.resolve(callee(item)) == "pipeline" for item in node.decorator_list):
        return False
    names = {item.name for item in signature_of(node).named}
    calls = (inner.func for item in node.body for inner in ast.walk(item) if isinstance(inner, ast.Call))
    return any(isinstance(called, ast.Name) and called.id in names for called in calls)
