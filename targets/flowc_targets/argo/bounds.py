"""What the controller ends in mid-run, told before: recursion that goes too deep, and gangs that cannot all run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, ParallelStep, SwitchStep
    from flowc_targets.argo.options import ArgoOptions

MOST_TASKS = 200
"""The most tasks of a DAG that Argo's full CRDs take; a larger one becomes DAGs of DAGs."""
MOST_CALLS = 99
"""Templates that may be inside of one another (operator.go, maxStackDepth), the pod's included."""


def check_bounds(flow: Flow, options: ArgoOptions, target: str, sink: DiagnosticSink) -> None:
    """Report recursive switches that may go deeper than the controller, and gangs wider than the run's parallelism."""
    for step in flow.steps:
        if step.kind == "switch" and step.recursive and not options.disable_max_recursion:
            _check_depth(flow, step, target, sink)
        if step.kind == "parallel":
            _check_width(step, options, target, sink)


def _check_depth(flow: Flow, step: SwitchStep, target: str, sink: DiagnosticSink) -> None:
    # The DAG of the flow and the pod are two calls, and so may be a foreach: its body, and the cap on its items.
    most = MOST_CALLS - 2 - 2 * flow.foreach_depths[step.scope]
    if len(flow.steps) > MOST_TASKS:
        most -= 3
    bound = step.specs.loop.max_iterations if step.specs.loop is not None else None
    if bound is not None and bound <= most:
        return
    deep = f"Argo's controller ends a run whose templates are {MOST_CALLS + 1} deep: after {most} iterations here"
    lifted = "where the controller has DISABLE_MAX_RECURSION=true, compile with --set disable_max_recursion=true"
    if bound is None:
        message = f"step {step.name!r} may go on to itself any number of times, and {deep}"
        help_ = f"say how often, with @loop(max_iterations={most}) or less; {lifted}"
        sink.warning("FC503", message, step.next_span or step.span, help=help_)
    else:
        message = f"step {step.name!r} may run {bound} times, and {deep}"
        help_ = f"do several rounds in one task; {lifted}"
        sink.unsupported("FC503", target, message, step.next_span or step.span, help=help_)


def _check_width(step: ParallelStep, options: ArgoOptions, target: str, sink: DiagnosticSink) -> None:
    most, width = options.parallelism, step.num_parallel
    if most is None or (width is not None and width <= most):
        return
    if width is None:
        message = f"a gang waits for all its members, and the run is kept to {most} pods at a time"
        sink.warning("FC503", message, step.next_span or step.span, help=f"see that num_parallel is never over {most}")
    else:
        message = f"{width} members of a gang have to run at the same time, and the run is kept to {most} pods"
        help_ = f"compile with --set parallelism={width} or more"
        sink.unsupported("FC503", target, message, step.next_span or step.span, help=help_)
