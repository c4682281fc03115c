"""Metaflow's API for decorators of the user's own: `@user_step_decorator`, `UserStepDecorator`, and mutators.

What stands around a step runs in its task (`flowc.shim.wrapped_step`). Mutators have changed the flow when it was
compiled (`flowc_compiler.frontend.mutators`): in a task they leave it as it is.
"""

from __future__ import annotations

# ruff: noqa: ARG002 (arguments are named as Metaflow names them)
from functools import partial

from flowc.errors import FlowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

USER_SKIP_STEP: Dict[str, Any] = {}
"""What a generator yields instead of running the step."""


class YieldsTwice(FlowError):  # noqa: N818 (what it says of a generator)
    """A generator of a decorator goes on after its `yield`, and yields again."""


class _Decorator:
    """What is called with a step or a class, with or without arguments before, and returns that."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """An instance; where the decorator stands without parentheses, what it stands above."""
        made: Any = object.__new__(cls)
        target, args = (args[0], args[1:]) if args and _is_target(args[0]) else (None, args)
        made._args, made._kwargs = args, kwargs
        if target is None:
            made.__init__(*args, **kwargs)
            return made
        made.__init__()
        return made(target)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Arguments are for `init`."""

    def __call__(self, target: Any) -> Any:
        """The target."""
        return target

    def init(self, *args: Any, **kwargs: Any) -> None:
        """Take the decorator's arguments."""


def _is_target(value: Any) -> bool:
    return isinstance(value, type) or (callable(value) and getattr(value, "is_step", False))


class UserStepDecorator(_Decorator):
    """What runs around a step, in its task."""

    def __call__(self, target: Any) -> Any:
        """Note the decorator with the step, which knows those that stand nearer to it already."""
        if self._args:  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
            raise FlowError(f"{type(self).__name__} does not allow arguments, only keyword arguments")
        target.wrappers = [*getattr(target, "wrappers", ()), self]
        return target

    def external_init(self) -> None:
        """Call `init` with the arguments, in which configs are known now. Raises FlowError."""
        from flowc.flow_configs import resolve

        given: Dict[str, Any] = resolve(vars(self)["_kwargs"])
        own = "init" in vars(type(self))
        if given and not own:
            raise FlowError(f"{type(self).__name__} is used with arguments but does not implement init")
        if own:
            self.init(**given)

    def pre_step(self, step_name: str, flow: Any, inputs: Any = None) -> Callable[..., Any] | None:
        """Before the step; a function that is returned is called instead of it."""

    def post_step(self, step_name: str, flow: Any, exception: Exception | None = None) -> Any:
        """After the step: the exception to raise, or a pair of that and the arguments for `self.next`."""
        return exception, None

    @property
    def skip_step(self) -> Any:
        """Whether what is within the decorator is skipped, or the arguments for `self.next` of a step that is."""
        return vars(self).get("_skip_step", False)

    @skip_step.setter
    def skip_step(self, value: Any) -> None:
        self._skip_step = value


def user_step_decorator(*args: Any, **kwargs: Any) -> Any:
    """Make a decorator of a generator function `(step_name, flow, inputs, attributes)` that yields once at most."""
    if not args:
        return partial(user_step_decorator, **kwargs)
    import inspect

    function: Any = args[0]
    if not inspect.isgeneratorfunction(function):
        raise FlowError("@user_step_decorator can only decorate generator functions")
    count = len(inspect.signature(function).parameters)
    if count != 4 and (kwargs or count != 3):
        raise FlowError("@user_step_decorator decorates functions of (step_name, flow, inputs [, attributes])")

    class Generated(UserStepDecorator):
        """The generator's code before and after its `yield`."""

        def init(self, **given: Any) -> None:
            self.given = given

        def pre_step(self, step_name: str, flow: Any, inputs: Any = None) -> Any:
            arguments = (step_name, flow, inputs, self.given) if count == 4 else (step_name, flow, inputs)
            self.generator = function(*arguments)
            value = next(self.generator)
            if not isinstance(value, dict):
                return value
            self.skip_step = value or True
            return None

        def post_step(self, step_name: str, flow: Any, exception: Exception | None = None) -> Any:
            try:
                if exception is None:
                    next(self.generator)
                else:
                    self.generator.throw(exception)
            except StopIteration as end:
                return end.value
            except Exception as error:
                return error
            raise YieldsTwice(f"{function.__name__} should only yield once")

    Generated.__name__ = Generated.__qualname__ = function.__name__
    Generated.__module__, Generated.__doc__ = function.__module__, function.__doc__
    return Generated


class StepMutator(_Decorator):
    """What changes the decorators of a step when the flow is compiled."""

    def pre_mutate(self, mutable_step: MutableStep) -> None:
        """Change the step, before decorators of the command line are known."""

    def mutate(self, mutable_step: MutableStep) -> None:
        """Change the step."""


class FlowMutator(_Decorator):
    """What changes decorators, parameters and steps of a flow when it is compiled."""

    def pre_mutate(self, mutable_flow: MutableFlow) -> None:
        """Change the flow, before decorators of the command line are known."""

    def mutate(self, mutable_flow: MutableFlow) -> None:
        """Change the flow's steps."""


class MutableStep:
    """The step that a mutator gets, and what it does about decorators that are there already."""

    IGNORE, ERROR, OVERRIDE = 1, 2, 3


class MutableFlow(MutableStep):
    """The flow that a mutator gets."""
