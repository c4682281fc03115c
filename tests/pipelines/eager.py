"""An independent reference: a pipeline's file is run as plain Python, where a step that is called runs at once.

`run_eagerly` executes the text of the file with its own `step`, `pipeline` and `unmapped` in place of flowc's (and
ZenML's). A call of a step calls the function, `.map` is a loop, an `if` on a result is an `if`. Each call is recorded
under the name and the index path that its task has in a run of flowc, with what it was given and what it returned.

It knows neither graph nor scopes nor order of tasks: whatever of these flowc gets wrong shows as a difference. Names
are counted as the calls come, so a file must name, by `id=`, calls that it may skip: in an arm of an `if`, and in a
pipeline that is mapped.
"""

from __future__ import annotations

import builtins
import inspect
import itertools
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Path = tuple[int, ...]
Place = tuple[str, Path]
SERVED = ("flowc", "zenml", "zenml.config.retry_config", "zenml.config")
"""Modules whose names this one stands in for."""


class StepError(Exception):
    """A step failed for good: its name and index path."""

    def __init__(self, name: str, path: Path, attempts: int) -> None:
        super().__init__(f"{name}{list(path)} failed {attempts} times")
        self.name, self.path = name, path


@dataclass(frozen=True)
class Ran:
    """One call of a step."""

    name: str
    path: Path
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    attempts: int
    needs: frozenset[Place]
    """The calls whose outputs it was given, or that it was to wait for."""


