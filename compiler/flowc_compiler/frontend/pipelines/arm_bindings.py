"""Names that only some arms of an `if` on a result bind: they have a value wherever the same condition holds.

After the `if`, such a name is unknown (FC223). In an arm of another `if`, the conditions that lead there may say which
arm of the first one has run, and the name has the value of that arm. Results are constants of a run, so that the same
condition always gives the same.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from flowc_compiler.evaluate.reachable_state import Container, State
from flowc_compiler.evaluate.values import Unresolved, is_kind
from flowc_compiler.frontend.pipelines.pipeline_values import MappedResult, Result, StepOutputs
from flowc_compiler.ir.regions import ChosenValue, CollectionValue, LiteralValue, OperationValue, Value, value_key

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

Conditions = frozenset[tuple[tuple[str, ...], bool]]
"""Conditions by their keys, and whether each holds."""
_KEPT = (Result, StepOutputs, MappedResult, str, int, float, bytes, type(None))
"""Values that nothing can have changed since."""
_MOST = 200
_NOTHING = object()
_NO_CONDITIONS: Conditions = frozenset()


class _Binding(NamedTuple):
    """The value that a name has where some conditions hold."""

    conditions: Conditions
    value: object


class ArmBindings:
    """The names of one pipeline that only some arms bind, and the conditions that hold where it is evaluated."""

    def __init__(self) -> None:
        self._bindings: dict[int, tuple[Unresolved, list[_Binding]]] = {}
        """By the identity of what stands for the name, which is kept so that no other object gets it."""
        self._holding: list[Conditions] = []

    @contextmanager
    def within(self, evaluator: PipelineEvaluator, holding: Conditions) -> Generator[None, None, None]:
        """Evaluate where some conditions hold, beside those around: names that wait for them have their values."""
        self._holding.append(holding)
        bound = self._bind(evaluator) if self._bindings else []
        try:
            yield
        finally:
            self._holding.pop()
            for names, name, unknown, value in bound:
                if names.get(name) is value:
                    names[name] = unknown

    def _bind(self, evaluator: PipelineEvaluator) -> list[tuple[dict[str, object], str, object, object]]:
        known: Conditions = _NO_CONDITIONS.union(*self._holding)
        bound: list[tuple[dict[str, object], str, object, object]] = []
        for names in _local(evaluator):
            for name, unknown in names.items():
                bindings = self._bindings[id(unknown)][1] if id(unknown) in self._bindings else []
                fitting = [item.value for item in bindings if item.conditions <= known]
                bound += ((names, name, unknown, value) for value in fitting[:1])
        for names, name, _, value in bound:
            names[name] = value
        return bound

    def note(self, evaluator: PipelineEvaluator, tests: Sequence[Value], after: Sequence[State]) -> None:
        """Note what each arm of an `if` has left in the names that are unknown now."""
        for names in _local(evaluator):
            for name, value in names.items():
                if not isinstance(value, Unresolved) or value.code != "FC223":
                    continue
                left = [_entry(state, names, name) for state in after]
                if any(item is not value for item in left):
                    # The same object may still stand for what the name was before: what is new gets its own.
                    names[name] = unknown = replace(value)
                    self.add(unknown, [(arm_conditions(tests, place), item) for place, item in enumerate(left)])

    @property
    def is_certain(self) -> bool:
        """Whether the code that is evaluated runs whatever results there are."""
        return not self._holding

    def add(self, unknown: Unresolved, left: Sequence[tuple[Conditions, object]]) -> None:
        """Note the values that a name has where some conditions hold, beside those that hold here."""
        found: list[_Binding] = []
        here: Conditions = _NO_CONDITIONS.union(*self._holding)
        for conditions, value in left:
            if isinstance(value, _KEPT):
                found.append(_Binding(here | conditions, value))
            elif id(value) in self._bindings:
                earlier = self._bindings[id(value)][1]
                found += (_Binding(here | conditions | item.conditions, item.value) for item in earlier)
        self._bindings[id(unknown)] = (unknown, found[:_MOST])


def _local(evaluator: PipelineEvaluator) -> list[dict[str, object]]:
    """The names of the functions that are being evaluated."""
    found = [names for frame in evaluator.frames for names in (frame.environment, *frame.closure)]
    return list({id(names): names for names in found}.values())


def _entry(state: State, names: dict[str, object], name: str) -> object:
    """What a name was in a state; an object of its own where it was nothing."""
    content = state.content(cast("Container", names))
    return content.get(name, _NOTHING) if isinstance(content, dict) else _NOTHING


def evaluate_where(
    evaluator: PipelineEvaluator, holding: Conditions, node: ast.expr, evaluate: Callable[[], object]
) -> object:
    """Evaluate an expression that Python evaluates only where some conditions hold, and so binds names only there."""
    names = {item.target.id for item in ast.walk(node) if isinstance(item, ast.NamedExpr)}
    environment = evaluator.frame.environment
    before = {name: environment.get(name, _NOTHING) for name in sorted(names)}
    with evaluator.arm_bindings.within(evaluator, holding):
        value = evaluate()
    for name, old in before.items():
        new = environment.get(name, _NOTHING)
        if new is not old:
            message = "it is bound in a part of a condition that is not always evaluated"
            way_out = "bind it before, or in a statement of its own"
            environment[name] = unknown = Unresolved(message, way_out, code="FC223")
            evaluator.arm_bindings.add(unknown, [(holding, new)])
    return value


def lacks_entry(value: Value, key: int | str, entries: int | None) -> bool:
    """Whether some arm leaves a value without an entry; or, where all are unpacked, with another number of them."""
    pending, arms = [value], 0
    while pending:
        match pending.pop():
            case ChosenValue(values=values):
                arms += 1
                pending += values
            case OperationValue(operator="if", operands=(_, *values)):
                arms += 1
                pending += values
            case CollectionValue(kind="dict", keys=keys) if entries is None and key not in keys:
                return arms > 0
            case CollectionValue(kind="list" | "tuple", values=values) if _is_out(len(values), key, entries):
                return arms > 0
            case LiteralValue(value=known) if is_kind(known, dict) and entries is None and key not in known:
                return arms > 0
            case LiteralValue(value=known) if is_kind(known, list, tuple) and _is_out(len(known), key, entries):
                return arms > 0
            case _:
                pass
    return False


def _is_out(count: int, key: int | str, entries: int | None) -> bool:
    return count != entries if entries is not None else isinstance(key, int) and not -count <= key < count


def arm_conditions(tests: Sequence[Value], arm: int) -> Conditions:
    """What holds in an arm of an `if`: its own test, and none of those before."""
    found = [*((test, False) for test in tests[:arm]), *((test, True) for test in tests[arm : arm + 1])]
    return conditions(found)


def conditions(found: Sequence[tuple[Value, bool]]) -> Conditions:
    """The conditions that follow from some that hold or do not: `not`, `and` and `or` are taken apart."""
    pending, keys = list(found), set[tuple[tuple[str, ...], bool]]()
    while pending and len(keys) < _MOST:
        value, holds = pending.pop()
        match value:
            case OperationValue(operator="not", operands=(inner,)):
                pending.append((inner, not holds))
            case OperationValue(operator="and" | "or" as word, operands=operands) if holds is (word == "and"):
                pending += [(operand, holds) for operand in operands]
            case _:
                keys.add((value_key(value), holds))
    return frozenset(keys)
