"""Functions that a pipeline names as hooks: `on_failure=notify`, and by a text as `"package.module.notify"`."""

from __future__ import annotations

import ast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.settings.tree import Leaf, Tree
from flowc_compiler.ir import ExitHookSpec
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.names import dotted

_ON_SUCCESS = ("on_success", "on_end")
_ON_ERROR = ("on_failure", "on_end")


def hook_name(node: ast.expr, view: ModuleView) -> str | None:
    """What a task finds a function by: its name in the file, or a dotted name to import; `None` for anything else."""
    match node:
        case ast.Name(id=name):
            return name if name in view.imports or name in _functions(view) else None
        case ast.Attribute():
            root, *rest = dotted(node) or ("",)
            bound = view.imports.get(root)
            if bound is None or bound.level:
                return None
            return ".".join((*bound.module, *((bound.name,) if bound.name is not None else ()), *rest))
        case _:
            return None


def exit_hooks(tree: Tree, view: ModuleView, sink: DiagnosticSink) -> tuple[ExitHookSpec, ...]:
    """What runs after the run: ZenML's hooks of a pipeline. A name that is no function of the file is FC404."""
    hooks: list[ExitHookSpec] = []
    for name in ("on_success", "on_failure", "on_end"):
        leaf = tree.get(name)
        if not isinstance(leaf, Leaf):
            continue
        text, span = leaf.value, leaf.place()
        if not isinstance(text, str) or not _is_function(text, view):
            sink.error(
                "FC404", f"`{name}` of `@pipeline`: there is no function {text!r} in the file", span,
                help="name a function of the pipeline's file, or give its import path: 'package.module.function'",
            )  # fmt: skip
            continue
        success, error = (text,) * (name in _ON_SUCCESS), (text,) * (name in _ON_ERROR)
        hooks.append(ExitHookSpec(span=span, on_success=success, on_error=error))
    return tuple(hooks)


def _is_function(name: str, view: ModuleView) -> bool:
    if "." in name:
        return all(part.isidentifier() for part in name.split("."))
    return name in view.imports or name in _functions(view)


def _functions(view: ModuleView) -> frozenset[str]:
    return frozenset(item.name for item in view.tree.body if isinstance(item, FunctionNode))
