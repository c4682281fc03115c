"""What decorators ask for must go with what the steps and the flow are.

`@catch` cannot stand on steps that decide what runs next; `@foreach_options` and `@loop` stand on nothing but a step
that opens a foreach, or goes on with itself; what `@trigger` fills in must be parameters.
"""

from __future__ import annotations

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, Step

_WHY = {
    "foreach": "opens a foreach, and without its list nobody knows how often what follows runs",
    "parallel": "opens a gang, and without its size nobody knows how many members it has",
    "switch": "chooses what follows, and without its choice nothing can",
}


def check_together(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC406 for `@catch` on a step that opens a foreach or a gang, chooses, or is a member of a gang.

    Metaflow refuses the first three; the last it refuses on Kubernetes, since a gang fails and starts again as a whole.
    The same for `@foreach_options` on a step that opens no foreach, and for `@loop` on one that is no recursive switch.
    FC302 is collected for a parameter that an event is to fill in and the flow does not have.
    """
    _check_events(flow, sink)
    for step in flow.steps:
        _check_bounds(step, sink)
        if step.specs.catch is None:
            continue
        why = _WHY.get(step.kind) or _member(flow, step)
        if why is not None:
            sink.error(
                "FC406", f"`@catch` cannot stand on the step `{step.name}`: it {why}", step.specs.catch.span,
                help="use try and except in the step, or let a step before it do what may fail",
            )  # fmt: skip
    return flow


def _check_bounds(step: Step, sink: DiagnosticSink) -> None:
    """What bounds a foreach or a loop stands on the step that makes one."""
    foreach, loop = step.specs.foreach, step.specs.loop
    if foreach is not None and step.kind != "foreach":
        gang = " (a gang's members all start together)" if step.kind == "parallel" else ""
        sink.error(
            "FC406", f"`@foreach_options` stands on the step `{step.name}`, which opens no foreach{gang}", foreach.span,
            help="put it on the step with `self.next(..., foreach='items')`, whose items it is about",
        )  # fmt: skip
    if loop is not None and not (step.kind == "switch" and step.recursive):
        sink.error(
            "FC406", f"`@loop` stands on the step `{step.name}`, which does not go on with itself", loop.span,
            help=f"put it on a switch with a case that leads back: `next({{'again': self.{step.name}, ...}}, ...)`",
        )  # fmt: skip


def _check_events(flow: Flow, sink: DiagnosticSink) -> None:
    known = [parameter.name for parameter in flow.parameters]
    spec = flow.specs.trigger
    for event in spec.events if spec is not None else ():
        for name in event.parameters:
            if spec is not None and name not in known:
                sink.error(
                    "FC302", f"the event `{event.name}` fills in a parameter `{name}`, which the flow does not have",
                    spec.span, help=f"the flow has {', '.join(known) or 'no parameters'}",
                )  # fmt: skip


def _member(flow: Flow, step: Step) -> str | None:
    if any(flow.by_name[parent].kind == "parallel" for parent in step.parents):
        return "is a member of a gang, which fails and starts again as a whole"
    return None
