"""`step.map(...)` and `step.product(...)` in plain Python: lists in, a list out."""

from __future__ import annotations

from flowc.pipelines.generics import ListOf, OfValue, T

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple

_ITEMS = (str, bytes, bytearray, dict)
"""What is an item, though Python can iterate over it."""


class Unmapped(OfValue[T]):
    """A value that every call of a map gets as it is. See `unmapped`."""

    def __init__(self, value: T) -> None:
        self.value = value


def unmapped(value: T) -> Unmapped[T]:
    """Give a list as a whole to every call of `map` or `product`."""
    return Unmapped(value)


class MappedResults(ListOf[T]):
    """The results of a map, in the order of the items."""

    def load(self) -> MappedResults[T]:
        """The results."""
        return self

    def unpack(self) -> Tuple[List[Any], ...]:
        """Of a step with several outputs, a list for each."""
        rows: Iterable[Any] = self
        return tuple(map(list, zip(*rows)))


def run_map(
    function: Callable[..., T], args: Tuple[Any, ...], kwargs: Dict[str, Any], *, product: bool
) -> MappedResults[T]:
    """Call a function for each item, or each combination of items. Raises ValueError, TypeError."""
    import itertools

    given: Dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
    mapped = {name: list(value) for name, value in given.items() if _is_mapped(value)}
    if not mapped:
        raise TypeError("there is nothing to map over: of the arguments none is a list")
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
        results.append(function(*positional, **call))
    return results


def _whole(value: Any) -> Any:
    """What every call gets of an argument."""
    if not isinstance(value, Unmapped):
        return value
    wrapped: Unmapped[Any] = value  # pyright: ignore[reportUnknownVariableType]
    return wrapped.value


def _is_mapped(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, (*_ITEMS, Unmapped))
