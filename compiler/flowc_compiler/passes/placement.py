"""Decorators must fit the steps and the flow that they stand on.

`@catch` cannot stand on steps that decide what runs next; `@foreach_options` and `@loop` stand only on a step that
opens a foreach, or that leads back to itself; what `@trigger` fills in must be parameters.
"""

from __future__ import annotations

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, Step

WHY = {
    "foreach": "opens a foreach, and without its list the number of the next tasks is unknown",
    "parallel": "opens a gang, and without its size the number of members is unknown",
    "switch": "chooses the next step, and without its choice nothing can run",
}


def check_decorator_placement(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC406 for decorators on steps that they do not fit; the flow stays as it is.

    Metaflow refuses `@catch` on a step that opens a foreach or a gang, or that chooses, and on Kubernetes on a member
    of a gang, since a gang fails and starts again as a whole. In a pipeline it may stand on a step whose result is
    tested, where the test holds without a result, too. FC302 is collected for a parameter that an event fills in
    and that no run of the flow can be given.
    """
    _check_events(flow, sink)
    _check_bounds(flow, sink)
    _check_catch(flow, sink)
    return flow


def _check_catch(flow: Flow, sink: DiagnosticSink) -> None:
    deciding: dict[str, str] | None = None
    if flow.frontend == "pipeline":
        from flowc_compiler.passes.deciding_calls import deciding_calls

        deciding = deciding_calls(flow)
    for step in flow.steps:
        if step.specs.catch is None:
            continue
        why = WHY.get(step.kind) if deciding is None else deciding.get(step.name)
        if why is None and any(flow.by_name[parent].kind == "parallel" for parent in step.parents):
            why = "is a member of a gang, which fails and starts again as a whole"
        if why is not None:
            sink.error(
                "FC406", f"`@catch` cannot be used on the step `{_shown(step)}`: it {why}", step.specs.catch.span,
                help="use try and except in the step, or let a step before it do what may fail",
            )  # fmt: skip


def _check_bounds(flow: Flow, sink: DiagnosticSink) -> None:
    """What bounds a foreach or a loop stands on the step that makes one.

    A step of a pipeline may be called several times with one decorator, and one of these calls may be enough.
    """
    is_pipeline = flow.frontend == "pipeline"
    opening = [step.specs.foreach for step in flow.steps if step.kind == "foreach"] if is_pipeline else []
    enough = {str(spec.span) for spec in opening if spec is not None}
    for step in flow.steps:
        foreach, loop = step.specs.foreach, step.specs.loop
        if foreach is not None and step.kind != "foreach" and str(foreach.span) not in enough:
            gang = " (a gang's members all start together)" if step.kind == "parallel" else ""
            message = f"`@foreach_options` is on the step `{_shown(step)}`, which opens no foreach{gang}"
            help_text = "put it on the step with `self.next(..., foreach='items')` that opens the foreach"
            if is_pipeline:
                help_text = "put it on the step that returns the list, and map over the result: `work.map(load())`"
            sink.error("FC406", message, foreach.span, help=help_text)
        if loop is not None and not (step.kind == "switch" and step.recursive):
            message = f"`@loop` is on the step `{_shown(step)}`, which does not lead back to itself"
            help_text = (
                f"put it on a switch with a case that leads back: `next({{'again': self.{step.name}, ...}}, ...)`"
            )
            if is_pipeline:
                help_text = "remove it: a pipeline has no loops; write one in the step, or write the flow as a class"
            sink.error("FC406", message, loop.span, help=help_text)


def _shown(step: Step) -> str:
    """The step as its decorators stand on it: a pipeline's function may be called several times."""
    return step.call.function if step.call is not None else step.name


def _check_events(flow: Flow, sink: DiagnosticSink) -> None:
    known = [parameter.name for parameter in flow.run_parameters]
    fixed = {parameter.name for parameter in flow.parameters if parameter.fixed}
    spec = flow.specs.trigger
    for event in spec.events if spec is not None else ():
        for name in event.parameters:
            if spec is not None and name not in known:
                why = "which shapes the graph and is fixed" if name in fixed else "which the flow does not have"
                sink.error(
                    "FC302", f"the event `{event.name}` fills in a parameter `{name}`, {why}",
                    spec.span, help=f"the flow has {', '.join(known) or 'no parameters'}",
                )  # fmt: skip
