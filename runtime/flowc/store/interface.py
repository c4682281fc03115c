"""What every store can do. Keys are relative to the root and use `/`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Union

    Buffer = Union[bytes, bytearray, memoryview]


class Store:
    """Bytes by key. A write is seen whole or not at all; a missing key raises MissingKey."""

    url: str = ""
    """The root, as a reader on another machine would name it."""
    remote = False
    """Whether a read costs a network round trip: readers then batch and use threads."""

    def read(self, key: str) -> Buffer:
        """All bytes of a key; a large file comes as a private memory map."""
        raise NotImplementedError

    def read_range(self, key: str, start: int, length: int) -> Buffer:
        """`length` bytes from `start`, and nothing else, are moved."""
        raise NotImplementedError

    def write(self, key: str, parts: Sequence[Buffer]) -> None:
        """Store the parts, one after another, as one value."""
        raise NotImplementedError

    def exists(self, key: str) -> bool:
        """Whether the key is there."""
        raise NotImplementedError

    def holds(self, key: str, size: int) -> bool:
        """Whether the key is there as it was written: so many bytes, where a crash may have left fewer."""
        del size
        return self.exists(key)

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with the string `prefix`."""
        raise NotImplementedError

    def children(self, folder: str) -> list[str]:
        """The names directly under a folder (no trailing `/`), unsorted; none when it does not exist."""
        raise NotImplementedError

    def location(self, key: str) -> str:
        """Where a key is, for a person to look at."""
        return f"{self.url.rstrip('/')}/{key}"
