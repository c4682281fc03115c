"""Batching: the items of a foreach that one pod works on, as `@foreach_options(items_per_task=)` and `batch` want it.

The whole body of the foreach runs in the pod, whatever its shape: chains, branches, switches, loops, and a foreach in
it. Its steps need pods that are alike. A gang does not fit: its members have addresses of their own. Where only the
first part of a body fits, that part runs in the pod, and what follows it has pods of its own for each item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.ir import ForeachOptions, ForeachStep, PodGroup
from flowc_compiler.ir.base import LONGEST_SECONDS
from flowc_compiler.passes.pod_compatibility import conflict, has_own_attempts
from flowc_compiler.passes.pod_specs import in_series, pod_specs, side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step, StepSpecs


def batch_steps(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Set the batches of a flow whose scopes are known. Collects FC413 for what does not fit into one pod: a warning
    where something of the body does.

    In a batch, the options of a foreach further in have no effect, which is reported with FC410.
    """
    if not any(_is_batched(step) for step in flow.steps):
        return flow
    bodies = _bodies(flow)
    batches: dict[str, PodGroup] = {}
    taken: dict[str, str] = {}
    for step in flow.steps:  # in topological order, so that an outer foreach comes first
        if not isinstance(step, ForeachStep) or not _is_batched(step):
            continue
        if step.name in taken:
            _report_inner(step, taken[step.name], sink)
            continue
        group = _batch(flow, step, bodies[step.name], sink)
        if group is not None:
            batches[group.name] = group
            taken |= dict.fromkeys(group.steps, step.name)
    if sink.failed:
        return flow
    others = (group for group in flow.pod_groups if group.kind != "batch" and taken.keys().isdisjoint(group.steps))
    position = {step.name: number for number, step in enumerate(flow.steps)}
    groups = sorted((*batches.values(), *others), key=lambda group: position[group.entry])
    return flow.model_copy(update={"pod_groups": tuple(groups)})


def with_batches(flow: Flow, asked: Mapping[str, tuple[int, int | None]], sink: DiagnosticSink) -> Flow:
    """The flow with `items_per_task` and `workers` of a foreach as an option has them, by the name of a step.

    The step is the one that opens the foreach, or one in its body. Collects FC505 for a step that is neither.
    """
    wanted: dict[str, tuple[int, int | None]] = {}
    for name, sizes in asked.items():
        opener = _opener(flow, name)
        if opener is None:
            what = "is in no foreach, and opens none" if name in flow.by_name else "is not one of the flow's"
            openers = [step.name for step in flow.steps if step.kind == "foreach"]
            help_ = f"name {' or '.join(openers)}, or a step in its body" if openers else "leave it out"
            sink.error("FC505", f"option batch: step `{name}` {what}", None, help=help_)
        else:
            wanted[opener.name] = sizes
    steps = tuple(_with_options(step, *wanted[step.name]) if step.name in wanted else step for step in flow.steps)
    return flow.model_copy(update={"steps": steps}) if wanted else flow


def _opener(flow: Flow, name: str) -> Step | None:
    """The step that opens the foreach that a name stands for."""
    step = flow.by_name.get(name)
    if step is None or step.kind == "foreach":
        return step
    scope = flow.foreach_scope(step)
    return flow.by_name[scope.opener or ""] if scope.kind == "foreach" else None


def _with_options(step: Step, items: int, workers: int | None) -> Step:
    options = step.specs.foreach or ForeachOptions()
    options = options.model_copy(update={"items_per_task": items, "workers": workers})
    return step.model_copy(update={"specs": step.specs.model_copy(update={"foreach": options})})


def _is_batched(step: Step) -> bool:
    options = step.specs.foreach
    return step.kind == "foreach" and options is not None and options.items_per_task is not None


def _bodies(flow: Flow) -> dict[str, list[Step]]:
    """The steps in each batched foreach, however deep, by its opener."""
    around: dict[str, tuple[str, ...]] = {}
    for scope in flow.scopes:
        outer = around[scope.parent] if scope.parent is not None else ()
        opens = scope.kind == "foreach" and _is_batched(flow.by_name[scope.opener or ""])
        around[scope.id] = (*outer, scope.opener or "") if opens else outer
    bodies: dict[str, list[Step]] = {}
    for step in flow.steps:
        for opener in around[step.scope]:
            bodies.setdefault(opener, []).append(step)
    return bodies


