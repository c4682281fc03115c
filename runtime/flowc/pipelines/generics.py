"""Generic classes that cost no import of `typing`, which has no `ParamSpec` in Python 3.9 besides."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic, List, TypeVar

    from typing_extensions import ParamSpec

    P = ParamSpec("P")
    R = TypeVar("R")
    T = TypeVar("T")

    class OfFunction(Generic[P, R]):
        """A class that wraps a function."""

    class OfValue(Generic[T]):
        """A class that wraps a value."""

    ListOf = List
else:
    P = R = T = None

    class OfFunction:
        """A class that wraps a function."""

        def __class_getitem__(cls, item: object) -> type:
            """For annotations."""
            return cls

    OfValue = OfFunction

    class ListOf(list):
        """A list."""

        def __class_getitem__(cls, item: object) -> type:
            """For annotations."""
            return cls
