"""A flow in words: its docstring, and for each step what it does and where it leads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import assert_never

from flowc_cli.pipeline_text import call_text, case_texts, fan_text, real_targets, unused_results
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.filesystem import read_text
from flowc_compiler.ir import Config, Flow, Parameter, Step


def outline(flow: Flow, *, pods: bool = False) -> str:
    """The description that `python flow.py show` prints, steps in the order in which they run, and the pods."""
    lines = [f"Flow {flow.name}"]
    lines += _indented(flow.doc)
    if flow.parameters:
        lines += ["", "Parameters", *(_parameter(item) for item in flow.parameters)]
    unused = unused_results(flow)
    for step in flow.steps:
        if step.virtual:
            continue
        lines += ["", f"Step {step.name}", *_indented(step.doc), *_indented(call_text(flow, step))]
        if step.name in unused:
            lines.append("    (nothing uses its result)")
        way = _way_on(flow, step)
        if way:
            lines.append(f"    => {way}")
    if pods:
        from flowc_cli.drawing.pod_boxes import pod_lines

        lines += ["", "Pods", *pod_lines(flow)]
    return "\n".join(lines) + "\n"


def parameters_of(file: str, flow_name: str | None) -> str:
    """The parameters and configs of the flow in a file, for the help of `run`; empty if it does not compile."""
    try:
        flow = compile_file(Path(file), DiagnosticSink(), flow_name=flow_name).flow
    except FlowcError:
        return ""
    lines: list[str] = []
    if flow.parameters:
        shown = [_parameter(item) for item in flow.parameters if not item.hidden]
        lines += ["", f"Parameters of {flow.name}:", *shown] if shown else []
    if flow.configs:
        lines += ["", f"Configs of {flow.name}:", *(_config(item) for item in flow.configs)]
    return "\n".join(lines) + "\n" if lines else ""


def has_parameter(file: str, flow_name: str | None, name: str) -> bool:
    """Whether the flow in a file has a parameter of that name; not, if it does not compile."""
    try:
        if name not in read_text(Path(file)).lower():
            return False
        flow = compile_file(Path(file), DiagnosticSink(), flow_name=flow_name).flow
    except (FlowcError, OSError):
        return False
    return any(parameter.name.lower() == name for parameter in flow.parameters)


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]


def _parameter(parameter: Parameter) -> str:
    line = f"    --{parameter.name} ({_kind(parameter)})"
    if parameter.help:
        line += f" {parameter.help}"
    if parameter.fixed:
        return f"{line} [compiled with: {_value(parameter.default)}]" if parameter.has_default else line
    if parameter.has_default and not parameter.show_default:
        return line
    if parameter.dynamic_default:
        return f"{line} [default: computed when the run starts]"
    if parameter.has_default and parameter.default is not None:
        return f"{line} [default: {_value(parameter.default)}]"
    return f"{line} [required]" if parameter.required else line


def _kind(parameter: Parameter) -> str:
    """Which values a parameter takes."""
    if parameter.metavar:
        return parameter.metavar
    if parameter.source == "file" or parameter.deferred_type:
        return "path of a file" if parameter.source == "file" else "any"
    kind = f"{parameter.type} for {parameter.converter}" if parameter.converter else parameter.type
    if parameter.choices:
        kind = "|".join(parameter.choices)
    if parameter.minimum is not None or parameter.maximum is not None:
        low, high = parameter.minimum, parameter.maximum
        kind += (
            f", at least {low}" if high is None else f", at most {high}" if low is None else f" from {low} to {high}"
        )
    if parameter.counted:
        return "may be repeated"
    return (
        f"{kind}; may be repeated"
        if parameter.multiple
        else f"{parameter.nargs} times {kind}"
        if parameter.nargs > 1
        else kind
    )


def _config(config: Config) -> str:
    line = f"    --config {config.name} PATH"
    if config.help:
        line += f" {config.help}"
    return f"{line} [now: {config.origin}]" if config.origin else line


def _value(value: object) -> str:
    try:
        return value if isinstance(value, str) and value.strip() else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _way_on(flow: Flow, step: Step) -> str:
    """Where a step leads, and how. Of a pipeline, steps that only stand for its graph's shape are left out."""
    match step.kind:
        case "linear" | "branch" | "join":
            return ", ".join(dict.fromkeys(real for target in step.targets for real in real_targets(flow, target)))
        case "foreach":
            what = fan_text(flow, step.name) if flow.frontend == "pipeline" else step.variable
            return f"{', '.join(real_targets(flow, step.target))} for each of {what}"
        case "parallel":
            return f"{step.target} as a gang" + (f" of {step.num_parallel}" if step.num_parallel is not None else "")
        case "switch" if step.tests:
            ways = ((", ".join(real_targets(flow, target)), test) for target, test in case_texts(flow, step))
            return ", ".join(f"{target or 'nothing'} {test}" for target, test in ways)
        case "switch":
            cases = (f"{case.target} if {step.variable} is {json.dumps(case.value)}" for case in step.cases)
            return ", ".join(cases)
        case _:
            assert_never(step.kind)
