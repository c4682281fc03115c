"""`flowc resume --target`: `flowc submit --resume`, after a look at what the run that is resumed has finished."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import typer

from flowc_cli.output import write_error
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import Compilation
from flowc_targets.local.options import ResumeOptions, RunOptions
from flowc_targets.local.resume_preview import preview_resume

_OF_RESUME = frozenset({"file", "step", "target", "origin_run_id", "origin", "rerun_changed", "param"})


def submit_arguments(context: typer.Context, extra: Sequence[str], sink: DiagnosticSink) -> list[str]:
    """The options of the command line that are those of `flowc submit`, too. Collects FC504 for others."""
    known = {item.name for item in _submit().params}
    words: list[str] = []
    for item in cast("list[Any]", context.command.params):
        source = context.get_parameter_source(item.name)
        if item.name in _OF_RESUME or source is None or source.name not in {"COMMANDLINE", "ENVIRONMENT"}:
            continue
        if item.name not in known and item.expose_value:
            if source.name == "COMMANDLINE":
                message = f"{item.opts[-1]} is for runs on this machine, and has no effect with --target"
                sink.error("FC504", message, None, help="leave it out; `flowc submit --help` lists what has")
            continue
        words += _words(item, context.params.get(item.name))
    return [*words, *extra]


def _words(item: Any, value: Any) -> list[str]:
    option = item.opts[-1]
    if isinstance(value, bool):
        return [option if value else item.secondary_opts[-1]] if value or item.secondary_opts else []
    values = cast("list[Any]", value) if isinstance(value, list | tuple) else [value]
    return [f"{option}={one}" for one in values if one is not None]


def resume_on_engine(
    target: str, compilation: Compilation, engine: RunOptions, resume: ResumeOptions, arguments: Sequence[str]
) -> int:
    """Say what is taken over, and submit the run. Returns the exit code. Raises FlowcError."""
    preview = preview_resume(compilation.flow, compilation.source, engine, resume)
    for line in preview.lines:
        write_error(f"{line}\n")
    steps = sorted({*resume.changed, *((resume.step,) if resume.step is not None else ())})
    origin = "/".join([preview.run_id, *([",".join(steps)] if steps else [])])
    shaping = {item.name: item.default for item in compilation.flow.parameters if item.fixed}
    words = ["submit", compilation.source.path, "--target", target, "--resume", origin, *arguments]
    for name, value in shaping.items():  # the graph is made with them, and no task gets them
        words += ["-p", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    from flowc_cli.app import app

    found: Any = typer.main.get_command(app).main([*map(str, words)], prog_name="flowc", standalone_mode=False)
    return found if isinstance(found, int) else 0


def _submit() -> Any:
    from flowc_cli.app import load_command

    return load_command("submit")
