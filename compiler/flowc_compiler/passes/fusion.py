"""Fusion: which steps that follow each other run in one pod, as `@fuse` and the option `fuse` want it.

`@fuse` on a step puts it into the pod of what comes before it. Where arms come together in the step, that is the whole
of the branch or switch: its arms run in the pod, too. The option wants it of every step to which one way leads, and
where the arms of a switch meet, of which one runs; arms of a branch run side by side, and stay apart.

A group has one way in and one way out. Step P can be in the pod of step S if S is the immediate dominator of P, and P
that of S backwards: then all ways from S lead to P, and no other ways lead to what is between. A group is a chain of
such links with all that is between. The dominator tree in preorder has what is between S and P in two ranges, so that
sums over the order say whether all of it fits, and the whole pass is linear but for finding the dominators.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from flowc_compiler.ir import PodGroup
from flowc_compiler.passes.fused_resources import OPENERS, Needs, Regions
from flowc_compiler.passes.pod_compatibility import conflict, difference, has_own_attempts
from flowc_compiler.passes.pod_specs import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import EnvironmentSpec, Flow, Step, StepSpecs

MOST_LISTED = 4
"""The most steps that the option's warning names."""


def fuse_steps(flow: Flow, sink: DiagnosticSink, *, every: bool = False) -> Flow:
    """Set the fused groups of a flow whose scopes are known; with `every`, of all chains that fit.

    Collects FC413: an error for a step with `@fuse` that cannot be fused, a warning for chains that `every` leaves
    apart since their pods differ. A step of a batch is in no other group.
    """
    asked = any(step.specs.fuse is not None for step in flow.steps)
    kept = tuple(group for group in flow.pod_groups if group.kind != "fused")
    if not asked and not every:
        return flow if len(kept) == len(flow.pod_groups) else flow.model_copy(update={"pod_groups": kept})
    fusion = _Fusion(flow, every=every)
    found = fusion.groups()
    fusion.report(sink)
    position = {step.name: number for number, step in enumerate(flow.steps)}
    groups = sorted((*kept, *found), key=lambda group: position[group.entry])
    return flow.model_copy(update={"pod_groups": tuple(groups)})


@dataclass(frozen=True)
class _Refusal:
    """Why a step with `@fuse` is not in the pod of what comes before it."""

    step: Step
    why: str
    help: str


