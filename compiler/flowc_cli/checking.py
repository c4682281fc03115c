"""Checks of flows: all diagnostics of a file, as `flowc check` and editors show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from flowc_cli.engine_checks import check_for_engines
from flowc_cli.flow_options import FlowOptions
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.diagnostics.ignore_comments import MARK
from flowc_compiler.driver import Compilation, CompilationError, flow_names
from flowc_compiler.filesystem import read_file

_ROOT = "s3://bucket/prefix"
"""Stands in for the artifact store of targets that need one."""


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
            check_for_engines(compilation, sink)
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
