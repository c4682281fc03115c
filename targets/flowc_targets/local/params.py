"""The parameters of a local run: checked before anything starts, then handed to the start task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc.parameters import USE_DEFAULT, variable_name
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import bind_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow


def check_params(flow: Flow, params: Mapping[str, str]) -> None:
    """Check names, types and what is required. Raises FlowcError with FC302, FC303 and FC304."""
    sink = DiagnosticSink()
    bind_parameters(flow, list(params.items()), sink)
    sink.raise_if_failed()


def parameter_environment(flow: Flow, params: Mapping[str, str]) -> dict[str, str]:
    """The variables that carry the parameters to the start task."""
    variables = {variable_name(parameter.name): USE_DEFAULT for parameter in flow.parameters}
    variables.update({variable_name(name): text for name, text in params.items()})
    return variables
