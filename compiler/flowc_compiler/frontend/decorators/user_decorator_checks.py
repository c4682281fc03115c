"""Which decorators of the user's own, and of other packages, may stand above steps and flows."""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING

from flowc.protocol import metaflow_names
from flowc.protocol.trackers import TRACKERS
from flowc_compiler.diagnostics import DiagnosticSink, Fix, suggest
from flowc_compiler.evaluate.literals import NO_SCOPE, Scope
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from flowc_compiler.frontend.decorators.user_decorators import Kind, Owner, applies, kind_of
from flowc_compiler.source import Span
from flowc_compiler.syntax.metaflow_extensions import extension_of
from flowc_compiler.syntax.modules import ModuleView, own_nodes
from flowc_compiler.syntax.served_imports import ROOTS, ServedName, callee, package_for
from flowc_compiler.syntax.tree_walk import walk

if TYPE_CHECKING:
    from flowc_compiler.syntax.modules import LocalModules


def check_own(
    item: ast.expr,
    name: str | None,
    view: ModuleView,
    of: Owner,
    modules: LocalModules | None,
    sink: DiagnosticSink,
    scope: Scope = NO_SCOPE,
) -> bool:
    """Whether a decorator that no model of arguments is for is plain Python, which the task runs.

    `name` is the served name that it stands for, if any. What it is otherwise is collected as FC401, or as FC408 for
    one that Metaflow runs while it loads the flow.
    """
    node = callee(item)
    shown = node.id if isinstance(node, ServedName) else view.code(node)
    place, of = of, "step" if of == "function" else of
    span = view.span(item if of == "step" else node)
    if of == "step" and name in FLOW_ARGUMENTS:
        message = f"`@{shown}` is a decorator of the flow, not of a step"
        sink.error("FC401", message, span, help="put it above the class")
    elif of != "step" and name in ARGUMENTS:
        message = f"`@{shown}` is a decorator of steps, not of the flow"
        sink.error("FC401", message, span, help="put it above each step that needs it")
    elif (kind := kind_of(node, view, modules)) is not None:
        return _check_kind(kind, shown, span, place, sink) and _check_call(item, kind, shown, view, sink)
    elif isinstance(node, ast.Name) and node.id in view.refusals.names:
        return False  # FC106 says all there is to say
    elif name is not None or (isinstance(node, ast.Name) and not _is_bound(view.tree, node.id)):
        return _check_name(node, name, view, of, sink)
    elif of == "pipeline":
        message = f"`@{shown}` is around a pipeline, whose body is evaluated when the flow is compiled"
        sink.error("FC401", message, span, help="put it above the steps, which run in tasks")
    elif view.imported_path(node)[:1] == ("metaflow_extensions",):
        message = f"`@{shown}` belongs to an extension of Metaflow, which flowc doesn't run"
        sink.error("FC401", message, span, help="remove it, and do its work in the step")
    elif (applied := applies(item, view, modules)) is not None:
        found = scope.applied(item)
        because = f": {found.reason}" if found is not None else ", which flowc never executes to compile a flow"
        message = f"`@{shown}` applies `@{applied}`, or may, in a way that is not known before the file runs{because}"
        way_out = found.help if found is not None and "--env-at-compile" in found.help else ""
        sink.error("FC401", message, span, help=way_out or f"write `@{applied}` above the {of} itself")
    else:
        _warn_of_tracker(node, view, sink)
        return True
    return False


def _check_kind(kind: Kind, shown: str, span: Span, of: Owner, sink: DiagnosticSink) -> bool:
    """Whether one of Metaflow's decorators of the user's own is where it belongs; else it is FC408."""
    place = "flow" if kind == "flow mutator" else "step"
    if of == place:  # a mutator has been applied by now
        return True
    where = "the class" if place == "flow" else "each step that needs it"
    message = f"`@{shown}` is a {kind}, which stands above a {place} of a class flow"
    sink.error("FC408", message, span, help=f"put it above {where}")
    return False


