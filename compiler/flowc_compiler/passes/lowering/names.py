"""Names for the steps that flowc puts into a pipeline."""

from __future__ import annotations

from collections.abc import Iterable


class StepNames:
    """Gives out names that no other step of the flow has."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def unique(self, wanted: str) -> str:
        """The name, or the name with a number."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name
