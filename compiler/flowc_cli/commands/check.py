"""`flowc check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.check_settings import CheckSettings
from flowc_cli.checking import CheckOptions, check_file
from flowc_cli.flow_options import flow_options
from flowc_cli.output import INPUT_ERROR, Form, note_unused, report, write_content, write_error
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import Compilation
from flowc_compiler.filesystem import held_in_memory

app = shared.command_app()


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
    stdin_filename: Annotated[
        Path | None, typer.Option(help="where the text that `-` reads from standard input belongs")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="CODES", help="codes, or prefixes of codes, not to report")
    ] = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="CODES", help="report these, and errors of compiling, only")
    ] = None,
    error: Annotated[
        list[str] | None, typer.Option("--error", metavar="CODES", help="warnings that are errors")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="print what --fix would change, and write nothing")] = False,
) -> None:
    """Print every problem of a flow, and write nothing without --fix."""
    options = flow_options(flow, with_, config, config_value, branch, production, param)
    options = replace(options, checks=CheckSettings.given(select=select, ignore=ignore, error=error))
    checks = CheckOptions(options, tuple(target or ()))
    if str(file) == "-":
        with held_in_memory({stdin_filename or file: sys.stdin.buffer.read()}):
            sink, compilations = check_file(stdin_filename or file, checks)
    else:
        sink, compilations = check_file(file, checks)
    if diff:
        if format != "text":
            note_unused("--format", "with --diff, which prints edits", "leave one of them out")
        raise typer.Exit(_preview(sink))
    if fix and any(item.fix is not None for item in sink.diagnostics):
        from flowc_compiler.rewrite.fixes import apply_and_check

        sink, compilations = apply_and_check(sink, lambda: check_file(file, checks), sys.stderr)
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


def _report(sink: DiagnosticSink, compilations: Sequence[Compilation], form: Form) -> int:
    """Print all diagnostics. Returns the exit code."""
    report(sink.diagnostics, sink.sources, form)
    for flow in (item.flow for item in compilations if not sink.failed and form == "text"):
        write_error(f"{flow.file}: flow {flow.name}, {len(flow.steps)} steps, no errors\n")
    return INPUT_ERROR if sink.failed else 0
