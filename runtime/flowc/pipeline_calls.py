"""Calls of steps and pipelines in plain Python: `map` and `product` over lists, and runs that a program starts.

A run is started by the `flowc` command, where that is installed: a container has the shim alone. The command is looked
for by name, as for `python flow.py run`.
"""

from __future__ import annotations

from types import CoroutineType

from flowc.errors import FlowError
from flowc.protocol.conversions import conversion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspect import Signature
    from typing import Any, Callable, Dict, Generic, Iterable, List, Sequence, Tuple, TypeVar

    from flowc.compat.zenml_runs import PipelineRun

    T = TypeVar("T")
    _ListOf = List

    class _ValueOf(Generic[T]):
        pass
else:
    T = None

    class _ValueOf:  # `typing` takes a while to import
        def __class_getitem__(cls, item):
            return cls

    class _ListOf(_ValueOf, list):
        pass


class Unmapped(_ValueOf[T]):
    """A value that every call of a map gets as it is. See `unmapped`."""

    def __init__(self, value: T) -> None:
        self.value = value


def unmapped(value: T) -> Unmapped[T]:
    """Give a list as a whole to every call of `map` or `product`."""
    return Unmapped(value)


def approve(
    *,
    choices: Sequence[str],
    message: str = "",
    timeout: float | str | None = None,
    default: str | None = None,
    id: str | None = None,
    after: Any = None,
) -> str:
    """In a pipeline's body: ask a person, when all that was called before is done, and return what is chosen.

    After `timeout`, in seconds or as `"2d"`, that is `default`; without one, the run fails. Elsewhere it raises
    FlowError.
    """
    del choices, message, timeout, default, id, after
    raise FlowError("approve() is for the body of a pipeline, which is compiled and not run")


def wait(**options: Any) -> Any:
    """ZenML's `wait`, which asks a person: in a pipeline's body only. Elsewhere it raises FlowError."""
    del options
    raise FlowError("wait() is for the body of a pipeline, which is compiled and not run")


class MappedResults(_ListOf[T]):
    """The results of a map, in the order of the items."""

    def load(self) -> MappedResults[T]:
        """The results."""
        return self

    def unpack(self) -> Tuple[List[Any], ...]:
        """Of a step with several outputs, a list for each."""
        rows: Iterable[Any] = self
        return tuple(map(list, zip(*rows)))


def awaited(result: Any) -> Any:
    """What a step returns; what the coroutine returns that an `async` step is."""
    if not isinstance(result, CoroutineType):
        return result
    import asyncio

    coroutine: Any = result  # pyright: ignore[reportUnknownVariableType]
    return asyncio.run(coroutine)


def run_map(
    function: Callable[..., T], args: Tuple[Any, ...], kwargs: Dict[str, Any], *, product: bool
) -> MappedResults[T]:
    """Call a function for each item, or each combination of items. Raises ValueError, TypeError."""
    import itertools

    given: Dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
    mapped = {name: list(value) for name, value in given.items() if _is_mapped(value)}
    if not mapped:
        ways_out = [f"write {way_out}" for value in given.values() if (way_out := conversion(value)) is not None]
        raise TypeError("; ".join(["there is nothing to map over: of the arguments none is a list", *ways_out]))
    lengths = {len(items) for items in mapped.values()}
    if not product and len(lengths) > 1:
        shown = ", ".join(str(len(items)) for items in mapped.values())
        raise ValueError(f"lists that are mapped over together are of one length, not {shown}")
    rows: Iterable[Sequence[Any]] = itertools.product(*mapped.values()) if product else zip(*mapped.values())
    whole = {name: _whole(value) for name, value in given.items()}
    results: MappedResults[T] = MappedResults()
    for row in rows:
        call = {**whole, **dict(zip(mapped, row))}
        positional = [call.pop(index) for index in range(len(args))]
        results.append(awaited(function(*positional, **call)))
    return results


def _whole(value: Any) -> Any:
    """What every call gets of an argument."""
    if not isinstance(value, Unmapped):
        return value
    wrapped: Unmapped[Any] = value  # pyright: ignore[reportUnknownVariableType]
    return wrapped.value


def _is_mapped(value: Any) -> bool:
    """Whether a value is gone over, as `for` does; what is no list and has no items is for every call."""
    if isinstance(value, Unmapped) or conversion(value) is not None:
        return False
    try:
        return iter(value) is not None
    except TypeError:
        return False


class PipelineRunFailed(FlowError, SystemExit):  # noqa: N818
    """The run of a pipeline that a program called has failed, or could not begin; the command has said why.

    A program may catch it. One that does not ends with the exit code of `flowc run`, and without a traceback.
    """

    headline = "Pipeline run failed"

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def launch(function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> PipelineRun:
    """Run the pipeline with the arguments of the call. Raises PipelineRunFailed.

    The command is `flowc_cli.script.call_pipeline(file, name, arguments)`, which returns the exit code, and the
    pathspec and the store of the run once there is one.
    """
    import inspect

    from flowc.flow_script import commands, shown_path

    name = function.__name__
    file = _file(function)
    arguments = _arguments(inspect.signature(function), args, kwargs)
    module = commands()
    if module is None:
        raise PipelineRunFailed(f"pipeline {name} cannot be run here", 2)
    code, run, root = module.call_pipeline(shown_path(file), name, arguments)
    if code:
        raise PipelineRunFailed(f"the run of {name} has failed ({run or 'it was not started'})", code)
    from flowc.client import Run
    from flowc.compat.zenml_runs import PipelineRun

    return PipelineRun(Run(run, root=root, _namespace_check=False))


def _file(function: Callable[..., Any]) -> str:
    """The file of a pipeline. Raises PipelineRunFailed, having said why, where it is in none."""
    import inspect
    import os
    import sys

    file: str = inspect.unwrap(function).__code__.co_filename
    if os.path.isfile(file):
        return file
    name = function.__name__
    places = {"<stdin>": "was read from the standard input", "<string>": "is the text of `python -c` or `exec`"}
    place = places.get(file, f"is not in a file: there is no {file}")
    message = (
        f"pipeline {name} {place}, and flowc reads a pipeline from its file, "
        f"in each task again: save it as a file such as {name}.py, and run `python {name}.py` or `flowc run {name}.py`"
    )
    sys.stderr.write(f"flowc: {message}\n")
    raise PipelineRunFailed(message, 2)


def _arguments(signature: Signature, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments of a call by name, defaults of plain data among them: the compiler takes the file's first call for
    what is not said."""
    plain = (str, int, float, bool, type(None), list, tuple, dict)
    known: Dict[str, Any] = {name: item.default for name, item in signature.parameters.items()}
    defaults: Dict[str, Any] = {name: value for name, value in known.items() if isinstance(value, plain)}
    return {**defaults, **signature.bind(*args, **kwargs).arguments}
