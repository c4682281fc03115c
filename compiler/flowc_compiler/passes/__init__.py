"""Passes: plain functions from flow to flow, run in the order of PASSES; `checks` has those that only compare."""

from collections.abc import Callable

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, verify
from flowc_compiler.passes.base_packages import add_base_packages
from flowc_compiler.passes.checks import (
    check_decorator_placement,
    check_gangs,
    check_names,
    check_parameter_names,
    check_secrets,
    check_texts,
)
from flowc_compiler.passes.scopes import build_scopes
from flowc_compiler.passes.step_order import order_steps

Pass = Callable[[Flow, DiagnosticSink], Flow | None]
"""A pass returns the new flow, or `None` with errors collected when the passes behind it could not make sense of it."""


def lower_regions(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Replace a pipeline's `body` by steps, with `passes.regions`. A class flow stays as it is, and imports less."""
    if flow.body is None:
        return flow
    from flowc_compiler.passes import regions

    return regions.lower_regions(flow, sink)


def check_locks(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Report locks that make no sense, with `passes.locks`. Flows without locks import less."""
    if flow.specs.locks or flow.specs.run_limits or any(step.specs.locks for step in flow.steps):
        from flowc_compiler.passes import locks

        locks.check_locks(flow, sink)
    return flow


def check_cache(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Report steps with a cache that cannot have one, with `passes.caching`. Flows without caches import less."""
    if any(step.specs.cache is not None for step in flow.steps):
        from flowc_compiler.passes import caching

        caching.check_cache(flow, sink)
    return flow


def check_artifact_flow(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Report what is certainly wrong with the artifacts of a class flow, which stays as it is."""
    effects = flow.effects() if flow.effects is not None else None
    if effects is not None:
        from flowc_compiler.passes import artifact_flow

        artifact_flow.check_artifact_flow(flow, effects, sink)
    return flow


def place_waits(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Give what the whole flow waits for to its first steps, with `passes.gates`, and report what cannot wait."""
    if not flow.specs.waits and not any(step.specs.gated for step in flow.steps):
        return flow
    from flowc_compiler.passes import gates

    gates.check_gates(flow, sink)
    return gates.place_waits(flow)


def inline_calls(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Put in the steps of flows that steps call, with `passes.called_flows`."""
    if all(step.specs.called is None for step in flow.steps):
        return flow
    from flowc_compiler.passes import called_flows

    return called_flows.inline_calls(flow, sink)


def mark_items_that_may_fail(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Mark the steps of a foreach with `min_success`, with `passes.failed_items`."""
    if not any(step.specs.foreach and step.specs.foreach.min_success is not None for step in flow.steps):
        return flow
    from flowc_compiler.passes import failed_items

    return failed_items.tolerate_failures(flow, sink)


def batch_marked_items(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Put items of a foreach with `items_per_task` into one pod, with `passes.batching`."""
    if all(step.specs.foreach is None for step in flow.steps):
        return flow
    from flowc_compiler.passes import batching

    return batching.batch_steps(flow, sink)


def fuse_marked_steps(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Put steps with `@fuse` into the pods of what comes before them, with `passes.fusion`."""
    if all(step.specs.fuse is None for step in flow.steps):
        return flow
    from flowc_compiler.passes import fusion

    return fusion.fuse_steps(flow, sink)


PASSES: tuple[Pass, ...] = (
    check_parameter_names,
    lower_regions,
    check_texts,
    check_names,
    check_secrets,
    add_base_packages,
    order_steps,
    check_gangs,
    build_scopes,
    check_decorator_placement,
    place_waits,
    check_cache,
    check_artifact_flow,
    inline_calls,
    check_locks,
    mark_items_that_may_fail,
    batch_marked_items,
    fuse_marked_steps,
)
"""Every pass, in order, for class flows and pipelines alike."""
OF_PODS = frozenset({batch_marked_items, fuse_marked_steps})
"""Passes that say which steps share a pod: of a called flow they run with its caller."""


def run_passes(flow: Flow, sink: DiagnosticSink, *, called: bool = False) -> Flow | None:
    """Run every pass, verifying the IR before and after each; `None` when one of them collected errors. Of a flow that
    another one has `called`, all but `OF_PODS`.

    What is returned no longer holds the effects of the steps, and with them the syntax trees.
    """
    verify(flow)
    for run in PASSES if not called else (run for run in PASSES if run not in OF_PODS):
        lowered = run(flow, sink)
        if lowered is None:
            return None
        if lowered is not flow:
            verify(lowered)
        flow = lowered
    return flow if flow.effects is None else flow.model_copy(update={"effects": None})


__all__ = ["PASSES", "Pass", "run_passes"]
