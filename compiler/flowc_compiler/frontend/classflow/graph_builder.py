"""The graph of a class flow: its steps while they are read, and the nodes and parents that they become."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowc_compiler.diagnostics import DiagnosticSink, Fix, suggest
from flowc_compiler.frontend.classflow.transitions import Transition
from flowc_compiler.ir import (
    BranchStep,
    ForeachStep,
    JoinStep,
    LinearStep,
    ParallelStep,
    Step,
    StepSpecs,
    SwitchStep,
)
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import ModuleView

if TYPE_CHECKING:
    from flowc_compiler.ir.model import StepWrapper


@dataclass(frozen=True)
class StepDraft:
    """A step before its edges are known to be right."""

    name: str
    span: Span
    doc: str
    joins: bool
    """Whether it takes `inputs`."""
    marks: frozenset[str]
    """`start` and `end`, as `@step(start=True)` says."""
    transition: Transition | None
    read_specs: Callable[[], StepSpecs]
    """Reads its decorators; called once, when the step is known to count (a base class's may be overridden)."""
    view: ModuleView
    wrappers: tuple[StepWrapper, ...] | None = None


class GraphBuilder:
    """The steps of one flow, in the order of the file."""

    def __init__(self, sink: DiagnosticSink) -> None:
        self._sink = sink
        self._drafts: dict[str, StepDraft] = {}
        self._malformed: set[str] = set()
        """Steps that are there and cannot be read: they count as known, so that one mistake is reported once."""
        self._missing: set[str] = set()
        """`start` and `end`, where FC206 has said that there is no such step."""
        self._endless: dict[str, tuple[str, Span]] = {}
        """Steps that do not say what follows them, with their `self` and span."""
        self.methods: set[str] = set()
        """The names of methods without `@step`."""
        self.broken = False
        """Whether an error makes the graph unknowable."""
        self.unseen = False
        """Whether a base class cannot be read: what is missing may be a step of it."""

    def __contains__(self, name: str) -> bool:
        return name in self._drafts

    def foreach_variables(self) -> dict[str, str]:
        """The variable of each foreach, by the step that opens it."""
        transitions = ((name, draft.transition) for name, draft in self._drafts.items())
        return {name: found.foreach for name, found in transitions if found is not None and found.foreach is not None}

    def add(self, draft: StepDraft) -> None:
        """Add a step; one of a base class with the same name is overridden."""
        self.forget(draft.name)
        self._drafts[draft.name] = draft

    def add_malformed(self, name: str) -> None:
        """Note a step that cannot be read."""
        self._malformed.add(name)
        self.broken = True

    def add_endless(self, name: str, self_name: str, span: Span) -> None:
        """Note a step without `self.next` that is not the end: FC202, when all steps are known."""
        self._endless[name] = (self_name, span)
        self.broken = True

    def forget(self, name: str) -> None:
        """A method that is not a step overrides the step of a base class."""
        self._drafts.pop(name, None)

    def ends(self, flow: str, where: Span) -> tuple[str | None, str | None]:
        """The names of the first and the last step; `None` for one with FC206 or FC217 collected."""
        return self._end("start", flow, where), self._end("end", flow, where)

    def _end(self, mark: str, flow: str, where: Span) -> str | None:
        """The step that is marked as `start` or `end`, else the one of that name (as in Metaflow 2.19).

        A step that is alone and leads nowhere is both.
        """
        if len(self._drafts) == 1 and not self._malformed:
            (only,) = self._drafts.values()
            if only.transition is None:
                return only.name
        marked = [draft for draft in self._drafts.values() if mark in draft.marks]
        if mark in self._drafts and self._drafts[mark] not in marked:
            marked.append(self._drafts[mark])
        if len(marked) == 1:
            return marked[0].name
        for draft in marked[1:]:
            self._sink.error(
                "FC217", f"`{marked[0].name}` and `{draft.name}` are both the {mark} step", draft.span,
                help=f"mark one step with `@step({mark}=True)`, or call it `{mark}`, and no other",
            )  # fmt: skip
        if not marked and mark not in self._malformed and not self.unseen:
            self._missing.add(mark)
            self._sink.error(
                "FC206", f"flow `{flow}` has no step `{mark}`", where,
                help=f"{self._way_to(mark)}, or mark a step with `@step({mark}=True)`",
            )  # fmt: skip
        return None

    def _way_to(self, name: str) -> str:
        """How a step comes about that is missing."""
        return (
            f"write `@step` above the method `{name}`"
            if name in self.methods
            else f"add a method `{name}` with `@step`"
        )

    def steps(self) -> list[Step]:
        """The steps, with their parents; unknown targets are collected as FC201."""
        parents: dict[str, list[str]] = {name: [] for name in self._drafts}
        for name, draft in self._drafts.items():
            for target, node in draft.transition.targets.items() if draft.transition else ():
                if target in parents:
                    if target != name or not draft.transition or draft.transition.condition is None:
                        parents[target].append(name)
                    continue
                self.broken = True
                if target not in self._malformed and target not in self._missing and not self.unseen:
                    otherwise = f"{self._way_to(target)}; the steps are {', '.join([*parents][:20])}"
                    known = () if target in self.methods else parents
                    help_text, fix = suggest(target, known, otherwise)
                    message = f"step `{name}` leads to `{target}`, which is not a step"
                    self._sink.error("FC201", message, draft.view.span(node), help=help_text, fix=fix)
        self._report_endless(parents)
        return [self._step(draft, tuple(parents[name])) for name, draft in self._drafts.items()]

    def _report_endless(self, parents: dict[str, list[str]]) -> None:
        """Collect FC202 for steps that do not say what follows them."""
        unreached = [name for name, found in parents.items() if not found and name != "start"]
        for name, (self_name, span) in self._endless.items():
            others = [other for other in unreached if other != name and not self._drafts[other].joins]
            certain = len(self._endless) == len(others) == 1 and not self._malformed and not self.unseen
            self._sink.error(
                "FC202", f"step `{name}` does not name the next step", span,
                help=f"end it with `{self_name}.next({self_name}.{others[0] if certain else 'some_step'})`",
                fix=Fix("next", name, others[0]) if certain else None,
            )  # fmt: skip

    def _step(self, draft: StepDraft, parents: tuple[str, ...]) -> Step:
        """The step of a draft. Its parts have been validated: this saves building a validator of all specs."""
        transition = draft.transition
        common: dict[str, Any] = {
            "name": draft.name,
            "span": draft.span,
            "doc": draft.doc,
            "specs": draft.read_specs(),
            "next_span": transition.span if transition else None,
            "parents": parents,
            "wrappers": draft.wrappers,
        }
        targets = tuple(transition.targets) if transition else ()
        first = next(iter(targets), None)
        if draft.joins:
            self._check_join(draft)
            return JoinStep.model_construct(target=first, **common)
        if transition is None or first is None:
            return LinearStep.model_construct(target=None, **common)
        if transition.condition is not None:
            return SwitchStep.model_construct(variable=transition.condition, cases=transition.cases, **common)
        if transition.foreach is not None:
            return ForeachStep.model_construct(variable=transition.foreach, target=first, **common)
        if transition.parallel:
            return ParallelStep.model_construct(num_parallel=transition.num_parallel, target=first, **common)
        if len(targets) > 1:
            return BranchStep.model_construct(targets=targets, **common)
        return LinearStep.model_construct(target=first, **common)

    def _check_join(self, draft: StepDraft) -> None:
        transition = draft.transition
        if transition is None:
            return
        if transition.foreach or transition.condition or transition.parallel or len(transition.targets) > 1:
            self.broken = True
            what = "is a switch, too" if transition.condition else "fans out again"
            self._sink.error(
                "FC210", f"the join `{draft.name}` {what}", transition.span,
                help="lead to one step from it, and branch or fan out there",
            )  # fmt: skip
