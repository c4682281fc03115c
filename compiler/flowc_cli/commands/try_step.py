"""`flowc try`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from flowc.errors import CorruptArtifact
from flowc.shim.debugging import has_input
from flowc.store import artifacts
from flowc.store.layered_store import LayeredStore
from flowc_cli import shared_options as shared
from flowc_cli.flow_options import FlowOptions, run_parameters
from flowc_cli.given_values import given_item, given_values, values_of_module
from flowc_cli.local_runs import checked_answers, error_code, local_options
from flowc_cli.metaflow_variables import check_variables, task_namespace
from flowc_cli.option_groups import ProjectGroup, with_groups
from flowc_cli.output import report, write, write_error
from flowc_cli.pipeline_text import real_targets
from flowc_cli.stored_runs import size_text, task_parts
from flowc_cli.value_texts import LARGE, details, summary
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.diagnostics.terminal_text import visible_line
from flowc_compiler.driver import Compilation
from flowc_compiler.ir import Flow, ParallelStep, Step
from flowc_targets.base.scratch import scratch_folder
from flowc_targets.local import ResumeOptions, RunOptions, origin_configs, origin_parameters
from flowc_targets.local.tried_inputs import TryOptions
from flowc_targets.local.tried_step import TriedStep, try_step
from flowc_targets.package.local_modules import check_code

app = shared.command_app()


@app.command("try", context_settings=shared.PASS_PARAMETERS)
@with_groups
def try_(
    context: typer.Context,
    chosen: ProjectGroup,
    file: shared.File,
    step: Annotated[str, typer.Argument(help="the step, or one of its tasks: STEP/INDEX", show_default=False)],
    run: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="the run with its inputs; by default the latest that has them"),
    ] = None,
    no_run: Annotated[bool, typer.Option("--no-run", help="give it nothing but --artifact and --input")] = False,
    artifact: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="an artifact: JSON, text, or a file as @PATH; STEP.NAME, and N.NAME too"
        ),
    ] = None,
    input: Annotated[
        str | None, typer.Option("--input", metavar="VALUE", help="the item of the foreach around the step")
    ] = None,
    artifacts_module: Annotated[
        Path | None, typer.Option(metavar="PATH", help="a Python file with a dict ARTIFACTS of names and values")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="store what it sets, as a run that `flowc resume` continues")
    ] = False,
    attempt: Annotated[
        int, typer.Option(metavar="N", min=0, help="the attempt that it is: what `current.retry_count` gives")
    ] = 0,
    approve: Annotated[
        str | None,
        typer.Option(metavar="CHOICE", help="what a person chooses; by default what was chosen in the run"),
    ] = None,
    pdb: shared.Pdb = False,
    root: Annotated[
        str | None,
        typer.Option(metavar="URL", help=shared.ROOT_HELP, envvar="FLOWC_RUN_ROOT", show_envvar=False),
    ] = None,
    include: shared.Include = None,
) -> None:
    """Run one step alone, here in the terminal, on what an earlier run has.

    Nothing is stored without --keep. `breakpoint()` and `input()` work.
    """
    options = chosen.options(include)
    sink = DiagnosticSink()
    with scratch_folder("flowc-given-") as folder:
        try:
            given = given_values(artifact or [], sink)
            if artifacts_module is not None:
                given = [*values_of_module(artifacts_module, folder, sink), *given]
            item = given_item(input, sink) if input is not None else None
            run_id = run.rpartition("/")[2] if run is not None else None
            tried = TryOptions(step, None, run_id, no_run, tuple(given), item, keep, pdb, attempt)
            if pdb and not has_input():
                sink.error(
                    "FC504", "--pdb needs a terminal or a pipe", None, help="run it in a terminal, or leave out --pdb"
                )
            if no_run and run is not None:
                sink.error("FC504", "--run and --no-run exclude each other", None, help="leave one of them out")
            options = run_parameters(options, chosen.param or [], context.args, shared.own_options(context))
            engine = local_options(file, root, None, RunOptions(), include, sink)
            compilation = _compile(file, options, engine, tried, sink)
            name, *index = task_parts([part for part in step.split("/", 1) if part], compilation.flow.by_name)
            tried = replace(tried, step=name, index=index[0] if index else None)
            check_variables(compilation.source, "run", os.environ, sink)
            os.environ.update(task_namespace("run", os.environ))
            answers = checked_answers([f"{name}={approve}"] if approve is not None else (), compilation.flow, sink)
            engine = replace(engine, params=options.parameters.bind(compilation.flow, sink), approvals=answers)
            check_code(compilation.source, engine.include, sink)
            sink.raise_if_failed()
            report(sink.diagnostics, sink.sources)
            code = _try(compilation, engine, tried)
        except FlowcError as error:
            report(error.diagnostics, sink.sources)
            raise typer.Exit(error_code(error)) from None
    raise typer.Exit(code)


def _compile(
    file: Path, options: FlowOptions, engine: RunOptions, tried: TryOptions, sink: DiagnosticSink
) -> Compilation:
    """Compile the flow, with the configs of the run that is named, and what shaped a pipeline's graph in a run."""
    own = sink.nested()
    found = options.compile(file, own)
    fixed = any(parameter.fixed for parameter in found.flow.parameters)
    if tried.alone or (tried.run is None and not fixed):
        sink.extend(own)
        return found
    origin = ResumeOptions(tried.run)
    if found.flow.configs and tried.run is not None and not (options.config or options.config_value):
        options = replace(options, origin_configs=origin_configs(found.flow, engine, origin))
    if fixed:
        settled = _settled(found.flow.name, engine, origin)

        def kept(name: str) -> tuple[dict[str, object], dict[str, str]]:
            return settled if name == found.flow.name else {}, {}

        options = replace(options, parameters=replace(options.parameters, kept=kept))
    return options.compile(file, sink)


