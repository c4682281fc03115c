"""Parameters must have names of their own: on the command line, and among the artifacts of a step."""

from __future__ import annotations

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow


def check_parameter_names(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC305 for parameters whose names differ by case or dashes only, or that are steps; the flow stays."""
    seen: dict[str, str] = {}
    for parameter in flow.parameters:
        folded = parameter.name.lower().replace("-", "_")
        if folded in seen:
            other = seen[folded]
            same = "is taken" if other == parameter.name else f"differs from `{other}` by case or dashes only"
            message = f"the parameter name `{parameter.name}` {same}"
            sink.error("FC305", message, parameter.span, help="rename one of them")
        seen[folded] = parameter.name
        if flow.frontend == "class" and parameter.attribute in flow.by_name:
            message = f"`{parameter.attribute}` is both a parameter and a step"
            sink.error("FC305", message, parameter.span, help="rename one of them")
    return flow
