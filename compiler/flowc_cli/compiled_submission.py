"""A file that is compiled to start runs of it on an engine, as `flowc submit` and `flowc backfill` do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowc_cli.engine_connection import Place
from flowc_cli.engine_files import EngineFiles, EngineFlow
from flowc_cli.flow_options import FlowOptions
from flowc_cli.output import report
from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink
from flowc_compiler.driver import with_defaults
from flowc_compiler.ir import Flow
from flowc_compiler.source import Span
from flowc_targets.base.engine import EngineClient, RunState


@dataclass
class CompiledSubmission:
    """A flow that is compiled for an engine, and a connection to that."""

    compiled: EngineFlow
    values: Mapping[str, str]
    """The texts of parameters."""
    client: EngineClient
    sink: DiagnosticSink
    _reported: list[Diagnostic] = field(default_factory=list[Diagnostic])

    @property
    def flow(self) -> Flow:
        """The flow, whose parameters have the files of this machine as defaults."""
        return self.compiled.compilation.flow

    def start(self, origin: str | None, scheduled: str) -> RunState:
        """Start a run: nothing is sent unless all of it is right. Prints each warning once.

        `origin` is a run to continue, and `scheduled` the time that the run is for. Raises FlowcError and EngineError.
        """
        sink = self.sink
        options = self.client.options(self.compiled.options, self.values, origin, scheduled)
        files = self.compiled.uploaded(sink, options)
        report([item for item in sink.diagnostics if item not in self._reported], sink.sources)
        self._reported += sink.diagnostics
        self.sink = DiagnosticSink()
        return self.client.submit(files)


def compile_to_submit(
    file: Path, place: Place, job: EngineFiles, sink: DiagnosticSink, *, resumed: bool = False
) -> CompiledSubmission:
    """Compile a file for an engine. `resumed` is for a run that keeps the parameters of another.

    Raises FlowcError and EngineError.
    """
    found = job.compile(file, sink, starts=True)
    flow, values = _bound(found.compilation.flow, job.options, sink, resumed=resumed)
    found = replace(found, compilation=replace(found.compilation, flow=flow))
    sink.raise_if_failed()
    return CompiledSubmission(found, values, replace(place, namespace=found.options.namespace).client(), sink)


def _bound(flow: Flow, options: FlowOptions, sink: DiagnosticSink, *, resumed: bool) -> tuple[Flow, dict[str, str]]:
    """The flow, and the texts of its parameters. A file on this machine is shipped as its parameter's default."""
    bound = options.parameters.bind(flow, sink)
    shipped: dict[str, str] = {}
    texts: dict[str, str] = {}
    for parameter in flow.parameters:
        value = bound.get(parameter.name)
        missing = parameter.required and not parameter.has_default and not parameter.fixed
        if value is not None and resumed and not parameter.fixed:
            refuse_kept(parameter.name, parameter.span, sink)
        elif value is not None and not parameter.fixed:
            local = parameter.source == "file" and "://" not in value
            (shipped if local else texts)[parameter.name] = value
        elif missing and resumed:
            texts[parameter.name] = ""  # nothing reads it: the value comes from the other run
        elif value is None and missing:
            help_ = f"give it a value: `-p {parameter.name}=...`"
            sink.error("FC304", f"parameter `{parameter.name}` is required", parameter.span, help=help_)
    return with_defaults(flow, shipped), texts


def refuse_kept(name: str, span: Span | None, sink: DiagnosticSink) -> None:
    """Collect FC609 for a parameter that is given to a run that resumes another."""
    message = f"`-p {name}=...`: a resumed run keeps the parameters of the run that it resumes"
    sink.error("FC609", message, span, help="leave it out, or start anew without --resume")
