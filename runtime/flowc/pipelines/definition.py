"""`@pipeline`: a function that says which steps there are. Calling it runs the flow."""

from __future__ import annotations

import functools

from flowc.pipelines.generics import OfFunction, P, R

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, overload

    from flowc.pipelines.mapping import MappedResults


class _Eager:
    """Whether a pipeline's body is being run in plain Python, where the pipelines that it calls are functions, too."""

    depth = 0


class Pipeline(OfFunction[P, R]):
    """A pipeline. The compiler reads it from its source."""

    __name__: str
    __qualname__: str

    def __init__(self, function: Callable[P, R], options: Dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self.options = options
        """What the decorator, `with_options` and `configure` were given."""

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.options.get("name") or self._function.__name__)

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
        from flowc.pipelines.launch import launch

        return launch(self._function, args, kwargs)

    def with_options(self, **options: Any) -> Pipeline[P, R]:
        """The same pipeline with other options."""
        return Pipeline(self._function, {**self.options, **options})

    def configure(self, **options: Any) -> Pipeline[P, R]:
        """Change the options of this pipeline, and return it."""
        self.options.update(options)
        return self

    def map(self, *args: Any, after: Any = None, **kwargs: Any) -> MappedResults[R]:
        """Call the pipeline for each item of the lists that are given, which are of one length."""
        from flowc.pipelines.mapping import run_map

        del after
        return run_map(self._run, args, kwargs, product=False)

    def product(self, *args: Any, after: Any = None, **kwargs: Any) -> MappedResults[R]:
        """Call the pipeline for each combination of items of the lists that are given, the last list's fastest."""
        from flowc.pipelines.mapping import run_map

        del after
        return run_map(self._run, args, kwargs, product=True)

    def __repr__(self) -> str:
        return f"<pipeline {self.__qualname__}>"


if TYPE_CHECKING:

    @overload
    def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...

    @overload
    def pipeline(**options: Any) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...


def pipeline(function: Any = None, /, **options: Any) -> Any:
    """Make a pipeline of a function that calls steps."""
    if function is None:
        return functools.partial(_pipeline, options)
    return _pipeline(options, function)


def _pipeline(options: Dict[str, Any], function: Any) -> Pipeline[Any, Any]:
    if not callable(function):
        raise TypeError(f"@pipeline is for functions, and was given a {type(function).__name__}")
    return Pipeline(function, dict(options))
