"""Which artifacts each step may have, solved over the graph: what is read and was never set, or is lost in a join.

A set of artifacts is an integer with a bit for each, so that a step costs a few operations on it. `may` has what a path
sets; `missed` what some path certainly does not set, of the paths through the switch before. A step that is not
followed may set anything, which ends the analysis behind it: only what is certain is reported.
"""

from __future__ import annotations

import ast
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.passes.artifact_reports import ArtifactReports
from flowc_compiler.passes.artifact_types import check_artifact_types
from flowc_compiler.passes.merge_conflicts import MergeConflicts, constant_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import CalledFlow, Flow, JoinStep, Step, SwitchStep
    from flowc_compiler.ir.artifact_effects import FlowEffects, Merge, StepEffects
    from flowc_compiler.ir.specs import Spec

_MOST_VISITS = 200_000
"""Steps and edges that all searches for names in messages may visit."""


def check_artifact_flow(flow: Flow, effects: FlowEffects, sink: DiagnosticSink) -> None:
    """Collect FC317 to FC323, FC226 and FC227, and FC312 for a foreach over what is not a list."""
    reports = ArtifactReports(flow, effects, sink)
    ArtifactFlow(flow, effects, reports).check()
    check_artifact_types(flow, effects, reports)


class State(NamedTuple):
    """Artifacts at one place."""

    may: int
    missed: int
    set_before: int = 0
    """What steps before have set, be it still there or not."""
    lost: int = 0
    """What a join before has not passed on."""


