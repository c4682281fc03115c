"""From a path to a verified flow, with all diagnostics of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver.parameter_inputs import NO_INPUTS, ParameterInputs, Signature
from flowc_compiler.evaluate.literals import ENV_AT_COMPILE, reading_variables
from flowc_compiler.evaluate.operations import current_budget, spending
from flowc_compiler.frontend import NO_CONFIGS, GivenConfigs, parse, read_source
from flowc_compiler.frontend.shape import Shape, report_uncalled, shape_of
from flowc_compiler.ir import Flow, Parameter
from flowc_compiler.passes import run_passes
from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.current_facts import check_failed_items
from flowc_compiler.syntax.modules import ModuleView
from flowc_compiler.syntax.source_reading import report_too_deep

if TYPE_CHECKING:
    import ast

    from flowc_compiler.diagnostics import Diagnostic
    from flowc_compiler.ir import CalledFlow
    from flowc_compiler.ir.artifact_effects import EffectsReader


@dataclass(frozen=True)
class Compilation:
    """A flow that passed every check, and the file that it came from."""

    flow: Flow
    source: SourceFile
    effects: EffectsReader | None = None
    """What the steps of a class flow do with artifacts; `None` for a pipeline."""


class CompilationError(FlowcError):
    """Compilation failed, and what is known of the flow nevertheless."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], known: Compilation | None) -> None:
        super().__init__(diagnostics)
        self._known = known

    def known(self) -> Compilation | None:
        """The flow as far as its graph is known; `None` where that is not at all."""
        if self._known is None:
            return None
        from flowc_compiler.passes.partial_flow import partial_flow

        flow = partial_flow(self._known.flow)
        return replace(self._known, flow=flow) if flow is not None else None


def compile_file(
    path: Path,
    sink: DiagnosticSink | None = None,
    *,
    flow_name: str | None = None,
    attached: Sequence[str] = (),
    configs: GivenConfigs = NO_CONFIGS,
    given: ParameterInputs = NO_INPUTS,
    variables: Callable[[], frozenset[str]] | None = None,
) -> Compilation:
    """Compile a file to IR. `flow_name` picks one flow of several; `attached` are decorators for every step (`--with`);
    `configs` is what was given for the flow's configs, and `given` for a pipeline's parameters: its graph may depend on
    them. Those of a class flow are bound when it has been compiled. `variables` gives the names of the variables of
    the environment that compiling may read: those of `ENV_AT_COMPILE` by default.

    Raises CompilationError with everything that is wrong with it; warnings stay in `sink`. With `given.to_check`, it is
    raised with warnings only for a pipeline whose graph depends on values that a run will be given.
    """
    sink = sink if sink is not None else DiagnosticSink()
    source = read_source(path, sink)
    module = parse(source, sink) if source is not None else None
    flow: Flow | None = None
    if source is not None and module is not None:
        try:
            with spending(len(source.text)), reading_variables(variables or ENV_AT_COMPILE.get()):
                flow = _read(_File(source, module, sink, flow_name, attached), configs, given)
                flow = _with_called(flow, path, attached, sink) if flow is not None else None
        except RecursionError:  # Python reads some files that are nested deeper than their evaluation can follow
            report_too_deep(source, sink)
    read, effects = flow, flow.effects if flow is not None else None
    flow = run_passes(flow, sink) if flow is not None and flow.complete else None
    if flow is not None and flow.calls and source is not None:
        from flowc_compiler.driver.called_flows import CallReader

        flow = CallReader.with_modules(flow, source)
    if flow is None:
        sink.complete = False
        if sink.has_errors and not sink.failed:
            sink.require_all()
    if sink.failed or (flow is None and given.to_check):
        known = flow or read
        raise CompilationError(
            sink.diagnostics, Compilation(known, source, effects) if known is not None and source is not None else None
        )
    assert source is not None
    assert flow is not None, "no flow, and no error that says why"
    assert module is not None
    if not any(step.specs.foreach is not None and step.specs.foreach.min_success is not None for step in flow.steps):
        check_failed_items(source, sink, module)
    return Compilation(flow, source, effects)


