"""`if` on the result of a step: every arm is evaluated, in a region of its own, and what they leave is merged."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import NamedTuple

from flowc_compiler.evaluate.conditions import test
from flowc_compiler.evaluate.evaluation_state import EvaluationError, Returned
from flowc_compiler.evaluate.merging import Merge
from flowc_compiler.evaluate.reachable_state import State, namespaces, state_of
from flowc_compiler.frontend.pipelines.arm_bindings import arm_conditions
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import RegionBuilder, Result, SwitchBuilder
from flowc_compiler.frontend.pipelines.result_expressions import conditional
from flowc_compiler.frontend.pipelines.step_arguments import argument_value, condition_value
from flowc_compiler.ir.regions import ChosenValue, Value

Body = Callable[[], object]
"""Evaluates an arm; what it gives is a `Signal`, or the value of an expression."""


class Branch(NamedTuple):
    """One arm: the condition that chooses it, `None` for the last, and what it does."""

    test: ast.expr | None
    body: Body


def choose(evaluator: PipelineEvaluator, first: Value, branches: Sequence[Branch], node: ast.AST) -> object:
    """Evaluate the arms of an `if` whose first condition is a result. Gives what all of them give, merged.

    The last branch has no test.
    """
    switch = SwitchBuilder(name=evaluator.nodes.numbered("if"), span=evaluator.span(node), tests=(first,), arms=())
    evaluator.nodes.add(switch)
    before = state_of(evaluator)
    after: list[State] = []
    found: list[object] = []
    position = 0
    failed = False
    while position < len(branches):
        region = RegionBuilder()
        evaluator.nodes.own(region, switch)
        switch.arms = (*switch.arms, region)
        with evaluator.nodes.inside(region), _arm(evaluator):
            try:
                rest = branches[position + 1 :]
                if position and branches[position].test is not None:
                    value, ended = _next(evaluator, switch, branches[position], rest, node)
                else:
                    value, ended = _run(evaluator, switch, branches[position]), False
                found.append(value)
            except EvaluationError:
                # An arm without a test of its own is the last one, also where its test could not be evaluated.
                failed, ended = True, len(switch.tests) < len(switch.arms)
        after.append(state_of(evaluator, *before.containers))
        before.restore()
        position = len(branches) if ended else position + 1
    if failed:
        raise EvaluationError
    if not any(arm.nodes for arm in switch.arms) and not switch.after:
        evaluator.nodes.remove(switch)  # the arms choose between values, which whatever needs them can do itself
        return _merged(evaluator, switch, before, after, found, node, calls=False)
    return _merged(evaluator, switch, before, after, found, node)


def _next(
    evaluator: PipelineEvaluator, switch: SwitchBuilder, branch: Branch, rest: Sequence[Branch], node: ast.AST
) -> tuple[object, bool]:
    """An `elif`: one more case of the switch, or a switch in its last arm when its condition calls steps itself."""
    assert branch.test is not None
    holds = test(evaluator, branch.test)
    if isinstance(holds, bool):
        if holds:
            return branch.body(), True
        return _following(evaluator, rest, node), True
    condition = condition_value(evaluator, holds, branch.test)
    if evaluator.nodes.current.nodes:
        return choose(evaluator, condition, [branch, *rest], node), True
    switch.tests = (*switch.tests, condition)
    return _run(evaluator, switch, branch), False


def _run(evaluator: PipelineEvaluator, switch: SwitchBuilder, branch: Branch) -> object:
    """Evaluate the newest arm of a switch, where its test holds, and none of those before."""
    with evaluator.arm_bindings.within(evaluator, arm_conditions(switch.tests, len(switch.arms) - 1)):
        return branch.body()


def _following(evaluator: PipelineEvaluator, rest: Sequence[Branch], node: ast.AST) -> object:
    """What follows an `elif` that never holds."""
    for position, branch in enumerate(rest):
        holds = True if branch.test is None else test(evaluator, branch.test)
        if isinstance(holds, bool):
            if holds:
                return branch.body()
            continue
        return choose(evaluator, condition_value(evaluator, holds, node), rest[position:], node)
    return None


def _merged(
    evaluator: PipelineEvaluator,
    switch: SwitchBuilder,
    before: State,
    after: list[State],
    found: list[object],
    node: ast.AST,
    *,
    calls: bool = True,
) -> object:
    def chosen(values: list[object]) -> object:
        cases = tuple(argument_value(evaluator, value, node) for value in values)
        chosen_type = evaluator.hook.chosen_type(values)
        if not calls:
            return Result(conditional(switch.tests, cases), chosen_type)
        return Result(ChosenValue(switch=switch.name, values=cases), chosen_type, switch.name)

    merge = Merge(before, after, chosen, namespaces(evaluator))
    value = merge.value(_values(evaluator, found, node))
    merge.run()
    evaluator.arm_bindings.note(evaluator, switch.tests, after)
    value = merge.stand_in(value)
    _freeze(evaluator, merge)
    return Returned(value) if any(isinstance(item, Returned) for item in found) else value


def _values(evaluator: PipelineEvaluator, found: list[object], node: ast.AST) -> list[object]:
    """What the arms gave, as values. Raises EvaluationError where some leave a loop or function and others do not."""
    if "break" in found:
        raise evaluator.refuse(
            "FC223", "a result cannot end a loop: how often it runs is fixed when the flow is compiled", node,
            "run every turn, and let a step choose from the results",
        )  # fmt: skip
    returned = [isinstance(item, Returned) for item in found]
    if any(returned) and not all(returned) and evaluator.frame.loops:
        raise evaluator.refuse(
            "FC223", "`return` in a loop cannot depend on a result", node,
            "run every turn, and let a step choose from the results",
        )  # fmt: skip
    if any(returned):
        return [item.value if isinstance(item, Returned) else None for item in found]
    return [None if item == "continue" else item for item in found] if evaluator.frame.loops else found


def _freeze(evaluator: PipelineEvaluator, merge: Merge) -> None:
    """Let lists stay as they are that are one list in one arm, and two in another: a change would change both."""
    if merge.shared:
        now = state_of(evaluator)
        why = "whether another variable has the same object depends on a result"
        for merged, old in merge.shared:
            if any(map(now.holds, old)):
                for item in (merged, *old):
                    evaluator.frozen[id(item)] = (item, why)


class _arm:  # noqa: N801 - a context manager, used as one
    """Count an arm while it is evaluated."""

    def __init__(self, evaluator: PipelineEvaluator) -> None:
        self._evaluator = evaluator

    def __enter__(self) -> None:
        self._evaluator.arms += 1

    def __exit__(self, *error: object) -> None:
        self._evaluator.arms -= 1
