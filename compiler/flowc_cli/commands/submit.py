"""`flowc submit`. Nothing is sent unless all of it is right."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.compiled_submission import compile_to_submit, refuse_kept
from flowc_cli.engine_connection import RUN_FAILED, Place, fail, follow_run
from flowc_cli.engine_files import EngineFiles
from flowc_cli.flow_options import checked_time, read_time
from flowc_cli.option_groups import EngineGroup, NoticeGroup, compile_flags, with_groups
from flowc_cli.output import INPUT_ERROR, Form, report, write, write_error
from flowc_cli.run_states import document
from flowc_cli.run_watching import JsonWatch, RunWatch, chosen_watch
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import is_unicode, split_assignments
from flowc_targets.base.engine import Deployed, EngineClient, EngineError, RunState

app = shared.command_app()


@app.command("submit")
@with_groups
def submit(
    chosen: EngineGroup,
    notices: NoticeGroup,
    file: shared.OptionalFile = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME", help="start a run of a deployed WorkflowTemplate, CronWorkflow or DAG"),
    ] = None,
    resume: shared.Resumed = None,
    scheduled_time: shared.ScheduledTime = None,
    wait: shared.Wait = False,
    watch: shared.Watch = False,
    quiet: shared.Quiet = False,
    log_format: shared.LogFormat = "text",
    as_json: shared.Json = False,
    server: shared.Server = None,
    user: shared.User = None,
    dags_folder: shared.DagsFolder = None,
) -> None:
    """Start a run on an engine.

    The run is of a file, which is compiled first, or of a deployed flow.
    """
    shown = chosen_watch(watch=watch, quiet=quiet, log_format=log_format, as_json=as_json)
    place = Place(chosen.target, server, chosen.namespace, user)
    assignments = tuple(chosen.param or ())
    request = _Request(place, assignments, resume, scheduled_time, wait, shown, as_json, chosen.format)
    if from_ is not None:
        dags = ["--dags-folder"] if dags_folder is not None else []
        request = replace(request, place=Place.here(chosen.target, server, chosen.namespace, user))
        others = [*compile_flags(chosen, notices), *dags, *([str(file)] if file is not None else ())]
        raise typer.Exit(_submit_deployed(from_, request, others))
    if file is None:
        nothing = EngineError("FC502", "there is nothing to submit", "name a file, or say --from NAME")
        raise typer.Exit(fail(nothing))
    raise typer.Exit(_submit_file(file, request, chosen.files(notices, dags_folder=dags_folder)))


@dataclass(frozen=True, slots=True)
class _Request:
    """The options of a submission that a compile does not have."""

    place: Place
    assignments: tuple[str, ...]
    """`name=value` of `-p`."""
    resume: str | None
    """The id of the run to continue."""
    scheduled: str | None
    """The time that the run is scheduled for, as it is written."""
    wait: bool
    watch: RunWatch | None
    as_json: bool
    form: Form


def _submit_file(file: Path, request: _Request, job: EngineFiles) -> int:
    """Compile a file and start a run of it. Returns the exit code."""
    sink = DiagnosticSink()
    resumed = request.resume is not None
    try:
        compiled = compile_to_submit(file, request.place, job, sink, resumed=resumed)
        scheduled = "" if resumed else checked_time(request.scheduled, compiled.flow, compiled.values, sink)
        sink.raise_if_failed()
        state = compiled.start(request.resume, scheduled)
        return _started(compiled.client, state, request)
    except FlowcError:
        report(sink.diagnostics, sink.sources, request.form)
        return INPUT_ERROR
    except EngineError as error:
        return fail(error, request.form)


def _submit_deployed(name: str, request: _Request, others: Sequence[str]) -> int:
    """Start a run of what is deployed as `name`. `others` are the given options that only a compile reads."""
    if others:
        message = f"--from starts a deployed flow, and {', '.join(others)} can only be compiled into it"
        return fail(EngineError("FC504", message, "leave that out, or submit the file itself"), request.form)
    sink = DiagnosticSink()
    try:
        client = request.place.client()
        deployed = client.deployed(name)
        values = _checked(deployed, request, sink)
        scheduled = read_time(request.scheduled, sink) if request.scheduled is not None else ""
        if sink.failed:
            report(sink.diagnostics, sink.sources, request.form)
            return INPUT_ERROR
        return _started(client, client.start(deployed, values, request.resume, scheduled), request)
    except EngineError as error:
        return fail(error, request.form)


def _checked(deployed: Deployed, request: _Request, sink: DiagnosticSink) -> dict[str, str]:
    """The values for a deployed flow, by its own names. Types are unknown. Collects FC302, FC303, FC304 and FC609."""
    names = {_folded(parameter.name): parameter for parameter in deployed.parameters}
    values: dict[str, str] = {}
    for name, value in split_assignments(request.assignments, sink):
        parameter = names.get(_folded(name))
        if parameter is None:
            known = ", ".join(item.name for item in deployed.parameters)
            help_ = f"its parameters are {known}" if known else "it has no parameters"
            sink.error("FC302", f"{deployed.kind} {deployed.name} has no parameter `{name}`", None, help=help_)
        elif request.resume is not None:
            refuse_kept(parameter.name, None, sink)
        elif parameter.name in values:
            sink.error("FC507", f"parameter `{parameter.name}` is given twice", None, help="keep one of the values")
        elif not is_unicode(value):
            message = f"the value of parameter `{parameter.name}` is not UTF-8 text"
            sink.error("FC303", message, None, help="encode it, such as in base64, or pass a file's URL")
        elif parameter.choices and value not in parameter.choices:
            message = f"{value!r} is not a value of parameter `{parameter.name}`"
            sink.error("FC303", message, None, help=f"it may be {', '.join(parameter.choices)}")
        else:
            values[parameter.name] = value
    for parameter in deployed.parameters:
        if parameter.required and request.resume is not None:
            values[parameter.name] = ""
        elif parameter.required and parameter.name not in values:
            help_ = f"give it a value: `-p {parameter.name}=...`"
            sink.error("FC304", f"parameter `{parameter.name}` is required", None, help=help_)
    return values


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def _started(client: EngineClient, state: RunState, request: _Request) -> int:
    """Print which run it is, and wait for its end if the request says so. Returns the exit code."""
    where = f" in namespace {state.namespace}" if state.namespace else ""
    if request.watch is None or request.watch.with_notes:
        write_error(f"submitted as {state.name}{where}\n")
    waiting = request.wait or request.watch is not None
    if not request.as_json and not isinstance(request.watch, JsonWatch):
        write(f"{state.pathspec}\n")
        sys.stdout.flush()
    if waiting:
        state = follow_run(client, request.place.target, state.name, watch=request.watch)
    if request.as_json:
        sys.stdout.write(json.dumps(document(state), indent=2) + "\n")
    return RUN_FAILED if waiting and state.phase != "succeeded" else 0
