"""`flowc resume`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from flowc.errors import StoreError
from flowc_cli import shared_options as shared
from flowc_cli.changed_steps import changed_steps
from flowc_cli.engine_resume import resume_on_engine, submit_arguments
from flowc_cli.flow_options import FlowOptions, flow_options
from flowc_cli.local_runs import LocalGroup, error_code, run_locally
from flowc_cli.metaflow_variables import check_variables, task_namespace
from flowc_cli.option_groups import with_groups
from flowc_cli.output import report, write_error
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError, suggest
from flowc_compiler.driver import Compilation, ParameterInputs, find_parameter
from flowc_compiler.ir import Flow
from flowc_targets.local import ResumeOptions, RunOptions, origin_configs, origin_parameters
from flowc_targets.local.run_record import raise_unusable
from flowc_targets.package.local_modules import check_code

app = shared.command_app()
_resume_option = partial(shared.env_option, command="RESUME")


@dataclass(frozen=True)
class _ResumedGroup(LocalGroup):
    """The options of runs, with the variables of Metaflow's `resume`."""

    root: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help=shared.ROOT_HELP,
            envvar=["FLOWC_RESUME_ROOT", "FLOWC_RUN_ROOT"],
            show_envvar=False,
        ),
    ] = None
    max_workers: Annotated[int | None, _resume_option("MAX_WORKERS", metavar="N", min=1, help=shared.WORKERS_HELP)] = (
        None
    )
    max_num_splits: Annotated[int, _resume_option("MAX_NUM_SPLITS", metavar="N", min=0, help=shared.SPLITS_HELP)] = 100
    run_id_file: Annotated[Path | None, _resume_option("RUN_ID_FILE", metavar="PATH", help=shared.RUN_ID_FILE_HELP)] = (
        None
    )
    tag: Annotated[list[str] | None, _resume_option("TAGS", metavar="TEXT", help=shared.TAG_HELP)] = None


@app.command("resume", context_settings=shared.PASS_PARAMETERS)
@with_groups
def resume(
    context: typer.Context,
    file: shared.File,
    local: _ResumedGroup,
    step: Annotated[
        str | None,
        typer.Argument(
            help="run this step again, with all that follows it; what is no name of a step is the run to continue",
            show_default=False,
        ),
    ] = None,
    target: Annotated[str | None, typer.Option("-t", "--target", metavar="NAME", help=shared.TARGET_HELP)] = None,
    origin_run_id: Annotated[
        str | None, _resume_option("ORIGIN_RUN_ID", metavar="RUN", help="the run to continue; by default the latest")
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(metavar="FLOW[/RUN]", help="a run of a flow of another name: this one before it was renamed"),
    ] = None,
    wait: shared.Wait = False,
    watch: shared.Watch = False,
    rerun_changed: Annotated[
        bool, typer.Option("--rerun-changed", help="run steps whose code has changed again, with all that follows them")
    ] = False,
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", metavar="NAME=VALUE", help=shared.PARAM_HELP, hidden=True)
    ] = None,
    flow: shared.FlowName = None,
    with_: shared.With = None,
    cache: shared.Cache = None,
    branch: shared.Branch = None,
    production: shared.Production = False,
) -> None:
    """Continue a run that ended early.

    This starts a new run, which takes over the finished tasks. It keeps the parameters. Both runs may be on any
    engine, with the same store; with --target this takes the options of `flowc submit`.
    """
    extra = list(context.args)
    if step is not None and step.startswith("-"):  # click takes an unknown option for the next argument
        extra, step = [step, *extra], None
    if step is not None and not step.isidentifier() and origin_run_id is None:
        origin_run_id, step = step, None
    resumed = _resumed(origin, origin_run_id, step)
    options = flow_options(flow, with_, None, None, branch, production, cache=cache)
    sink = DiagnosticSink()
    if origin is not None and origin_run_id is not None:
        sink.error("FC504", "--origin and --origin-run-id both name a run", None, help="leave one of them out")
    try:
        words = submit_arguments(context, extra, sink) if target is not None else []
        if target is None and (wait or watch):
            message = f"--{'watch' if watch else 'wait'} has no effect on this machine"
            sink.error("FC504", message, None, help="leave it out: the command ends with the run")
        if target is not None and origin is not None:
            message, help_ = "a run of a flow of another name can only be resumed on this machine", "leave out --target"
            sink.error("FC504", message, None, help=help_)
        engine = local.options(file, flow, sink)
        kept = ParameterInputs(kept=lambda name: origin_parameters(name, engine, resumed))
        compilation = replace(options, parameters=kept).compile(file, sink)
        check_variables(compilation.source, "resume", os.environ, sink)
        os.environ.update(task_namespace("resume", os.environ))
        others = [] if target is not None else extra  # the options of `flowc submit`, which reports wrong ones
        _refuse(compilation.flow, param or [], others, shared.own_options(context), sink)
        check_code(compilation.source, engine.include, sink)
        sink.raise_if_failed()
        if compilation.flow.configs:
            sink = DiagnosticSink()
            configs = origin_configs(compilation.flow, engine, resumed)
            compilation = replace(options, origin_configs=configs).compile(file, sink)
        if rerun_changed or target is not None:
            as_before = replace(options, parameters=kept)
            resumed = _with_changed(compilation, as_before, engine, resumed, rerun=rerun_changed)
        report(sink.diagnostics, sink.sources)
        if target is not None:
            raise typer.Exit(resume_on_engine(target, compilation, engine, resumed, words))
        raise typer.Exit(run_locally(compilation, replace(engine, resume=resumed)))
    except FlowcError as error:
        report(error.diagnostics, sink.sources)
        raise typer.Exit(error_code(error)) from None


def _resumed(origin: str | None, run_id: str | None, step: str | None) -> ResumeOptions:
    """The run to resume, of `--origin FLOW/RUN`, `--origin FLOW` for its latest, or `--origin-run-id`."""
    if origin is None:
        return ResumeOptions(run_id, step=step)
    flow, _, run = origin.strip("/").partition("/")
    return ResumeOptions(run or None, flow, step)


def _with_changed(
    compilation: Compilation, options: FlowOptions, engine: RunOptions, resume: ResumeOptions, *, rerun: bool
) -> ResumeOptions:
    """The options with the steps whose code has changed; a line names them. Raises FlowcError."""
    try:
        changed = changed_steps(compilation, options, engine, resume)
    except StoreError as error:
        raise_unusable(engine.root, error)
    if changed is None and rerun:
        message = "the store has no code of the run that can be compiled, so that changed steps are unknown"
        raise FlowcError.of("FC607", message, help="name the step to run again, without --rerun-changed")
    if changed:
        what = "" if rerun else "; what had finished is taken over, and --rerun-changed runs it again"
        write_error(f"changed since: {', '.join(sorted(changed))}{what}\n")
    return replace(resume, changed=changed) if rerun and changed else resume


def _refuse(
    flow: Flow, assignments: Sequence[str], extra: Sequence[str], own: Sequence[str], sink: DiagnosticSink
) -> None:
    """Collect errors for parameters, which cannot be given again (FC609), and unknown options (FC504)."""
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
            help_text = suggest(f"--{name}", own, "see `flowc resume --help`").help
            sink.error("FC504", f"`flowc resume` has no option `{shown}`", None, help=help_text)
    if extra and not given:
        sink.error("FC504", f"`flowc resume` does not take `{extra[0]}`", None, help="name one step, or none")
