"""`if` on the result of a step: every arm is evaluated, in a region of its own, and what they leave is merged."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import NamedTuple

from flowc_compiler.frontend.pipelines.code.conditions import test
from flowc_compiler.frontend.pipelines.code.states import Merge, State
from flowc_compiler.frontend.pipelines.evaluation.machine import Machine, RefusedError, Returned, Signal, Statement
from flowc_compiler.frontend.pipelines.evaluation.objects import FunctionNode, Result
from flowc_compiler.frontend.pipelines.evaluation.unknown import as_value
from flowc_compiler.frontend.pipelines.graph import Region, SwitchCall
from flowc_compiler.ir.values import ChosenValue, Value

Body = Callable[[], object]
"""Evaluates an arm; what it gives is a `Signal`, or the value of an expression."""


class Branch(NamedTuple):
    """One arm: the condition that chooses it, `None` for the last, and what it does."""

    test: ast.expr | None
    body: Body


def choose(machine: Machine, first: Value, branches: Sequence[Branch], node: ast.AST) -> object:
    """Evaluate the arms of an `if` whose first condition is a result. Gives what all of them give, merged.

    The last branch has no test.
    """
    switch = SwitchCall(name=machine.nodes.numbered("if"), span=machine.span(node), tests=(first,), arms=())
    machine.nodes.add(switch)
    before = State(_roots(machine))
    after: list[State] = []
    found: list[object] = []
    position = 0
    failed = False
    while position < len(branches):
        region = Region()
        machine.nodes.own(region, switch)
        switch.arms = (*switch.arms, region)
        with machine.nodes.inside(region), _arm(machine):
            try:
                rest = branches[position + 1 :]
                if position and branches[position].test is not None:
                    value, ended = _next(machine, switch, branches[position], rest, node)
                else:
                    value, ended = branches[position].body(), False
                found.append(value)
            except RefusedError:
                failed, ended = True, False
        after.append(State([*_roots(machine), *before.containers]))
        before.restore()
        position = len(branches) if ended else position + 1
    if failed:
        raise RefusedError
    return _merged(machine, switch, before, after, found, node)


def _next(
    machine: Machine, switch: SwitchCall, branch: Branch, rest: Sequence[Branch], node: ast.AST
) -> tuple[object, bool]:
    """An `elif`: one more case of the switch, or a switch in its last arm when its condition calls steps itself."""
    assert branch.test is not None
    condition = test(machine, branch.test)
    if isinstance(condition, bool):
        if condition:
            return branch.body(), True
        return _following(machine, rest, node), True
    if machine.nodes.current.nodes:
        return choose(machine, condition, [branch, *rest], node), True
    switch.tests = (*switch.tests, condition)
    return branch.body(), False


def _following(machine: Machine, rest: Sequence[Branch], node: ast.AST) -> object:
    """What follows an `elif` that never holds."""
    for position, branch in enumerate(rest):
        condition = True if branch.test is None else test(machine, branch.test)
        if isinstance(condition, bool):
            if condition:
                return branch.body()
            continue
        return choose(machine, condition, rest[position:], node)
    return None


def _merged(
    machine: Machine, switch: SwitchCall, before: State, after: list[State], found: list[object], node: ast.AST
) -> object:
    def chosen(values: list[object]) -> object:
        cases = tuple(as_value(machine, value, node) for value in values)
        return Result(ChosenValue(switch=switch.name, values=cases), machine.hook.chosen_type(values), switch.name)

    merge = Merge(before, after, chosen, _environments(machine))
    value = merge.value(_values(machine, found, node))
    merge.run()
    value = merge.stand_in(value)
    _freeze(machine, merge)
    return Returned(value) if any(isinstance(item, Returned) for item in found) else value


def _values(machine: Machine, found: list[object], node: ast.AST) -> list[object]:
    """What the arms gave, as values. Raises RefusedError where some leave a loop or function and others go on in it."""
    if "break" in found:
        raise machine.refuse(
            "FC223", "a loop cannot be left by a result: how often it runs is known when the flow is compiled", node,
            "run every turn, and let a step choose from the results",
        )  # fmt: skip
    returned = [isinstance(item, Returned) for item in found]
    if any(returned) and not all(returned) and machine.frame.loops:
        raise machine.refuse(
            "FC223", "`return` cannot leave a loop by a result", node,
            "run every turn, and let a step choose from the results",
        )  # fmt: skip
    if any(returned):
        return [item.value if isinstance(item, Returned) else None for item in found]
    return [None if item == "continue" else item for item in found] if machine.frame.loops else found


def _freeze(machine: Machine, merge: Merge) -> None:
    """Let lists stay as they are that are one list in one arm, and two in another: a change would change both."""
    if merge.shared:
        now = State(_roots(machine))
        why = "whether another variable has the same object depends on a result"
        for merged, old in merge.shared:
            if any(map(now.holds, old)):
                for item in (merged, *old):
                    machine.frozen[id(item)] = (item, why)


def _environments(machine: Machine) -> list[object]:
    return [scope for frame in machine.frames for scope in (frame.environment, *frame.closure)]


def _roots(machine: Machine) -> list[object]:
    roots = _environments(machine)
    # Names of files are no part of it: they are looked up when they are needed, and mean the same in every arm.
    return [*roots, *(value for names in machine.module_names() for value in names.values())]


class _arm:  # noqa: N801 - a context manager, used as one
    """Count an arm while it is evaluated."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __enter__(self) -> None:
        self._machine.arms += 1

    def __exit__(self, *error: object) -> None:
        self._machine.arms -= 1


