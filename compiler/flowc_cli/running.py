"""`flowc run`: compile, bind the parameters, and hand over to the local engine."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from flowc_cli.called import current_call
from flowc_cli.config import configuration
from flowc_cli.reading import Reading
from flowc_cli.report import INPUT_ERROR, report
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation, check_environment
from flowc_compiler.ir import Flow
from flowc_compiler.source import SourceFile
from flowc_targets.local import RunOptions, RunResult, run_flow
from flowc_targets.package.local_modules import check_code

_OF_FILES = frozenset({"FC117"})
"""What is to be known of a file that is compiled, and nothing to a program whose every call is run."""
_OF_RUNS = frozenset({"FC601", "FC602", "FC607"})


@dataclass(frozen=True)
class RunRequest:
    """The options of `flowc run` as the command line has them; `None` leaves it to [tool.flowc.run] or the default."""

    root: str | None = None
    max_workers: int | None = None
    max_num_splits: int = 100
    run_id_file: Path | None = None
    tags: tuple[str, ...] = ()
    start_method: Literal["fork", "spawn"] = "fork"


def run_file(
    file: Path,
    request: RunRequest,
    assignments: Sequence[str],
    extra: Sequence[str],
    reading: Reading,
) -> int:
    """Run a flow to its end; the exit code is 0, 1 when a task failed, 2 for bad input, 130 for an interrupt."""
    sink = DiagnosticSink()
    try:
        compilation = _compiled(file, assignments, extra, reading, sink)
        flow, source = compilation.flow, compilation.source
        check_environment(flow, os.environ, OPTION_VARIABLES, sink)
        options = run_options(file, request, sink)
        options = replace(options, params=compilation.params)
        check_code(source, (), sink)
        sink.raise_if_failed()
        report(
            [item for item in sink.diagnostics if item.code not in _OF_FILES or current_call() is None], sink.sources
        )
        gc.enable()
        return ran(flow, run_flow(flow, source, options))
    except FlowcError as error:
        report(error.diagnostics, sink.sources)
        return exit_code(error)


def ran(flow: Flow, result: RunResult) -> int:
    """The exit code of a run that has ended; a Python call that asked for it is told which run it was."""
    call = current_call()
    if call is not None:
        call.ran(flow.name, result)
    return result.exit_code


class _Bound(NamedTuple):
    """A flow to run, and the values of its parameters."""

    flow: Flow
    source: SourceFile
    params: dict[str, str]


def _compiled(
    file: Path, assignments: Sequence[str], extra: Sequence[str], reading: Reading, sink: DiagnosticSink
) -> _Bound:
    """Compile a flow with what is given for its parameters. Raises FlowcError."""
    reading, named = _configs_and_parameters(reading)
    hidden = [("branch", reading.branch)] if reading.branch is not None else []
    hidden += [("production", "true")] if reading.production else []
    given = replace(
        reading.given,
        assignments=tuple(assignments),
        options=(*named, *extra),
        hidden=tuple(hidden),
        environment=os.environ,
        to_run=True,
    )
    found = _on_branch(file, replace(reading, given=given), sink)
    return _Bound(found.flow, found.source, given.bind(found.flow, sink))


def exit_code(error: FlowcError) -> int:
    """1 when a store or a run is what is wrong, 2 when it is the input."""
    return 1 if all(item.code in _OF_RUNS for item in error.diagnostics) else INPUT_ERROR


OPTION_VARIABLES = frozenset(
    f"FLOWC_RUN_{name}" for name in ("DECOSPECS", "MAX_NUM_SPLITS", "MAX_WORKERS", "ROOT", "RUN_ID_FILE", "TAGS")
)
"""Variables that options of `flowc run` read; Metaflow's begin with METAFLOW_RUN_."""


def _configs_and_parameters(reading: Reading) -> tuple[Reading, list[str]]:
    """Tell `--config NAME=PATH` from the parameter `config`, which Metaflow's files may have: it is given no `=`."""
    config = tuple(item for item in reading.config if "=" in item)
    value = tuple(item for item in reading.config_value if "=" in item)
    named = [f"--config={item}" for item in reading.config if "=" not in item]
    named += [f"--config-value={item}" for item in reading.config_value if "=" not in item]
    return replace(reading, config=config, config_value=value), named


def _on_branch(file: Path, reading: Reading, sink: DiagnosticSink) -> Compilation:
    """Compile, and tell --branch and --production from parameters of that name, which Metaflow's files may have."""
    if reading.branch is None and not reading.production:
        return reading.compile(file, sink)
    plain = replace(reading, branch=None, production=False).compile(file, sink)
    names = {parameter.name.lower() for parameter in plain.flow.parameters}
    branch = None if "branch" in names else reading.branch
    production = reading.production and "production" not in names
    if branch is None and not production:
        return plain
    return replace(reading, branch=branch, production=production).compile(file, sink)


def run_options(file: Path, request: RunRequest, sink: DiagnosticSink) -> RunOptions:
    """What the engine is told: the command line, then `root` and `max_workers` of [tool.flowc.run], then defaults."""
    table = configuration(file, sink).get("run", {})
    options = RunOptions(
        max_num_splits=request.max_num_splits,
        tags=request.tags,
        run_id_file=request.run_id_file,
        start_method=request.start_method,
    )
    root = request.root if request.root is not None else table.get("root")
    workers = request.max_workers if request.max_workers is not None else table.get("max_workers")
    for key in sorted(set(table) - {"root", "max_workers"}):
        sink.error("FC504", f"[tool.flowc.run] has an unknown option `{key}`", None, help="it has root and max_workers")
    if root is not None:
        options = replace(options, root=str(root))
    if workers is not None:
        options = replace(options, max_workers=int(workers))
    return options
