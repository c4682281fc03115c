"""Scopes: which foreach bodies and arms each step stands in, and which split each join closes.

Every step has a stack of the splits that are open before it. The stacks are linked lists that share their tails, and a
step looks at the common part of its parents' stacks only, so that the work is linear in edges, however many diamonds
stand in a row (Metaflow's check enumerates paths and doubles with each). An arm of a switch ends where the ways from
the switch come together again, or at a join of a split around it: of the steps that a join takes in, those that are
ways out of one arm exclude each other.

The calls of a pipeline make any acyclic graph, so that there the arms of a branch may depend on each other. A branch is
structured when one join takes in all that it began, and no join before that takes in steps of several of its arms. The
arms of any other branch have no scopes of their own: what is inside stands in the scope of the branch itself.

Dominators say where ways come together. In an acyclic graph taken in topological order, the immediate dominator of a
step is the lowest common ancestor of its parents in the tree so far. Each frame of that tree keeps a jump pointer of
skewed length, so that an ancestor is found in a number of hops that is logarithmic in the depth, and the whole pass
stays linear but for that factor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import Generic, Literal, NamedTuple, TypeVar

from flowc_compiler.diagnostics import DiagnosticSink, Fix
from flowc_compiler.ir import ROOT_SCOPE, Flow, JoinStep, Scope, Step

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Frame(Generic[T]):
    """A node of a tree that grows at its leaves."""

    value: T
    below: Frame[T] | None
    depth: int = field(init=False)
    jump: Frame[T] = field(init=False, repr=False)
    """Some ancestor, or the frame itself at the root."""

    def __post_init__(self) -> None:
        below = self.below
        if below is None:
            self.depth, self.jump = 0, self
            return
        self.depth = below.depth + 1
        # Two jumps of equal length make one of twice that; otherwise a new one begins.
        equal = below.depth - below.jump.depth == below.jump.depth - below.jump.jump.depth
        self.jump = below.jump.jump if equal else below


def ancestor(frame: Frame[T], depth: int) -> Frame[T]:
    """The ancestor at a depth no greater than the frame's own."""
    while frame.depth > depth:
        # A jump that would go past the depth is not taken: the frame just below has shorter ones.
        frame = frame.jump if frame.jump.depth >= depth else _below(frame)
    return frame


def common(first: Frame[T], second: Frame[T]) -> Frame[T]:
    """The lowest common ancestor of two frames of one tree."""
    depth = min(first.depth, second.depth)
    first, second = ancestor(first, depth), ancestor(second, depth)
    while first is not second:
        if first.jump is not second.jump:  # frames of one depth have jumps of one depth
            first, second = first.jump, second.jump
        else:
            first, second = _below(first), _below(second)
    return first


class PostDominators:
    """Which steps every way from a step to the end goes through. Edges from a step to itself do not count."""

    def __init__(self, flow: Flow) -> None:
        """The steps of the flow must be in topological order."""
        root: Frame[str | None] = Frame(None, None)
        self._frames: dict[str, Frame[str | None]] = {}
        for step in reversed(flow.steps):
            # In reverse topological order every follower has its frame already. What all ways from a step have in
            # common is what the ways from its followers have in common: their lowest common ancestor.
            followers = [self._frames[target] for target in step.targets]
            meet = reduce(common, followers) if followers else root
            self._frames[step.name] = Frame(step.name, meet)

    def nearest(self, step: str) -> str | None:
        """The first of them; `None` where there is none."""
        return _below(self._frames[step]).value

    def passes(self, step: str, through: str) -> bool:
        """Whether every way from `step` goes through another."""
        # `through` is on every way if it is an ancestor: the one at its own depth.
        frame, target = self._frames[step], self._frames[through]
        return frame.depth >= target.depth and ancestor(frame, target.depth) is target


class Dominators:
    """Which steps every way from the start to a step goes through."""

    def __init__(self, flow: Flow) -> None:
        """The steps of the flow must be in topological order."""
        self._frames: dict[str, Frame[str]] = {}
        for step in flow.steps:
            leading = [self._frames[parent] for parent in step.parents]
            self._frames[step.name] = Frame(step.name, reduce(common, leading) if leading else None)

    def nearest(self, step: str) -> str | None:
        """The last of them; `None` for the start."""
        below = self._frames[step].below
        return below.value if below is not None else None

    def first_after(self, opener: str, step: str) -> str:
        """Of the steps behind `opener` that every way from it to `step` goes through, the first."""
        return ancestor(self._frames[step], self._frames[opener].depth + 1).value


def _below(frame: Frame[T]) -> Frame[T]:
    assert frame.below is not None, "the frames are of different trees"
    return frame.below