class ArtifactFlow:
    """The analysis of one flow."""

    def __init__(self, flow: Flow, effects: FlowEffects, reports: ArtifactReports) -> None:
        self._flow = flow
        self._effects = effects
        self._reports = reports
        self._bits: dict[str, int] = {}
        for step in flow.steps:
            found = effects.of(step.name)
            for names in (found.sets, found.reads, found.deletes, *(merge.include or () for merge in found.merges)):
                for name in names:
                    self._bits.setdefault(name, 1 << len(self._bits))
            for item in found.inputs:
                self._bits.setdefault(item.name, 1 << len(self._bits))
            catch, call = step.specs.catch, step.specs.called
            if catch is not None and catch.variable is not None:
                self._bits.setdefault(catch.variable, 1 << len(self._bits))
            for name in (*call.returns, *call.artifacts.values()) if call is not None else ():
                self._bits.setdefault(name, 1 << len(self._bits))
        self._all = (1 << len(self._bits)) - 1
        self._always = self.mask(effects.known)
        self._after: dict[str, State] = {}
        self._chosen = self._choices()
        self._visits = _MOST_VISITS
        self._conflicts = MergeConflicts(flow, effects, reports)
        self._parameters = {parameter.attribute: parameter for parameter in flow.parameters}

    def check(self) -> None:
        """Go over the steps once, in the order of the graph."""
        for step in self._flow.steps:
            found = self._effects.of(step.name)
            before = self._before(step, found)
            check_named(step, self._effects.protected, self._reports)
            caught = found.opaque or step.specs.catch is not None
            if not caught:
                before = self._check(step, found, before)
            self._after[step.name] = self._transfer(step, found, before)

    @property
    def bits(self) -> Mapping[str, int]:
        """The bit of each artifact."""
        return self._bits

    @property
    def after(self) -> Mapping[str, State]:
        """What each step may have when it ends, once it has been checked."""
        return self._after

    def _before(self, step: Step, found: StepEffects) -> State:
        """What a step may have when it begins."""
        state = self._inherited(step, found)
        if step.kind != "switch" or step.specs.approval is None:
            return state
        chosen = self.mask((step.variable,))  # a person sets it before the step begins
        return state._replace(may=state.may | chosen, missed=state.missed & ~chosen)

    def _inherited(self, step: Step, found: StepEffects) -> State:
        may, missed, set_before, lost = self._always, 0, 0, 0
        for parent in step.parents:
            state = self._after[parent]
            set_before, lost = set_before | state.set_before, lost | state.lost
        if step.kind == "join" or not step.parents:
            return State(may, self._all & ~may, set_before, lost)
        for parent in step.parents:
            state = self._after[parent]
            may |= state.may
            # Of two switches in a row the second may choose by what the first has chosen.
            at = self._flow.by_name[parent]
            if at.kind == "switch":
                missed |= self._all & ~state.may if self._may_choose(at, step.name) else 0
            else:
                missed |= state.missed
        if step.kind == "switch" and step.recursive:
            may |= self._all if found.havoc else self.mask(found.sets)
        return State(may, missed, set_before, lost)

    def _may_choose(self, switch: SwitchStep, target: str) -> bool:
        """Whether a switch may lead to a step: its variable may be set to constants only, and to none of that case."""
        values = self._chosen.get(switch.variable)
        return values is None or any(case.target == target and case.value in values for case in switch.cases)

    def _choices(self) -> dict[str, list[object]]:
        """The values of each switch's variable, where every step that sets it sets a constant."""
        switches = [step for step in self._flow.steps if step.kind == "switch"]
        asked = {step.variable for step in switches if step.specs.approval is not None}
        variables = {step.variable for step in switches} - self._effects.known - asked
        found: dict[str, list[object]] = {variable: [] for variable in variables}
        for step in self._flow.steps if variables else ():
            effects = self._effects.of(step.name)
            if effects.havoc or effects.opaque:
                return {}
            for variable in step.specs.called.returns if step.specs.called is not None else ():
                found.pop(variable, None)
            for variable in variables & effects.sets:
                constant = constant_of(effects.values.get(variable))
                if constant is None:
                    found.pop(variable, None)
                elif variable in found:
                    found[variable].append(constant[0])
        return found

    def _transfer(self, step: Step, found: StepEffects, before: State) -> State:
        sets, deletes = self.mask(found.sets), self.mask(found.deletes)
        set_before, lost = before.set_before | sets, before.lost
        catch = step.specs.catch
        if catch is not None and catch.variable is not None:
            sets |= self._bits[catch.variable]
        if step.kind == "join":
            sets |= self._merged(step, found.merges)
        if (call := step.specs.called) is not None:
            self._check_call(step, call, before.may | sets | (self._all if found.havoc or found.opaque else 0))
            sets |= self.mask(call.returns)
            set_before |= sets
        if found.havoc or found.opaque:
            return State(self._all, 0, set_before, lost)
        deletes &= ~self._always
        may = (before.may | sets) & ~deletes
        if step.kind == "join":
            lost |= self._inputs(step) & ~may
        return State(may, (before.missed & ~sets) | deletes, set_before, lost)

    def _merged(self, join: JoinStep, merges: Iterable[Merge]) -> int:
        """What calls of `merge_artifacts` may take over."""
        inputs = self._inputs(join)
        found = 0
        for merge in merges:
            taken = inputs & self.mask(merge.include) if merge.include else inputs
            found |= taken & ~self.mask(merge.exclude or ())
        return found

    def _inputs(self, join: JoinStep) -> int:
        found = 0
        for parent in join.parents:
            found |= self._after[parent].may
        return found

    def mask(self, names: Iterable[str]) -> int:
        """The set of these artifacts; those that nothing sets or reads are left out."""
        found = 0
        for name in names:
            found |= self._bits.get(name, 0)
        return found

    # What is reported.

    def _check_call(self, step: Step, call: CalledFlow, may: int) -> None:
        """What the step hands on to the flow that it calls must be there, and what it gets back must not be fixed."""
        for name in call.artifacts.values() if not self._effects.silent else ():
            if name not in self._effects.known and not may & self._bits[name]:
                self._reports.not_handed_on(step, name, call)

    def _check(self, step: Step, found: StepEffects, before: State) -> State:
        """Collect what is wrong in a step. Returns the state, in which what was reported counts as set."""
        if step.targets and not self._is_member(step):
            for place in found.returns:
                self._reports.early_return(step, place)
        for name, place in found.writes.items():
            if name not in self._effects.guarded:
                self._reports.written(step, name, place)
        if step.kind == "foreach":
            self._check_fan_out(step.variable, found)
        if self._effects.silent:
            return before
        reported = sum(self._bits[name] for name in found.reads if self._check_read(step, found, name, before))
        for read in found.after_delete.values():
            if read.name not in self._effects.guarded:
                self._reports.deleted(step, read)
        if step.kind == "join":
            self._check_join(step, found)
        return before._replace(may=before.may | reported, missed=before.missed & ~reported)

    def _is_member(self, step: Step) -> bool:
        """Whether a step is a member of a gang: only one of them must say what follows."""
        parents = (self._flow.by_name[parent] for parent in step.parents)
        return step.specs.parallel is not None or any(parent.kind == "parallel" for parent in parents)

    def _check_read(self, step: Step, found: StepEffects, name: str, before: State) -> bool:
        """Whether a read of a step was reported."""
        read = found.reads[name]
        if name in self._effects.guarded or name in self._effects.known:
            return False
        may = before.may
        if step.kind == "join":
            may |= self._merged(step, found.merges[: read.merges])
        bit = self._bits[name]
        if not may & bit:
            return self._reports.unset(step, read, self._origin(step, name, before))
        sure = found.sure.get(name)
        if before.missed & bit and sure is not None and step.kind != "join":
            self._reports.set_on_some(step, sure, self._missing_path(step, bit))
            return True
        return False

    def _origin(self, step: Step, name: str, before: State) -> Lost:
        """Where an artifact was that a step does not have: the steps on the way that set it, and what takes it away."""
        bit = self._bits[name]
        is_lost = bool(before.set_before & bit and (step.kind == "join" or before.lost & bit))
        pending, seen = [step], {step.name}
        setters: list[str] = []
        lost = step.name if step.kind == "join" else None
        deleted: str | None = None
        for current in pending if before.set_before & bit else ():
            for parent in current.parents if self._may_visit(current) else ():
                if parent in seen:
                    continue
                seen.add(parent)
                at = self._flow.by_name[parent]
                pending.append(at)
                found = self._effects.of(parent)
                if name in found.sets:
                    setters.append(parent)
                if name in found.deletes and deleted is None:
                    deleted = parent
                if at.kind == "join" and lost is None and self._after[parent].lost & bit and self._loses(at, bit):
                    lost = parent
        arms = self._flow.by_name[lost].parents if lost is not None else ()
        holders = tuple(parent for parent in arms if self._after[parent].may & bit)
        return Lost(tuple(sorted(setters, key=self._order.__getitem__)), is_lost, lost, holders, deleted)

    def _may_visit(self, step: Step) -> bool:
        """Whether a search that only makes a message clearer may go on: thousands of errors would take minutes."""
        self._visits -= 1 + len(step.parents)
        return self._visits > 0

    @cached_property
    def _order(self) -> dict[str, int]:
        return {item.name: number for number, item in enumerate(self._flow.steps)}

    def _loses(self, join: JoinStep, bit: int) -> bool:
        return bool(self._inputs(join) & bit) and not self._after[join.name].may & bit

    def _missing_path(self, step: Step, bit: int) -> tuple[str, ...]:
        """The steps of a path that certainly does not set an artifact, from a switch to the step; empty where it would
        take long to find.
        """
        path: list[str] = []
        current: Step | None = step
        while current is not None:
            if not self._may_visit(current):
                return ()
            found: Step | None = None
            for parent in current.parents:
                at, state = self._flow.by_name[parent], self._after[parent]
                chosen = at.kind == "switch" and self._may_choose(at, current.name)
                if (self._all & ~state.may if chosen else state.missed if at.kind != "switch" else 0) & bit:
                    found = at
                    break
            if found is None:
                break
            path.append(found.name)
            current = found if found.kind != "switch" else None
        return tuple(reversed(path))

    def _check_fan_out(self, variable: str, found: StepEffects) -> None:
        value = found.fans_out_over
        unclear = found.havoc or (isinstance(value, ast.FunctionDef) and self._effects.silent)
        if value is not None and not unclear and (kind := _not_iterable(value)):
            self._reports.no_list(variable, kind, found)
            return
        if variable in found.sets:
            return
        parameter = self._parameters.get(variable)
        if parameter is None or parameter.source != "value" or parameter.deferred_type or parameter.takes_several:
            return
        if parameter.type in {"int", "float", "bool"} and not parameter.converter:
            self._reports.no_list(variable, f"a parameter of type {parameter.type}", found)

    def _check_join(self, join: JoinStep, found: StepEffects) -> None:
        options = self._flow.by_name[join.closes].specs.foreach
        own = {"flows", "failed"} if options is not None and options.min_success is not None else {"flows"}
        for name, place in found.arms:
            known = name in join.parents or name in own or name.startswith("_")
            if not known and name not in self._effects.guarded:
                self._reports.no_arm(join, name, place)
        reported = set[str]()
        inputs, near = self._inputs(join), self._nearest(join)
        for item in found.inputs:
            if item.name in self._effects.guarded or item.name in self._effects.known or item.name in reported:
                continue
            bit = self._bits[item.name]
            named = item.arm in join.parents
            if item.arm and not named:
                continue
            may = self._after[item.arm].may if named else inputs
            if not (may | self._always) & bit:
                look = inputs & bit and self._may_visit(join)
                others = [parent for parent in join.parents if self._after[parent].may & bit] if look else []
                if not self._reports.not_of_inputs(join, item, others, near):
                    reported.add(item.name)
        for merge in found.merges:
            self._check_merge(join, merge, near)

    def _nearest(self, join: JoinStep) -> Callable[[], list[str]]:
        """What computes the artifacts that the inputs may have: a wrong name may have been meant to be one of them."""
        inputs = self._inputs(join)
        return cache(lambda: [] if inputs == self._all else [name for name, bit in self._bits.items() if inputs & bit])

    def _check_merge(self, join: JoinStep, merge: Merge, near: Callable[[], list[str]]) -> None:
        if not merge.whole:
            return
        inputs = self._inputs(join) | self._always
        for name in merge.include or ():
            if not inputs & self._bits[name] and name not in merge.own and name not in self._effects.guarded:
                self._reports.not_merged(join, name, merge.place, near)
        self._conflicts.check(join, merge)


