"""The types of artifacts, solved over the graph: what each step has when it begins and sets, where that is evident.

A step that alone follows another takes over its table of types and changes it, so that a chain costs what its steps
set; a table is copied where a flow branches. What is not known has no type, and nothing is reported of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.frontend.types.evident_types import (
    FLOAT,
    FUNCTION,
    class_name,
    class_of,
    element,
    exactly,
    lacks,
    merged,
)
from flowc_compiler.ir import ForeachStep, SwitchStep
from flowc_compiler.ir.type_model import (
    BOOL,
    INT,
    NONE,
    NOTHING,
    STR,
    UNKNOWN,
    Evident,
    LiteralType,
    LocalClass,
    Type,
    describe,
    list_of,
    members_of,
    shown_value,
    with_none,
)

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, JoinStep, Parameter, Step
    from flowc_compiler.ir.artifact_effects import FlowEffects, StepEffects
    from flowc_compiler.passes.artifact_reports import ArtifactReports

Types = dict[str, Evident]


class StepArtifacts(NamedTuple):
    """The artifacts of one step, each with its type as short text, such as `list[int]`; empty where it is unknown."""

    before: Mapping[str, str]
    """What the step may have when it begins; of a join, what it may take over by `merge_artifacts`."""
    sets: Mapping[str, str]
    """What the step may set."""
    after: Mapping[str, str]
    """What the steps that follow may have."""


def step_artifacts(flow: Flow, effects: FlowEffects) -> dict[str, StepArtifacts]:
    """The artifacts of each step of a class flow, by its effects, which `Compilation.effects` computes."""
    types = ArtifactTypes(flow, effects, None)
    found: dict[str, StepArtifacts] = {}
    for step, before, after in types.solve():
        sets = sorted(effects.of(step.name).sets)
        found[step.name] = StepArtifacts(
            {name: type_text(before[name]) for name in sorted(before)},
            {name: type_text(after.get(name, NOTHING)) for name in sets},
            {name: type_text(after[name]) for name in sorted(after)},
        )
    return found


def parameter_types(flow: Flow) -> dict[str, str]:
    """The types of a flow's parameters as short text, by the attributes that steps read."""
    return {item.attribute: type_text(parameter_type(item)) for item in flow.parameters}


def type_text(value: Evident) -> str:
    """A type as short text, without the modules that classes are from; empty where it is unknown."""
    text = "" if value.type == UNKNOWN else describe(value.type)
    return re.sub(r"\[Any(, Any|, \.\.\.)*\]|\b(?:\w+\.)+(?=\w)", "", text)


def check_artifact_types(flow: Flow, effects: FlowEffects, reports: ArtifactReports) -> None:
    """Collect FC312, FC322 and FC323 for what certainly fails by the types of artifacts."""
    if not effects.silent:
        for _ in ArtifactTypes(flow, effects, reports).solve():
            pass


