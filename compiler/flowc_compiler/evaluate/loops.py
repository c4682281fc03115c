"""`for` and `while`: turn by turn where the turns are known, else until nothing changes any more."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import cast

from flowc_compiler.evaluate.branches import leave, widen_loop
from flowc_compiler.evaluate.conditions import test
from flowc_compiler.evaluate.evaluation_state import Frame, Signal
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.iteration import check_unspent, take_items
from flowc_compiler.evaluate.targets import assign
from flowc_compiler.evaluate.values import Iterator as ValueIterator
from flowc_compiler.evaluate.values import RuntimeValue, Undetermined, Unresolved, is_kind
from flowc_compiler.syntax.tree_walk import bound_names


def for_loop(evaluator: Evaluator, item: ast.For) -> Signal:
    """Run a `for`; over a run-time value, the front end does."""
    source = evaluator.evaluate(item.iter)
    if evaluator.lenient and isinstance(found := evaluator.undetermined(source), Unresolved):
        value = Unresolved(found.message, found.help, (source,))
        return _unknown_loop(evaluator, item, found, lambda: assign(evaluator, item.target, value, item.iter))
    if isinstance(evaluator.undetermined(source), RuntimeValue) and not evaluator.lenient:
        evaluator.runtime_loop(source, item)
        return evaluator.execute(item.orelse)
    return _loop(evaluator, item, _turns(evaluator, source, item))


def _turns(evaluator: Evaluator, source: object, item: ast.For) -> Iterator[bool]:
    """Bind the loop's target for each turn: over a list as it is when the turn begins."""
    if isinstance(source, ValueIterator):
        check_unspent(evaluator, source, item.iter)
        items = take_items(evaluator, source, item.iter)
        watched = source.watch() if source.watch is not None and evaluator.lenient else None
        while items:
            assign(evaluator, item.target, items.pop(), item.iter)
            yield True
        if (
            watched is not None
            and source.watch is not None
            and (watched[0].changed() or source.watch()[1] != watched[1])
        ):
            message = "the loop changes what its generator reads"
            raise evaluator.refuse("FC115", message, item.iter, "make a list of it first: `list(...)`")
        return
    values = evaluator.iterate(source, item.iter)
    live = cast("list[object]", source) if is_kind(source, list) else values
    place = 0
    while place < len(live):
        assign(evaluator, item.target, live[place], item.iter)
        place += 1
        yield True
        if isinstance(found := evaluator.undetermined(source), Unresolved):
            raise evaluator.refuse_unresolved(found, item.iter)
        if is_kind(source, dict, set) and len(cast("set[object]", source)) != len(values):
            message = f"`{evaluator.code(item.iter)}` changes while the loop iterates over it"
            raise evaluator.refuse("FC112", message, item.iter, "iterate over `list(...)` of it")


def while_loop(evaluator: Evaluator, item: ast.While) -> Signal:
    """Run a `while`, whose condition has to be known in a strict evaluation."""
    frame = evaluator.frame
    frame.loops += 1
    try:
        while True:
            holds = test(evaluator, item.test)
            if isinstance(holds, Undetermined):
                break
            if not holds:
                return evaluator.execute(item.orelse)
            signal = _turn(evaluator, item, frame)
            if signal is not None:
                return None if signal == "break" else signal
    finally:
        frame.loops -= 1
    if isinstance(holds, Unresolved) and evaluator.lenient:
        return _unknown_loop(evaluator, item, holds, lambda: evaluator.evaluate(item.test) and None)
    raise evaluator.not_known(
        holds, item.test, "how often a loop runs cannot depend on it",
        f"write `while {evaluator.code(item.test)}:` inside of one step, which calls what the loop calls as plain "
        "functions; or run at most a fixed number of turns: `for i in range(10):` with the loop's body in an `if`",
    )  # fmt: skip


def _loop(evaluator: Evaluator, item: ast.For, turns: Iterator[bool]) -> Signal:
    frame = evaluator.frame
    frame.loops += 1
    try:
        for _ in turns:
            signal = _turn(evaluator, item, frame)
            if signal is not None:
                return None if signal == "break" else signal
    finally:
        frame.loops -= 1
    return evaluator.execute(item.orelse)


def _turn(evaluator: Evaluator, item: ast.For | ast.While, frame: Frame) -> Signal:
    """One turn of a loop; `None` where the loop goes on."""
    evaluator.tick(item)
    signal = evaluator.execute(item.body)
    if signal in ("continue", None) and not frame.exits:
        return None
    if any(kind == "break" for kind, _ in frame.exits):  # whether the loop goes on is not known
        raise evaluator.refuse("FC115", "flowc cannot know whether this loop continues", item, "write the value out")
    reaches, _ = leave(evaluator, frame, ("continue",), None if signal == "continue" else signal, None, item)
    if signal == "diverted":
        return None if reaches else "diverted"
    return None if signal == "continue" else signal


def _unknown_loop(
    evaluator: Evaluator, item: ast.For | ast.While, cause: Undetermined, begin: Callable[[], object]
) -> Signal:
    """A loop with an unknown number of iterations."""
    frame = evaluator.frame

    def turn() -> object:
        begin()
        frame.loops += 1
        try:
            signal = evaluator.execute(item.body)
        finally:
            frame.loops -= 1
        reaches, _ = leave(evaluator, frame, ("continue",), None if signal == "continue" else signal, None, item)
        return ("diverted" if not reaches else None) if signal in ("diverted", "continue", None) else signal

    widen_loop(evaluator, turn, bound_names([item]), item, cause)
    leave(evaluator, frame, ("break",), None, None, item)
    return evaluator.execute(item.orelse)
