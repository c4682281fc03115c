"""Checks of flows: all diagnostics of a file, as `flowc check` and editors show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowc_cli.flow_options import FlowOptions
from flowc_cli.project_config import included_patterns
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.diagnostics.ignore_comments import MARK
from flowc_compiler.driver import Compilation, CompilationError, flow_names
from flowc_compiler.filesystem import read_file
from flowc_targets.package.local_modules import check_package

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import Diagnostic
    from flowc_compiler.ir import StepSpecs

_ROOT = "s3://bucket/prefix"
"""Stands in for the artifact store of targets that need one."""
_ENGINES = ("argo", "airflow")


@dataclass(frozen=True)
class CheckOptions:
    """How files are checked."""

    flow: FlowOptions = FlowOptions()  # noqa: RUF009 (it is frozen)
    targets: tuple[str, ...] = ()
    """The targets that are to express the flows."""


class Checked(NamedTuple):
    """What is known of a file."""

    sink: DiagnosticSink
    compilations: tuple[Compilation, ...]
    """Its flows without errors."""
    partial: tuple[Compilation, ...] = ()
    """Its flows with errors, as far as their graphs are known."""


def check_file(file: Path, options: CheckOptions) -> Checked:
    """All diagnostics of a file: of each of its flows, where none is named and none is the one that it runs.

    Comments that ignore nothing are reported when all flows of the file are checked.
    """
    checked = _check_file(file, options)
    source = checked.sink.sources.get(file.as_posix())
    if source is not None and MARK in source.text and (options.flow.flow_name is None or len(flow_names(file)) == 1):
        checked.sink.report_unused_comments(source)
    return checked


def _check_file(file: Path, options: CheckOptions) -> Checked:
    flow = replace(options.flow, parameters=replace(options.flow.parameters, to_check=True))
    checked = _check_flow(file, options.targets, flow)
    if flow.flow_name is None and any(item.code == "FC103" for item in checked.sink.diagnostics):
        names = flow_names(file)
        if len(names) > 1 and not flow.parameters.assignments:
            return _check_flows(file, options.targets, flow, names)
    return checked


def _check_flows(file: Path, targets: Sequence[str], options: FlowOptions, names: Sequence[str]) -> Checked:
    from flowc_compiler.evaluate.operations import spending

    sink, found = DiagnosticSink(), list[Checked]()
    with spending(len(read_file(file))):  # all flows together may take what one may
        for name in names:
            found.append(_check_flow(file, targets, replace(options, flow_name=name)))
            sink.extend(found[-1].sink)
    compilations = (item for checked in found for item in checked.compilations)
    return Checked(sink, tuple(compilations), tuple(item for checked in found for item in checked.partial))


def _check_flow(file: Path, targets: Sequence[str], options: FlowOptions) -> Checked:
    """All diagnostics of a flow, those of the named targets too."""
    sink = DiagnosticSink()
    compilation: Compilation | None = None
    partial: Compilation | None = None
    try:
        compilation = options.compile_with_values(file, sink)
        for name in targets:
            _check_target(compilation, name, sink)
        if not targets:
            _check_for_engines(compilation, sink)
    except CompilationError as error:
        partial = error.known()
    except FlowcError:
        pass
    return Checked(
        sink, (compilation,) if compilation is not None else (), (partial,) if partial is not None else ()
    )  # fmt: skip


def _check_target(compilation: Compilation, name: str, sink: DiagnosticSink) -> None:
    """Emit the files of a target with its configured options, and drop them."""
    from flowc_cli.target_options import build_options, emit_files, find_target

    target = find_target(name, sink)
    if target is None:
        return
    flow, source = compilation.flow, compilation.source
    options = build_options(target.options_model, name, source.path, {}, (), sink)
    if options is not None:
        options = options if options.root is not None else options.model_copy(update={"root": _ROOT})
        emit_files(target, flow, source, options, sink)


def _check_for_engines(compilation: Compilation, sink: DiagnosticSink) -> None:
    """Collect what is wrong with the code package, and what every engine refuses of the steps' specs.

    What only one of the targets can't express, and what depends on options, is reported with `--target`.
    """
    flow, source = compilation.flow, compilation.source
    check_package(flow, source, included_patterns(source.path, sink), sink)
    if not flow.specs.hooks and not any(_concerns_engines(step.specs) for step in flow.steps):
        return  # what follows brings the options of targets
    found = [_refused_by(name, compilation, sink) for name in _ENGINES]
    for key, item in found[0].items():
        if all(key in others for others in found[1:]):
            message = item.message.removesuffix(f" (target {_ENGINES[0]})")
            report = sink.warning if item.severity == "warning" else sink.error
            report(item.code, message, item.span, help=item.help)


def _concerns_engines(specs: StepSpecs) -> bool:
    extended = specs.resources is not None and specs.resources.extended
    return any((specs.accelerator, extended, specs.environment, specs.batch, specs.secrets))


def _refused_by(name: str, compilation: Compilation, sink: DiagnosticSink) -> dict[tuple[str, object], Diagnostic]:
    """The errors of one engine about specs of steps, by their code and place.

    A type of GPUs that is not known is a warning: an option of the target may make it known.
    """
    from flowc_cli.target_options import build_options, find_target
    from flowc_targets.base.target import report_unsupported_specs
    from flowc_targets.kubernetes.gpu import step_gpu
    from flowc_targets.kubernetes.pod_checks import check_environment, check_exit_hooks

    own = sink.nested()
    target = find_target(name, own)
    model = target.options_model if target is not None else None
    options = build_options(model, name, compilation.source.path, {}, (), own) if model is not None else None
    if options is None or not options.in_pods:
        return {}
    own, gpus, flow = sink.nested(), sink.nested(), compilation.flow
    report_unsupported_specs(flow, name, own)
    check_exit_hooks(flow, name, own)
    check_environment(flow, options, name, own)
    for step in flow.steps:
        if not step.virtual:
            step_gpu(step.specs, options, name, gpus)
    found = [replace(item, severity="warning") if item.code == "FC501" else item for item in gpus.diagnostics]
    found += [item for item in own.diagnostics if item.severity == "error"]
    return {(item.code, item.span): item for item in found}
