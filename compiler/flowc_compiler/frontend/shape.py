"""Which shape a file's flows have: classes, `@pipeline` functions, or both. Told without importing either front end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.syntax.locate import Locator
from flowc_compiler.syntax.names import Names

if TYPE_CHECKING:
    from flowc_compiler.source import SourceFile


class Shape(NamedTuple):
    """The flows of a file, by name."""

    pipelines: dict[str, cst.FunctionDef]
    """Top-level functions with `@pipeline`."""
    classes: dict[str, cst.ClassDef]
    """Top-level classes that are flows. Only asked for where there are pipelines, too; empty otherwise."""
    imports_flow: bool = False
    """Whether it has neither, so that what it runs can only be a pipeline of another file."""


def shape_of(source: SourceFile, module: cst.Module) -> Shape:
    """The flows of a file. One without `@pipeline` is for the front end of classes, which finds its own."""
    bare = not any(isinstance(item, cst.ClassDef) for item in module.body)
    if "pipeline" not in source.text:
        return Shape({}, {}, bare)
    names = Names(module, Locator(source, module), DiagnosticSink())
    functions = [item for item in module.body if isinstance(item, cst.FunctionDef)]
    pipelines = {item.name.value: item for item in functions if _is_pipeline(item, names)}
    if not pipelines or not any(isinstance(item, cst.ClassDef) and item.bases for item in module.body):
        return Shape(pipelines, {}, bare and not pipelines)
    from flowc_compiler.frontend.classflow.classes import ClassTable
    from flowc_compiler.syntax.modules import ModuleView

    sink = DiagnosticSink()
    return Shape(pipelines, ClassTable(ModuleView(source, module, sink), sink).flows())


def _is_pipeline(function: cst.FunctionDef, names: Names) -> bool:
    """Whether a function has `@pipeline` or `@pipeline(...)`, by whatever name the file knows it."""
    decorators = (item.decorator for item in function.decorators)
    return any(names.resolve(item.func if isinstance(item, cst.Call) else item) == "pipeline" for item in decorators)
