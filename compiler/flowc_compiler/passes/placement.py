"""Decorators must fit the steps and the flow that they stand on.

`@catch` cannot stand on steps that decide what runs next; `@foreach_options` and `@loop` stand only on a step that
opens a foreach, or that leads back to itself; what `@trigger` fills in must be parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import ChosenValue, ElementValue, Flow, OperationValue, OutputValue, Step, Value
from flowc_compiler.ir.values import references

_WHY = {
    "foreach": "opens a foreach, and without its list nobody knows how often what follows runs",
    "parallel": "opens a gang, and without its size nobody knows how many members it has",
    "switch": "chooses what follows, and without its choice nothing can",
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
    deciding = _deciding_calls(flow) if flow.frontend == "pipeline" else None
    for step in flow.steps:
        if step.specs.catch is None:
            continue
        why = _WHY.get(step.kind) if deciding is None else deciding.get(step.name)
        if why is None and any(flow.by_name[parent].kind == "parallel" for parent in step.parents):
            why = "is a member of a gang, which fails and starts again as a whole"
        if why is not None:
            sink.error(
                "FC406", f"`@catch` cannot be used on the step `{_shown(step)}`: it {why}", step.specs.catch.span,
                help="use try and except in the step, or let a step before it do what may fail",
            )  # fmt: skip


def _deciding_calls(flow: Flow) -> dict[str, str]:
    """The steps of a pipeline without whose results a map or a switch would fail, and why.

    A caught failure is `None`. A switch may well test for that first, as in `if result is None`: later tests are not
    evaluated then.
    """
    found: dict[str, str] = {}
    for step in flow.steps:
        if step.kind == "switch":
            found.update((name, _WHY["switch"]) for name in _tested(step.tests[0]))
        elif step.kind == "foreach" and step.fan is not None:
            found.update((name, _WHY["foreach"]) for source in step.fan.sources for name in _counted(source))
        elif step.kind == "foreach":
            found[step.name] = _WHY["foreach"]
    return found


def _counted(source: Value) -> Iterator[str]:
    """The steps whose results say how many items there are."""
    pending = [source]
    while pending:
        match pending.pop():
            case OutputValue(step=name, levels=0):
                yield name
            case ElementValue(value=inner):
                yield from references(inner)
            case ChosenValue(values=values):
                pending += values
            case _:
                pass


def _tested(test: Value) -> Iterator[str]:
    """The steps whose results a test compares by size, or looks into: it raises where one is `None`."""
    pending = [(test, False)]
    while pending:
        value, needed = pending.pop()
        match value:
            case OutputValue(step=name, levels=0) if needed:
                yield name
            case ElementValue(value=inner):
                pending.append((inner, True))
            case ChosenValue(values=values):
                pending += ((inner, needed) for inner in values)
            case OperationValue(operator="and" | "or", operands=operands):
                pending.append((operands[0], False))  # it may guard the others
            case OperationValue(operator="in" | "not in", operands=(item, container)):
                pending += ((item, False), (container, True))
            case OperationValue(operator=operator, operands=operands):
                pending += ((inner, operator in {"<", "<=", ">", ">="}) for inner in operands)
            case _:
                pass


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
