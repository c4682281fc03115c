"""Which shape a file's flows have: classes, `@pipeline` functions, or both. It takes no import of either front end."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.syntax.code_units import is_main
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.served_imports import Names, callee

if TYPE_CHECKING:
    from flowc_compiler.source import SourceFile


class Shape(NamedTuple):
    """The flows of a file, by name."""

    pipelines: dict[str, FunctionNode]
    """Top-level functions with `@pipeline`."""
    classes: dict[str, ast.ClassDef]
    """Top-level classes that are flows. Only read if there are pipelines, too; empty otherwise."""
    imports_flow: bool = False
    """Whether it has neither, so that what it runs can only be a pipeline of another file."""
    called: frozenset[str] = frozenset()
    """The names that `call_flow` has of flows. Only read if there are both."""


def shape_of(source: SourceFile, module: ast.Module) -> Shape:
    """The flows of a file. One without `@pipeline` is for the front end of classes, which finds its own."""
    bare = not any(isinstance(item, ast.ClassDef) for item in module.body)
    if "pipeline" not in source.text:
        return Shape({}, {}, bare)
    names = Names(module)
    functions = [item for item in module.body if isinstance(item, FunctionNode)]
    pipelines = {item.name: item for item in functions if is_pipeline(item, names)}
    if not pipelines or not any(isinstance(item, ast.ClassDef) and item.bases for item in module.body):
        return Shape(pipelines, {}, bare and not pipelines)
    from flowc_compiler.frontend.classflow.flow_classes import ClassTable

    sink = DiagnosticSink()
    classes = ClassTable(ModuleView(source, module, sink), sink).flows()
    return Shape(pipelines, classes, called=frozenset(called_names(module, names)) if classes else frozenset())


def called_names(node: ast.AST, names: Names) -> Iterator[str]:
    """The names that calls of `call_flow` in a node have for the flows that they call."""
    for item in ast.walk(node):
        if isinstance(item, ast.Call) and names.resolve(item.func) == "call_flow":
            given = (*item.args[:1], *(keyword.value for keyword in item.keywords if keyword.arg == "flow"))
            yield from (value.id for value in given if isinstance(value, ast.Name))


def report_uncalled(source: SourceFile, module: ast.Module, sink: DiagnosticSink) -> None:
    """Report FC116 for a main block that names a flow, or a function of the file, and does not call it."""
    known = {item.name for item in module.body if isinstance(item, FunctionNode | ast.ClassDef)}
    blocks = (item.body for item in module.body if isinstance(item, ast.If) and is_main(item.test))
    for statement in (statement for block in blocks for statement in block):
        match statement:
            case ast.Expr(value=ast.Name(id=name)) if name in known:
                sink.warning(
                    "FC116", f"`{name}` does nothing: it is named here, and not called",
                    source.node_span(statement), help=f"write `{name}()`",
                )  # fmt: skip
            case _:
                pass


def is_pipeline(function: FunctionNode, names: Names) -> bool:
    """Whether a function has `@pipeline` or `@pipeline(...)`, by whatever name the file knows it."""
    decorators = function.decorator_list
    return any(names.resolve(callee(item)) == "pipeline" for item in decorators)
