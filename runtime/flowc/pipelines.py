"""Function pipelines: `@pipeline`, and what `@step` makes of a function.

The compiler reads a pipeline from its source, and nothing here is called then. In plain Python, in tests and in other
steps a step is its function; calling a pipeline in a program runs the flow.
"""

from __future__ import annotations

import functools
from types import MethodType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Generic, TypeVar, overload

    from typing_extensions import ParamSpec

    from flowc.pipeline_calls import MappedResults

    P = ParamSpec("P")
    R = TypeVar("R")

    class _Wrapper(Generic[P, R]):
        __name__: str
        __qualname__: str
else:
    P = R = None

    class _Wrapper:  # `typing` takes a while to import, and has no ParamSpec in Python 3.9
        def __class_getitem__(cls, item: object) -> type:
            return cls

        # Read when asked for: Python 3.14 computes annotations then, and `update_wrapper` copies none to an instance.
        @property
        def __annotations__(self) -> Dict[str, Any]:
            return self._function.__annotations__


_COPIED = [name for name in functools.WRAPPER_ASSIGNMENTS if not name.startswith("__annot")]


class FunctionWrapper(_Wrapper[P, R]):
    """What steps and pipelines have in common. `entrypoint` is what `map` and `product` call."""

    def __init__(self, function: Callable[P, R], options: Dict[str, Any]) -> None:
        self._function = function
        wrapper: Any = self
        functools.update_wrapper(wrapper, function, _COPIED)
        self.options = options
        """What the decorator, `with_options` and `configure` were given."""

    @property
    def name(self) -> str:
        """The name that it has in a flow, unless a call gives another."""
        return str(self.options.get("name") or self._function.__name__)

    @property
    def entrypoint(self) -> Callable[P, R]:
        """The function as it was written."""
        return self._function

    def configure(self, **options: Any) -> Any:
        """Change the options of this step or pipeline, and return it."""
        self.options.update(options)
        return self

    def map(self, *args: Any, after: Any = None, **kwargs: Any) -> MappedResults[R]:
        """Call the function for each item of the lists that are given, which are of one length."""
        from flowc.pipeline_calls import run_map

        del after
        return run_map(self.entrypoint, args, kwargs, product=False)

    def product(self, *args: Any, after: Any = None, **kwargs: Any) -> MappedResults[R]:
        """Call the function for each combination of items of the lists that are given, the last list's fastest."""
        from flowc.pipeline_calls import run_map

        del after
        return run_map(self.entrypoint, args, kwargs, product=True)

    def __repr__(self) -> str:
        return f"<{'step' if isinstance(self, StepFunction) else 'pipeline'} {self.__qualname__}>"


class StepFunction(FunctionWrapper[P, R]):
    """A step of pipelines."""

    def __init__(
        self, entrypoint: Callable[P, R], options: Dict[str, Any], root: StepFunction[P, R] | None = None
    ) -> None:
        super().__init__(entrypoint, options)
        self._root = root

    if TYPE_CHECKING:

        @overload
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

        @overload
        def __call__(self, *args: Any, id: str | None = None, after: Any = None, **kwargs: Any) -> R: ...

    def __call__(self, *args: Any, id: Any = None, after: Any = None, **kwargs: Any) -> Any:
        """Call the function. `id` names the step in a pipeline, and `after` what has to be done before."""
        del id, after
        function: Callable[..., Any] = self._function
        result = function(*args, **kwargs)
        if not _Eager.depth:
            return result
        from flowc.pipeline_calls import awaited

        return awaited(result)

    is_step = True

    def __get__(self, flow: Any, owner: Any = None) -> Any:
        """The step itself, but for a step of a class flow: what a user's decorator made of it is a function, too."""
        from flowc.flowspec import FlowSpec

        if not isinstance(flow, FlowSpec):
            return self
        bind = getattr(type(self._function), "__get__", MethodType)
        return MethodType(self._function, flow) if bind is MethodType else bind(self._function, flow, owner)

    def with_options(self, **options: Any) -> StepFunction[P, R]:
        """The same step with other options."""
        return StepFunction(self._function, {**self.options, **options}, self._root or self)

    def __reduce__(self) -> Any:
        if self._root is not None:
            return _copy, (self._root, self.options)
        return self.__qualname__  # its module has this object under this name


class CommandStep(StepFunction[[], None]):
    """ZenML's step that runs a command, or a function in a Python of its own, in the image of the step."""

    def __init__(self, command: Any, **options: Any) -> None:
        def run() -> None:
            if callable(command):
                command()
                return
            import subprocess

            subprocess.run(command, check=True)

        super().__init__(run, {"name": "CommandStep", **options})


def _copy(root: StepFunction[P, R], options: Dict[str, Any]) -> StepFunction[P, R]:
    """What a pickle of a step with options calls."""
    return StepFunction(root.entrypoint, options, root)


def step_function(function: Any, options: Dict[str, Any]) -> StepFunction[Any, Any]:
    """What `@step` makes of a function. Raises TypeError."""
    if isinstance(function, StepFunction):
        known: StepFunction[Any, Any] = function  # pyright: ignore[reportUnknownVariableType]
        return known.with_options(**options)
    if not callable(function):
        raise TypeError(f"@step is for functions, and was given a {type(function).__name__}")
    return StepFunction(function, options)


class _Eager:
    """Whether a pipeline's body is being run in plain Python, where the pipelines that it calls are functions, too."""

    depth = 0


class Pipeline(FunctionWrapper[P, R]):
    """A pipeline. Calling it in a program runs the flow on this machine."""

    @property
    def entrypoint(self) -> Callable[P, R]:
        """The function; its steps, and the pipelines that it calls, run one after another in this process."""
        run: Callable[P, R] = functools.partial(self._run)
        return functools.update_wrapper(run, self._function)

    def _run(self, *args: P.args, **kwargs: P.kwargs) -> R:
        _Eager.depth += 1
        try:
            return self._function(*args, **kwargs)
        finally:
            _Eager.depth -= 1

    if TYPE_CHECKING:

        @overload
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any: ...

        @overload
        def __call__(self, *args: Any, id: str | None = None, after: Any = None, **kwargs: Any) -> Any: ...

    def __call__(self, *args: Any, id: Any = None, after: Any = None, **kwargs: Any) -> Any:
        """Run the flow on this machine, and return the run. Raises PipelineRunFailed.

        Nothing happens while a task of a compiled flow imports the file.
        """
        del id, after
        if _Eager.depth:
            function: Callable[..., Any] = self._function
            return function(*args, **kwargs)
        from flowc.shim.loaded_plan import is_compiled

        if is_compiled():
            return None
        from flowc.pipeline_calls import launch

        return launch(self._function, args, kwargs)

    def with_options(self, **options: Any) -> Pipeline[P, R]:
        """The same pipeline with other options."""
        return Pipeline(self._function, {**self.options, **options})


if TYPE_CHECKING:

    @overload
    def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...

    @overload
    def pipeline(**options: Any) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...


def pipeline(function: Any = None, /, **options: Any) -> Any:
    """Make a pipeline of a function that calls steps. Raises TypeError."""
    if function is None:
        return functools.partial(pipeline, **options)
    if not callable(function):
        raise TypeError(f"@pipeline is for functions, and was given a {type(function).__name__}")
    return Pipeline(function, options)
