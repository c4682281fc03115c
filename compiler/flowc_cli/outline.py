"""A flow in words: its text, and of each step what it does and where it leads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import assert_never

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.ir import Flow, Parameter, Step


def outline(flow: Flow) -> str:
    """The description that `python flow.py show` prints, steps in the order in which they run."""
    lines = [f"Flow {flow.name}"]
    lines += _indented(flow.doc)
    if flow.parameters:
        lines += ["", "Parameters", *(_parameter(item) for item in flow.parameters)]
    for step in flow.steps:
        lines += ["", f"Step {step.name}", *_indented(step.doc)]
        way = _way_on(step)
        if way:
            lines.append(f"    => {way}")
    return "\n".join(lines) + "\n"


def parameters_of(file: str, flow_name: str) -> str:
    """The parameters of the flow in a file, for the help of `run`; nothing where there are none or it is not right."""
    try:
        flow = compile_file(Path(file), DiagnosticSink(), flow_name=flow_name).flow
    except FlowcError:
        return ""
    if not flow.parameters:
        return ""
    return "\n".join(["", f"Parameters of {flow.name}:", *(_parameter(item) for item in flow.parameters)]) + "\n"


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]


def _parameter(parameter: Parameter) -> str:
    line = f"    --{parameter.name} ({parameter.type})"
    if parameter.help:
        line += f" {parameter.help}"
    if parameter.dynamic_default:
        return f"{line} [default: computed when the run starts]"
    if parameter.has_default and parameter.default is not None:
        return f"{line} [default: {_value(parameter.default)}]"
    return f"{line} [required]" if parameter.required else line


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _way_on(step: Step) -> str:
    """Where a step leads, and how."""
    match step.kind:
        case "linear" | "branch" | "join":
            return ", ".join(step.targets)
        case "foreach":
            return f"{step.target} for each of {step.variable}"
        case "parallel":
            return f"{step.target} as a gang" + (f" of {step.num_parallel}" if step.num_parallel is not None else "")
        case "switch":
            cases = (f"{case.target} if {step.variable} is {json.dumps(case.value)}" for case in step.cases)
            return ", ".join(cases)
        case _:
            assert_never(step.kind)
