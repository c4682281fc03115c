"""Steps with decorators of the user's own around them: in which order these run, and what `self.next` becomes.

As in Metaflow 2.19 (`MetaflowTask._exec_step_function`).
"""

from __future__ import annotations

from importlib import import_module

from flowc.errors import FlowError
from flowc.flowspec import state_of
from flowc.shim.mutations import known
from flowc.user_decorators import UserStepDecorator, YieldsTwice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Tuple

    from flowc.protocol.plan import Plan, PlanStep


def wrappers_of(plan: Plan, method: Any, step: PlanStep) -> List[UserStepDecorator]:
    """The decorators around a step, the innermost first: those above it, as mutators have changed them."""
    own: List[Any] = getattr(method, "wrappers", None) or []
    if step.wrappers is None:
        return own
    found: List[UserStepDecorator] = []
    for entry in step.wrappers:
        if "own" in entry:
            found.append(own[entry["own"]])
            continue
        made: Any = getattr(import_module(entry.get("module") or plan.module), entry["name"])
        found.append(made(**{key: known(value) for key, value in entry["arguments"].items()}))
    return found


def call_wrapped(flow: Any, code: Callable[[], None], inputs: Any, wrappers: List[UserStepDecorator]) -> None:
    """Run a step's code within its decorators. Raises what these let through."""
    step = state_of(flow).step
    for wrapper in wrappers:
        wrapper.external_init()
    entered: List[UserStepDecorator] = []
    replacement: Any = None
    skipped: Any = False
    for wrapper in reversed(wrappers):
        replacement = wrapper.pre_step(step.own, flow, inputs)
        entered.append(wrapper)
        skipped = wrapper.skip_step
        if skipped or replacement:
            break
    following: Any = skipped or None
    """The arguments for `self.next` that replace the step's own; `True` stands for the step's."""
    raised: Exception | None = None
    try:
        if not skipped and replacement:
            following = (replacement(flow) if inputs is None else replacement(flow, inputs)) or None
        elif not skipped:
            code()
    except Exception as error:
        raised = error
    failed = raised is not None
    for wrapper in reversed(entered):
        raised, following = _left(wrapper, step.own, flow, raised, following)
    if raised is not None:
        raise raised
    if failed or not (following is None or following is False):
        _follow(flow, step, following)


def _left(
    wrapper: UserStepDecorator, name: str, flow: Any, raised: Exception | None, following: Any
) -> Tuple[Exception | None, Any]:
    """What a decorator makes of the exception and of the arguments for `self.next`. Raises FlowError."""
    result: Any
    try:
        result = wrapper.post_step(name, flow, raised)
    except YieldsTwice:
        raise
    except Exception as error:
        result = error
    if result is None or isinstance(result, Exception):
        return result, following
    if type(result) is tuple:
        pair: Tuple[Any, ...] = result  # pyright: ignore[reportUnknownVariableType]
        if len(pair) == 2:
            return pair[0], pair[1]
    raise FlowError(f"post_step of {type(wrapper).__name__} returns an exception, or one and arguments for self.next")


def _follow(flow: Any, step: PlanStep, arguments: Any) -> None:
    """Call `self.next` for the step, with other arguments or with its own. Raises FlowError."""
    if not step.leads:
        return
    state_of(flow).transition = None
    start = len(step.prefix)
    targets = [getattr(flow, name[start:]) for name in step.leads]
    if isinstance(arguments, dict) and arguments:
        flow.next(*targets, **arguments)
    elif arguments is None or arguments is True or arguments == {}:
        if step.kind in ("parallel", "switch"):
            raise FlowError(f"step {step.name!r} is skipped: yield the arguments of its self.next, which are not known")
        flow.next(*targets, **({} if step.foreach_var is None else {"foreach": step.foreach_var}))
    else:
        raise FlowError(f"a decorator of step {step.name!r} gives {arguments!r} for self.next: give a dict or a bool")