SplitKind = Literal["branch", "foreach", "parallel", "switch"]


class _Open(NamedTuple):
    """An open split: one arm of a branch or switch, or the body of a foreach or gang."""

    opener: str
    arm: str
    kind: SplitKind

    @property
    def scope_id(self) -> str:
        return self.opener if self.kind in {"foreach", "parallel"} else f"{self.opener}/{self.arm}"


_Stack = Frame[_Open]
_ROOT = _Open("", "", "branch")


def build_scopes(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Fill in `scopes`, each step's `scope` and each join's `closes` and `arms`. Needs topological order.

    Collects FC207 (not joined), FC208 (joins wrongly), FC210 (inputs without split), FC212 (empty foreach body) and
    FC218 (a switch leads straight into a join).
    """
    builder = _Builder(flow, sink)
    for step in flow.steps:
        builder.place(step)
    return builder.finish()


class _Builder:
    def __init__(self, flow: Flow, sink: DiagnosticSink) -> None:
        self._flow = flow
        self._sink = sink
        self._root = Frame(_ROOT, None)
        self._inside: dict[str, _Stack] = {}
        """The stack at each placed step; absent for steps that could not be placed."""
        self._split: dict[_Stack, _Stack] = {self._root: self._root}
        """Each frame's nearest frame, itself included, that is not an arm of a switch."""
        self._frames: dict[str, _Stack] = {}
        self._joins: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {}
        """Join to what it closes, and its parents by arm."""
        self._after = PostDominators(flow)
        self._before = Dominators(flow) if flow.frontend == "pipeline" else None
        self._unstructured = _unstructured_branches(flow, self._before, self._after) if self._before else set[str]()
        self._broken = False

    def place(self, step: Step) -> None:
        """Find the stack of one step from its parents'."""
        # What kept a parent from being placed was reported there; each of its followers would only repeat it.
        if any(parent not in self._inside for parent in step.parents):
            self._broken = True
            return
        arrivals = [self._arrival(parent, step.name) for parent in step.parents]
        if step.kind == "join" and self._before is not None and len(arrivals) > 1:
            self._place_join_of_calls(step, self._before)
        elif step.kind == "join":
            self._place_join(step, arrivals)
        elif len(arrivals) > 1:
            self._place_merge(step, arrivals)
        else:
            self._inside[step.name] = arrivals[0] if arrivals else self._root
        if step.name == self._flow.end and step.name in self._inside:
            self._report_open(step)

    def _arrival(self, parent: str, target: str) -> _Stack:
        """The stack on the edge from a parent: its own, with the split that it opens on top."""
        step = self._flow.by_name[parent]
        below = self._inside[parent]
        # An unstructured branch opens no scope: its arms depend on each other, so none of them is a region.
        if parent in self._unstructured:
            return below
        if step.kind == "linear" or step.kind == "join":  # noqa: PLR1714 (so that the type checker knows the rest)
            return below
        return self._push(_Open(parent, target, step.kind), below)

    def _push(self, split: _Open, below: _Stack) -> _Stack:
        # One frame per scope, so that two stacks can be compared by identity of their tops.
        known = self._frames.get(split.scope_id)
        if known is None:
            known = self._frames[split.scope_id] = Frame(split, below)
            self._split[known] = self._split[below] if split.kind == "switch" else known
        return known

    def _place_merge(self, step: Step, arrivals: list[_Stack]) -> None:
        """A step that takes no inputs and has several parents: arms of a switch come together in it."""
        meet = arrivals[0]
        for arrival in arrivals[1:]:
            meet = common(meet, arrival)
        # Ways may meet only within one switch: below the point where their stacks part, each has nothing but arms of
        # switches. A branch or foreach in between would have to be joined first.
        if any(self._split[arrival] is not self._split[meet] for arrival in arrivals) or meet in arrivals:
            fan_outs = [name for name in step.parents if self._flow.by_name[name].kind in {"foreach", "parallel"}]
            self._error(
                "FC210",
                f"step `{step.name}` is the body of `{fan_outs[0]}`'s fan-out, and other steps lead to it, too"
                if fan_outs else f"{_listed(step.parents)} lead to step `{step.name}`, which takes no inputs",
                step,
                "lead all of them to one step, and fan out from there" if fan_outs else
                f"make it a join: `def {step.name}(self, inputs)`",
                Fix("parameter", step.name, "inputs") if not fan_outs and self._could_join(arrivals) else None,
            )  # fmt: skip
            return
        opener = ancestor(arrivals[0], meet.depth + 1).value.opener
        # If every way from the switch comes through here, its arms end. If only some do, the step begins another arm of
        # the same switch, beside those that lead to it.
        if self._after.nearest(opener) == step.name:
            self._inside[step.name] = meet
        else:  # some arms go elsewhere
            self._inside[step.name] = self._push(_Open(opener, step.name, "switch"), meet)

    def _place_join(self, step: JoinStep, arrivals: list[_Stack]) -> None:
        switches = [parent for parent in step.parents if self._flow.by_name[parent].kind == "switch"]
        if switches:
            self._error(
                "FC218", f"the switch `{switches[0]}` leads straight into the join `{step.name}`", step,
                "put a step between them: a switch cannot be the end of its own arm",
            )  # fmt: skip
            return
        # Of the arms of a switch only one runs, so they may end in a join: only the splits around them must be equal.
        splits = [self._split[arrival] for arrival in arrivals]
        openers = {split.value.opener for split in splits}
        if not arrivals or self._root in splits:
            self._error(
                "FC208", f"the join `{step.name}` has nothing to join", step,
                f"no branch or foreach is open here: write `def {step.name}(self)`",
            )  # fmt: skip
            return
        if len(openers) > 1:
            self._error(
                "FC208", f"the join `{step.name}` joins arms of different splits: {_listed(sorted(openers))}", step,
                "join the inner split first, in a step of its own",
            )  # fmt: skip
            return
        opener = self._flow.by_name[openers.pop()]
        below = splits[0].below
        if opener.kind != "branch" and opener.name in step.parents:
            what = "gang" if opener.kind == "parallel" else "foreach"
            self._error(
                "FC212", f"the {what} of `{opener.name}` leads straight into the join `{step.name}`", step,
                f"put a step between them that does the work, or let `{step.name}` be it, without a second argument",
            )  # fmt: skip
        elif self._arms_complete(step, opener, arrivals, splits) and below is not None:
            self._joins[step.name] = (opener.name, _arms(step, opener, splits))
            self._inside[step.name] = below  # the join itself is outside of what it closes

    def _place_join_of_calls(self, step: JoinStep, before: Dominators) -> None:
        """A join in a pipeline, where several may join a branch: it closes the nearest step before all its parents."""
        # Calls make any acyclic graph: what a join closes is the nearest split that lies on every way to it.
        opener = before.nearest(step.name)
        assert opener is not None, "a join has parents"
        # Inputs come in the order of the arms, in which the calls stand in the file, not in that of the edges.
        order = {target: index for index, target in enumerate(self._flow.by_name[opener].targets)}
        arms = {parent: before.first_after(opener, parent) for parent in step.parents}
        parents = sorted(step.parents, key=lambda parent: order.get(arms[parent], len(order)))
        self._joins[step.name] = (opener, tuple((parent,) for parent in parents))
        self._inside[step.name] = self._inside[opener]

    def _arms_complete(self, step: JoinStep, opener: Step, arrivals: list[_Stack], splits: list[_Stack]) -> bool:
        arms = {split.value.arm for split in splits}
        missing = [arm for arm in opener.targets if arm not in arms]
        if missing:
            self._error(
                "FC207", f"the join `{step.name}` leaves out {_listed(missing)} of the branch at `{opener.name}`", step,
                f"lead every arm to it: `self.next(self.{step.name})`",
            )  # fmt: skip
            return False
        if len(set(arrivals)) < len(arrivals):
            self._error(
                "FC208", f"two steps of one arm lead to the join `{step.name}`", step,
                "join the inner split first, in a step of its own",
            )  # fmt: skip
            return False
        # All arms lead here, but within an arm a switch may lead past the join: then a run could miss an input.
        if not self._after.passes(opener.name, step.name):
            self._error(
                "FC207", f"not every path from `{opener.name}` leads to the join `{step.name}`", step,
                "bring the arms of a switch together before the join, or lead them all to the same join",
            )  # fmt: skip
            return False
        return True

    def _report_open(self, end: Step) -> None:
        """A split that is open at the end step was never joined."""
        split = self._split[self._inside[end.name]]
        while split is not self._root:
            opener = self._flow.by_name[split.value.opener]
            what = {"branch": "branch", "foreach": "foreach"}.get(split.value.kind, "gang")
            self._broken = True
            self._sink.error(
                "FC207", f"the {what} at step `{opener.name}` is never joined", opener.next_span,
                help="end its steps in a join: `def join(self, inputs)`",
            )  # fmt: skip
            assert split.below is not None
            split = self._split[split.below]

    def _could_join(self, arrivals: list[_Stack]) -> bool:
        """Whether these are the ends of all arms of one split, so that a join here would close it."""
        splits = {self._split[arrival] for arrival in arrivals}
        openers = {split.value.opener for split in splits}
        if self._root in splits or len(openers) != 1 or len(splits) < len(arrivals):
            return False
        return {split.value.arm for split in splits} == set(self._flow.by_name[openers.pop()].targets)

    def _error(self, code: str, message: str, step: Step, help_text: str, fix: Fix | None = None) -> None:
        self._broken = True
        self._sink.error(code, message, step.span, help=help_text, fix=fix)

    def finish(self) -> Flow | None:
        """The flow with its scopes, or `None` when a step could not be placed."""
        if self._broken:
            return None
        members: dict[str, list[str]] = {ROOT_SCOPE: []}
        steps: list[Step] = []
        for step in self._flow.steps:
            scope = self._scope_id(self._inside[step.name])
            members.setdefault(scope, []).append(step.name)
            # A copy costs more than the whole search for a place, and most steps keep what they have.
            update: dict[str, object] = {"scope": scope} if scope != step.scope else {}
            if step.kind == "join":
                update["closes"], update["arms"] = self._joins[step.name]
                if self._before is not None:
                    update["parents"] = tuple(parent for arm in self._joins[step.name][1] for parent in arm)
            steps.append(step.model_copy(update=update) if update else step)
        closers = {opener: join for join, (opener, _) in self._joins.items()}
        scopes = [Scope.model_construct(id=ROOT_SCOPE, kind="root", steps=tuple(members[ROOT_SCOPE]))]
        for frame in self._by_region() if self._before else sorted(self._frames.values(), key=lambda item: item.depth):
            split = frame.value
            # An arm of a switch whose first step is where the arms meet has no steps, and so no scope.
            if split.scope_id in members or split.kind != "switch":
                scopes.append(self._scope(frame, tuple(members.get(split.scope_id, ())), closers))
        return self._flow.model_copy(update={"steps": tuple(steps), "scopes": tuple(scopes)})

    def _by_region(self) -> list[_Stack]:
        """The frames of a pipeline: each region with the arms of its branches, then the regions inside of it."""
        region_of = {self._root: self._root}
        arms: dict[_Stack, list[_Stack]] = {self._root: []}
        inner: dict[_Stack, list[_Stack]] = {self._root: []}
        for frame in self._frames.values():
            assert frame.below is not None
            region = region_of[frame.below]
            if frame.value.kind == "branch":
                region_of[frame] = region
                arms[region].append(frame)
            else:
                region_of[frame] = frame
                arms[frame], inner[frame] = [frame], []
                inner[region].append(frame)
        found: list[_Stack] = []
        pending = [self._root]
        while pending:
            region = pending.pop()
            found += arms[region]
            pending += reversed(inner[region])
        return found

    def _scope(self, frame: _Stack, steps: tuple[str, ...], closers: dict[str, str]) -> Scope:
        split = frame.value
        assert frame.below is not None
        closer = closers.get(split.opener)
        if split.kind == "switch":
            meet = self._after.nearest(split.opener)
            closer = meet if meet is not None and self._inside[meet] is self._inside[split.opener] else None
        return Scope.model_construct(
            id=split.scope_id,
            kind=split.kind,
            parent=self._scope_id(frame.below),
            opener=split.opener,
            closer=closer,
            steps=steps,
        )

    def _scope_id(self, frame: _Stack) -> str:
        return ROOT_SCOPE if frame is self._root else frame.value.scope_id


def _unstructured_branches(flow: Flow, before: Dominators, after: PostDominators) -> set[str]:
    """The branches whose arms depend on each other, or are joined by several steps, or further out only."""
    found: set[str] = set()
    for step in flow.steps:
        if step.kind == "branch":
            join = after.nearest(step.name)
            # Structured means that both trees agree: the step that all ways from the branch meet in is dominated by it.
            # If another step dominates that one, a way from elsewhere leads into an arm.
            if join is not None and before.nearest(join) != step.name:
                found.add(step.name)
        elif step.kind == "join" and len(step.parents) > 1:
            opener = before.nearest(step.name)
            if opener is not None and after.nearest(opener) != step.name:
                found.add(opener)
    return found


def _arms(step: JoinStep, opener: Step, splits: list[_Stack]) -> tuple[tuple[str, ...], ...]:
    """The join's parents, those that end one arm together, in the order of the opener's targets."""
    groups: dict[str, list[str]] = {target: [] for target in opener.targets}
    for parent, split in zip(step.parents, splits, strict=True):
        groups[split.value.arm].append(parent)
    return tuple(tuple(group) for group in groups.values())


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
