"""What a step says by `self.next`, and whether that is what the compiled flow says."""

from __future__ import annotations

from flowc.errors import InvalidNextException, TooManyIterations
from flowc.shim.task_state import Transition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

    from flowc.flowspec import FlowSpec
    from flowc.protocol.plan import PlanStep
    from flowc.store.run_layout import Path


def read(
    flow: FlowSpec,
    step: str,
    targets: Tuple[Any, ...],
    foreach: str | None,
    condition: str | None,
    num_parallel: int | None,
) -> Transition:
    """The transition that the arguments of `self.next` make. Raises InvalidNextException; RuntimeError for no case."""
    if condition is not None:
        return _switch(flow, step, targets, condition)
    if num_parallel is not None and (type(num_parallel) is bool or not _whole(num_parallel) or num_parallel < 1):
        raise InvalidNextException(
            f"step {step!r}: num_parallel is {num_parallel!r}; it must be a whole number of at least 1"
        )
    names = [getattr(target, "__name__", str(target)) for target in targets]
    return Transition(names, foreach, num_parallel=num_parallel if num_parallel is None else int(num_parallel))


def _whole(value: Any) -> bool:
    """Whether a value is an integer of any kind, numpy's included."""
    return hasattr(value, "__index__")


def _switch(flow: FlowSpec, step: str, targets: Tuple[Any, ...], condition: str) -> Transition:
    """The case that the value of an artifact chooses."""
    if len(targets) != 1 or not isinstance(targets[0], dict):
        raise InvalidNextException(f"step {step!r}: a switch takes one dict of values to steps")
    given: Any = targets[0]  # pyright: ignore[reportUnknownVariableType]
    cases: Dict[Any, str] = {value: target.__name__ for value, target in given.items()}
    try:
        value = getattr(flow, condition)
    except AttributeError as error:
        raise InvalidNextException(f"step {step!r}: there is no artifact {condition!r} to choose by: {error}") from None
    try:
        choice = cases[value]
    except (KeyError, TypeError):
        known = ", ".join(map(repr, cases))
        # The exception is Metaflow's.
        raise RuntimeError(f"step {step!r}: {condition!r} is {value!r}, which is none of the cases {known}") from None
    return Transition(list(dict.fromkeys(cases.values())), condition=condition, choice=choice)


def check_iteration(step: PlanStep, path: Path, transition: Transition | None) -> None:
    """A recursive switch may not go on with itself more often than `@loop` says. Raises TooManyIterations."""
    if step.max_iterations is None or transition is None or transition.choice != step.name:
        return
    if path[-1] + 1 >= step.max_iterations:
        raise TooManyIterations(
            f"step {step.name!r} goes on with itself after iteration {path[-1] + 1}, and "
            f"@loop(max_iterations={step.max_iterations}) allows no more"
        )


def check(step: PlanStep, transition: Transition | None) -> None:
    """A step must go where the compiled flow says: the engine follows that. Raises InvalidNextException."""
    if transition is None:
        if step.next:
            raise InvalidNextException(f"step {step.name!r} ended without self.next(...); it leads to {step.next}")
        return
    compiled = Transition(step.next, step.foreach_var, step.condition, num_parallel=step.kind == "parallel" or None)
    names = [name for name in transition.names if not step.loops or name != step.name]
    if (names, transition.foreach, transition.condition, transition.num_parallel is None) != (
        compiled.names,
        compiled.foreach,
        compiled.condition,
        compiled.num_parallel is None,
    ):
        raise InvalidNextException(
            f"step {step.name!r} goes to {transition}, but the compiled flow goes to {compiled}; compile the file again"
        )