class ArtifactTypes:
    """The analysis of one flow."""

    def __init__(self, flow: Flow, effects: FlowEffects, reports: ArtifactReports | None) -> None:
        self._flow = flow
        self._effects = effects
        self._reports = reports
        self._after: dict[str, Types] = {}
        self._items: dict[str, Evident] = {}
        """The type of the items of each foreach, by the step that opens it."""
        self._parameters = {item.attribute: parameter_type(item) for item in flow.parameters}
        self._parameters = {name: of for name, of in self._parameters.items() if of != NOTHING}
        self._unclear = effects.known | effects.guarded
        """What may be set by more than the steps: in every task, or from outside of the class."""
        self._children = Counter(parent for step in flow.steps for parent in step.parents)

    def solve(self) -> Iterator[tuple[Step, Types, Types]]:
        """Go over the steps in the order of the graph; each with its tables, which change when the next one is read."""
        for step in self._flow.steps:
            found = self._effects.of(step.name)
            own = self._own(step, found)
            before = _Before(self, step, own)
            read = self._effects.types.read(step.name, before)
            shown = dict(own) if self._reports is None else own
            caught = found.opaque or step.specs.catch is not None
            if self._reports is not None and not caught:
                for problem in read.problems:
                    self._reports.wrong_type(step, problem)
            after = self._after[step.name] = self._transfer(step, found, own, read.sets)
            if isinstance(step, ForeachStep | SwitchStep) and not found.havoc:
                self._check_next(step, found, after, caught=caught)
            yield step, shown, after

    def _own(self, step: Step, found: StepEffects) -> Types:
        """What a step has when it begins; of a join, what it merges."""
        if step.kind == "join":
            return self._merged(step, found)
        tables = [self._taken(parent) for parent in step.parents]
        own = tables[0] if tables else {}
        for other in tables[1:]:
            own = _either(own, other)
        if step.kind == "switch" and step.recursive:
            own.update(dict.fromkeys(found.sets, NOTHING))
        if step.kind == "switch" and step.specs.approval is not None:
            own[step.variable] = NOTHING
        return own

    def _taken(self, parent: str) -> Types:
        """The table of a step: itself where no other step needs it."""
        self._children[parent] -= 1
        return dict(self._after[parent]) if self._children[parent] or self._reports is None else self._after[parent]

    def _merged(self, join: JoinStep, found: StepEffects) -> Types:
        own: Types = {}
        for merge in found.merges:
            for parent in join.parents:
                for name, value in self._after[parent].items():
                    if (not merge.include or name in merge.include) and name not in (merge.exclude or ()):
                        own[name] = merged(own[name], value) if name in own else value
        return own

    def _transfer(self, step: Step, found: StepEffects, own: Types, sets: Mapping[str, Evident]) -> Types:
        """What the steps that follow have."""
        if found.havoc or found.opaque:
            return dict.fromkeys([*own, *found.sets], NOTHING)
        catch = step.specs.catch
        for name in found.sets:
            value = NOTHING if name in self._unclear else sets.get(name, NOTHING)
            own[name] = merged(own[name], value) if catch is not None and name in own else value
        for name in found.deletes:
            own.pop(name, None)
        if catch is not None and catch.variable is not None:
            own[catch.variable] = NOTHING
        if step.specs.called is not None:
            own.update(dict.fromkeys(step.specs.called.returns, NOTHING))
        return own

    def known(self, name: str) -> Evident:
        """What a parameter is."""
        return self._parameters.get(name, NOTHING)

    def item(self, step: Step) -> Evident:
        """What `self.input` is."""
        scope = self._flow.foreach_scope(step)
        if scope.kind == "parallel":
            return exactly(INT)
        return self._items.get(scope.opener or "", NOTHING)

    def of_input(self, step: Step, arm: str, name: str) -> Evident:
        """What an artifact of a join's input is, of the arm that is named, or of any."""
        parents = [arm] if arm in step.parents else step.parents if not arm else ()
        found = [self._after[parent].get(name) or self.known(name) for parent in parents]
        return reduce(merged, found) if found else NOTHING

    # What is reported.

    def _check_next(self, step: ForeachStep | SwitchStep, found: StepEffects, after: Types, *, caught: bool) -> None:
        """What a step fans out over, or chooses by."""
        variable = step.variable
        value = after.get(variable) or self.known(variable)
        if step.kind == "foreach":
            changed = value.fresh and self._effects.types.may_be_changed(variable)
            self._items[step.name] = element(value._replace(fresh=False) if changed else value)
        if self._reports is None or caught or value.type == UNKNOWN:
            return
        if step.kind == "foreach" and self._has_no_items(value):
            self._reports.no_list(variable, self._shown(step, variable, value), found)
        elif step.kind == "switch" and value.exact and not _may_choose(step, value):
            self._reports.no_case(step, self._shown(step, variable, value), found)

    def _has_no_items(self, value: Evident) -> bool:
        plain = all(class_of(of) in (INT, FLOAT, BOOL) for of in members_of(value.type))
        return plain or all(
            (lacks(value._replace(type=of), "__iter__") and lacks(value._replace(type=of), "__getitem__"))
            or (value.exact and self._effects.types.has_no_items(of))
            for of in members_of(value.type)
        )  # fmt: skip

    def _shown(self, step: Step, name: str, value: Evident) -> str:
        """What an artifact is, and which step sets it, for a message."""
        text = shown_value(value.type)
        what = f"`{text}`" if text else "a function" if value.type == FUNCTION else f"of type {type_text(value)}"
        if name in self._parameters:
            return f"a parameter {what}"
        setters = self._setters(step, name)
        return f"{what}, as step `{setters[0]}` sets it" if len(setters) == 1 and setters != [step.name] else what

    def _setters(self, step: Step, name: str) -> list[str]:
        """The steps that last set an artifact, on the paths to a step."""
        found: list[str] = []
        pending, seen = [step], {step.name}
        while pending:
            current = pending.pop()
            if name in self._effects.of(current.name).sets:
                found.append(current.name)
                continue
            new = [parent for parent in current.parents if parent not in seen]
            seen.update(new)
            pending += [self._flow.by_name[parent] for parent in new]
        return found


class _Before(Mapping[str, Evident]):
    """What a step has when it begins, looked up where it is asked for."""

    def __init__(self, types: ArtifactTypes, step: Step, own: Types) -> None:
        self._types = types
        self._step = step
        self._own = own

    def __getitem__(self, key: str) -> Evident:
        if key in self._own:
            return self._own[key]
        arm, dot, name = key.rpartition(".")
        if dot:
            return self._types.of_input(self._step, arm, name)
        return self._types.item(self._step) if key == "input" else self._types.known(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)


def _either(one: Types, other: Types) -> Types:
    """Of two paths: what only one of them has is what it is there."""
    for name, value in other.items():
        held = one.get(name)
        if held is not value:
            one[name] = value if held is None else merged(held, value)
    return one


def _may_choose(step: SwitchStep, value: Evident) -> bool:
    """Whether a value may be one of a switch's cases, as keys of a dict are compared."""
    cases = [case.value for case in step.cases]
    return any(_may_be(of, cases) for of in members_of(value.type))


def _may_be(of: Type, cases: list[str | int | float | bool]) -> bool:
    name = class_name(of)
    if isinstance(of, LiteralType):
        return of.value in cases
    if name in {"int", "float"}:
        return any(not isinstance(case, str) for case in cases)
    if name == "bool":
        return True in cases or False in cases
    if name == "str":
        return any(isinstance(case, str) for case in cases)
    return (of not in (NONE, FUNCTION) and name not in {"list", "dict", "set", "tuple", "bytes"}) or isinstance(
        of, LocalClass
    )


_PLAIN: Mapping[str, Type] = {"str": STR, "int": INT, "float": FLOAT, "bool": BOOL}


def parameter_type(parameter: Parameter) -> Evident:
    """What steps read for a parameter."""
    of = _PLAIN.get(parameter.type)
    several = parameter.takes_several or parameter.counted or parameter.flag is not None
    if of is None or parameter.source != "value" or parameter.deferred_type or parameter.converter or several:
        return NOTHING
    if parameter.has_default and not parameter.dynamic_default and type(parameter.default).__name__ != parameter.type:
        return NOTHING
    if parameter.separator:
        of = list_of(STR)
    certain = parameter.required or (parameter.has_default and not parameter.dynamic_default)
    return Evident(of if certain else with_none(of), not parameter.dynamic_default)