def _check_call(item: ast.expr, kind: Kind, shown: str, view: ModuleView, sink: DiagnosticSink) -> bool:
    """Whether a user step decorator may be used so, and is a generator; otherwise FC408, since each task would fail."""
    node = callee(item)
    function = view.single_functions.get(node.id) if isinstance(node, ast.Name) else None
    message, help_text = "", ""
    if kind == "user step decorator" and isinstance(item, ast.Call) and item.args:
        message, help_text = f"`@{shown}` takes keyword arguments only", "write each argument with its name"
    elif function is not None and not any(isinstance(part, ast.Yield | ast.YieldFrom) for part in own_nodes(function)):
        message = f"`@{shown}` is a user step decorator without a `yield`, which stands for the step"
        help_text = "write `yield` where the step is to run, or `yield USER_SKIP_STEP`"
    if message:
        sink.error("FC408", message, view.span(item), help=help_text)
    return not message


def _warn_of_tracker(node: ast.expr, view: ModuleView, sink: DiagnosticSink) -> None:
    """Warn of a decorator that follows runs, unless the file says where a task has its package from."""
    distribution, names = TRACKERS.get(".".join(view.imported_path(node)[:-1]), ("", ()))
    if not distribution or view.imported_path(node)[-1] not in names:
        return
    if re.search(rf"""['"]{distribution}\b|\bimage\s*=""", view.source.text):
        return
    sink.warning(
        "FC409", f"`@{view.code(node)}` does nothing in tasks whose image doesn't have {distribution}", view.span(node),
        help=f"""name it in `@pypi(packages={{"{distribution}": "VERSION"}})`, or give an image that has it""",
    )  # fmt: skip


def _check_name(node: ast.expr, name: str | None, view: ModuleView, of: Owner, sink: DiagnosticSink) -> bool:
    """Whether a name of the served packages, or one that nothing binds, is a decorator after all; else it is FC401."""
    known, takes = (ARGUMENTS, "steps take") if of == "step" else (FLOW_ARGUMENTS, "a flow takes")
    shown, fix = node.id if isinstance(node, ServedName) else view.code(node), None
    message = f"`@{shown}` is not a decorator that flowc knows"
    help_text = f"{takes} {', '.join('@' + item for item in sorted(known))}"
    if name is not None:
        if (extension := extension_of(name)) is not None:
            message = f"`@{shown}` is of the extension {extension.package}, which flowc doesn't serve"
            help_text = extension.way_out
        elif name in metaflow_names.SERVED:
            return True  # a context manager, for one: plain Python
    elif isinstance(node, ast.Name) and not hasattr(builtins, node.id):
        message = f"`@{shown}` is not imported"
        if node.id in ARGUMENTS or node.id in FLOW_ARGUMENTS:
            package = package_for(node.id, view.imported_packages)
            help_text, fix = f"import it: `from {package} import {node.id}`", Fix("import", package, node.id)
        else:
            help_text, fix = suggest(node.id, known, "import it, or remove it")
    sink.error("FC401", message, view.span(node), help=help_text, fix=fix)
    return False


def _is_bound(tree: ast.Module, name: str) -> bool:
    """Whether a file gives a name a meaning anywhere, or may by `import *` of a module that is not served."""
    for node in walk(tree):
        match node:
            case ast.FunctionDef(name=found) | ast.AsyncFunctionDef(name=found) | ast.ClassDef(name=found):
                bound = found == name
            case ast.ImportFrom(module=module, names=[ast.alias(name="*")]):
                bound = (module or "").partition(".")[0] not in ROOTS
            case ast.alias(name=imported, asname=asname):
                bound = name == (asname or imported.partition(".")[0])
            case ast.Name(id=found, ctx=ast.Store()):
                bound = found == name
            case _:
                continue
        if bound:
            return True
    return False
