"""Runs of the local engine, as `flowc run` and `flowc resume` start them: their options, and their exit code."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path

from flowc_cli.output import INPUT_ERROR
from flowc_cli.project_config import configuration
from flowc_cli.python_call import current_call
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation
from flowc_targets.local import RunOptions, run_flow

_RUN_ERRORS = frozenset({"FC601", "FC602", "FC607"})


def local_options(
    file: Path,
    root: str | None,
    max_workers: int | None,
    options: RunOptions,
    sink: DiagnosticSink,
) -> RunOptions:
    """The engine's options: the command line, then `root` and `max_workers` of [tool.flowc.run], then defaults."""
    table = configuration(file, sink).get("run", {})
    for key in sorted(set(table) - {"root", "max_workers"}):
        sink.error(
            "FC504",
            f"[tool.flowc.run] has an unknown option `{key}`",
            None,
            help="the options are root and max_workers",
        )
    root = root if root is not None else table.get("root")
    workers = max_workers if max_workers is not None else table.get("max_workers")
    if root is not None:
        options = replace(options, root=str(root))
    return replace(options, max_workers=int(workers)) if workers is not None else options


def run_locally(compilation: Compilation, options: RunOptions) -> int:
    """Run a flow to its end. Returns the exit code; a Python call learns which run it was."""
    gc.enable()
    result = run_flow(compilation.flow, compilation.source, options)
    call = current_call()
    if call is not None:
        call.run = (compilation.flow.name, result.run_id, result.root)
    return result.exit_code


def error_code(error: FlowcError) -> int:
    """The exit code: 1 when the problem is a store or a run, 2 when it is the input."""
    return 1 if all(item.code in _RUN_ERRORS for item in error.diagnostics) else INPUT_ERROR
