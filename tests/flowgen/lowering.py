"""The text of a flow to its IR, without a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend import parse
from flowc_compiler.frontend.class_flow import read_class_flow
from flowc_compiler.passes import run_passes
from flowc_compiler.source import SourceFile

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow


def lowered(text: str) -> Flow:
    """The flow after all passes; nothing may be wrong with it."""
    sink = DiagnosticSink()
    source = SourceFile(Path("random.py"), text)
    module = parse(source, sink)
    assert module is not None
    flow = read_class_flow(source, module, sink)
    assert flow is not None, sink.diagnostics
    result = run_passes(flow, sink)
    assert result is not None, sink.diagnostics
    assert not sink.diagnostics
    return result
