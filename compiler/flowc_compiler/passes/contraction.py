"""The graph as an engine sees it: each pod group is one step.

What a target lowers to an engine's tasks is the contracted flow, so that it needs to know of a group only how its pod
is called. Its code, its plan and its run are those of the whole flow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from flowc_compiler.ir import NO_SPECS, ForeachOptions, ForeachStep, JoinStep, LinearStep, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.ir import Flow, PodGroup, Step


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
    fused = [group for group in flow.pod_groups if group.kind == "fused"]
    return _Fused(flow, fused).flow() if fused else flow


def _with_batch(flow: Flow, group: PodGroup) -> Flow:
    """The flow with one step for the whole body of a foreach, or for the first part of it."""
    if group.cut:
        return _with_cut_batch(flow, group)
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
            "pod_groups": tuple(_alone(flow, item) if item is group else item for item in flow.pod_groups),
        }
    )


def _with_cut_batch(flow: Flow, group: PodGroup) -> Flow:
    """The flow with one step for the first part of a foreach's body, which opens a foreach over the pod's items.

    A step without a task joins that, as the rest of the body ends at one join only. The tasks in it have an index more
    here than in the run: the shim makes one of that of their batch and that of the item in it (`Plan.own_path`).
    """
    opener = flow.by_name[group.opener or ""]
    assert opener.kind == "foreach"
    body = flow.body_of(opener.name)
    inside = frozenset(group.steps)
    join = next(step for step in flow.steps if isinstance(step, JoinStep) and step.closes == opener.name)
    options = opener.specs.foreach
    bounded = options is not None and options.parallelism is not None
    inner = ForeachOptions(parallelism=group.workers) if bounded else None
    pod = ForeachStep(
        span=group.span, name=group.name, specs=group.specs.model_copy(update={"foreach": inner}), scope=body.id,
        parents=(opener.name,), variable=opener.variable, target=group.after,
    )  # fmt: skip
    together = JoinStep(
        span=group.span, name=_free_name(flow, f"{group.name}_items"), virtual=True, scope=body.id, closes=group.name,
        parents=join.parents, arms=join.arms, target=join.name,
    )  # fmt: skip
    replaced: dict[str, Step] = {
        opener.name: _opening(opener, group),
        group.entry: pod,
        join.name: join.model_copy(update={"parents": (together.name,), "arms": ((together.name,),)}),
    }
    steps: list[Step] = []
    for step in flow.steps:
        if step.name == join.name:
            steps.append(together)
        if step.name in inside - {group.entry}:
            continue
        made = replaced.get(step.name, step)
        if step.name not in inside and step.scope == body.id:
            made = made.model_copy(update={"scope": group.name})
        if step.name == group.after:
            made = made.model_copy(update={"parents": (group.name,)})
        if step.name in join.parents:
            made = _leading_to(made, join.name, together.name)
        steps.append(made)
    return flow.model_copy(
        update={
            "steps": tuple(steps),
            "scopes": tuple(_cut_scopes(flow, body, group, together)),
            "pod_groups": tuple(_alone(flow, item) if item is group else item for item in flow.pod_groups),
        }
    )


def _free_name(flow: Flow, name: str) -> str:
    number, found = 1, name
    while found in flow.by_name:
        number += 1
        found = f"{name}_{number}"
    return found


def _leading_to(step: Step, before: str, after: str) -> Step:
    """A step with edges to another one than before."""
    if step.kind == "switch":
        cases = [case.model_copy(update={"target": after}) if case.target == before else case for case in step.cases]
        return step.model_copy(update={"cases": tuple(cases)})
    if step.kind == "branch":
        return step.model_copy(update={"targets": tuple(after if name == before else name for name in step.targets)})
    return step.model_copy(update={"target": after})


def _cut_scopes(flow: Flow, body: Scope, group: PodGroup, together: JoinStep) -> Iterator[Scope]:
    """The scopes that are left: that of the pods around that of their items."""
    inside = frozenset(group.steps)
    gone: set[str] = set()
    for scope in flow.scopes:  # parents before children
        if scope.id == body.id:
            yield scope.model_copy(update={"steps": (group.name, together.name)})
            rest = tuple(name for name in scope.steps if name not in inside)
            yield Scope(
                id=group.name, kind="foreach", parent=body.id, opener=group.name, closer=together.name, steps=rest
            )
        elif scope.parent in gone or scope.opener in inside:
            gone.add(scope.id)
        elif scope.parent == body.id:
            closer = together.name if scope.closer == body.closer else scope.closer
            yield scope.model_copy(update={"parent": group.name, "closer": closer})
        else:
            yield scope


def _alone(flow: Flow, group: PodGroup) -> PodGroup:
    """The group as the step that stands for it."""
    retries = max(flow.by_name[name].specs.retries for name in group.steps)
    return group.model_copy(update={"steps": (group.name,), "retries": retries})


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


class _Fused:
    """The contraction of all fused groups of a flow at once."""

    def __init__(self, flow: Flow, groups: list[PodGroup]) -> None:
        self._flow = flow
        self._groups = {group.entry: group for group in groups}
        self._exits = {group.exit: group for group in groups}
        self._inside = {step: group for group in groups for step in group.steps}
        self._names = {step.name for step in flow.steps}
        self._fronts = {group.entry: name for group in groups if (name := self._front(group)) is not None}
        self._moved = self._scopes_left()

    def flow(self) -> Flow:
        """The contracted flow."""
        steps = [made for step in self._flow.steps for made in self._steps_for(step)]
        members: dict[str, list[str]] = {}
        for step in steps:
            members.setdefault(step.scope, []).append(step.name)
        scopes = [
            scope.model_copy(
                update={
                    "id": self._moved[scope.id],
                    "parent": self._moved[scope.parent] if scope.parent is not None else None,
                    "opener": self._out_of(scope.opener) if scope.opener is not None else None,
                    "closer": self._into(scope.closer) if scope.closer is not None else None,
                    "steps": tuple(members.get(self._moved[scope.id], ())),
                }
            )
            for scope in self._flow.scopes
            if not self._is_dissolved(scope)
        ]
        return self._flow.model_copy(
            update={
                "steps": tuple(steps),
                "scopes": tuple(scopes),
                "start": self._into(self._flow.start),
                "end": self._out_of(self._flow.end),
                "pod_groups": tuple(self._group(group) for group in self._flow.pod_groups),
            }
        )

    def _group(self, group: PodGroup) -> PodGroup:
        if group.kind == "fused":
            return _alone(self._flow, group)
        return group.model_copy(update={"opener": self._out_of(group.opener)}) if group.opener is not None else group

    def _front(self, group: PodGroup) -> str | None:
        """The name of a virtual step before a group, which edges lead to; `None` where they lead to the group.

        A step has one kind. So a group that begins with a join and ends with a fan-out has a join of its own before it,
        and one that begins with a virtual step, which a switch may choose by its name, keeps that.
        """
        entry = self._flow.by_name[group.entry]
        if entry.virtual:
            return entry.name if entry.parents else None
        if entry.kind != "join" or self._is_linear(self._flow.by_name[group.exit]):
            return None
        name, number = f"{entry.name}_inputs", 1
        while name in self._names:
            number += 1
            name = f"{entry.name}_inputs_{number}"
        self._names.add(name)
        return name

    def _is_linear(self, step: Step) -> bool:
        """Whether one step follows, or none, whatever the step says."""
        return step.kind in {"linear", "join"} or (step.kind == "switch" and not step.decides)

    def _into(self, name: str) -> str:
        """What an edge to a step leads to."""
        group = self._inside.get(name)
        return name if group is None else self._fronts.get(group.entry, group.name)

    def _out_of(self, name: str) -> str:
        """What an edge from a step leads from."""
        group = self._inside.get(name)
        return name if group is None else group.name

    def _all_out_of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """What edges from several steps lead from: of a group one edge."""
        return tuple(dict.fromkeys(map(self._out_of, names)))

    def _scopes_left(self) -> dict[str, str]:
        """Each scope's id by what it was: the nearest one around it where none is left of it."""
        moved: dict[str, str] = {}
        for scope in self._flow.scopes:  # parents before children
            opener = scope.opener or ""
            if self._is_dissolved(scope):
                moved[scope.id] = moved[scope.parent or ""]
            elif scope.id == opener:
                moved[scope.id] = self._out_of(opener)
            elif scope.opener is not None:
                first = scope.id.removeprefix(f"{opener}/")
                moved[scope.id] = f"{self._out_of(opener)}/{self._into(first)}"
            else:
                moved[scope.id] = scope.id
        return moved

    def _is_dissolved(self, scope: Scope) -> bool:
        """Whether a group is around what opens the scope, or does not end with a choice any more."""
        group = self._inside.get(scope.opener or "")
        return group is not None and (group.exit != scope.opener or self._is_linear(self._flow.by_name[group.exit]))

    def _steps_for(self, step: Step) -> Iterator[Step]:
        """The steps that stand in the place of one."""
        group = self._groups.get(step.name)
        if group is None:
            if step.name not in self._inside:
                yield self._outside(step)
            return
        front = self._fronts.get(step.name)
        if front is not None:
            update = {"name": front, "virtual": True, "call": None, "specs": NO_SPECS}
            yield self._outside(step if step.kind == "join" else _linear(step)).model_copy(
                update={**update, "target": group.name}
            )
        yield self._pod(step, group, front)

    def _outside(self, step: Step) -> Step:
        """A step of no group, with edges to groups."""
        update: dict[str, object] = {
            "scope": self._moved[step.scope],
            "parents": self._all_out_of(step.parents),
        }
        match step.kind:
            case "linear" | "foreach" | "parallel":
                update["target"] = self._into(step.target) if step.target is not None else None
            case "branch":
                update["targets"] = tuple(map(self._into, step.targets))
            case "switch":
                update["cases"] = tuple(
                    case.model_copy(update={"target": self._into(case.target)}) for case in step.cases
                )
            case "join":
                update["target"] = self._into(step.target) if step.target is not None else None
                update["closes"] = self._out_of(step.closes)
                update["arms"] = tuple(self._all_out_of(arm) for arm in step.arms)
            case _:
                assert_never(step)
        return step.model_copy(update=update)

    def _pod(self, entry: Step, group: PodGroup, front: str | None) -> Step:
        """The step that a group is: it takes in what its first step does, and leads on as its last."""
        last = self._flow.by_name[group.exit]
        specs = group.specs.model_copy(update={"foreach": last.specs.foreach if last.kind == "foreach" else None})
        if self._is_linear(last):
            target = next(iter(last.targets), None)
            kept = entry if entry.kind == "join" and front is None and not entry.virtual else _linear(entry)
            whole: Step = kept.model_copy(update={"target": target})
        else:
            cases = (
                {"cases": tuple(case for case in last.cases if case.target != last.name)}
                if last.kind == "switch"
                else {}
            )
            whole = last.model_copy(update={"parents": entry.parents, "scope": entry.scope, **cases})
        update: dict[str, object] = {
            "name": group.name, "specs": specs, "span": group.span, "call": None, "virtual": False, "doc": entry.doc,
        }  # fmt: skip
        if front is not None:
            update["parents"] = (front,)
        return self._outside(whole).model_copy(update=update)


def _linear(step: Step) -> LinearStep:
    """A step as one that leads to one other, or to none."""
    fields = {name: getattr(step, name) for name in LinearStep.model_fields if name not in {"kind", "target"}}
    return LinearStep(**fields)
