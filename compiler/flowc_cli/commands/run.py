"""`flowc run`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from flowc_cli import shared_options as shared
from flowc_cli.flow_options import FlowOptions, checked_time, run_parameters
from flowc_cli.given_events import given_event
from flowc_cli.local_runs import LocalGroup, checked_answers, error_code, run_locally
from flowc_cli.metaflow_variables import check_variables, task_namespace, variables_of_file
from flowc_cli.option_groups import ProjectGroup, with_groups
from flowc_cli.outline import parameters_of
from flowc_cli.output import report
from flowc_cli.python_call import current_call
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation, check_environment, names_of_called_flows
from flowc_targets.local import RunOptions
from flowc_targets.package.local_modules import check_code

app = shared.command_app()

OPTION_VARIABLES = frozenset(
    f"FLOWC_RUN_{name}" for name in ("DECOSPECS", "MAX_NUM_SPLITS", "MAX_WORKERS", "ROOT", "RUN_ID_FILE", "TAGS")
)
"""Variables that set options of `flowc run`; Metaflow's begin with METAFLOW_RUN_."""

_ABOUT_FILES = frozenset({"FC117"})
"""Warnings about a file that is compiled; they mean nothing to a program whose every call runs."""


class _RunCommand(TyperCommand):
    """`flowc run`: its help lists the parameters of the flow in the named file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, and keep them for the help."""
        ctx.meta["flowc.arguments"] = list(args)
        return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """The help of the command and the parameters of the flow."""
        arguments: list[str] = ctx.meta.get("flowc.arguments", [])
        file = next((item for item in arguments if item.endswith(".py") and Path(item).is_file()), None)
        flow = _value_of("--flow", arguments)
        own = super().get_help(ctx)
        return own if file is None else f"{own}\n{parameters_of(file, flow)}".rstrip("\n")


@dataclass(frozen=True)
class _RunGroup(ProjectGroup):
    """How the file is compiled, with the variable of Metaflow's for `--with`."""

    with_: Annotated[
        list[str] | None, shared.env_option("DECOSPECS", "--with", metavar="DECORATOR", help=shared.WITH_HELP)
    ] = None


@app.command("run", cls=_RunCommand, context_settings=shared.PASS_PARAMETERS)
@with_groups
def run(
    context: typer.Context,
    file: shared.File,
    chosen: _RunGroup,
    local: LocalGroup,
    cache: shared.Cache = None,
    approve: shared.Answers = None,
    scheduled_time: shared.ScheduledTime = None,
    event: Annotated[
        str | None, typer.Option(metavar="NAME", help="start the run as this event of the flow's @trigger would")
    ] = None,
    payload: shared.Payload = None,
) -> None:
    """Run a flow on this machine.

    Give parameters with -p name=value, or as --name value.
    """
    options = chosen.options(local.include, cache)
    sink = DiagnosticSink()
    try:
        options = run_parameters(options, chosen.param or [], context.args, shared.own_options(context))

        def prepare(options: FlowOptions, sink: DiagnosticSink) -> tuple[Compilation, RunOptions]:
            compilation = _compile(file, options, sink)
            for variable in variables_of_file(compilation.source):
                os.environ.pop(variable, None)
            values, trigger = given_event(event, payload, compilation.flow, sink)
            params = replace(options.parameters, event=values).bind(compilation.flow, sink)
            check_environment(compilation.flow, os.environ, OPTION_VARIABLES, sink)
            check_variables(compilation.source, "run", os.environ, sink)
            engine = local.options(file, chosen.flow, sink)
            check_code(compilation.source, engine.include, sink)
            scheduled = checked_time(scheduled_time, compilation.flow, params, sink)
            answers = checked_answers(approve or (), compilation.flow, sink)
            sink.raise_if_failed()
            return compilation, replace(engine, params=params, scheduled=scheduled, approvals=answers, trigger=trigger)

        prepared = _prepared(file, options, local, sink, prepare)
        os.environ.update(task_namespace("run", os.environ))
        warnings = [item for item in sink.diagnostics if item.code not in _ABOUT_FILES or current_call() is None]
        report(warnings, sink.sources)
        codes = (run_locally(compilation, engine) for compilation, engine in prepared)
        raise typer.Exit(next(filter(None, codes), 0))
    except FlowcError as error:
        report(error.diagnostics, sink.sources)
        raise typer.Exit(error_code(error)) from None


_Prepared = tuple[Compilation, RunOptions]


def _prepared(
    file: Path,
    options: FlowOptions,
    local: LocalGroup,
    sink: DiagnosticSink,
    prepare: Callable[[FlowOptions, DiagnosticSink], _Prepared],
) -> list[_Prepared]:
    """What is to run: the flow, or all pipelines that the file calls one after the other, where nothing is for one.

    Raises FlowcError.
    """
    own = sink.nested()
    try:
        return [prepare(options, own)]
    except FlowcError:
        several = any(item.code == "FC103" for item in own.diagnostics)
        given = (options.flow_name, options.parameters.assignments, options.parameters.options, local.run_id_file)
        names = names_of_called_flows(file) if several and not any(given) else ()
        if len(names) < 2:
            raise
        own = sink.nested()
        return [prepare(replace(options, flow_name=name), own) for name in names]
    finally:
        sink.extend(own)


def _compile(file: Path, options: FlowOptions, sink: DiagnosticSink) -> Compilation:
    """Compile a flow, with --branch and --production unless it has parameters of that name. Raises FlowcError."""
    if options.branch is None and not options.production:
        return options.compile(file, sink)
    plain = replace(options, branch=None, production=False).compile(file, sink)
    names = {parameter.name.lower() for parameter in plain.flow.parameters}
    branch = None if "branch" in names else options.branch
    production = options.production and "production" not in names
    if branch is None and not production:
        return plain
    return replace(options, branch=branch, production=production).compile(file, sink)


def _value_of(option: str, arguments: list[str]) -> str | None:
    for position, item in enumerate(arguments):
        name, separator, value = item.partition("=")
        if name == option:
            return value if separator else next(iter(arguments[position + 1 :]), None)
    return None
