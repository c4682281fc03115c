"""`@step` of a function: what a pipeline calls. In plain Python, in tests and in other steps, it is the function."""

from __future__ import annotations

import functools

from flowc.pipelines.generics import OfFunction, P, R

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, overload

    from flowc.pipelines.mapping import MappedResults


class StepFunction(OfFunction[P, R]):
    """A step of pipelines.

    The compiler reads a pipeline from its source; nothing here is called then. What is called here runs at once, with
    the values that it is given.
    """

    entrypoint: Callable[P, R]
    """The function as it was written."""
    __name__: str
    __qualname__: str

    def __init__(
        self, entrypoint: Callable[P, R], options: Dict[str, Any], root: StepFunction[P, R] | None = None
    ) -> None:
        functools.update_wrapper(self, entrypoint)
        self.entrypoint = entrypoint
        self.options = options
        """What the decorator, `with_options` and `configure` were given."""
        self._root = root

    @property
    def name(self) -> str:
        """The name that it has in a pipeline, unless a call gives another."""
        return str(self.options.get("name") or self.entrypoint.__name__)

    if TYPE_CHECKING:

        @overload
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

        @overload
        def __call__(self, *args: Any, id: str | None = None, after: Any = None, **kwargs: Any) -> R: ...

    def __call__(self, *args: Any, id: Any = None, after: Any = None, **kwargs: Any) -> Any:
        """Call the function. `id` names the step in a pipeline, and `after` what has to be done before."""
        del id, after
        function: Callable[..., Any] = self.entrypoint
        return function(*args, **kwargs)

    def with_options(self, **options: Any) -> StepFunction[P, R]:
        """The same step with other options."""
        return StepFunction(self.entrypoint, {**self.options, **options}, self._root or self)

    def configure(self, **options: Any) -> StepFunction[P, R]:
        """Change the options of this step, and return it."""
        self.options.update(options)
        return self

    def map(self, *args: Any, after: Any = None, **kwargs: Any) -> MappedResults[R]:
        """Call the function for each item of the lists that are given, which are of one length."""
        from flowc.pipelines.mapping import run_map

        del after
        return run_map(self.entrypoint, args, kwargs, product=False)

    def product(self, *args: Any, after: Any = None, **kwargs: Any) -> MappedResults[R]:
        """Call the function for each combination of items of the lists that are given, the last list's fastest."""
        from flowc.pipelines.mapping import run_map

        del after
        return run_map(self.entrypoint, args, kwargs, product=True)

    def __repr__(self) -> str:
        return f"<step {self.__qualname__}>"

    def __reduce__(self) -> Any:
        if self._root is not None:
            return _copy, (self._root, self.options)
        return self.__qualname__  # what stands under its name in its module is this object


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
