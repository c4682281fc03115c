"""Checking parameter values before a run starts: all that is wrong is told at once."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from flowc.errors import ParameterError
from flowc.parameters import USE_DEFAULT, convert, variable_name
from flowc_compiler.diagnostics import DiagnosticSink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow


def check_params(flow: Flow, params: Mapping[str, str]) -> None:
    """Check names, types and what is required. Raises FlowcError with FC302, FC303 and FC304."""
    sink = DiagnosticSink()
    by_name = {parameter.name.lower(): parameter for parameter in flow.parameters}
    given: set[str] = set()
    for name, text in params.items():
        parameter = by_name.get(name.lower())
        if parameter is None:
            sink.error("FC302", f"flow {flow.name} has no parameter {name!r}", None, help=_suggestion(name, by_name))
            continue
        given.add(parameter.name)
        try:
            convert(parameter.name, parameter.type, text)
        except ParameterError as error:
            sink.error("FC303", str(error), parameter.span, help=f"give a value of type {parameter.type}")
    for parameter in flow.parameters:
        if parameter.required and parameter.name not in given and parameter.default is None:
            if parameter.dynamic_default:
                continue
            sink.error(
                "FC304",
                f"parameter {parameter.name!r} is required",
                parameter.span,
                help=f"add -p {parameter.name}=VALUE",
            )
    sink.raise_if_failed()


def parameter_environment(flow: Flow, params: Mapping[str, str]) -> dict[str, str]:
    """The variables that carry the parameters to the start task."""
    variables = {variable_name(parameter.name): USE_DEFAULT for parameter in flow.parameters}
    variables.update({variable_name(name): text for name, text in params.items()})
    return variables


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"it has {', '.join(known)}" if known else "it has no parameters at all"
