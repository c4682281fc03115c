"""What tasks wait for before they begin: which steps can wait, and what the first steps do for the whole flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_compiler.ir import Flow, ParallelStep, Step, SwitchStep

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.source import Span


def place_waits(flow: Flow) -> Flow:
    """The flow, whose first steps wait for what all of it does."""
    if not flow.specs.waits:
        return flow
    first = {step.name for step in _first_steps(flow)}
    steps = tuple(_waiting(flow, step) if step.name in first else step for step in flow.steps)
    return flow.model_copy(update={"steps": steps, "specs": flow.specs.model_copy(update={"waits": ()})})


def _waiting(flow: Flow, step: Step) -> Step:
    waits = (*flow.specs.waits, *step.specs.waits)
    return step.model_copy(update={"specs": step.specs.model_copy(update={"waits": waits})})


def _first_steps(flow: Flow) -> list[Step]:
    """The steps with tasks that nothing comes before: several where the first one is there for the graph only."""
    pending, found = [flow.by_name[flow.start]], list[Step]()
    for step in pending:
        if step.virtual:
            pending += [flow.by_name[name] for name in step.targets]
        else:
            found.append(step)
    return found


def check_gates(flow: Flow, sink: DiagnosticSink) -> None:
    """Collect FC406 for steps that cannot wait, and FC323 for a switch that does not fit what a person may choose."""
    for step in flow.steps:
        approval = step.specs.approval
        if step.specs.gated and (why := _why_not(flow, step)) is not None:
            name, span = _decorator(step)
            sink.error("FC406", f"`@{name}` cannot be used on the step `{step.name}`: it {why[0]}", span, help=why[1])
        elif approval is not None and isinstance(step, SwitchStep) and not step.tests:
            _check_cases(step, approval.choices, sink)


def _decorator(step: Step) -> tuple[str, Span | None]:
    approval = step.specs.approval
    return ("wait_for", step.specs.waits[0].span) if approval is None else ("approval", approval.span)


def _why_not(flow: Flow, step: Step) -> tuple[str, str] | None:
    before = "put it on a step of its own that comes before"
    if isinstance(step, SwitchStep) and step.recursive:
        return "leads back to itself", before
    if any(isinstance(flow.by_name[name], ParallelStep) for name in step.parents):
        return "runs as a gang, whose members begin together", f"{before} the one that opens the gang"
    return None


def _check_cases(step: SwitchStep, choices: tuple[str, ...], sink: DiagnosticSink) -> None:
    cases = [str(case.value) for case in step.cases]
    for choice in choices:
        if choice not in cases:
            message = f"step `{step.name}` has no case for {choice!r}, which a person may choose"
            help_text = f"add the case, {choice!r}: self.some_step, or remove {choice!r} from the choices"
            sink.error("FC323", message, step.next_span, help=help_text)
    for case in dict.fromkeys(case for case in cases if cases.count(case) > 1):
        message = f"step `{step.name}` has two cases that read {case!r}, and a person chooses by how they read"
        sink.error("FC323", message, step.next_span, help="write one of them in another way, or remove it")
    for case in cases:
        if case not in choices:
            message = f"step `{step.name}` has a case for {case!r}, which is not among the choices of `@approval`"
            sink.error("FC323", message, step.next_span, help=f"add {case!r} to the choices, or remove the case")
