"""From a path to a verified flow, with all diagnostics of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend import NO_CONFIGS, GivenConfigs, parse, read_class_flow, read_source
from flowc_compiler.ir import Flow, verify
from flowc_compiler.passes import PASSES
from flowc_compiler.source import SourceFile


@dataclass(frozen=True)
class Compilation:
    """A flow that passed every check, and the file that it came from."""

    flow: Flow
    source: SourceFile


def compile_file(
    path: Path,
    sink: DiagnosticSink | None = None,
    *,
    flow_name: str | None = None,
    attached: Sequence[str] = (),
    configs: GivenConfigs = NO_CONFIGS,
) -> Compilation:
    """Compile a file to IR. `flow_name` picks one flow of several; `attached` are decorators for every step (`--with`);
    `configs` is what was given for the flow's configs.

    Raises FlowcError with everything that is wrong with it; warnings stay in `sink`.
    """
    sink = sink if sink is not None else DiagnosticSink()
    source = read_source(path, sink)
    module = parse(source, sink) if source is not None else None
    flow: Flow | None = None
    if source is not None and module is not None:
        flow = read_class_flow(source, module, sink, flow_name, attached=attached, configs=configs)
    if flow is not None:
        flow = run_passes(flow, sink)
    sink.raise_if_failed()
    assert source is not None
    assert flow is not None, "no flow, and no error that says why"
    return Compilation(flow, source)


def run_passes(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Run every pass, verifying the IR before and after each; `None` when one of them collected errors."""
    verify(flow)
    for run in PASSES:
        lowered = run(flow, sink)
        if lowered is None:
            return None
        verify(lowered)
        flow = lowered
    return flow
