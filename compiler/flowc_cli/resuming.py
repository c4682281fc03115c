"""`flowc resume`: compile, and have the local engine go on from where an earlier run has ended."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flowc_cli.reading import Reading
from flowc_cli.report import report
from flowc_cli.running import RunRequest, exit_code, ran, run_options
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import GivenParameters, find_parameter
from flowc_compiler.ir import Flow
from flowc_targets.local import ResumeOptions, origin_configs, origin_parameters, run_flow
from flowc_targets.package.local_modules import check_code


def resume_file(
    file: Path,
    step: str | None,
    origin_run_id: str | None,
    request: RunRequest,
    assignments: Sequence[str],
    extra: Sequence[str],
    reading: Reading,
) -> int:
    """Resume a run of a flow; the exit code is that of `flowc run`."""
    sink = DiagnosticSink()
    try:
        if step is not None and step.startswith("-"):  # click hands on what it does not know as the next argument
            extra = [step, *extra]
            step = None
        resume = ResumeOptions(origin_run_id, step)
        options = run_options(file, request, sink)
        given = GivenParameters(kept=lambda name: origin_parameters(name, options, resume))
        compilation = replace(reading, given=given).compile(file, sink)
        flow, source = compilation.flow, compilation.source
        _refuse(flow, assignments, extra, sink)
        check_code(source, (), sink)
        sink.raise_if_failed()
        if flow.configs:
            sink = DiagnosticSink()
            compilation = replace(reading, kept=origin_configs(flow, options, resume)).compile(file, sink)
            flow, source = compilation.flow, compilation.source
        report(sink.diagnostics, sink.sources)
        gc.enable()
        return ran(flow, run_flow(flow, source, replace(options, resume=resume)))
    except FlowcError as error:
        report(error.diagnostics, sink.sources)
        return exit_code(error)


def _refuse(flow: Flow, assignments: Sequence[str], extra: Sequence[str], sink: DiagnosticSink) -> None:
    """Parameters cannot be given again, and there are no other options."""
    given = [(f"-p {item}", item.partition("=")[0]) for item in assignments]
    given += [(item, item[2:].partition("=")[0]) for item in extra if item.startswith("--")]
    for shown, name in given:
        parameter = find_parameter(flow, name)
        if parameter is not None or name in {"config", "config-value"}:
            what = "parameters" if parameter is not None else "configs"
            text = f"`{shown}`: a resumed run keeps the {what} of the run that it resumes"
            span = parameter.span if parameter is not None else None
            sink.error("FC609", text, span, help="leave it out, or start anew with `flowc run`")
        else:
            sink.error("FC504", f"`flowc resume` has no option `{shown}`", None, help="see `flowc resume --help`")
    if extra and not given:
        sink.error("FC504", f"`flowc resume` does not take `{extra[0]}`", None, help="name one step, or none")