def _batch(flow: Flow, opener: ForeachStep, body: list[Step], sink: DiagnosticSink) -> PodGroup | None:
    """The batch of a foreach; `None` where nothing runs in it, or not in one pod."""
    options = opener.specs.foreach
    real = [step for step in body if not step.virtual]
    if options is None or options.items_per_task is None or not real:
        return None
    span = options.span or opener.span
    after = ""
    problem = _problem(real)
    if problem is not None:
        body = _first_part(flow, opener, body)
        if not body:
            message = f"the items of `{opener.name}` cannot share a pod: {problem.why}"
            sink.error("FC413", message, span, help=problem.way_out)
            return None
        real = [step for step in body if not step.virtual]
        (after,) = body[-1].targets
        message = f"the items of `{opener.name}` share a pod up to `{body[-1].name}` only: {problem.why}"
        way_out = f"{problem.way_out}; from `{after}` on, each item has pods of its own"
        sink.warning("FC413", message, span, help=way_out)
    items, workers = options.items_per_task, options.workers or 1
    if all(step.kind in {"linear", "switch"} for step in body) and workers > items:
        message = f"`workers` of `{opener.name}` is {workers}, and a pod has {items} task{'s' * (items > 1)} at a time"
        sink.warning("FC410", message, span, help=f"make it {items}, or give a pod more items")
        workers = items
    return PodGroup(
        span=span, name=real[0].name, kind="batch", steps=tuple(step.name for step in body),
        specs=_specs(flow, opener, real, items, workers), workers=workers, opener=opener.name, items_per_task=items,
        after=after,
    )  # fmt: skip


class _Problem(NamedTuple):
    """Why steps cannot run in one pod, and what to do."""

    why: str
    way_out: str


def _first_part(flow: Flow, opener: ForeachStep, body: list[Step]) -> list[Step]:
    """The steps before which the body can be cut, up to the last cut where all before it fits into one pod.

    A cut is behind a step that every item comes by and that one step of the body follows: all others of the body are
    before or behind it, so that its edge is the only one from the steps so far to what follows.
    """
    scope = flow.body_of(opener.name)
    inside = {step.name for step in body}
    found: list[Step] = []
    ahead: dict[str, int] = {}  # how many edges lead to steps that follow
    for number, step in enumerate(body, 1):
        ahead.pop(step.name, None)
        for target in step.targets:
            if target != step.name:
                ahead[target] = ahead.get(target, 0) + 1
        cuts = step.scope == scope.id and step.kind in {"linear", "join"} and inside.issuperset(step.targets)
        if not cuts or ahead != dict.fromkeys(step.targets, 1):
            continue
        real = [item for item in body[:number] if not item.virtual]
        if real and _problem(real) is not None:
            break
        found = body[:number] if real else []
    return found


def _problem(steps: list[Step]) -> _Problem | None:
    """Why steps cannot run in one pod."""
    first, pod = steps[0], steps[0].specs
    for step in steps:
        if step.kind == "parallel":
            help_ = "leave out items_per_task, or run what the gang does in one task"
            return _Problem(f"`{step.name}` opens a gang, each of whose members needs a pod", help_)
        if step.specs.gated:
            help_ = "let a step before the foreach wait, or leave out items_per_task"
            return _Problem(f"`{step.name}` waits before it begins, and no pod waits", help_)
        if step.specs.locks:
            help_ = "leave out items_per_task: each item takes the lock by itself, in a pod of its own"
            return _Problem(f"`{step.name}` holds the lock `{step.specs.locks[0].name}`", help_)
        if step.specs.command is not None:
            help_ = "leave out items_per_task, or let one container work on several items"
            return _Problem(f"`{step.name}` runs a container, which needs a pod", help_)
        if has_own_attempts(step.specs):
            help_ = "leave out items_per_task, or say what all attempts need by @resources and @kubernetes"
            return _Problem(f"`{step.name}` has an `@retry` by which attempts need pods of their own", help_)
        found = conflict(pod, step.specs)
        if found is not None:
            help_ = f"give `{step.name}` and `{first.name}` the same, or leave out items_per_task"
            return _Problem(f"`{step.name}` has {found} than `{first.name}`", help_)
        pod = in_series([pod, step.specs])
    return None


def _specs(flow: Flow, opener: ForeachStep, steps: list[Step], items: int, workers: int) -> StepSpecs:
    """What the pod needs: the most that one task does, for each worker, and the time of all items."""
    pod = in_series([pod_specs(step.specs, _iterations(flow, opener, step)) for step in steps])
    several = side_by_side([pod] * workers)
    if pod.timeout is None:
        return several
    seconds = min(pod.timeout.seconds * -(-items // workers), LONGEST_SECONDS)
    return several.model_copy(update={"timeout": pod.timeout.model_copy(update={"seconds": seconds})})


def _iterations(flow: Flow, opener: ForeachStep, step: Step) -> int | None:
    """How many tasks a step has for an item; `None` for an unknown number."""
    if flow.foreach_scope(step).opener != opener.name:
        return None
    if step.kind == "switch" and step.recursive:
        return step.specs.loop.max_iterations if step.specs.loop is not None else None
    return 1


def _report_inner(step: ForeachStep, outer: str, sink: DiagnosticSink) -> None:
    """Warn of a batch in a batch: all of its items run in the pod of one item around it."""
    options = step.specs.foreach
    message = f"`items_per_task` of `{step.name}` has no effect: its items run in the pods of the batches of `{outer}`"
    span = options.span if options is not None and options.span is not None else step.span
    sink.warning("FC410", message, span, help=f"leave it out, or leave out that of `{outer}`")
