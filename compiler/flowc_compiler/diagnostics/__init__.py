"""Diagnostics: stable codes, spans, help, and the ways they are shown."""

from flowc_compiler.diagnostics.codes import CODES, DiagnosticCode
from flowc_compiler.diagnostics.fix import Fix, Suggestion, suggest
from flowc_compiler.diagnostics.sink import Diagnostic, DiagnosticSink, FlowcError, Severity

__all__ = [
    "CODES",
    "Diagnostic",
    "DiagnosticCode",
    "DiagnosticSink",
    "Fix",
    "FlowcError",
    "Severity",
    "Suggestion",
    "suggest",
]
