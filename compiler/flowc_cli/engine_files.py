"""From a flow's file to an engine's files, as compile, diff, submit and deploy do it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowc_cli.flow_options import FlowOptions
from flowc_cli.metaflow_variables import check_variables
from flowc_cli.target_options import build_options, check_options, emit_files, find_target, upload_stored
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation
from flowc_targets.base.options import TargetOptions
from flowc_targets.base.target import EmittedFile, Target


@dataclass(frozen=True)
class EngineFlow:
    """A compiled flow, and what an engine's files of it will be like."""

    target: Target
    compilation: Compilation
    options: TargetOptions

    def emit(self, sink: DiagnosticSink, options: TargetOptions | None = None) -> tuple[EmittedFile, ...]:
        """The files, with these options or its own."""
        flow, source = self.compilation.flow, self.compilation.source
        return emit_files(self.target, flow, source, options or self.options, sink)

    def uploaded(self, sink: DiagnosticSink, options: TargetOptions) -> tuple[EmittedFile, ...]:
        """The files, with what they read from the root uploaded. Raises FlowcError."""
        files = self.emit(sink, options)
        sink.raise_if_failed()
        upload_stored({item: options.root or "" for file in files for item in file.stored}, sink)
        sink.raise_if_failed()
        return files


@dataclass(frozen=True)
class EngineFiles:
    """What a command line says of compiling for an engine, whatever the file."""

    target: str
    given: Mapping[str, object]
    """Options of the target by their names."""
    settings: Sequence[str]
    """`name=value` of `--set`."""
    options: FlowOptions

    def compile(self, file: Path, sink: DiagnosticSink, *, starts: bool = False) -> EngineFlow:
        """Compile a file. Wrong options are reported beside what is wrong with the flow. Raises FlowcError.

        Values of parameters are defaults then, unless a run of it `starts` at once.
        """
        try:
            found = self.options.compile(file, sink) if starts else self.options.compile_with_values(file, sink)
        except FlowcError:
            check_options(self.target, file, self.given, self.settings, sink)
            raise
        check_variables(found.source, "compile", os.environ, sink)
        target, file = find_target(self.target, sink), found.source.path
        model = target.options_model if target is not None else None
        built = (
            build_options(model, self.target, file, self.given, self.settings, sink, deploys=not starts)
            if model
            else None
        )
        if target is None or built is None:
            raise FlowcError(sink.diagnostics)
        return EngineFlow(target, found, built)
