"""Diagnostics: stable codes, spans, help, and the ways they are shown."""

from flowc_compiler.diagnostics.codes import CODES, DiagnosticCode
from flowc_compiler.diagnostics.diagnostic import Diagnostic, Severity
from flowc_compiler.diagnostics.fix import Fix, Suggestion, suggest
from flowc_compiler.diagnostics.severities import Severities
from flowc_compiler.diagnostics.sink import DiagnosticSink, FlowcError

__all__ = [
    "CODES",
    "Diagnostic",
    "DiagnosticCode",
    "DiagnosticSink",
    "Fix",
    "FlowcError",
    "Severities",
    "Severity",
    "Suggestion",
    "suggest",
]
