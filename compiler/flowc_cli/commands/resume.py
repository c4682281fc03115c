"""`flowc resume`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from flowc.errors import StoreError
from flowc.store import open_store
from flowc.store.documents import CODE_RECORD
from flowc_cli import shared_options as shared
from flowc_cli.engine_resume import resume_on_engine, submit_arguments
from flowc_cli.flow_options import FlowOptions, flow_options
from flowc_cli.local_runs import LocalGroup, error_code, run_locally
from flowc_cli.metaflow_variables import check_variables, task_namespace
from flowc_cli.option_groups import with_groups
from flowc_cli.output import report, write_error
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError, suggest
from flowc_compiler.driver import Compilation, ParameterInputs, find_parameter
from flowc_compiler.ir import Flow
from flowc_compiler.syntax.local_code import local_code
from flowc_targets.base.scratch import scratch_folder
from flowc_targets.local import ResumeOptions, RunOptions, origin_configs, origin_parameters
from flowc_targets.local.resumption import find_layout
from flowc_targets.local.run_record import raise_unusable
from flowc_targets.package.cached_steps import code_digests
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
        changed = _changed_steps(compilation, options, engine, resume)
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


def _changed_steps(
    compilation: Compilation, options: FlowOptions, engine: RunOptions, resume: ResumeOptions
) -> frozenset[str] | None:
    """The steps that the run to resume had, and that have other code or another place in the flow now.

    Data files do not count. `None` where the run has no code that can be read and compiled again. Raises
    FlowcError with FC607, and StoreError.
    """
    flow = resume.flow or compilation.flow.name
    layout = find_layout(flow, open_store(engine.root), engine.root, resume.origin_run_id)
    record = layout.read_json(f"{layout.prefix}/{CODE_RECORD}")
    before = _digests(record, options) if record is not None else None
    if before is None:
        return None
    now = code_digests(compilation.flow, local_code(compilation.source))
    return frozenset(name for name, digest in now.items() if before.get(name, digest) != digest)


def _digests(record: Mapping[str, Any], options: FlowOptions) -> dict[str, str] | None:
    """What the steps of a run were made of. The code is compiled again, and never executed."""
    files = {PurePosixPath(name): str(text) for name, text in record["files"].items()}
    own = PurePosixPath(str(record["file"]))
    if own not in files or any(name.is_absolute() or ".." in name.parts for name in files):
        return None
    with scratch_folder("flowc-code-") as folder:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        try:
            sink = DiagnosticSink()
            flow_name = str(record.get("class") or "") or options.flow_name
            found = replace(options, flow_name=flow_name).compile(Path(folder / own), sink)
            return code_digests(found.flow, local_code(found.source))
        except FlowcError:
            return None
