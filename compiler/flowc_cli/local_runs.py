"""Runs of the local engine, as `flowc run` and `flowc resume` start them: their options, and their exit code."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from flowc.errors import InvalidRoot, ProtocolError
from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.protocol.encodings import tag_problem
from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, RUN_ERROR
from flowc_cli.project_config import configuration, included_patterns, local_root
from flowc_cli.python_call import current_call
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation
from flowc_compiler.ir import Flow
from flowc_targets.local import DEFAULT_START, RunOptions, run_flow

_ITEM = re.compile(r"(\d+(\.\d+)*)?")
"""The index path of an item of a foreach, or nothing."""


@dataclass(frozen=True)
class LocalGroup:
    """The options of runs on this machine."""

    root: Annotated[
        str | None, typer.Option(metavar="URL", help=shared.ROOT_HELP, envvar="FLOWC_RUN_ROOT", show_envvar=False)
    ] = None
    max_workers: Annotated[
        int | None, shared.env_option("MAX_WORKERS", metavar="N", min=1, help=shared.WORKERS_HELP)
    ] = None
    max_num_splits: Annotated[int, shared.env_option("MAX_NUM_SPLITS", metavar="N", min=0, help=shared.SPLITS_HELP)] = (
        100
    )
    run_id_file: Annotated[
        Path | None, shared.env_option("RUN_ID_FILE", metavar="PATH", help=shared.RUN_ID_FILE_HELP)
    ] = None
    tag: Annotated[list[str] | None, shared.env_option("TAGS", metavar="TEXT", help=shared.TAG_HELP)] = None
    include: shared.Include = None
    start_method: shared.StartMethod = DEFAULT_START
    retry_wait: shared.RetryWait = False
    timeout_grace: shared.TimeoutGrace = TIMEOUT_GRACE_SECONDS
    container: shared.Container = None
    quiet: shared.Quiet = False
    log_format: shared.LogFormat = "text"
    pdb: shared.Pdb = False

    def options(self, file: Path, flow: str | None, sink: DiagnosticSink) -> RunOptions:
        """The engine's options for a flow of a file: see `local_options`."""
        engine = RunOptions(
            max_num_splits=self.max_num_splits,
            tags=tuple(self.tag or ()),
            run_id_file=self.run_id_file,
            start_method=self.start_method,
            retry_wait=self.retry_wait,
            timeout_grace=self.timeout_grace,
            container=self.container,
            quiet=self.quiet,
            log_format=self.log_format,
            post_mortem=self.pdb,
            again=("--flow", flow) if flow is not None else (),
        )
        return local_options(file, self.root, self.max_workers, engine, self.include, sink)


def local_options(
    file: Path,
    root: str | None,
    max_workers: int | None,
    options: RunOptions,
    include: Sequence[str] | None,
    sink: DiagnosticSink,
) -> RunOptions:
    """The engine's options: the command line, then `root` of the configuration, then defaults.

    Sets the variables of `sse` and `kms_key` in [tool.flowc], for this process, which writes the run's record, and for
    the tasks.
    """
    whole = configuration(file, sink)
    options = replace(options, include=(*included_patterns(file, sink), *(include or ())))
    for option, variable in (("sse", env_names.S3_SSE), ("kms_key", env_names.S3_KMS_KEY)):
        if option in whole:
            os.environ.setdefault(variable, str(whole[option]))
    for tag in options.tags:
        if (problem := tag_problem(tag)) is not None:
            sink.error("FC505", f"--tag {tag[:40]!r}: {problem}", None, help="give a text of 1 to 500 characters")
    again = (str(file), *(("--root", root) if root is not None else ()), *options.again)
    options = replace(options, root=local_root(file, root, sink), again=again)
    if options.post_mortem and not _has_debugger(options, max_workers, sink):
        return options
    if options.post_mortem:
        max_workers = 1
    terminal = max_workers == 1 and options.log_format == "text" and _has_terminal()
    ask = options.log_format == "text" and _has_terminal()
    return replace(options, max_workers=max_workers or options.max_workers, terminal=terminal, ask=ask)


def checked_answers(texts: Sequence[str], flow: Flow, sink: DiagnosticSink) -> dict[str, str]:
    """The choices of `--approve STEP=CHOICE`, by step, or by `step/index` for an item of a foreach.

    Collects FC505 for those that cannot be chosen.
    """
    found: dict[str, str] = {}
    asking = {step.name: step.specs.approval for step in flow.steps if step.specs.approval is not None}
    for text in texts:
        name, separator, choice = text.partition("=")
        step, _, index = name.partition("/")
        spec = asking.get(step)
        if not separator or spec is None or not _ITEM.fullmatch(index):
            what = f"no step {name!r} with `@approval`" if separator else "no `=`"
            known = f"write STEP=CHOICE, or STEP/INDEX=CHOICE for an item; the steps are {', '.join(asking)}"
            sink.error("FC505", f"--approve {text!r}: {what}", None, help=known if asking else "leave it out")
        elif spec.choices and choice not in spec.choices:
            sink.error(
                "FC505", f"--approve {text!r}: {choice!r} cannot be chosen", None,
                help=f"choose {', '.join(spec.choices)}",
            )  # fmt: skip
        elif found.setdefault(name, choice) != choice:
            sink.error("FC505", f"--approve {text!r}: it was {found[name]!r} before", None, help="give it once")
    return found


def _has_debugger(options: RunOptions, max_workers: int | None, sink: DiagnosticSink) -> bool:
    """Whether `--pdb` can do something in a run. Collects FC504."""
    if max_workers not in (None, 1):
        message, help_ = f"--pdb asks in one task at a time, not in {max_workers}", "leave out --max-workers"
    elif options.log_format != "text" or not _has_terminal():
        message, help_ = "--pdb needs a terminal", "run it in one, without --log-format; `flowc try` takes a pipe, too"
    else:
        return True
    sink.error("FC504", message, None, help=help_)
    return False


def _has_terminal() -> bool:
    """Whether this process is in the foreground of a terminal, with its standard input."""
    try:
        return os.isatty(0) and os.isatty(1) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def run_locally(compilation: Compilation, options: RunOptions) -> int:
    """Run a flow to its end. Returns the exit code; a Python call learns which run it was."""
    gc.enable()
    result = run_flow(compilation.flow, compilation.source, options)
    call = current_call()
    if call is not None:
        call.run = (compilation.flow.name, result.run_id, result.root)
    return result.exit_code


def error_code(error: FlowcError) -> int:
    """The exit code: 1 when a store or what a run has cannot be used, 2 when the input is wrong."""
    if isinstance(error.__cause__, InvalidRoot):
        return INPUT_ERROR
    unusable = all(item.code == "FC601" for item in error.diagnostics)
    return RUN_ERROR if unusable or isinstance(error.__cause__, ProtocolError) else INPUT_ERROR