class _Fusion:
    """The links of one flow, and the groups that they make."""

    def __init__(self, flow: Flow, *, every: bool) -> None:
        self._flow = flow
        self._every = every
        self._tree = Regions(flow)
        batched = {step for group in flow.pod_groups if group.kind == "batch" for step in group.steps}
        own = (step for step in flow.steps if _is_disabled(step) or _has_own_pods(step.specs))
        self._apart = batched | {step.name for step in own}
        self._batched = batched
        self._specs = self._specs_by_step()
        self._refused: list[_Refusal] = []
        self._differing: dict[str, str] = {}
        """The steps that the option leaves apart, each with what it has that the one before doesn't have."""

    def groups(self) -> list[PodGroup]:
        """The groups, in the order of their first steps."""
        found: list[PodGroup] = []
        taken: set[str] = set()
        for step in self._flow.steps:
            if step.name not in taken:
                chain, members = self._chain(step)
                taken.update(members)
                if (group := self._group(chain, members)) is not None:
                    found.append(group)
        self._refuse_the_rest()
        return found

    def _chain(self, first: Step) -> tuple[list[str], list[str]]:
        """The links from a step on, and all steps that are in its pod then."""
        chain, members = [first.name], [first.name]
        pod = self._specs[first.name]
        while True:
            after = self._tree.next_of(chain[-1])
            if after is None:
                return chain, [*members, *self._rest_of_body(chain[-1])]
            joined = self._joined(pod, chain[-1], after) if self._wants(after) else None
            if joined is None and not self._fits(chain[-1], after):
                return chain, members
            pod = joined or pod
            members += [*self._tree.between(chain[-1], after), after]
            chain.append(after)

    def _rest_of_body(self, name: str) -> list[str]:
        """The arms of a switch that all lead to the join of the foreach around it, where the option fuses them."""
        join = self._tree.end_of_body(name)
        if join is None or not self._every or name in self._apart:
            return []
        heads, inner = self._sums
        fits = not (self._tree.total(heads, name, join) or self._tree.total(inner, name, join))
        return self._tree.between(name, join) if fits else []

    def _wants(self, name: str) -> bool:
        """Whether the step says `@fuse`."""
        spec = self._flow.by_name[name].specs.fuse
        return spec is not None and not spec.disabled

    def _joined(self, pod: StepSpecs, first: str, after: str) -> StepSpecs | None:
        """The specs of a pod that `after` wants to be in, with all from `first` on; `None` where one of them cannot."""
        last = self._flow.by_name[after]
        for name in (first, *self._tree.between(first, after), after):
            step = self._flow.by_name[name]
            why = self._misfit(pod, step, last)
            if why is not None:
                self._refused.append(_Refusal(last, why, _way_out(last, step)))
                return None
            if not step.virtual:
                pod = one_of([pod, self._specs[name]])
        return pod

    def _misfit(self, pod: StepSpecs, step: Step, last: Step) -> str | None:
        if step.kind in OPENERS and step is not last:
            return f"`{step.name}`, which comes before it, opens a {_fan(step)}"
        if step.name in self._apart:
            what = "waits before it begins" if step.specs.gated else "says `@fuse(disabled=True)`"
            if has_own_attempts(step.specs):
                what = "has an `@retry` by which attempts need pods of their own"
            what = f"holds the lock `{step.specs.locks[0].name}`" if step.specs.locks else what
            return f"`{step.name}` {'is in a batch' if step.name in self._batched else what}"
        words = conflict(pod, self._specs[step.name]) if not step.virtual else None
        return f"`{step.name}` has {words}" if words is not None else None

    def _fits(self, first: str, after: str) -> bool:
        """Whether the option puts all from one step to the next of its chain into one pod."""
        if not self._every or self._flow.by_name[first].kind == "branch" or {first, after} & self._apart:
            return False
        heads, inner = self._sums
        tree = self._tree
        if not (tree.total(heads, first, after) or tree.total(inner, first, after) or self._is_other(after)):
            return True
        if not tree.between(first, after) and (words := self._other(after)):
            self._differing[after] = words
        return False

    @cached_property
    def _sums(self) -> tuple[list[int], list[int]]:
        """Running counts, over the tree, of steps that differ from one before them, and of those that fan out."""
        tree = self._tree
        return (
            tree.running(lambda step: self._is_other(step.name) or step.name in self._apart),
            tree.running(lambda step: step.kind in OPENERS or step.kind == "branch"),
        )

    def _is_other(self, name: str) -> bool:
        return self._other(name) is not None

    def _other(self, name: str) -> str | None:
        """What a step has that one before it doesn't have."""
        step = self._flow.by_name[name]
        found = (difference(self._specs[parent], self._specs[name]) for parent in step.parents)
        return next((words for words in found if words is not None), None)

    def _specs_by_step(self) -> dict[str, StepSpecs]:
        """The specs of each step; a virtual one, which has no pod, is as what comes before it, or else after."""
        specs = {step.name: step.specs for step in self._flow.steps}
        for step in reversed(self._flow.steps):
            if step.virtual and not step.parents and step.targets:
                specs[step.name] = specs[step.targets[0]]
        for step in self._flow.steps:
            if step.virtual and step.parents:
                specs[step.name] = specs[step.parents[0]]
        return specs

    def _group(self, chain: list[str], members: list[str]) -> PodGroup | None:
        """The group of a chain; `None` where it is a pod as any other."""
        flow = self._flow
        ends = {chain[number] for number in (0, -1)}
        # A virtual step at an end of the chain may as well stand outside, where nothing is between it and the next.
        while len(chain) > 1 and flow.by_name[chain[0]].virtual and not self._tree.between(chain[0], chain[1]):
            ends.add(chain.pop(0))
        while len(chain) > 1 and flow.by_name[chain[-1]].virtual and not self._tree.between(chain[-2], chain[-1]):
            ends.add(chain.pop())
        position = self._tree.position
        steps = sorted((name for name in members if name in chain or name not in ends), key=position.__getitem__)
        real = [name for name in steps if not flow.by_name[name].virtual]
        if len(real) < 2 and not (self._every and real and self._iterates(real[0])):
            return None
        need = Needs(flow, self._tree, frozenset(steps)).of(steps)
        return PodGroup(
            name=real[0],
            span=flow.by_name[real[0]].span,
            kind="fused",
            steps=tuple(steps),
            specs=need.specs.model_copy(update={"environment": _shared_environment(flow, real)}),
            workers=need.workers,
        )

    def _iterates(self, name: str) -> bool:
        """Whether a step alone may have several tasks, one after the other, and be in a pod with them."""
        step = self._flow.by_name[name]
        return step.kind == "switch" and step.recursive and name not in self._apart

    def _refuse_the_rest(self) -> None:
        """Say why steps that want to be fused are in no chain at all."""
        refused = {item.step.name for item in self._refused}
        for step in self._flow.steps:
            if not self._wants(step.name) or step.name in refused or step.name in self._batched:
                continue
            above = self._tree.dominators.nearest(step.name)
            if above is None or self._tree.next_of(above) != step.name:
                self._refused.append(_Refusal(step, *self._no_link(step, above)))

    def _no_link(self, step: Step, above: str | None) -> tuple[str, str]:
        """Why no step before a step is one that it may be fused with, and what to do."""
        remove = "remove `@fuse`"
        if above is None or not step.parents:
            return "nothing comes before it", f"put `@fuse` on the step after it, or {remove}"
        before = self._flow.by_name[step.parents[0]]
        if step.kind == "join" and self._flow.by_name[step.closes].kind in OPENERS:
            opener = self._flow.by_name[step.closes]
            return (
                f"it joins the {_fan(opener)} of `{opener.name}`",
                f"{remove}; `@fuse` on the step after the join runs that in the join's pod",
            )
        if before.kind in OPENERS:
            return f"it runs for each {_piece(before)} of `{before.name}`", f"{remove}, or let a pod have several items"
        if len(step.parents) == 1:
            meet = self._tree.next_of(before.name)
            others = "beside" if before.kind == "branch" else "instead of"
            why = f"it runs {others} other steps after `{before.name}`"
            if meet is None:
                return why, remove
            return why, f"put `@fuse` on `{meet}`, where they come together: then all of them are in one pod"
        return f"what comes before it leads elsewhere, too, or begins before `{above}`", remove

    def report(self, sink: DiagnosticSink) -> None:
        """Collect FC413. A step of a pipeline may be called several times with one decorator: one of them is enough."""
        flow = self._flow
        refused = {item.step.name for item in self._refused}
        enough = {
            str(step.specs.fuse.span)
            for step in flow.steps
            if flow.frontend == "pipeline" and step.specs.fuse is not None and step.name not in refused
        }
        for item in self._refused:
            spec = item.step.specs.fuse
            if spec is not None and str(spec.span) not in enough:
                shown = item.step.call.function if item.step.call is not None else item.step.name
                message = f"`@fuse`: the step `{shown}` cannot run in the pod of the step before it: {item.why}"
                sink.error("FC413", message, spec.span, help=item.help)
        if self._differing:
            listed = [f"`{name}` has {words}" for name, words in self._differing.items()]
            more = f" and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
            message = (
                f"the option fuse leaves steps apart: {', '.join(listed[:MOST_LISTED])}{more} than the step before"
            )
            help_text = (
                "let the steps have equal pods, or say `@fuse(disabled=True)` on those that are to have their own"
            )
            sink.warning("FC413", message, None, help=help_text)


def _shared_environment(flow: Flow, names: Sequence[str]) -> EnvironmentSpec | None:
    """The variables of the whole pod, where those of all tasks are the same; else the plan has each one's."""
    specs = [flow.by_name[name].specs.environment for name in names]
    first = specs[0]
    same = first is not None and all(spec is not None and spec.variables == first.variables for spec in specs)
    return first if same else None


def _has_own_pods(specs: StepSpecs) -> bool:
    """Whether what a step has to wait for, or its attempts, need pods of its own."""
    return specs.gated or bool(specs.locks) or has_own_attempts(specs)


def _is_disabled(step: Step) -> bool:
    return step.specs.fuse is not None and step.specs.fuse.disabled


def _fan(step: Step) -> str:
    return "gang" if step.kind == "parallel" else "foreach"


def _piece(step: Step) -> str:
    return "member of the gang" if step.kind == "parallel" else "item of the foreach"


def _way_out(last: Step, other: Step) -> str:
    if other.kind in OPENERS:
        return "remove `@fuse`: each item of a foreach is a task of its own pod, or of a batch"
    same = f"give `{other.name}` what the others have, " if other.name != last.name else "give both the same, "
    return f"{same}or remove `@fuse`"
