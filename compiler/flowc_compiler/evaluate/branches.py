"""Conditions, and code that may run or not: every way is evaluated, and what they leave is merged."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from flowc_compiler.evaluate.assumptions import assumed_parts, assuming, settled, stripped, under
from flowc_compiler.evaluate.environment_reads import read_variable
from flowc_compiler.evaluate.evaluation_state import EvaluationError, ExitError, Frame, RaisedError, Returned, Signal
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.merging import Container, Merge, State, namespaces, state_of
from flowc_compiler.evaluate.operations import COMPARISONS, LONGEST, cost, range_length
from flowc_compiler.evaluate.plain_data import check_hashable, has_objects
from flowc_compiler.evaluate.values import (
    Assumed,
    ClassObject,
    DictView,
    Foreign,
    Instance,
    Iterator,
    RuntimeValue,
    Undetermined,
    Unresolved,
    is_kind,
)

if TYPE_CHECKING:
    from flowc_compiler.evaluate.applied_decorators import Applying

_MOST_PASSES = 6
"""How often the body of a loop is evaluated until what it changes is known."""


def snapshot(evaluator: Evaluator, node: ast.AST, *more: object) -> State:
    """The state here."""
    state = state_of(evaluator, *more)
    evaluator.tick(node, 20 + state.size // 20)
    return state


def unknown_choice(
    evaluator: Evaluator, node: ast.AST, cause: object, values: Sequence[object] = (), *, exact: bool = True
) -> Unresolved:
    """What stands for a value that depends on an unknown condition; unless `exact`, it may be none of `values`."""
    variables = [item for item in (cause, *values) if isinstance(item, Unresolved) and "--env-at-compile" in item.help]
    cause = variables[0] if variables else cause
    reason = cause.reason if isinstance(cause, Unresolved) and cause.reason else "the condition is not known"
    line = evaluator.span(node).line
    message = f"it depends on what line {line} of {evaluator.view.source.name} decides, and {_clause(reason)}"
    known = [item for item in values if isinstance(item, Foreign) or not isinstance(item, Unresolved)]
    is_choice = exact and len(values) > 1 and len(known) == len(values)
    way_out = variables[0].help if variables else "write the value out, or pass it with `-p`"
    return Unresolved(message, way_out, tuple(values), is_choice=is_choice)


def _clause(reason: str) -> str:
    return reason if "depends on what line" not in reason else "that is not known either"


def fork(
    evaluator: Evaluator,
    arms: Sequence[Callable[[], object]],
    node: ast.AST,
    cause: Undetermined,
    likely: int | None = None,
) -> object:
    """Evaluate every arm from the same state. Gives their values, merged, or the signal that their statements end with.

    `likely` is the arm that runs under the assumptions of the `cause`. An arm that leaves the function or loop is noted
    in its frame, for `leave`.
    """
    if not evaluator.lenient:
        raise evaluator.not_known(cause, node, "nothing can depend on it here", "do this in a step")
    before = snapshot(evaluator, node)
    lasting: list[tuple[State, object]] = []
    arms_left: list[int] = []
    runs = evaluator.fork_marks()
    marks: list[Any] = []
    evaluator.conditional += 1
    try:
        for place, arm in enumerate(arms):
            with suppress(ExitError, RaisedError):
                value = _outcome(evaluator, arm)
                if _leaves(value):
                    state = snapshot(evaluator, node, *before.containers)
                    noted = (before, state, value, evaluator.fork_marks(), node)
                    evaluator.frame.exits.append((cast("Signal", value), noted))
                elif value != "diverted":
                    lasting.append((snapshot(evaluator, node, *before.containers), value))
                    arms_left.append(place)
                    marks.append(evaluator.fork_marks())
            # The next arm starts from the state before the `if`, not from the one that this arm has left.
            before.restore()
            evaluator.set_marks(runs)
    finally:
        evaluator.conditional -= 1
    if not lasting:
        if evaluator.frame.exits:
            return "diverted"
        raise ExitError
    evaluator.merge_marks(marks)
    chosen = arms_left.index(likely) if likely in arms_left and not evaluator.frame.exits else None
    states, values = [state for state, _ in lasting], [value for _, value in lasting]
    return _merge(evaluator, before, states, values, node, cause, chosen)


def _outcome(evaluator: Evaluator, arm: Callable[[], object]) -> object:
    try:
        return arm()
    except RaisedError:
        evaluator.hazards += 1
        raise
    except EvaluationError as error:
        return Unresolved(error.diagnostic.message, error.diagnostic.help, error.options)


def _leaves(value: object) -> bool:
    return isinstance(value, Returned) or value in ("break", "continue")


def _merge(
    evaluator: Evaluator,
    before: State,
    after: list[State],
    values: list[object],
    node: ast.AST,
    cause: object,
    chosen: int | None = None,
) -> object:
    if len(after) == 1:
        after[0].restore()
        return values[0]

    def choose(found: list[object]) -> object:
        choice = unknown_choice(evaluator, node, cause, found)
        if chosen is None or not isinstance(cause, Assumed) or len(found) != len(after):
            return choice
        value = under(evaluator, found[chosen], [cause])
        if isinstance(value, Foreign) and value.path[:1] == ("flowc",):
            value = replace(cause, value=value)
        return replace(value, options=choice.options) if isinstance(value, Assumed) else choice

    def poison(container: Container) -> None:
        evaluator.poison(container, unknown_choice(evaluator, node, cause))

    merge = Merge(before, after, choose, namespaces(evaluator), poison)
    merge.run()
    return merge.value(values)


def leave(
    evaluator: Evaluator, frame: Frame, kinds: Collection[str], signal: Signal, value: object, node: ast.AST
) -> tuple[bool, object]:
    """Merge the ways out of a function or loop that were noted in its frame with the present state.

    `kinds` are the signals to merge: `return`, `break` or `continue`; `signal` says whether the present state counts.
    Returns whether any of the ways leads on, and the value that they leave with. `node` belongs to the frame's file.
    """
    noted = [item for item in frame.exits if _kind(item[0]) in kinds]
    if not noted:
        return signal != "diverted", value
    frame.exits = [item for item in frame.exits if _kind(item[0]) not in kinds]
    before = cast("State", noted[0][1][0])
    states = [cast("State", item[1][1]) for item in noted]
    values: list[object] = [item[1][2].value if isinstance(item[1][2], Returned) else None for item in noted]
    marks = [item[1][3] for item in noted]
    if signal != "diverted":
        states.append(snapshot(evaluator, node, *before.containers))
        values.append(value)
        marks.append(evaluator.fork_marks())
    evaluator.merge_marks(marks)
    cause = Unresolved("which way is taken is not known")
    decides = cast("ast.AST", noted[0][1][4])
    return True, _merge(evaluator, before, states, values, decides, cause)


def _kind(signal: Signal) -> str:
    return "return" if isinstance(signal, Returned) else str(signal)


def widen_loop(
    evaluator: Evaluator, turn: Callable[[], object], names: Collection[str], node: ast.AST, cause: Undetermined
) -> None:
    """Evaluate the body of a loop with an unknown number of iterations.

    What it changes is forgotten, until another turn changes nothing more; the last turn counts.
    """
    frame = evaluator.frame
    # As in abstract interpretation: widen what one turn changes until a turn changes nothing that was still known.
    # A turn can make more unknown, since it may have read what the turn before made unknown.
    for _ in range(_MOST_PASSES):
        before = snapshot(evaluator, node)
        exits = len(frame.exits)
        marks = evaluator.fork_marks()
        evaluator.rehearsing += 1
        try:
            with suppress(ExitError, EvaluationError):
                turn()
        finally:
            evaluator.rehearsing -= 1
        del frame.exits[exits:]
        evaluator.set_marks(marks)
        after = snapshot(evaluator, node, *before.containers)
        changed = before.changed()
        spaces = {*map(id, namespaces(evaluator)), *before.environments}
        grown = {id(item): (item, after.content(item)) for item in changed}
        before.restore()
        fresh = [item for item, content in grown.values() if widen(evaluator, item, content, spaces, node, cause)]
        if not fresh:
            break
    else:
        for name in names:
            evaluator.bind(name, unknown_choice(evaluator, node, cause))

    def once() -> object:
        return turn()

    # The loop may also run no times at all.
    fork(evaluator, [once, lambda: None], node, cause)


def widen(
    evaluator: Evaluator, item: Container, content: Container, spaces: set[int], node: ast.AST, cause: object
) -> bool:
    """Forget what a turn of a loop changed in a container; whether that was known before."""
    if id(item) not in spaces:
        return evaluator.poison(item, unknown_choice(evaluator, node, cause))
    environment = cast("dict[object, object]", item)
    fresh = False
    for key, value in cast("dict[object, object]", content).items():
        old = environment.get(key)
        if key in environment and old is value:
            continue
        if key not in environment or not isinstance(old, Unresolved):
            plain = isinstance(value, str | int | float | bool | None) and type(old) is type(value)
            if key in environment and plain and old == value:
                continue
            environment[key] = unknown_choice(evaluator, node, cause, (old, value), exact=False)
            fresh = True
    for key in [key for key in environment if key not in content]:
        environment[key] = unknown_choice(evaluator, node, cause, (environment[key],))
    return fresh


def test(evaluator: Evaluator, node: ast.expr) -> bool | Undetermined:
    """Whether a condition holds; the value itself where that is not known. Raises EvaluationError."""
    return truth(evaluator, _tested(evaluator, node), node)


def truth(evaluator: Evaluator, value: object, node: ast.AST) -> bool | Undetermined:
    """Whether a value counts as true."""
    found = evaluator.undetermined(value)
    if isinstance(found, Assumed):
        if evaluator.applying is not None:
            return _settled_truth(evaluator, found, evaluator.applying, node)
        return cast("Assumed", assuming(evaluator, [found], partial(truth, evaluator, found.value, node)))
    if found is not None:
        if evaluator.applying is not None and isinstance(found, Unresolved):
            evaluator.applying.unknown = evaluator.applying.unknown or found
        return found
    if isinstance(value, Instance) and (value.of is None or value.of.kind != "enum"):
        own = value.of.mro() if value.of is not None else []
        if value.of is None or any(
            item.kind == "opaque" or item.namespace.keys() & {"__bool__", "__len__"} for item in own
        ):
            return Unresolved("flowc cannot tell whether this object counts as true")
    if isinstance(value, Iterator):
        return True
    if isinstance(value, DictView):
        return bool(value.owner)
    return bool(evaluator.computed(node, bool, value))


def _settled_truth(evaluator: Evaluator, value: Assumed, applying: Applying, node: ast.AST) -> bool | Undetermined:
    """Whether a value counts as true by the defaults of variables, while a decorator is called with a step."""
    found = settled(evaluator, assuming(evaluator, [value], partial(truth, evaluator, value.value, node)))
    if isinstance(found, Unresolved):
        applying.unknown = applying.unknown or found
        return found
    return bool(found)


def _tested(evaluator: Evaluator, node: ast.expr) -> object:
    """The value of a condition, of which only the truth counts."""
    match node:
        case ast.BoolOp():
            return _both(evaluator, node)
        case ast.UnaryOp(op=ast.Not()):
            return negation(evaluator, node)
        case _:
            return evaluator.evaluate(node)


def likely_arm(condition: Undetermined) -> int:
    """Which arm of an `if` runs under the assumptions of its condition: the first, or the second."""
    return int(not (isinstance(condition, Assumed) and condition.value))


def _both(evaluator: Evaluator, node: ast.BoolOp) -> object:
    """`and` or `or` in a condition: what is known decides, or drops out."""
    word = "and" if isinstance(node.op, ast.And) else "or"
    found = test(evaluator, node.values[0])
    for item in node.values[1:]:
        if isinstance(found, bool):
            if found is (word == "or"):
                break
            found = test(evaluator, item)
            continue
        if isinstance(found, Unresolved):
            ends = isinstance(found, Assumed) and found.value is (word == "or")
            right = fork(evaluator, [partial(test, evaluator, item), lambda: True], node, found, likely=int(ends))
            if isinstance(found, Assumed) and not ends:
                found = cast("Unresolved", under(evaluator, right, [found]))
            if right is (word == "or") and not evaluator.lenient:
                return right
            continue
        right = evaluator.runtime_operation(f"{word}, condition", [found, item], node)
        if isinstance(right, bool):
            if right is (word == "or"):
                return right
        else:
            found = cast("Undetermined", evaluator.runtime_operation(f"{word}, one more", [found, right], node))
    return found


def negation(evaluator: Evaluator, node: ast.UnaryOp) -> object:
    """`not x`."""
    value = test(evaluator, node.operand)
    if isinstance(value, RuntimeValue):
        return evaluator.runtime_operation("not", [value], node)
    if isinstance(value, Assumed):
        return assuming(evaluator, [value], lambda: not value.value)
    return not value if isinstance(value, bool) else value


def boolean(evaluator: Evaluator, node: ast.BoolOp) -> object:
    """`a and b` as a value: one of the two where the first is known, and true or false for comparisons of results."""
    word = "and" if isinstance(node.op, ast.And) else "or"
    left_node, left = node.values[0], evaluator.evaluate(node.values[0])
    for item in node.values[1:]:
        holds = truth(evaluator, left, left_node)
        if isinstance(holds, bool):
            if holds is (word == "or"):
                return left
            left_node, left = item, evaluator.evaluate(item)
        elif isinstance(holds, RuntimeValue):
            left = evaluator.runtime_operation(f"{word}, as a value", [left, item], node)
        else:
            likely = int(isinstance(holds, Assumed) and holds.value is (word == "or"))
            left = fork(evaluator, [partial(evaluator.evaluate, item), partial(_itself, left)], node, holds, likely)
    return left


def _itself(value: object) -> object:
    return value


def comparison(evaluator: Evaluator, node: ast.Compare) -> object:
    """`a < b`, `a < b < c`, `a in b`, `a is None`."""
    left_node, left = node.left, evaluator.evaluate(node.left)
    found: object = True
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        if isinstance(found, RuntimeValue):
            right = evaluator.runtime_operation("and, comparator", [found, comparator], node)
        else:
            right = evaluator.evaluate(comparator)
        one = _compare(evaluator, node, op, (left, left_node), (right, comparator))
        if not isinstance(one, Undetermined) and not one:
            return one
        if isinstance(found, RuntimeValue) and isinstance(one, RuntimeValue):
            found = evaluator.runtime_operation("and", [found, one], node)
        elif not isinstance(found, Undetermined):
            found = one
        left_node, left = comparator, right
    return found


_SHARED = (int, float, str, bytes, tuple, frozenset, complex)
"""Types of which Python may have one object for equal values, or several."""


def _compare(
    evaluator: Evaluator,
    node: ast.Compare,
    op: ast.cmpop,
    left: tuple[object, ast.expr],
    right: tuple[object, ast.expr],
) -> object:
    shown, function = COMPARISONS[type(op)]
    one, other = left[0], right[0]
    if isinstance(op, ast.Is | ast.IsNot):
        unknown = evaluator.undetermined(one) or evaluator.undetermined(other)
        assumed = [item for item in (one, other) if isinstance(item, Assumed)]
        if assumed and not any(isinstance(item, Unresolved) and item not in assumed for item in (one, other)):
            plain = [(item.value if isinstance(item, Assumed) else item) for item in (one, other)]
            run = partial(_compare, evaluator, node, op, (plain[0], left[1]), (plain[1], right[1]))
            return assuming(evaluator, assumed, run)
        if isinstance(unknown, Unresolved) and any(isinstance(item, Unresolved) for item in (one, other)):
            raise evaluator.refuse_unresolved(unknown, node)
        if unknown is None and type(one) is type(other) and is_kind(one, *_SHARED) and one == other:
            message = "whether equal numbers or texts are one object depends on the Python that runs the file"
            raise evaluator.refuse("FC115", message, node, "write `==`")
        if not isinstance(unknown, RuntimeValue):
            return function(one, other)
    elif isinstance(op, ast.In | ast.NotIn) and is_kind(other, dict) and not evaluator.undetermined(other):
        unknown = evaluator.find_undetermined(one)
    else:
        unknown = evaluator.find_undetermined(one, other, node=node)
    if isinstance(other, Foreign) and other.path == ("os", "environ") and isinstance(op, ast.In | ast.NotIn):
        given = read_variable(evaluator, one, node)
        test_none = ast.IsNot() if isinstance(op, ast.In) else ast.Is()
        return _compare(evaluator, node, test_none, (given, left[1]), (None, right[1]))
    if unknown is not None and (assumed := assumed_parts(evaluator, one, other)):
        sides = (stripped(one), left[1]), (stripped(other), right[1])
        return assuming(evaluator, assumed, lambda: _compare(evaluator, node, op, *sides))
    if unknown is None:
        return _compare_known(evaluator, node, op, one, other)
    if isinstance(unknown, Unresolved):
        raise evaluator.refuse_unresolved(unknown, node)
    return evaluator.runtime_operation(shown, [one, other, left[1], right[1]], node)


def _compare_known(evaluator: Evaluator, node: ast.Compare, op: ast.cmpop, one: object, other: object) -> object:
    if isinstance(other, DictView) and isinstance(op, ast.In | ast.NotIn):
        other = other.entries() if other.kind != "keys" else other.owner
    is_lookup = isinstance(op, ast.In | ast.NotIn) and is_kind(other, dict, set, frozenset)
    for item in (one,) if is_lookup else (one, other):
        check_hashable(evaluator, node, item)
        if isinstance(item, Iterator) or (has_objects(item) and isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE)):
            message = f"flowc does not compare `{evaluator.code(node)}`"
            raise evaluator.refuse("FC113", message, node, "compare numbers and text")
    if isinstance(other, ClassObject) and isinstance(op, ast.In | ast.NotIn):
        raise evaluator.refuse("FC113", f"flowc does not look into `{evaluator.code(node)}`", node, "write it out")
    if is_lookup:  # what is in it has been checked when it was put there
        return evaluator.computed(node, lambda: COMPARISONS[type(op)][1](one, other))
    evaluator.charge(min(cost(one), cost(other)) if isinstance(op, ast.Eq | ast.NotEq) else cost(other), node)
    if isinstance(other, range) and range_length(other) > LONGEST and not isinstance(one, int):
        evaluator.exhausted("this range is longer than what flowc looks through", node, "compare numbers")
    return evaluator.computed(node, COMPARISONS[type(op)][1], one, other)


def conditional(evaluator: Evaluator, node: ast.IfExp) -> object:
    """`x if condition else y`."""
    condition = test(evaluator, node.test)
    if isinstance(condition, bool):
        return evaluator.evaluate(node.body if condition else node.orelse)
    arms: list[Callable[[], object]] = [lambda: evaluator.evaluate(node.body), lambda: evaluator.evaluate(node.orelse)]
    if isinstance(condition, RuntimeValue):
        return evaluator.runtime_choice([(node.test, arms[0]), (None, arms[1])], condition, node)
    return fork(evaluator, arms, node, condition, likely_arm(condition))
