"""`flowc submit`: a run of a file, or of what is deployed, on an engine. Nothing is sent unless all of it is right."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowc_cli.compiling import emit_files
from flowc_cli.config import build_options
from flowc_cli.engines import RUN_FAILED, Place, fail, followed
from flowc_cli.reading import Reading
from flowc_cli.report import INPUT_ERROR, Form, report
from flowc_cli.states import document
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import split_assignments, with_defaults
from flowc_compiler.ir import Flow
from flowc_compiler.source import Span
from flowc_targets.base.engine import Deployed, EngineClient, EngineError, RunState
from flowc_targets.base.registry import UnknownTargetError, load_target
from flowc_targets.base.target import Target


@dataclass(frozen=True, slots=True)
class Submission:
    """The options of `flowc submit` that are not those of a compile."""

    target: str
    server: str | None
    namespace: str | None
    assignments: tuple[str, ...] = ()
    """`name=value` of `-p`."""
    resume: str | None = None
    """The id of the run to go on from."""
    wait: bool = False
    watch: bool = False
    as_json: bool = False
    form: Form = "text"
    user: str | None = None


def submit_file(
    file: Path | None, request: Submission, given: Mapping[str, object], settings: Sequence[str], reading: Reading
) -> int:
    """Compile a file and start a run of it. Returns the exit code."""
    if file is None:
        return fail([EngineError("FC502", "there is nothing to submit", "name a file, or say --from NAME")])
    sink = DiagnosticSink()
    try:
        target = _target(request.target, sink)
        compilation = reading.compile(file, sink)
        flow, values = _bound(compilation.flow, reading, request.resume is not None, sink)
        source = compilation.source
        options = build_options(target.options_model, target.name, source.path, given, settings, sink)
        sink.raise_if_failed()
        assert options is not None, "options that are none have been reported"
        client = Place(request.target, request.server, options.namespace, request.user).client()
        files = emit_files(target, flow, source, client.options(options, values, request.resume), sink)
        sink.raise_if_failed()
        report(sink.diagnostics, sink.sources)
        return _started(client, client.submit(files), request)
    except FlowcError:
        report(sink.diagnostics, sink.sources, request.form)
        return INPUT_ERROR
    except EngineError as error:
        return fail([error], request.form)


def submit_deployed(name: str, request: Submission, others: Sequence[str]) -> int:
    """Start a run of what is deployed as `name`. `others` are what was given that only a compile reads."""
    if others:
        message = f"--from starts what is deployed, and {', '.join(others)} can only be compiled into it"
        return fail([EngineError("FC504", message, "leave that out, or submit the file itself")], request.form)
    sink = DiagnosticSink()
    try:
        client = Place(request.target, request.server, request.namespace, request.user).client()
        deployed = client.deployed(name)
        values = _checked(deployed, request, sink)
        if sink.failed:
            report(sink.diagnostics, sink.sources, request.form)
            return INPUT_ERROR
        return _started(client, client.start(deployed, values, request.resume), request)
    except EngineError as error:
        return fail([error], request.form)


def _target(name: str, sink: DiagnosticSink) -> Target:
    """A target. Raises FlowcError, with FC504 collected, for an unknown one."""
    try:
        return load_target(name)
    except UnknownTargetError as error:
        sink.error("FC504", f"there is no target `{name}`", None, help=f"targets are {', '.join(error.known)}")
        sink.raise_if_failed()
        raise AssertionError from None


def _bound(flow: Flow, reading: Reading, resumed: bool, sink: DiagnosticSink) -> tuple[Flow, dict[str, str]]:
    """The flow, and the texts for its parameters. A file on this machine is shipped, as its parameter's default."""
    bound = reading.given.bind(flow, sink)
    shipped: dict[str, str] = {}
    texts: dict[str, str] = {}
    for parameter in flow.parameters:
        value = bound.get(parameter.name)
        missing = parameter.required and not parameter.has_default and not parameter.fixed
        if value is not None and resumed and not parameter.fixed:
            _refuse_kept(parameter.name, parameter.span, sink)
        elif value is not None and not parameter.fixed:
            local = parameter.source == "file" and "://" not in value
            (shipped if local else texts)[parameter.name] = value
        elif missing and resumed:
            texts[parameter.name] = ""  # which nothing reads: the value is that of the other run
        elif value is None and missing:
            help_ = f"give it a value: `-p {parameter.name}=...`"
            sink.error("FC304", f"parameter `{parameter.name}` is required", parameter.span, help=help_)
    return with_defaults(flow, shipped), texts


def _refuse_kept(name: str, span: Span | None, sink: DiagnosticSink) -> None:
    message = f"`-p {name}=...`: a resumed run keeps the parameters of the run that it resumes"
    sink.error("FC609", message, span, help="leave it out, or start anew without --resume")


def _checked(deployed: Deployed, request: Submission, sink: DiagnosticSink) -> dict[str, str]:
    """The values for what is deployed, by its own names. Collects FC302, FC303, FC304 and FC609: it knows no types."""
    names = {_folded(parameter.name): parameter for parameter in deployed.parameters}
    values: dict[str, str] = {}
    for name, value in split_assignments(request.assignments, sink):
        parameter = names.get(_folded(name))
        if parameter is None:
            known = ", ".join(item.name for item in deployed.parameters)
            help_ = f"its parameters are {known}" if known else "it has no parameters"
            sink.error("FC302", f"{deployed.kind} {deployed.name} has no parameter `{name}`", None, help=help_)
        elif request.resume is not None:
            _refuse_kept(parameter.name, None, sink)
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


def _started(client: EngineClient, state: RunState, request: Submission) -> int:
    """Say which run it is, and wait for its end where that is asked for."""
    where = f" in namespace {state.namespace}" if state.namespace else ""
    sys.stderr.write(f"submitted as {state.name}{where}\n")
    waiting = request.wait or request.watch
    if not request.as_json:
        sys.stdout.write(f"{state.pathspec}\n")
        sys.stdout.flush()
    if waiting:
        state = followed(client, request.target, state.name, watch=request.watch)
    if request.as_json:
        sys.stdout.write(json.dumps(document(state), indent=2) + "\n")
    return RUN_FAILED if waiting and state.phase != "succeeded" else 0