def _settled(name: str, engine: RunOptions, origin: ResumeOptions) -> dict[str, object]:
    """What shaped the graph of a pipeline in the run, or in the latest one; nothing where there is none."""
    try:
        return origin_parameters(name, engine, origin)[0]
    except FlowcError:
        if origin.origin_run_id is not None:
            raise
        return {}


def _try(compilation: Compilation, engine: RunOptions, tried: TryOptions) -> int:
    """Run the step, and print how it went. Returns the exit code."""
    flow = compilation.flow
    with try_step(flow, compilation.source, engine, tried, lambda line: write_error(f"flowc: {line}\n")) as result:
        lines = list(_outcome(result, flow, flow.by_name[tried.step]))
        write("".join(f"{line}\n" for line in lines))
        kept = f"stored as run {result.kept}" if result.kept is not None else "nothing was stored (--keep stores it)"
        if result.manifest is None:
            write_error(f"flowc: {result.task} failed{_reason(result)}\n")
        write_error(
            f"flowc: {'that' if result.manifest is None else result.task} took {result.seconds:.1f} s; {kept}\n"
        )
        return 0 if result.manifest is not None else result.exit_code


def _outcome(result: TriedStep, flow: Flow, step: Step) -> Iterator[str]:
    """What the step has set, and where it went."""
    found = result.artifacts
    if found:
        yield "set:" if result.manifest is not None else "set, when it failed:"
    store = LayeredStore(result.folder)
    for name, ref in found.items():
        yield from _value(store, result.layout.flow, name, ref)
    if result.manifest is None:
        return
    yield f"next: {_transition(result.manifest, flow, step)}"


def _reason(result: TriedStep) -> str:
    error = result.failure
    if error is not None and error["type"] == "BdbQuit":
        return ": the debugger has ended it"
    return visible_line("".join(f": {error[key]}" for key in ("type", "message") if error[key])) if error else ""


def _value(store: LayeredStore, flow: str, name: str, ref: dict[str, Any]) -> Iterator[str]:
    if ref["size"] > LARGE:
        yield visible_line(
            f"  {name} = {ref.get('type', 'unknown')} of {size_text(ref['size'])}, too large to be shown"
        )
        return
    try:
        stored = artifacts.load_stored(store, flow, name, ref)
    except CorruptArtifact as error:
        yield visible_line(f"  {name}: {error}")
        return
    yield visible_line(f"  {name} = {summary(stored)}")
    yield from (visible_line(f"    {line}") for line in details(stored))


def _transition(manifest: Any, flow: Flow, step: Step) -> str:
    """Where a step went, as `self.next` says it."""
    if "choice" in manifest:
        return f"{', '.join(real_targets(flow, manifest['choice']))}, which the switch has chosen"
    targets = ", ".join(dict.fromkeys(real for target in step.targets for real in real_targets(flow, target)))
    if "foreach" not in manifest:
        return targets or "nothing: the flow ends here"
    count = manifest["foreach"]["count"]
    if isinstance(step, ParallelStep):
        return f"{targets} as a gang of {count}"
    variable = manifest["foreach"].get("variable")
    of = f" of {variable}" if variable is not None else ""
    return f"{targets} for each of {count} items{of}"