@dataclass
class Record:
    """What a file did: calls by name and path, and where it failed."""

    ran: dict[Place, Ran] = field(default_factory=dict[Place, Ran])
    failed: Place | None = None
    pipeline: str = ""
    _path: Path = ()
    _taken: set[str] = field(default_factory=set[str])

    def name(self, base: str, wanted: str | None) -> str:
        """The next free name, as ZenML gives them."""
        if wanted is not None:
            assert wanted not in self._taken, f"{wanted} twice"
            self._taken.add(wanted)
            return wanted
        names = itertools.chain([base], (f"{base}_{number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in self._taken)
        self._taken.add(name)
        return name

    def items(self, count: int) -> Iterator[int]:
        """Go through the items of a map: each has an index more, and the same names."""
        before, path = set(self._taken), self._path
        for number in range(count):
            self._path, self._taken = (*path, number), set(before)
            yield number
        self._path = path

    @property
    def path(self) -> Path:
        """The index path of what is called now."""
        return self._path


class Result:
    """An output of a call: comparisons are those of its value."""

    def __init__(self, value: Any, origin: frozenset[Place]) -> None:
        self.value, self.origin = value, origin

    def load(self) -> Any:
        """The value, as in a dynamic pipeline of ZenML."""
        return self.value

    def __eq__(self, other: object) -> bool:
        return bool(self.value == plain(other))

    def __hash__(self) -> int:
        raise TypeError("a result is no key")

    def __bool__(self) -> bool:
        return bool(self.value)

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < plain(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= plain(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > plain(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= plain(other))

    def __contains__(self, item: Any) -> bool:
        return plain(item) in self.value


class Mapped:
    """What a map gave, an entry for each item."""

    def __init__(self, entries: list[Any], width: int = 1) -> None:
        self.entries, self.width = entries, width

    def unpack(self) -> tuple[Mapped, ...]:
        """One mapped result for each output of the step."""
        return tuple(Mapped([entry[number] for entry in self.entries]) for number in range(self.width))

    def __iter__(self) -> Iterator[Mapped]:
        if self.width == 1:
            raise TypeError("a mapped result cannot be iterated over")
        return iter(self.unpack())


@dataclass(frozen=True)
class Unmapped:
    """What is given to every item as it is."""

    value: Any


def plain(value: Any) -> Any:
    """What a step is given for a value of the pipeline's body."""
    match value:
        case Result():
            return value.value
        case Mapped():
            return [plain(entry) for entry in value.entries]
        case Unmapped():
            return plain(value.value)
        case list() | tuple() | set():
            return type(value)(plain(item) for item in value)  # pyright: ignore
        case dict():
            return {key: plain(item) for key, item in value.items()}  # pyright: ignore
        case _:
            return value


def origins(value: Any) -> frozenset[Place]:
    """The calls that a value is from."""
    match value:
        case Result():
            return value.origin
        case Mapped():
            return _joined(value.entries)
        case Unmapped():
            return origins(value.value)
        case list() | tuple() | set():
            return _joined(value)  # pyright: ignore
        case dict():
            return _joined(value.values())  # pyright: ignore
        case _:
            return frozenset()


def _joined(values: Iterable[Any]) -> frozenset[Place]:
    return frozenset(place for value in values for place in origins(value))


def outputs_of(function: Callable[..., Any]) -> tuple[tuple[str, ...], bool]:
    """The names of a step's outputs by its annotation, and whether it returns a tuple of them."""
    hints = get_type_hints(function, include_extras=True)
    if "return" not in hints:
        return ("output",), False
    said = hints["return"]
    if said is type(None):
        return (), False
    if get_origin(said) is Annotated:
        return (_label(said) or "output",), False
    parts = get_args(said) if get_origin(said) is tuple else ()
    if len(parts) < 2 or parts[-1] is ...:
        return ("output",), False
    return tuple(_label(part) or f"output_{number}" for number, part in enumerate(parts)), True


def _label(annotation: Any) -> str | None:
    if get_origin(annotation) is not Annotated:
        return None
    return next((extra for extra in get_args(annotation)[1:] if isinstance(extra, str)), None)


class EagerStep:
    """What `@step` makes of a function."""

    def __init__(self, record: Record, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self._record, self._function, self._options = record, function, options
        self._outputs, self._many = outputs_of(function)

    def with_options(self, **options: Any) -> EagerStep:
        """A copy."""
        return EagerStep(self._record, self._function, {**self._options, **options})

    def __call__(self, *args: Any, id: str | None = None, after: Any = None, **kwargs: Any) -> Any:
        return self._run(self._named(id), inspect.signature(self._function).bind(*args, **kwargs).arguments, after)

    def map(self, *args: Any, after: Any = None, **kwargs: Any) -> Mapped:
        """A call for each item."""
        return self._fan(args, kwargs, after, product=False)

    def product(self, *args: Any, after: Any = None, **kwargs: Any) -> Mapped:
        """A call for each combination."""
        return self._fan(args, kwargs, after, product=True)

    def _named(self, wanted: str | None) -> str:
        return self._record.name(self._options.get("name") or self._function.__name__, wanted)

    def _fan(self, args: Sequence[Any], kwargs: dict[str, Any], after: Any, *, product: bool) -> Mapped:
        name = self._named(None)
        given = inspect.signature(self._function).bind(*args, **kwargs).arguments
        rows = spread(given, product=product)
        entries = [self._run(name, rows[number], after) for number in self._record.items(len(rows))]
        return Mapped(entries, len(self._outputs))

    def _run(self, name: str, given: dict[str, Any], after: Any) -> Any:
        record = self._record
        inputs = {key: plain(value) for key, value in given.items()}
        waits = origins(list(given.values())) | origins(after if isinstance(after, list) else [after])
        returned, attempt = self._attempts(name, inputs)
        values = tuple(returned) if self._many else (returned,)[: len(self._outputs)]
        stored = dict(zip(self._outputs, values, strict=True))
        key = (name, record.path)
        assert key not in record.ran, f"{key} twice"
        record.ran[key] = Ran(name, record.path, inputs, stored, attempt, waits)
        results = [Result(value, frozenset({key})) for value in values]
        if self._many:
            return tuple(results)
        return results[0] if results else None

    def _attempts(self, name: str, inputs: dict[str, Any]) -> tuple[Any, int]:
        """What the function returns, and the attempts that it took."""
        retry = self._options.get("retry")
        most = 1 if retry is None else 1 + retry.limit + retry.max_retries
        for attempt in range(1, most):
            with suppress(Exception):
                return self._function(**inputs), attempt
        try:
            return self._function(**inputs), most
        except Exception as error:
            raise StepError(name, self._record.path, most) from error


def spread(given: dict[str, Any], *, product: bool) -> list[dict[str, Any]]:
    """The arguments of every call that a map makes."""
    sources: dict[str, list[Any]] = {}
    for key, value in given.items():
        match value:
            case Mapped():
                sources[key] = value.entries
            case Result():
                sources[key] = [Result(item, value.origin) for item in value.value]
            case list() | range():
                sources[key] = list(value)  # pyright: ignore
            case _:
                pass
    assert sources, "nothing to map over"
    rows = itertools.product(*sources.values()) if product else zip(*sources.values(), strict=True)
    return [{**given, **dict(zip(sources, row, strict=True))} for row in rows]


class EagerPipeline:
    """What `@pipeline` makes of a function: the first that is called is the run, others are part of it."""

    running = False

    def __init__(self, record: Record, function: Callable[..., Any]) -> None:
        self._record, self._function = record, function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._record.pipeline:
            self._record.pipeline = self._function.__name__
        return self._function(*args, **kwargs)

    def with_options(self, **options: Any) -> EagerPipeline:
        """The same pipeline."""
        return self

    def map(self, *args: Any, **kwargs: Any) -> Mapped:
        """Its body for each item."""
        rows = spread(inspect.signature(self._function).bind(*args, **kwargs).arguments, product=False)
        return Mapped([self._function(**_bare(rows[number])) for number in self._record.items(len(rows))])


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.value if isinstance(value, Unmapped) else value for key, value in row.items()}


@dataclass(frozen=True)
class Retry:
    """`Retry` of flowc, and `StepRetryConfig` of ZenML."""

    limit: int = 0
    max_retries: int = 0
    delay: int = 0
    backoff: int = 0


def run_eagerly(text: str, name: str = "__main__") -> Record:
    """Run the file, the pipeline's call at its end included."""
    record = Record()
    module = ModuleType("served")

    def step(function: Any = None, **options: Any) -> Any:
        return EagerStep(record, function, options) if function else partial(step, **options)

    def pipeline(function: Any = None, **options: Any) -> Any:
        return EagerPipeline(record, function) if function else partial(pipeline, **options)

    vars(module).update(step=step, pipeline=pipeline, unmapped=Unmapped, StepRetryConfig=Retry, Retry=Retry)

    def importing(wanted: str, *rest: Any, **kwargs: Any) -> Any:
        return module if wanted in SERVED else __import__(wanted, *rest, **kwargs)

    namespace: dict[str, Any] = {"__name__": name, "__builtins__": {**vars(builtins), "__import__": importing}}
    try:
        exec(compile(text, "random_pipeline.py", "exec"), namespace)
    except StepError as failure:
        record.failed = failure.name, failure.path
    return record
