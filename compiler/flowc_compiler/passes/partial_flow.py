"""A flow with errors, as far as its graph is known, for editors: no target and no engine gets it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import ROOT_SCOPE, Scope
from flowc_compiler.passes import lower_regions
from flowc_compiler.passes.scopes import build_scopes

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Step


def partial_flow(flow: Flow) -> Flow | None:
    """A flow that the passes have, or have not, gone over; `None` where its calls wait for each other."""
    if flow.body is not None:
        lowered = lower_regions(flow, DiagnosticSink())
        return build_scopes(lowered, DiagnosticSink()) if lowered is not None else None
    return flow if flow.scopes else _ordered(flow)


def _ordered(flow: Flow) -> Flow:
    """The steps in an order in which those that lead to a step stand before it, with one scope around them all.

    Targets that are no steps stay. Of a loop, the step that is first in the file does not name the last one as its
    parent. Linear in steps and edges.
    """
    waiting = {step.name: len(step.parents) for step in flow.steps}
    ready = deque(step for step in flow.steps if not step.parents)
    left = deque(flow.steps)
    ordered: dict[str, Step] = {}
    while len(ordered) < len(flow.steps):
        step = ready.popleft() if ready else left.popleft()
        if step.name in ordered:
            continue
        parents = tuple(parent for parent in step.parents if parent in ordered)
        ordered[step.name] = step if parents == step.parents else step.model_copy(update={"parents": parents})
        for target in step.targets:
            if target in waiting:
                waiting[target] -= 1
                if waiting[target] == 0:
                    ready.append(flow.by_name[target])
    root = Scope.model_construct(id=ROOT_SCOPE, kind="root", steps=tuple(ordered))
    return flow.model_copy(update={"steps": tuple(ordered.values()), "scopes": (root,), "effects": None})
