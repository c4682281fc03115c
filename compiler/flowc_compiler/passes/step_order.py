"""The order of steps: each after those that lead to it. A graph that has none is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, Step

if TYPE_CHECKING:
    pass


def order_steps(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Put the steps in topological order, those that are ready together in the order of the file (Kahn; linear).

    The steps of a pipeline are lowered in topological order, region by region, and keep it. Collects FC204 (loop),
    FC205 (unreached), FC213 (the end goes on); then returns `None`.
    """
    reached = _reached(flow)
    _check_start_and_end(flow, sink)
    for step in flow.steps:
        if step.name not in reached:
            sink.error(
                "FC205", f"step `{step.name}` is never reached", step.span,
                help=f"lead to it with `self.next(self.{step.name})`, or remove it",
            )  # fmt: skip
    waiting = {step.name: len(step.parents) for step in flow.steps}
    ordered: list[Step] = []
    ready = [flow.by_name[name] for name, parents in waiting.items() if parents == 0]
    for step in ready:
        ordered.append(step)
        for target in step.targets:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(flow.by_name[target])
    if len(ordered) < len(flow.steps):
        _report_loop(flow, {name for name, parents in waiting.items() if parents > 0}, sink)
    if sink.failed and (len(ordered) < len(flow.steps) or len(reached) < len(flow.steps)):
        return None
    if flow.frontend == "pipeline":
        return flow
    return flow.model_copy(update={"steps": tuple(ordered)})


def _reached(flow: Flow) -> set[str]:
    reached = {flow.start}
    pending = [flow.start]
    while pending:
        for target in flow.by_name[pending.pop()].targets:
            if target not in reached:
                reached.add(target)
                pending.append(target)
    return reached


def _check_start_and_end(flow: Flow, sink: DiagnosticSink) -> None:
    end = flow.by_name[flow.end]
    if end.targets:
        sink.error("FC213", f"the step `{end.name}` calls `self.next`", end.next_span, help="remove its `self.next`")


def _report_loop(flow: Flow, stuck: set[str], sink: DiagnosticSink) -> None:
    """Name one loop, at its last step in the file: walk back among stuck steps until one comes again."""
    name = next(step.name for step in flow.steps if step.name in stuck)
    path: dict[str, None] = {}
    while name not in path:
        path[name] = None
        name = next(parent for parent in flow.by_name[name].parents if parent in stuck)
    names = list(path)
    loop = names[names.index(name) :][::-1]
    position = {step.name: number for number, step in enumerate(flow.steps)}
    turn = max(range(len(loop)), key=lambda number: position[loop[number]])
    loop = loop[turn + 1 :] + loop[: turn + 1]
    closing = flow.by_name[loop[-1]]
    sink.error(
        "FC204",
        f"the steps {' -> '.join([*loop, loop[0]])} form a loop",
        closing.next_span or closing.span,
        help="a flow runs each step once: use a foreach, or a Python loop inside of one step",
    )
