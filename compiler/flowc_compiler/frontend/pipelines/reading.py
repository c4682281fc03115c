"""The front end of function pipelines: a file's `@pipeline` function to a flow, whose body is the calls that it makes.

The body is evaluated when the flow is compiled, over the syntax tree; the file is never imported.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.calling.waiting import resolve_waiting
from flowc_compiler.frontend.pipelines.entry.choice import choose_pipeline
from flowc_compiler.frontend.pipelines.entry.parameters import Bind, no_values, read_parameters
from flowc_compiler.frontend.pipelines.evaluation.evaluator import Evaluator
from flowc_compiler.frontend.pipelines.evaluation.machine import ExhaustedError, Frame, Machine, RefusedError
from flowc_compiler.frontend.pipelines.evaluation.objects import Environment, PipelineFunction
from flowc_compiler.frontend.pipelines.graph import build_body
from flowc_compiler.frontend.pipelines.settings.layer_specs import pipeline_specs
from flowc_compiler.frontend.pipelines.types.evaluation_types import TypeHook
from flowc_compiler.frontend.values.bindings import bindings
from flowc_compiler.ir import Flow
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.modules import LocalModules, ModuleView

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator


def read_pipeline(
    source: SourceFile,
    module: ast.Module,
    sink: DiagnosticSink,
    flow_name: str | None = None,
    bind: Bind = no_values,
    attached: Sequence[str] = (),
) -> Flow | None:
    """Evaluate a file's pipeline; `None`, with diagnostics collected, when that fails.

    The pipeline is that of `flow_name`, or the one that the file itself calls, or the only one. `bind` is asked for
    values of its parameters from outside, and `attached` are decorators for every step, as `--with` has them.
    """
    decorators: tuple[CliDecorator, ...] = ()
    if attached:  # the models of all decorators take a while to import
        from flowc_compiler.frontend.decorators.cli_decorators import read_cli_decorators

        decorators = read_cli_decorators(attached, sink)
    view = ModuleView(source, module, sink)
    modules = LocalModules(view, sink)
    machine = Evaluator(view, modules, sink, TypeHook(modules, sink), decorators)
    with _deep_recursion(), machine.within(Frame(view, {})):
        try:
            return _read(machine, view, flow_name, bind)
        except (RefusedError, ExhaustedError):
            return None
        except RecursionError:
            span = source.line_span(1)
            sink.error("FC114", "the pipeline is nested too deeply", span, help="write it with fewer levels")
            return None


def _read(machine: Evaluator, view: ModuleView, flow_name: str | None, bind: Bind) -> Flow | None:
    chosen = choose_pipeline(machine, view, flow_name)
    if chosen is None:
        return None
    pipeline, run = chosen
    span = pipeline.view.name_span(pipeline.node)  # it may be another file's
    machine.pipeline_layers = tuple(pipeline.layers)
    specs, base_packages = pipeline_specs(pipeline.layers, machine.sink)
    with machine.within(Frame(pipeline.view, {})):
        parameters, environment = read_parameters(machine, pipeline, run, bind, span)
    if len(environment) < len(parameters):
        return None
    _evaluate(machine, pipeline, environment)
    resolve_waiting(machine)
    machine.hook.check(machine.nodes.root, pipeline.view, pipeline.node)
    if machine.sink.failed:
        return None
    if not machine.nodes.names:
        machine.sink.error(
            "FC224", f"the pipeline `{pipeline.name}` calls no step", span,
            help="call functions with `@step` in its body",
        )  # fmt: skip
        return None
    return Flow.model_construct(
        span=span,
        name=pipeline.name,
        doc=ast.get_docstring(pipeline.node) or "",
        file=view.source.name,
        source_hash=hashlib.sha256(view.source.text.encode()).hexdigest(),
        frontend="pipeline",
        parameters=parameters,
        specs=specs,
        base_packages=base_packages,
        body=build_body(machine.nodes.root),
    )


def _evaluate(machine: Machine, pipeline: PipelineFunction, environment: Environment) -> None:
    local = frozenset(bindings(pipeline.node.body)) | environment.keys()
    with machine.within(Frame(pipeline.view, environment, (), local)):
        machine.execute(pipeline.node.body)


@contextmanager
def _deep_recursion() -> Generator[None]:
    """Allow for the evaluator's own depth, which is a multiple of the body's."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


_RECURSION = 12_000
