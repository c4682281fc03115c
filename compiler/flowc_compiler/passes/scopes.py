"""Scopes: which branch arms and foreach bodies each step stands in, and which split each join closes.

Every step has a stack of the splits that are open before it. The stacks are linked lists that share their tails, and a
step looks at the tops of its parents' stacks only, so that the work is linear in edges, however many diamonds stand in
a row (Metaflow's check enumerates paths and doubles with each).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import ROOT_SCOPE, Flow, JoinStep, Scope, Step


@dataclass(frozen=True, eq=False)
class _Frame:
    """An open split: one arm of a branch, or the body of a foreach. `below` is the split around it."""

    opener: str
    arm: str
    kind: Literal["branch", "foreach"]
    below: _Frame | None

    @property
    def scope_id(self) -> str:
        return self.opener if self.kind == "foreach" else f"{self.opener}/{self.arm}"


def build_scopes(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Fill in `scopes`, each step's `scope` and each join's `closes`. Needs topological order.

    Collects FC207 (not joined), FC208 (joins wrongly), FC210 (inputs without split), FC212 (empty foreach body).
    """
    builder = _Builder(flow, sink)
    for step in flow.steps:
        builder.place(step)
    return builder.finish()


class _Builder:
    def __init__(self, flow: Flow, sink: DiagnosticSink) -> None:
        self._flow = flow
        self._sink = sink
        self._inside: dict[str, _Frame | None] = {}
        """The innermost open split at each placed step; absent for steps that could not be placed."""
        self._closes: dict[str, str] = {}
        self._frames: dict[str, _Frame] = {}
        self._broken = False

    def place(self, step: Step) -> None:
        """Find the stack of one step from its parents'."""
        if any(parent not in self._inside for parent in step.parents):
            self._broken = True
            return
        arrivals = [self._arrival(parent, step.name) for parent in step.parents]
        if step.kind == "join":
            self._place_join(step, arrivals)
        elif len(arrivals) > 1:
            self._error(
                "FC210", f"{_listed(step.parents)} lead to step `{step.name}`, which takes no inputs", step,
                f"make it a join: `def {step.name}(self, inputs)`",
            )  # fmt: skip
        else:
            self._inside[step.name] = arrivals[0] if arrivals else None
        if step.name == self._flow.end and self._inside.get(step.name) is not None:
            self._report_open(step)

    def _arrival(self, parent: str, target: str) -> _Frame | None:
        """The stack on the edge from a parent: its own, with the split that it opens on top."""
        step = self._flow.by_name[parent]
        below = self._inside[parent]
        if step.kind not in {"branch", "foreach"}:
            return below
        kind: Literal["branch", "foreach"] = "branch" if step.kind == "branch" else "foreach"
        frame = _Frame(parent, target, kind, below)
        return self._frames.setdefault(frame.scope_id, frame)

    def _place_join(self, step: JoinStep, arrivals: list[_Frame | None]) -> None:
        tops = {frame.opener for frame in arrivals if frame is not None}
        if not arrivals or None in arrivals or not tops:
            self._error(
                "FC208", f"the join `{step.name}` has nothing to join", step,
                f"no branch or foreach is open here: write `def {step.name}(self)`",
            )  # fmt: skip
            return
        if len(tops) > 1:
            self._error(
                "FC208", f"the join `{step.name}` joins arms of different splits: {_listed(sorted(tops))}", step,
                "join the inner split first, in a step of its own",
            )  # fmt: skip
            return
        opener = self._flow.by_name[tops.pop()]
        frame = arrivals[0]
        assert frame is not None
        if not self._arms_complete(step, opener, [item.arm for item in arrivals if item]):
            return
        if opener.kind == "foreach" and opener.name in step.parents:
            self._error(
                "FC212", f"the foreach of `{opener.name}` leads straight into the join `{step.name}`", step,
                "put a step between them that does the work of one item",
            )  # fmt: skip
            return
        self._closes[step.name] = opener.name
        self._inside[step.name] = frame.below

    def _arms_complete(self, step: JoinStep, opener: Step, arms: list[str]) -> bool:
        if opener.kind == "foreach" and len(arms) > 1:
            self._error(
                "FC208", f"{_listed(step.parents)} of one foreach body lead to the join `{step.name}`", step,
                "join the branch inside of the body first",
            )  # fmt: skip
            return False
        missing = [arm for arm in opener.targets if arm not in arms]
        if missing:
            self._error(
                "FC207", f"the join `{step.name}` leaves out {_listed(missing)} of the branch at `{opener.name}`", step,
                f"lead every arm to it: `self.next(self.{step.name})`",
            )  # fmt: skip
            return False
        if len(arms) > len(set(arms)):
            self._error(
                "FC208", f"two steps of one arm lead to the join `{step.name}`", step,
                "join the inner split first, in a step of its own",
            )  # fmt: skip
            return False
        return True

    def _report_open(self, end: Step) -> None:
        frame = self._inside[end.name]
        while frame is not None:
            opener = self._flow.by_name[frame.opener]
            what = "foreach" if frame.kind == "foreach" else "branch"
            self._sink.error(
                "FC207", f"the {what} at step `{opener.name}` is never joined", opener.next_span,
                help="end its steps in a join: `def join(self, inputs)`",
            )  # fmt: skip
            frame = frame.below
        self._broken = True

    def _error(self, code: str, message: str, step: Step, help_text: str) -> None:
        self._broken = True
        self._sink.error(code, message, step.span, help=help_text)

    def finish(self) -> Flow | None:
        """The flow with its scopes, or `None` when a step could not be placed."""
        if self._broken:
            return None
        members: dict[str, list[str]] = {ROOT_SCOPE: []}
        steps: list[Step] = []
        for step in self._flow.steps:
            frame = self._inside[step.name]
            scope = frame.scope_id if frame else ROOT_SCOPE
            members.setdefault(scope, []).append(step.name)
            update = {"scope": scope}
            if step.kind == "join":
                update["closes"] = self._closes[step.name]
            steps.append(step.model_copy(update=update))
        closers = {opener: join for join, opener in self._closes.items()}
        scopes = [Scope(id=ROOT_SCOPE, kind="root", steps=tuple(members[ROOT_SCOPE]))]
        for frame in self._frames.values():
            scopes.append(
                Scope(
                    id=frame.scope_id,
                    kind=frame.kind,
                    parent=frame.below.scope_id if frame.below else ROOT_SCOPE,
                    opener=frame.opener,
                    closer=closers.get(frame.opener),
                    steps=tuple(members.get(frame.scope_id, ())),
                )
            )
        return self._flow.model_copy(update={"steps": tuple(steps), "scopes": tuple(scopes)})


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
