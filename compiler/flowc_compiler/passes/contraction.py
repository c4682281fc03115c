"""The graph as an engine sees it: each pod group is one step.

What a target lowers to an engine's tasks is the contracted flow, so that it needs to know of a group only how its pod
is called. Its code, its plan and its run are those of the whole flow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_compiler.ir import JoinStep, LinearStep

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, ForeachOptions, ForeachStep, PodGroup, Scope, Step


def contracted(flow: Flow) -> Flow:
    """The flow with one step for each group: named after it, with its specs, in the place of its steps.

    A foreach keeps in its options `items_per_task` and `workers` only where its items are batched, and its
    `parallelism` counts pods then.
    """
    if not flow.pod_groups:
        return flow
    for group in flow.pod_groups:
        if group.kind == "batch":
            flow = _with_batch(flow, group)
    return flow


def _with_batch(flow: Flow, group: PodGroup) -> Flow:
    """The flow with one step for the whole body of a foreach."""
    opener = flow.by_name[group.opener or ""]
    assert opener.kind == "foreach"
    body = flow.body_of(opener.name)
    inside = frozenset(group.steps)
    join = next(step for step in flow.steps if isinstance(step, JoinStep) and step.closes == opener.name)
    pod = LinearStep(
        span=group.span, name=group.name, specs=group.specs, scope=body.id, parents=(opener.name,), target=join.name
    )
    replaced: dict[str, Step] = {
        opener.name: _opening(opener, group),
        group.entry: pod,
        join.name: join.model_copy(update={"parents": (group.name,), "arms": ((group.name,),)}),
    }
    left = inside - {group.entry}
    return flow.model_copy(
        update={
            "steps": tuple(replaced.get(step.name, step) for step in flow.steps if step.name not in left),
            "scopes": tuple(_scopes(flow, body, group)),
            "pod_groups": tuple(
                item.model_copy(update={"steps": (group.name,)}) if item is group else item for item in flow.pod_groups
            ),
        }
    )


def _opening(opener: ForeachStep, group: PodGroup) -> Step:
    options = opener.specs.foreach
    batched = _of_pods(options, group) if options is not None else None
    specs = opener.specs.model_copy(update={"foreach": batched})
    return opener.model_copy(update={"target": group.name, "specs": specs})


def _of_pods(options: ForeachOptions, group: PodGroup) -> ForeachOptions:
    """What an engine can do for a foreach that it runs batches of: no item of its own has a label."""
    most = options.parallelism
    pods = max(1, most // group.workers) if most is not None else None
    return options.model_copy(update={"parallelism": pods, "label": None})


def _scopes(flow: Flow, body: Scope, group: PodGroup) -> list[Scope]:
    """The scopes that are left, without those in the body."""
    gone: set[str] = set()
    found: list[Scope] = []
    for scope in flow.scopes:  # parents before children
        if scope.parent == body.id or scope.parent in gone:
            gone.add(scope.id)
        else:
            found.append(scope.model_copy(update={"steps": (group.name,)}) if scope.id == body.id else scope)
    return found
