"""`flowc check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.flow_options import FlowOptions, flow_options
from flowc_cli.output import INPUT_ERROR, Form, note_unused, report, write_content, write_error
from flowc_cli.project_config import included_patterns
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation, flow_names
from flowc_targets.package.local_modules import check_code

app = shared.command_app()

_ROOT = "s3://bucket/prefix"
"""Stands in for the artifact store of targets that need one."""


@app.command("check")
def check(
    file: shared.File,
    target: Annotated[list[str] | None, typer.Option(help="also check what this target can express")] = None,
    param: shared.Params = None,
    format: shared.Format = "text",
    flow: shared.FlowName = None,
    with_: shared.With = None,
    config: shared.Configs = None,
    config_value: shared.ConfigValues = None,
    branch: shared.Branch = None,
    production: shared.Production = False,
    fix: Annotated[bool, typer.Option("--fix", help="edit the files where a help line is certain to be right")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="also print where artifacts cannot be followed")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="print what --fix would change, and write nothing")] = False,
) -> None:
    """Print every problem of a flow, and write nothing without --fix."""
    options = flow_options(flow, with_, config, config_value, branch, production, param)
    options = replace(options, parameters=replace(options.parameters, to_check=True))
    sink, compilations = _collect(file, target or [], options)
    if diff:
        if format != "text":
            note_unused("--format", "with --diff, which prints edits", "leave one of them out")
        raise typer.Exit(_preview(sink))
    if fix and any(item.fix is not None for item in sink.diagnostics):
        from flowc_compiler.rewrite.fixes import apply_and_check

        sink, compilations = apply_and_check(sink, lambda: _collect(file, target or [], options), sys.stderr)
    code = _report(sink, compilations, format)
    for message, span in sorted(sink.notes, key=lambda note: (note[1].file, note[1].line)) if verbose else ():
        write_error(f"{span.file}:{span.line}: {message}\n")
    raise typer.Exit(code)


def _preview(sink: DiagnosticSink) -> int:
    """Print the edits that diagnostics propose, as a unified diff."""
    from flowc_compiler.rewrite import RewriteError, diff
    from flowc_compiler.rewrite.fixes import plan_fixes

    try:
        write_content(diff(plan_fixes(sink.diagnostics)))
    except (RewriteError, OSError) as error:
        write_error(f"flowc check: {error}\n")
    return INPUT_ERROR if sink.failed else 0


_Checked = tuple[DiagnosticSink, tuple[Compilation, ...]]


def _collect(file: Path, targets: Sequence[str], options: FlowOptions) -> _Checked:
    """All diagnostics of a file: of each of its flows, where none is named and none is the one that it runs."""
    sink, compilation = _collect_flow(file, targets, options)
    if options.flow_name is None and any(item.code == "FC103" for item in sink.diagnostics):
        names = flow_names(file)
        if len(names) > 1 and not options.parameters.assignments:
            return _collect_flows(file, targets, options, names)
    return sink, (compilation,) if compilation is not None else ()


def _collect_flows(file: Path, targets: Sequence[str], options: FlowOptions, names: Sequence[str]) -> _Checked:
    from flowc_compiler.evaluate.operations import spending

    sink, compilations = DiagnosticSink(), list[Compilation]()
    with spending(file.stat().st_size):  # all flows together may take what one may
        for name in names:
            found, compilation = _collect_flow(file, targets, replace(options, flow_name=name))
            sink.extend(found)
            compilations += [compilation] if compilation is not None else []
    return sink, tuple(compilations)


def _collect_flow(
    file: Path, targets: Sequence[str], options: FlowOptions
) -> tuple[DiagnosticSink, Compilation | None]:
    """All diagnostics of a flow, those of the named targets too."""
    sink = DiagnosticSink()
    compilation = None
    try:
        compilation = options.compile_with_values(file, sink)
        for name in targets:
            _check_target(compilation, name, sink)
        if not targets:
            check_code(compilation.source, included_patterns(compilation.source.path, sink), sink)
    except FlowcError:
        pass
    return sink, compilation


def _report(sink: DiagnosticSink, compilations: Sequence[Compilation], form: Form) -> int:
    """Print all diagnostics. Returns the exit code."""
    report(sink.diagnostics, sink.sources, form)
    for flow in (item.flow for item in compilations if not sink.failed and form == "text"):
        write_error(f"{flow.file}: flow {flow.name}, {len(flow.steps)} steps, no errors\n")
    return INPUT_ERROR if sink.failed else 0


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
