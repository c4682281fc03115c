"""What is said about artifacts that a step does not have, and about steps that do with them what they cannot."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import Fix, Suggestion, suggest
from flowc_compiler.frontend.classflow.artifact_checks import FIXED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import CalledFlow, Flow, JoinStep, Step, SwitchStep
    from flowc_compiler.ir.artifact_effects import (
        ArtifactRead,
        FlowEffects,
        InputRead,
        Merge,
        Place,
        StepEffects,
        TypeProblem,
    )
    from flowc_compiler.ir.specs import Spec
    from flowc_compiler.passes.artifact_flow import Lost

_LISTED = 3
_CASES = 10
_LISTED_INPUTS = 8
_MOST_COMPARISONS = 20_000
"""Names that all wrong names of a flow are compared with: each takes up to 40 microseconds."""
Names = Callable[[], Iterable[str]]
"""Computes names when they are needed."""


class ArtifactReports:
    """Collects the diagnostics of one flow, each place once."""

    def __init__(self, flow: Flow, effects: FlowEffects, sink: DiagnosticSink) -> None:
        self._flow = flow
        self._effects = effects
        self._sink = sink
        self._seen: set[tuple[str, str, int]] = set()
        self._comparisons = _MOST_COMPARISONS

    @cached_property
    def _setters(self) -> dict[str, dict[str, None]]:
        """Each artifact that a step sets, with these steps, in the order of the flow."""
        found: dict[str, dict[str, None]] = {}
        for step in self._flow.steps:
            for name in sorted(self._effects.of(step.name).sets):
                found.setdefault(name, {})[step.name] = None
        return found

    @cached_property
    def _known(self) -> list[str]:
        """What a wrong name may have been meant to be."""
        return list(dict.fromkeys([*self._setters, *self._effects.protected]))

    def _suggest(self, wrong: str, known: Iterable[str], otherwise: str) -> Suggestion:
        """Whether a name was meant to be another. Of thousands of errors the last ones are not compared with all."""
        names = list(known) if self._comparisons > 0 else []
        self._comparisons -= len(names)
        return suggest(wrong, [name for name in names if name != wrong], otherwise, 0.75)

    def _first(self, code: str, name: str, place: Place) -> bool:
        """Whether a place was not reported before: several steps may call one helper."""
        key = (code, name, id(place.node))
        known = key in self._seen
        self._seen.add(key)
        return not known

    def unset(self, step: Step, read: ArtifactRead, lost: Lost) -> bool:
        """FC317 and FC318: a step reads what it does not have. Returns whether it is reported."""
        name, place = read.name, read.place
        everywhere = self._setters.get(name, {})
        if name.startswith("_") and not everywhere:
            return False  # perhaps an attribute of Metaflow's own
        if not self._first("FC317", name, place):
            return True
        shown = {"self": f"reads `self.{name}`", "call": f"calls `self.{name}`", "foreach": f"fans out over `{name}`"}
        action = shown.get(read.how, f"chooses the next step by `{name}`")
        if lost.is_lost:
            self._lost(step, read, lost, action)
        elif lost.setters and lost.deleted is not None:
            message = f"step `{step.name}` {action}, which step `{lost.deleted}` deletes"
            self._sink.error("FC317", message, place.span, help=f"keep it there, or set it again: `self.{name} = ...`")
        elif everywhere.keys() - {step.name}:
            some = [other for other in islice(everywhere, _LISTED + 1) if other != step.name]
            set_by = _set_by(some, len(everywhere) - (step.name in everywhere))
            message = f"step `{step.name}` {action}, which only {set_by}, and no path leads here from there"
            where = f"in a step before this one, such as `{step.parents[0]}`" if step.parents else "here before"
            near = [other for other in self._known if step.name in self._setters.get(other, ())]
            help_text = self._suggest(name, near, f"set it {where}: `self.{name} = ...`").help
            self._sink.error("FC317", message, place.span, help=help_text)
        else:
            self._never_set(step, read, action)
        return True

    def not_handed_on(self, step: Step, name: str, call: CalledFlow) -> None:
        """FC317: a step hands an artifact on to the flow that it calls, and does not have it."""
        message = f"step `{step.name}` hands `{name}` on to flow {call.flow}, and does not have it"
        help_text = self._suggest(name, self._known, f"set it in the step: `self.{name} = ...`").help
        self._sink.error("FC317", message, call.span, help=help_text)

    def set_by_decorator(self, decorator: str, name: str, spec: Spec) -> None:
        """FC321 and FC305: a decorator would set what no step can set, a parameter for example, or `self.input`."""
        kind = self._effects.protected.get(name)
        if kind is not None:
            what = "an attribute of the class" if kind == "constant" else f"a {kind}"
            message = f"`{decorator}` sets `self.{name}`, which is {what} and cannot be changed"
            self._sink.error("FC321", message, spec.span, help="choose another name for what it sets")
        elif name in FIXED:
            message = f"`{decorator}` cannot set `self.{name}`: it is FlowSpec's, {FIXED[name]}"
            self._sink.error("FC305", message, spec.span, help="choose another name for what it sets")

    def _never_set(self, step: Step, read: ArtifactRead, action: str) -> None:
        name, span = read.name, read.place.span
        if name == "inputs":
            self._self_inputs(step, read, action)
            return
        effects = self._effects.of(step.name)
        augmented = isinstance(getattr(read.place.node, "ctx", None), ast.Store) and effects.stores[name] == 1
        late = name in effects.sets and not augmented
        unset = "is no method, and which no step sets" if read.how == "call" else "no step sets"
        message = f"step `{step.name}` {action}, which {'it sets only afterwards' if late else unset}"
        otherwise = f"set it before: `self.{name} = ...`, here or in a step that leads here"
        help_text, fix = self._suggest(name, self._named_like(read), otherwise)
        fix = Fix("artifact", fix.old, fix.new) if fix is not None else None
        self._sink.error("FC317", message, span, help=help_text, fix=None if late else fix)

    def _named_like(self, read: ArtifactRead) -> Iterable[str]:
        """What a wrong name may have been meant to be: a method where it is called, else no method."""
        if read.how != "call":
            return self._known
        return [*self._known, *sorted(self._effects.known - self._flow.by_name.keys() - self._effects.protected.keys())]

    def _self_inputs(self, step: Step, read: ArtifactRead, action: str) -> None:
        message = f"step `{step.name}` {action}, and no artifact has that name: a join gets its inputs as an argument"
        if read.inputs:
            fix = Fix("replace", read.place.source.code(read.place.node), read.inputs)
            help_text = f"write `{read.inputs}` without `self.`"
        elif step.kind == "join":
            help_text, fix = "give this function the join's `inputs` as an argument, and read that", None
        else:
            help_text, fix = "only a join has inputs: read an artifact of this step, `self.artifact`", None
        self._sink.error("FC317", message, read.place.span, help=help_text, fix=fix)

    def _lost(self, step: Step, read: ArtifactRead, lost: Lost, action: str) -> None:
        """A join has nothing of what its inputs have, but what it takes over."""
        name = read.name
        if lost.join is None or not lost.setters:
            message = f"step `{step.name}` {action}, which a join before loses"
            help_text = f"take it over in the join: `self.{name} = inputs[0].{name}`, or `self.merge_artifacts(inputs)`"
            self._sink.error("FC318", message, read.place.span, help=help_text)
            return
        join = self._flow.by_name[lost.join]
        assert join.kind == "join"
        is_same = self._is_same(join, lost)
        source = self._source(join, lost, name, is_same=is_same)
        if join.name == step.name and not lost.holders:
            self._sink.error(
                "FC318", f"step `{step.name}` {action}, which none of the inputs of this join has", read.place.span,
                help=f"set it in the steps that lead here: {_set_by(lost.setters)} it too early",
            )  # fmt: skip
            return
        if join.name == step.name:
            message = f"step `{step.name}` {action}, and a join has what {_set_by(lost.setters)} in its inputs only"
            help_text = f"read it from an input, `{source}`, or take it over before: `self.{name} = {source}`"
        else:
            message = f"step `{step.name}` {action}, which {_set_by(lost.setters)} and the join `{join.name}` loses"
            help_text = f"take it over in `{join.name}`: `self.{name} = {source}`"
            if is_same or (len(lost.holders) == 1 and self._flow.by_name[join.closes].kind == "branch"):
                help_text += f', or `self.merge_artifacts(inputs, include=["{name}"])`'
        fix = Fix("insert", join.name, f"self.{name} = {source}") if is_same and lost.holders else None
        self._sink.error("FC318", message, read.place.span, help=help_text, fix=fix)

    def _source(self, join: JoinStep, lost: Lost, name: str, *, is_same: bool) -> str:
        """What to write in a join for an artifact of its inputs."""
        if self._flow.by_name[join.closes].kind != "branch":
            return f"inputs[0].{name}" if is_same else f"[i.{name} for i in inputs]"
        return f"inputs.{lost.holders[0]}.{name}" if lost.holders else f"inputs[0].{name}"

    def _is_same(self, join: JoinStep, lost: Lost) -> bool:
        """Whether all inputs have the same value: no step behind the one that opens the branches sets it."""
        opened = self._order[join.closes]
        return all(self._order[setter] <= opened for setter in lost.setters)

    @cached_property
    def _order(self) -> dict[str, int]:
        return {step.name: number for number, step in enumerate(self._flow.steps)}

    def deleted(self, step: Step, read: ArtifactRead) -> None:
        """FC317: a step reads what it has deleted itself."""
        if self._first("FC317", read.name, read.place):
            message = f"step `{step.name}` reads `self.{read.name}`, which it has deleted before"
            help_text = f"delete it behind the last use, or set it again: `self.{read.name} = ...`"
            self._sink.error("FC317", message, read.place.span, help=help_text)

    def set_on_some(self, step: Step, read: ArtifactRead, path: Sequence[str]) -> None:
        """FC319: an arm of a switch leads to a step without an artifact that the step reads."""
        if not self._first("FC319", read.name, read.place):
            return
        name = read.name
        if len(path) > _LISTED:
            shown = f"the path {_arrows(path[:2])} -> ... -> {_arrows([path[-1], step.name])}"
        else:
            shown = f"the path {_arrows([*path, step.name])}" if path else "every path"
        there = next((item for item in path[:2] if self._flow.by_name[item].kind != "switch"), "".join(path[:1]))
        where = f"set it there too, `self.{name} = ...` in step `{there}`" if there else "set it on each of them"
        may_be_none = read.how == "self" and not isinstance(getattr(read.place.node, "ctx", None), ast.Store)
        self._sink.warning(
            "FC319", f"step `{step.name}` reads `self.{name}`, which is not set on {shown}", read.place.span,
            help=f"{where}, or read `getattr(self, '{name}', None)`" if may_be_none else where,
        )  # fmt: skip

    def not_of_inputs(self, join: JoinStep, item: InputRead, others: Sequence[str], near: Names) -> bool:
        """FC317: a join reads from its inputs what they do not have. Returns whether an edit is certain: every one of
        the reads needs it.
        """
        if not self._first("FC317", item.name, item.place):
            return True
        if item.arm and others:
            has = "has" if len(others) == 1 else "have"
            message = (
                f"the join `{join.name}` reads `{item.name}` from `{item.arm}`, and only {_steps(others)} {has} it"
            )
            help_text, fix = f"read it there: `inputs.{others[0]}.{item.name}`", None
        else:
            of = f"`{item.arm}`, which does not have it" if item.arm else "its inputs, and none of them has it"
            message = f"the join `{join.name}` reads `{item.name}` from {of}"
            arms = [item.arm] if item.arm else join.parents
            otherwise = f"set it before the join: `self.{item.name} = ...` in {_steps(arms)}"
            help_text, fix = self._suggest(item.name, near(), otherwise)
        self._sink.error("FC317", message, item.place.span, help=help_text, fix=fix)
        return fix is not None

    def not_merged(self, join: JoinStep, name: str, place: Place, near: Names) -> None:
        """FC317: `merge_artifacts` is to take over what no input has."""
        message = f"the join `{join.name}` merges `{name}`, which none of its inputs has"
        otherwise = f"remove it from `include`, or set it before the join: `self.{name} = ...`"
        self._sink.error("FC317", message, place.span, help=self._suggest(name, near(), otherwise).help)

    def conflict(
        self, join: JoinStep, name: str, merge: Merge, setters: tuple[str, str], values: tuple[object, object], arm: str
    ) -> None:
        """FC320: `merge_artifacts` finds two values; `arm` has the first."""
        place = merge.place
        if not self._first("FC320", name, place):
            return
        more = _left_out(merge, name)
        first, second = (f"{value!r:.30} in `{setter}`" for value, setter in zip(values, setters, strict=True))
        self._sink.error(
            "FC320", f"`merge_artifacts` in `{join.name}` fails: `{name}` is {first} and {second}", place.span,
            help=f"choose one before it, `self.{name} = inputs.{arm}.{name}`, or {more}",
        )  # fmt: skip

    def conflict_of_items(self, join: JoinStep, name: str, merge: Merge, setter: str, what: str) -> None:
        """FC320: `merge_artifacts` finds what differs in all tasks of a foreach."""
        if self._first("FC320", name, merge.place):
            self._sink.error(
                "FC320", f"`merge_artifacts` in `{join.name}` fails: `{name}` is {what}, as step `{setter}` sets it",
                merge.place.span,
                help=f"collect all before it, `self.{name} = [i.{name} for i in inputs]`, or {_left_out(merge, name)}",
            )  # fmt: skip

    def written(self, step: Step, name: str, place: Place) -> None:
        """FC321: a step sets what every step only reads."""
        kind = self._effects.protected[name]
        what = "an attribute of the class" if kind == "constant" else f"a {kind}"
        if self._first("FC321", name, place):
            deletes = isinstance(getattr(place.node, "ctx", None), ast.Del)
            verb = "deletes" if deletes else "sets"
            message = f"step `{step.name}` {verb} `self.{name}`, which is {what} and cannot be changed"
            help_text = f"use another name: `self.new_{name} = {_old_value(name, place)}...`"
            help_text = "remove this statement: every step has it" if deletes else help_text
            self._sink.error("FC321", message, place.span, help=help_text)

    def no_arm(self, join: JoinStep, name: str, place: Place) -> None:
        """FC226: a join has no such input."""
        if self._first("FC226", name, place):
            known = ", ".join(f"`inputs.{parent}`" for parent in join.parents[:_LISTED_INPUTS])
            more = f" and {len(join.parents) - _LISTED_INPUTS} more" if len(join.parents) > _LISTED_INPUTS else ""
            otherwise = f"its inputs are named by the steps that lead to it: {known}{more}"
            help_text, fix = self._suggest(name, join.parents, otherwise)
            if name == "failed":
                help_text, fix = "put `@foreach_options(min_success=0.9)` on the step that opens the foreach", None
            message = f"the join `{join.name}` has no input `{name}`"
            self._sink.error("FC226", message, place.span, help=help_text, fix=fix)

    def early_return(self, step: Step, place: Place) -> None:
        """FC227: a step may end without saying what follows."""
        if self._first("FC227", step.name, place):
            self._sink.error(
                "FC227", f"step `{step.name}` returns here before `self.next`, and the task fails", place.span,
                help="put what is to be skipped into an `if`, and let every path end in the one `self.next(...)`",
            )  # fmt: skip

    def no_list(self, variable: str, kind: str, found: StepEffects) -> None:
        """FC312: a foreach goes over what has no items."""
        place = found.fan_out_place
        if place is not None and self._first("FC312", variable, place):
            message = f"`{variable}`, which the foreach goes over, is {kind}"
            help_text = f"store a list: `self.{variable} = [...]`; for numbers, `list(range(...))`"
            if isinstance(found.fans_out_over, ast.FunctionDef):
                help_text = f"store what it returns by another name, and go over that: `self.rows = self.{variable}()`"
            self._sink.error("FC312", message, place.span, help=help_text)

    def no_case(self, step: SwitchStep, kind: str, found: StepEffects) -> None:
        """FC323: a switch chooses by a value that is none of its cases."""
        place = found.fan_out_place
        if place is not None:
            cases = ", ".join(f"{case.value!r:.30}" for case in step.cases[:_CASES])
            more = f" and {len(step.cases) - _CASES} more" if len(step.cases) > _CASES else ""
            message = f"`{step.variable}`, which the switch `{step.name}` chooses by, is {kind}"
            help_text = f"set it to the value of a case ({cases}{more}), or add a case for it"
            self._sink.error("FC323", message, place.span, help=help_text)

    def wrong_type(self, step: Step, problem: TypeProblem) -> None:
        """FC322: a step does with a value what it cannot do."""
        if not self._first("FC322", problem.message, problem.place):
            return
        otherwise = "set it to something else where it is set, or convert it here"
        help_text, fix = (
            self._suggest(problem.wanted, problem.known, otherwise) if problem.wanted else (otherwise, None)
        )
        message = f"{problem.message} (step `{step.name}`)"
        self._sink.error("FC322", message, problem.place.span, help=help_text, fix=fix)


def _left_out(merge: Merge, name: str) -> str:
    """How a call of `merge_artifacts` leaves an artifact out."""
    if merge.include:
        return f'remove "{name}" from `include`'
    return f'add "{name}" to `exclude`' if merge.exclude else f'add `exclude=["{name}"]`'


def _old_value(name: str, place: Place) -> str:
    """What a new value begins with, where an augmented assignment computes it of the old one."""
    source, span = place.source, place.span
    found = _AUGMENTED.match(source.text, source.offset(span.end_line, span.end_column))
    return f"self.{name} {found[1]} " if found else ""


_AUGMENTED = re.compile(r"\s*(\*\*|//|>>|<<|[-+*/%@&|^])=")


def _set_by(names: Sequence[str], count: int | None = None) -> str:
    """Steps that set something."""
    return f"{_steps(names, count)} {'sets' if (len(names) if count is None else count) == 1 else 'set'}"


def _arrows(names: Sequence[str]) -> str:
    return " -> ".join(f"`{name}`" for name in names)


def _steps(names: Sequence[str], count: int | None = None) -> str:
    """Some steps; `count` of them, where these are not all."""
    count = len(names) if count is None else count
    listed = [f"`{name}`" for name in names[:_LISTED]]
    more = [f"{count - _LISTED} more"] if count > _LISTED else []
    *rest, last = [*listed, *more]
    return f"{', '.join(rest)} and {last}" if rest else f"step {last}"