def conditional(machine: Machine, node: ast.IfExp) -> object:
    """`x if condition else y`."""
    condition = test(machine, node.test)
    if isinstance(condition, bool):
        return machine.evaluate(node.body if condition else node.orelse)
    branches = [
        Branch(node.test, lambda: machine.evaluate(node.body)),
        Branch(None, lambda: machine.evaluate(node.orelse)),
    ]
    return choose(machine, condition, branches, node)


class Done(NamedTuple):
    """How an `if` ended, and whether the statements after it were evaluated with it."""

    signal: Signal
    with_rest: bool


def statement(machine: Machine, node: ast.If, rest: Sequence[Statement]) -> Done:
    """`if`. Where an arm leaves the block, the statements that follow belong to the other arms: `rest`."""
    arms = arms_of(node)
    for place, (condition, arm) in enumerate(arms):
        holds = True if condition is None else test(machine, condition)
        if holds is False:
            continue
        leaves = any(leaves_block(body) for _, body in arms[place:])
        if holds is True:
            return Done(machine.execute([*arm, *rest] if leaves else arm), leaves)
        later = [*arms[place:]] if arms[-1][0] is None else [*arms[place:], (None, ())]
        signal = choose(machine, holds, [_branch(machine, item, rest if leaves else ()) for item in later], node.test)
        return Done(signal if isinstance(signal, Returned) else None, leaves)
    return Done(None, False)


def _branch(machine: Machine, arm: tuple[ast.expr | None, Sequence[Statement]], rest: Sequence[Statement]) -> Branch:
    return Branch(arm[0], lambda: machine.execute([*arm[1], *rest]))


def arms_of(node: ast.If) -> list[tuple[ast.expr | None, Sequence[Statement]]]:
    """The conditions and bodies of `if`, `elif` and `else`; the last without a condition."""
    arms: list[tuple[ast.expr | None, Sequence[Statement]]] = []
    current = node
    while True:
        arms.append((current.test, current.body))
        match current.orelse:
            case [ast.If() as other] if other.col_offset == current.col_offset:  # `elif`, and no `if` in an `else`
                current = other
            case []:
                return arms
            case rest:
                arms.append((None, rest))
                return arms


def leaves_block(statements: Sequence[Statement]) -> bool:
    """Whether statements have a `return`, `break` or `continue`, without those of functions and loops in them."""
    pending: list[tuple[ast.AST, bool]] = [(item, False) for item in statements]
    while pending:
        node, in_loop = pending.pop()
        if isinstance(node, ast.Return) or (not in_loop and isinstance(node, ast.Break | ast.Continue)):
            return True
        if isinstance(node, FunctionNode | ast.ClassDef | ast.expr):
            continue
        inner = in_loop or isinstance(node, ast.For | ast.AsyncFor | ast.While)
        pending.extend((child, inner) for child in ast.iter_child_nodes(node))
    return False
