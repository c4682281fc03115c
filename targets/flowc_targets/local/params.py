"""The parameters of a local run: checked before anything starts, then handed to the start task."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from flowc.flow_parameters import ENCODED, USE_DEFAULT, variable_name
from flowc.parameter_values import PACKED
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import bind_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow


def check_params(flow: Flow, params: Mapping[str, str]) -> None:
    """Check names, types, what is required, and files to include. Raises FlowcError with FC302 to FC304 and FC308."""
    sink = DiagnosticSink()
    bind_parameters(flow, list(params.items()), sink)
    sink.raise_if_failed()


def parameter_environment(flow: Flow, params: Mapping[str, str]) -> dict[str, str]:
    """The variables that carry the parameters to the start task, paths of included files among them."""
    bound = bind_parameters(flow, list(params.items()), DiagnosticSink())
    return {variable_name(item.name): encoded(bound.get(item.name, USE_DEFAULT)) for item in flow.run_parameters}


def encoded(text: str) -> str:
    """A value as the shim reads it back: text that looks like the shim's own marks is in base64."""
    if text == USE_DEFAULT or not text.startswith((ENCODED, PACKED, "flowc:")):
        return text
    return ENCODED + base64.urlsafe_b64encode(text.encode()).decode()
