"""Gangs: `num_parallel=` and `@parallel` go together, and a join follows."""

from __future__ import annotations

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, JoinStep, LinearStep, ParallelStep, Step


def check_gangs(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC214 (one without the other) and FC215 (no join behind the members). The flow stays as it is."""
    members = {step.target for step in flow.steps if step.kind == "parallel"}
    for step in flow.steps:
        if isinstance(step, ParallelStep) and flow.by_name[step.target].specs.parallel is None:
            sink.error(
                "FC214", f"step `{step.target}` is called with `num_parallel`, and is not `@parallel`", step.next_span,
                help=f"add `@parallel` to `{step.target}`, or use a foreach if the tasks need not know each other",
            )  # fmt: skip
        if step.specs.parallel is not None:
            _check_parents(flow, step, sink)
        if flow.frontend == "pipeline":
            continue
        if step.specs.parallel is not None or step.name in members:
            _check_join(flow, step, sink)
    return flow


def _opens(flow: Flow, parent: str) -> bool:
    return isinstance(flow.by_name[parent], ParallelStep)


def _check_parents(flow: Flow, step: Step, sink: DiagnosticSink) -> None:
    """Whatever leads to an `@parallel` step says how many members it has. No pipeline can."""
    assert step.specs.parallel is not None
    if step.call is not None:
        message = f"step `{step.call.function}` is `@parallel`, and a pipeline has no gangs"
        help_text = "remove `@parallel`, or write the flow as a class, which opens a gang with `num_parallel=2`"
        sink.error("FC214", message, step.specs.parallel.span, help=help_text)
        return
    wrong = [parent for parent in step.parents if not _opens(flow, parent)]
    if step.parents and not wrong:
        return
    who = f"`{wrong[0]}` leads to it without `num_parallel`" if wrong else "the flow starts with it"
    caller = wrong[0] if wrong else "a step before it"
    sink.error(
        "FC214", f"step `{step.name}` is `@parallel`, and {who}", step.specs.parallel.span,
        help=f"write `self.next(self.{step.name}, num_parallel=2)` in {caller}, or remove `@parallel`",
    )  # fmt: skip


def _check_join(flow: Flow, step: Step, sink: DiagnosticSink) -> None:
    """The members of a gang end in a join, at once."""
    followers = [flow.by_name[name] for name in step.targets]
    if isinstance(step, LinearStep) and len(followers) == 1 and isinstance(followers[0], JoinStep):
        return
    shown = ", ".join(f"`{name}`" for name in step.targets)
    what = f"leads to {shown}, which is not a join" if isinstance(step, LinearStep) and shown else "is not joined"
    help_text = (
        f"write `def {step.targets[0]}(self, inputs)`, and continue from there" if shown else "add a join after it"
    )
    if not isinstance(step, LinearStep):
        what, help_text = "fans out or joins itself", "let it lead to a join, and fan out from there"
    sink.error("FC215", f"the gang step `{step.name}` {what}", step.next_span or step.span, help=help_text)