def _with_called(flow: Flow, path: Path, attached: Sequence[str], sink: DiagnosticSink) -> Flow:
    """The flow with the flows that its steps call, each compiled by itself. Most flows call none."""
    if not any(flow.calling()):
        return flow
    from flowc_compiler.driver.called_flows import CallReader, bind_call

    def read(called: CalledFlow) -> Flow | None:
        source = read_source(Path(called.file), sink, called.shown)
        module = parse(source, sink) if source is not None else None
        if source is None or module is None:
            return None
        with spending(len(source.text)):
            if called.flow not in shape_of(source, module).pipelines:
                return _class_flow(_File(source, module, sink, called.flow, attached), NO_CONFIGS)
            with current_budget().paused():
                from flowc_compiler.frontend.pipelines.pipeline_reader import read_pipeline
            return read_pipeline(
                source, module, sink, called.flow, bind_call(called, sink), attached, to_run=True, is_called=True
            )

    return CallReader(read, sink).with_called(flow, path)


def flow_names(path: Path) -> tuple[str, ...]:
    """The names of the flows that a file defines, in its order; none where it cannot be read."""
    sink = DiagnosticSink()
    source = read_source(path, sink)
    module = parse(source, sink) if source is not None else None
    if source is None or module is None:
        return ()
    from flowc_compiler.frontend.classflow.flow_classes import ClassTable

    classes = ClassTable(ModuleView(source, module, sink), sink).flows()
    found = {**shape_of(source, module).pipelines, **classes}
    return tuple(sorted(found, key=lambda name: found[name].lineno))


def names_of_called_flows(path: Path) -> tuple[str, ...]:
    """The pipelines that a file surely calls when it is run, in order; none where that is not known."""
    sink = DiagnosticSink()
    source = read_source(path, sink)
    module = parse(source, sink) if source is not None else None
    if source is None or module is None or not shape_of(source, module).pipelines:
        return ()
    from flowc_compiler.frontend.pipelines.pipeline_reader import called_pipelines

    try:
        with spending(len(source.text)), reading_variables(ENV_AT_COMPILE.get()):
            return called_pipelines(source, module)
    except RecursionError:
        return ()


class _File(NamedTuple):
    """A file that is read, and how."""

    source: SourceFile
    module: ast.Module
    sink: DiagnosticSink
    flow_name: str | None
    attached: Sequence[str]


def _read(file: _File, configs: GivenConfigs, given: ParameterInputs) -> Flow | None:
    """The requested flow, before its passes."""
    report_uncalled(file.source, file.module, file.sink)
    shape = shape_of(file.source, file.module)
    if not (shape.pipelines or shape.imports_flow) or file.flow_name in shape.classes:
        return _class_flow(file, configs)
    if file.flow_name is None and shape.classes:
        name = _caller(file, shape)
        if name is None or name in shape.classes:
            return _class_flow(file._replace(flow_name=name), configs) if name is not None else None
        file = file._replace(flow_name=name)
    _check_no_configs(configs, file.sink)
    return _pipeline(file, given)


def _caller(file: _File, shape: Shape) -> str | None:
    """Of a file with flows of both shapes, the only one that no other of them calls; else FC103 is collected."""
    every = [*shape.classes, *shape.pipelines]
    names = [name for name in every if name not in shape.called] or every
    if len(names) == 1:
        return names[0]
    known = f"name the one you mean with `--flow`: {', '.join(names)}"
    nodes = {**shape.classes, **shape.pipelines}
    for name in [name for name in names if name in shape.pipelines] or names[1:]:
        file.sink.error(
            "FC103", f"`{name}` is another flow of this file", file.source.name_span(nodes[name]), help=known
        )
    return None


def _class_flow(file: _File, configs: GivenConfigs) -> Flow | None:
    with current_budget().paused():
        from flowc_compiler.frontend.class_flow import read_class_flow

    source, module, sink, flow_name, attached = file
    return read_class_flow(source, module, sink, flow_name, attached=attached, configs=configs)


def _pipeline(file: _File, given: ParameterInputs) -> Flow | None:
    with current_budget().paused():
        from flowc_compiler.frontend.pipelines.pipeline_reader import read_pipeline

    source, module, sink, flow_name, attached = file

    def bind(name: str, parameters: Sequence[Parameter], span: Span) -> Mapping[str, str]:
        return given.bind(Signature(name, span, tuple(parameters)), sink)

    return read_pipeline(
        source, module, sink, flow_name, bind, attached,
        texts=given.text_of_option, to_run=given.to_run, to_check=given.to_check,
    )  # fmt: skip


def _check_no_configs(configs: GivenConfigs, sink: DiagnosticSink) -> None:
    """Collect FC306 for configs that are given to a pipeline, which has none."""
    for option, names in (("--config", configs.files), ("--config-value", configs.values)):
        for name in names if not configs.lenient else ():
            message = f"{option} {name}: a pipeline has no configs"
            sink.error("FC306", message, None, help="make it a parameter of the function, and give it with `-p`")
