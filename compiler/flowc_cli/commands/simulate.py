"""`flowc simulate`."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from flowc.protocol.scheduled import read_iso
from flowc_cli import shared_options as shared
from flowc_cli.output import report as write_diagnostics
from flowc_cli.output import write
from flowc_targets.base.json_events import JsonEvents, LogFormat
from flowc_targets.base.live_table import has_table
from flowc_targets.simulate import (
    JsonProgress,
    ManifestError,
    Progress,
    SimulateOptions,
    SimulationResult,
    as_json,
    counts,
    prepare_manifest,
    tree,
)
from flowc_targets.simulate import simulate as simulate_workflow

app = shared.command_app()

SUCCEEDED, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


@app.command("simulate")
def simulate(
    manifest: Annotated[
        str, typer.Argument(metavar="FILE", help="the YAML for Argo, or - for standard input", show_default=False)
    ],
    root: Annotated[str | None, typer.Option(metavar="URL", help=shared.ROOT_HELP)] = None,
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", metavar="NAME=VALUE", help=shared.PARAM_HELP)
    ] = None,
    scheduled_time: shared.ScheduledTime = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PROGRAM", help="the interpreter to use for a container's python3; by default flowc's own"
        ),
    ] = None,
    max_workers: Annotated[int | None, typer.Option(metavar="N", min=1, help=shared.WORKERS_HELP)] = None,
    env: shared.Env = None,
    backoff: Annotated[
        float,
        typer.Option(
            metavar="FACTOR", min=0, help="by how much waits between attempts are multiplied; 0 does not wait"
        ),
    ] = 1.0,
    timeout_grace: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.1, help=shared.GRACE_HELP),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="a new Python for every pod; by default they are forked from one")
    ] = False,
    output: Annotated[
        bool, typer.Option("--show-output", help="show what every pod prints, not only those that fail")
    ] = False,
    output_: Annotated[bool, typer.Option("--output", hidden=True)] = False,
    quiet: shared.Quiet = False,
    log_format: shared.LogFormat = "text",
    report: Annotated[bool, typer.Option("--report", help="count nodes by template, type and phase")] = False,
    nodes: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="file for the nodes as JSON, as in a Workflow's status; - for standard output"
        ),
    ] = None,
    approve: shared.Answers = None,
    without_sidecars: Annotated[
        bool, typer.Option("--without-sidecars", help="leave out sidecars and init containers, which cannot run here")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="folder in which the pods' folders and logs stay")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="name of the Workflow, on which its nodes' ids depend")
    ] = None,
    uid: Annotated[
        str | None, typer.Option(metavar="UID", help="uid of the Workflow, and so of the run; by default a new one")
    ] = None,
) -> None:
    """Run a manifest on this machine as Argo would.

    The store and the grace period are the manifest's unless they are given.

    The exit code is 0 when it succeeds, 1 when it fails, 2 when it is refused.
    """
    try:
        options = SimulateOptions(
            root=str(Path(root).absolute()) if root is not None and "://" not in root else root,
            parameters=_pairs(param),
            python=python or sys.executable,
            max_workers=max_workers or os.cpu_count() or 1,
            fork=not fresh,
            backoff=backoff,
            timeout_grace=timeout_grace,
            scheduled=read_iso(scheduled_time).isoformat() if scheduled_time is not None else "",
            env=_pairs(env),
            uid=uid,
            name=name,
            approvals=_pairs(approve),
            keep=keep,
            sidecars=not without_sidecars,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if log_format == "json" and (report or nodes == "-"):
        problem = "standard output has an object a line then; leave out --report, or name a file for --nodes"
        raise typer.BadParameter(problem, param_hint="--log-format")
    shown = _Shown(output=output or output_, report=report, quiet=quiet, form=log_format)
    raise typer.Exit(_simulate(manifest, options, shown, nodes))


class _Shown(NamedTuple):
    """What is printed."""

    output: bool
    report: bool
    quiet: bool
    form: LogFormat

    def progress(self, run: str) -> Progress:
        """What prints it."""
        if self.form == "json":
            return JsonProgress(JsonEvents(run))
        table = has_table() and not self.quiet
        return Progress(_print_progress, output=self.output, table=table, quiet=self.quiet)


def _simulate(file: str, options: SimulateOptions, shown: _Shown, nodes: str | None) -> int:
    """Run the manifest in `file`, or from standard input for `-`. Returns the exit code."""
    progress = shown.progress("")
    try:
        text = _read(file)
        manifest, spec = prepare_manifest(text, options)
        progress = shown.progress(f"{manifest.title}/argo-{spec.uid}")
        progress.begin(options.root)
        for note in manifest.notes:
            progress.note(note)
        try:
            with _ended_by_sigterm():
                result = simulate_workflow(manifest, spec, options, progress)
        finally:
            progress.close()
    except ManifestError as error:
        _report_refused(error)
        return REFUSED
    except KeyboardInterrupt:
        progress.interrupted()
        return INTERRUPTED
    progress.ended("successful" if result.phase == "Succeeded" else "failed", result.seconds, result.message)
    if shown.form == "text":
        _show(result, shown)
        if result.phase != "Succeeded" and progress.way_out:
            _print_progress(progress.way_out)
    if nodes is not None:
        _write(nodes, result)
    return SUCCEEDED if result.phase == "Succeeded" else FAILED


def _report_refused(error: ManifestError) -> None:
    if not error.code:
        for problem in error.problems:
            _print_progress(f"refused: {problem}")
        return
    from flowc_compiler.diagnostics import DiagnosticSink

    sink = DiagnosticSink()
    for problem in error.problems:
        sink.error(error.code, problem, None, help=error.help)
    write_diagnostics(sink.diagnostics)


def _pairs(items: Sequence[str] | None) -> dict[str, str]:
    """A mapping of `NAME=VALUE` options. Raises ValueError for one without `=`, and for a name that is given twice."""
    found: dict[str, str] = {}
    for item in items or ():
        name, separator, value = item.partition("=")
        if not separator:
            raise ValueError(f"{item!r} is not NAME=VALUE")
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = value
    return found


def _with_runtime(path: Path) -> str:
    """The manifest in a file; in a folder, the runtime that its pods run is in a file beside it."""
    text = path.read_text()
    names = sorted(set(re.findall(r"\bflowc-runtime-[0-9a-f]{10}\b", text)))
    beside = [path.with_name(f"{name}.yaml") for name in names]
    return "\n---\n".join([text, *(item.read_text() for item in beside if item.is_file())])


_HELP = "name a manifest, which `flowc compile FILE -o PATH` writes"


def _read(file: str) -> str:
    if file.endswith((".py", ".ipynb")):
        help_text = f"`flowc compile {file} -o flow.yaml` writes one, and `flowc run {file}` runs the flow without Argo"
        raise ManifestError(f"{file} is the file of a flow, and no manifest", code="FC104", help=help_text)
    try:
        return sys.stdin.read() if file == "-" else _with_runtime(Path(file))
    except UnicodeDecodeError:
        raise ManifestError(f"{file} is not text", code="FC104", help=_HELP) from None
    except IsADirectoryError:
        help_text = "name the manifest in it: its runtime is read from the file beside it"
        raise ManifestError(f"{file} is a folder", code="FC104", help=help_text) from None
    except OSError as error:
        raise ManifestError(f"{file} cannot be read: {error.strerror}", code="FC104", help=_HELP) from None


@contextmanager
def _ended_by_sigterm() -> Generator[None]:
    """Let SIGTERM end the pods too, as Ctrl-C does. Python handles signals in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show(result: SimulationResult, shown: _Shown) -> None:
    lines = [] if shown.quiet else list(tree(result.nodes))
    lines += ["", *counts(result.nodes)] if shown.report else []
    lines += [f"lost: {name} has the id of {other}, and never ran" for name, other in result.nodes.lost.items()]
    message = f": {result.message}" if result.message else ""
    if not shown.quiet or result.phase != "Succeeded":
        lines.append(f"{result.phase} in {result.seconds:.1f} s, run {result.title}/argo-{result.spec.uid}{message}")
    write("".join(f"{line}\n" for line in lines))


def _write(path: str, result: SimulationResult) -> None:
    document = {
        "name": result.spec.name,
        "uid": result.spec.uid,
        "phase": result.phase,
        "nodes": as_json(result.nodes),
        "lost": result.nodes.lost,
    }
    text = json.dumps(document, indent=1)
    if path == "-":
        print(text)
    else:
        from flowc_compiler.rewrite import write_texts

        write_texts({Path(path): f"{text}\n"})


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
