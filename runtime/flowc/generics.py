"""`Generic` for classes that editors see as generic: at run time `Parameter[int]` is `Parameter`, without `typing`."""

from __future__ import annotations

__all__ = ["Generic", "T_co"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic, TypeVar

    T_co = TypeVar("T_co", covariant=True)
else:
    T_co = None

    class Generic:
        """A class that may stand before brackets."""

        def __class_getitem__(cls, item: object) -> type:
            return cls
