"""Steps with `@container`: their function has no code, and their values are what the container reads and leaves."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flowc_compiler.frontend.decorators.user_decorators import is_applying
from flowc_compiler.ir.artifact_effects import ArtifactRead, EffectsReader, FlowEffects, Place
from flowc_compiler.syntax.served_imports import callee

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import CommandSpec
    from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView


def check_body(
    function: FunctionNode, view: ModuleView, modules: LocalModules, sink: DiagnosticSink, *, method: bool
) -> None:
    """Collect FC415 for code in and around the function of a container step: nothing runs it.

    A `method` of a class flow has its `self.next` in it.
    """
    for item in function.decorator_list:
        if view.names.resolve(callee(item)) is None and not is_applying(item, view, modules):
            sink.error(
                "FC415", f"the step `{function.name}` runs a container, and `@{view.code(item)}` is code around a step",
                view.span(item), help="remove it; do what it does in a step before or after",
            )  # fmt: skip
    code = next((item for item in function.body if not _says_nothing(item, method=method)), None)
    if code is not None:
        what = "`self.next(...)` and nothing else" if method else "a docstring or `...`, and nothing else"
        sink.error(
            "FC415", f"the step `{function.name}` runs a container, and this code would never run", view.span(code),
            help=f"let it have {what}; do the rest in a step before or after it",
        )  # fmt: skip


def _says_nothing(statement: ast.stmt, *, method: bool) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(), attr="next"))):
            return method
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return not method
        case _:
            return False


def check_signature(function: FunctionNode, outputs: Sequence[str], spec: CommandSpec, sink: DiagnosticSink) -> None:
    """Collect FC415 where a pipeline's step takes or returns other values than its container reads and leaves."""
    arguments = function.args
    parameters = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    for name in spec.reads:
        if name not in parameters:
            sink.error(
                "FC415", f"the container of `{function.name}` reads `{name}`, which is not a parameter of the step",
                spec.span, help=f"add it: `def {function.name}({', '.join([*parameters, name])})`",
            )  # fmt: skip
    if set(outputs) != set(spec.outputs):
        left, returned = (", ".join(map(str, names)) or "nothing" for names in (spec.outputs, outputs))
        wanted = ", ".join(f'Annotated[str, "{name}"]' for name in spec.outputs)
        wanted = "None" if not spec.outputs else wanted if len(spec.outputs) == 1 else f"tuple[{wanted}]"
        sink.error(
            "FC415", f"the container of `{function.name}` leaves {left}, and the step returns {returned}", spec.span,
            help=f"annotate what it leaves, with its type: `-> {wanted}`",
        )  # fmt: skip


def decorator_place(function: FunctionNode, view: ModuleView) -> Place:
    """Where the step's `@container` stands."""
    found = (item for item in function.decorator_list if view.names.resolve(callee(item)) == "container")
    return Place(view.source, next(found, function))


def with_containers(read: EffectsReader, found: Mapping[str, tuple[CommandSpec, Place]]) -> EffectsReader:
    """What reads the effects of a class flow's steps, with those of the containers of some of them."""

    def effects() -> FlowEffects | None:
        whole = read()
        if whole is None:
            return None
        for name, (spec, place) in found.items():
            own = whole.of(name)
            for output in spec.outputs:
                own.sets.add(output)
                own.reads.pop(output, None)
                own.sure.pop(output, None)
                if output in whole.protected:
                    own.writes[output] = place
            for artifact in spec.reads:
                own.reads[artifact] = own.sure[artifact] = ArtifactRead(artifact, place)
        return whole

    return effects