class Lost(NamedTuple):
    """Where an artifact was that a step does not have."""

    setters: tuple[str, ...]
    """The steps before that set it; in a large flow with many errors perhaps not all."""
    is_lost: bool
    """Whether a join does not pass it on."""
    join: str | None
    """That join, if it is known."""
    holders: tuple[str, ...]
    """The inputs of that join that have it."""
    deleted: str | None
    """The step that deletes it."""


def check_named(step: Step, protected: Container[str], reports: ArtifactReports) -> None:
    """Collect FC305 and FC321 for what decorators of a step set under names that no step can set."""
    specs = step.specs
    named: list[tuple[str, str, Spec]] = []
    if specs.catch is not None and specs.catch.variable is not None:
        named.append(("@catch", specs.catch.variable, specs.catch))
    if specs.approval is not None and step.kind == "switch":
        named.append(("@approval", step.variable, specs.approval))
    if specs.called is not None:
        named += (("@call_flow", name, specs.called) for name in specs.called.returns)
    if specs.command is not None:  # of what is protected, the reader of its step's body says so
        named += (("@container", name, specs.command) for name in specs.command.outputs if name not in protected)
    for decorator, name, spec in named:
        reports.set_by_decorator(decorator, name, spec)


def _not_iterable(value: ast.AST) -> str:
    """What a value is that has no items; empty where it may have some."""
    match value:
        case ast.Constant(value=bool() | int() | float() | None as constant):
            return f"`{constant!r}`"
        case ast.Call(func=ast.Name(id="len" | "int" | "float" | "bool" as name)):
            return f"the result of `{name}(...)`, which is a number"
        case ast.FunctionDef():
            return "a method that is not called"
        case _:
            return ""
