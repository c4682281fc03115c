"""Conditions, and code that may run or not: every way is evaluated, and what they leave is merged."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from flowc_compiler.evaluate.assumptions import under
from flowc_compiler.evaluate.evaluation_state import EvaluationError, ExitError, Frame, RaisedError, Returned, Signal
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.merging import Merge
from flowc_compiler.evaluate.reachable_state import Container, State, namespaces, state_of
from flowc_compiler.evaluate.values import Assumed, Foreign, Undetermined, Unresolved

if TYPE_CHECKING:
    pass

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
