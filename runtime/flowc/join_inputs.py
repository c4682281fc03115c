"""What a join gets: the inputs, one flow object for each task that it joins.

`def join(self, inputs: Inputs[Self])` tells editors what the attributes of each are.
"""

from __future__ import annotations

from flowc.generics import Generic, T_co

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, overload

    from flowc.shim.failed_items import FailedItem


class Inputs(Generic[T_co]):
    """The inputs of a join: by number, by the name of the step, and in order."""

    failed: List[FailedItem]
    """The items that have failed, of a foreach with `@foreach_options(min_success=)`; others have no such attribute."""

    def __init__(self, flows: List[T_co], by_step: Dict[str, T_co]) -> None:
        self.flows = flows
        self._by_step = by_step

    def __len__(self) -> int:
        return len(self.flows)

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, index: int) -> T_co: ...

        @overload
        def __getitem__(self, index: slice) -> List[T_co]: ...

    def __getitem__(self, index: Any) -> Any:
        flows: Any = self.flows
        return flows[index]

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.flows)

    def __getattr__(self, name: str) -> T_co:
        try:
            return self._by_step[name]
        except KeyError:
            raise AttributeError(
                f"the join has no input {name!r}; it has {', '.join(self._by_step) or 'none'}"
            ) from None
