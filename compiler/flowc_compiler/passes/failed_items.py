"""Items of a foreach that may fail, as `@foreach_options(min_success=)` wants it: which steps are within such one.

Whatever fails in an item for good is committed as that, and the join counts: so the join has a task, in pipelines too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step


def tolerate_failures(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Mark the steps. Collects FC406 for those whose failure is not that of a task's own code."""
    openers = {step.name for step in flow.steps if _may_fail(step)}
    around: dict[str, bool] = {}
    for scope in flow.scopes:
        outer = around[scope.parent] if scope.parent is not None else False
        around[scope.id] = outer or scope.opener in openers
    waiting = {call.start for call in flow.calls if call.deployed is not None}
    steps = tuple(_marked(step, around[step.scope], openers, waiting, sink) for step in flow.steps)
    return flow.model_copy(update={"steps": steps})


def _may_fail(step: Step) -> bool:
    options = step.specs.foreach
    return step.kind == "foreach" and options is not None and options.min_success is not None


def _marked(step: Step, within: bool, openers: set[str], waiting: set[str], sink: DiagnosticSink) -> Step:
    update: dict[str, object] = {}
    if step.kind == "join" and step.closes in openers:
        update["virtual"] = False
    if within:
        update["specs"] = step.specs.model_copy(update={"lenient": True})
        other = "opens a gang" if step.kind == "parallel" else "runs a container" if step.specs.command else ""
        other = other or ("waits before it begins" if step.specs.gated else "")
        other = other or ("waits for the run of a deployed flow" if step.name in waiting else "")
        if other:
            sink.error(
                "FC406", f"step `{step.name}` is in a foreach with `min_success`, and {other}: that fails the run",
                step.span, help="take it out of the foreach, or leave out min_success",
            )  # fmt: skip
    return step.model_copy(update=update) if update else step
