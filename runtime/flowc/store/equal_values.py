"""A digest of values, for where pickles do not do: sets have no order, and equal strings no identity.

A set is pickled in the order of its hash table, which depends on the process (PYTHONHASHSEED, addresses) and on how it
was filled. And unpickling interns the names of attributes, so that a string that was one object with such a name no
longer is. Either changes the pickle of a value that nobody has changed.
"""

from __future__ import annotations

import hashlib
import pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Set, Tuple

_SORTABLE = frozenset({str, bytes, int, float, bool, type(None)})
_REDUCED_SETS: Any = (set.__reduce__, frozenset.__reduce__)  # pyright: ignore
_SORTING_LIMIT = 1 << 28
"""Bytes that are pickled to sort elements: in a graph whose nodes have sets of nodes, each may lead to all others."""


def value_digest(value: Any) -> str | None:
    """A digest that equal values share, in any process, and that differs where a difference can be seen.

    `None` where there is none. Values that are equal may still have two, such as objects in sets of one another.
    """
    try:
        return _Digest(_Seen()).of(value)
    except Exception:  # whatever the user's classes raise, RecursionError included
        return None


class _Seen:
    """What the digest of one value has met so far."""

    __slots__ = ("sets", "sorting", "strings", "unchanged")

    def __init__(self) -> None:
        self.strings: Dict[str, str] = {}
        """The one object for all equal strings."""
        self.sets: Dict[int, Tuple[Any, List[Any]]] = {}
        """A set, which has to stay where it is, and what is pickled in its place, by its address."""
        self.unchanged: Set[type] = set()
        """Types that are pickled as they are."""
        self.sorting = 0
        """Bytes that were pickled to sort elements."""


class _Digest:
    """Makes one digest. It is also the file that the pickler writes to."""

    def __init__(self, seen: _Seen) -> None:
        self._seen = seen
        self._buffers = hashlib.sha256()
        self._main = hashlib.sha256()
        self.write = self._main.update

    def of(self, value: Any) -> str:
        """The digest."""
        _Pickler(self, self._seen, self._beside).dump(value)
        self._main.update(self._buffers.digest())
        return self._main.hexdigest()

    def _beside(self, buffer: pickle.PickleBuffer) -> bool:
        """Take a large buffer from where it is; true leaves it in the pickle."""
        try:
            view = buffer.raw()
        except BufferError:  # not contiguous
            return True
        self._buffers.update(b"%d:" % len(view))
        self._buffers.update(view)
        return False


class _SortingDigest(_Digest):
    """The digest of an element, to sort by."""

    def __init__(self, seen: _Seen) -> None:
        super().__init__(seen)
        self.write = self._bounded

    def _bounded(self, data: Any) -> None:
        self._seen.sorting += len(data)
        if self._seen.sorting > _SORTING_LIMIT:
            raise OverflowError
        self._main.update(data)


class _Pickler(pickle.Pickler):
    """Pickles one object for all equal strings, and the elements of a set in an order that does not depend on it."""

    def __init__(self, file: _Digest, seen: _Seen, beside: Callable[[pickle.PickleBuffer], bool]) -> None:
        super().__init__(file, 5, buffer_callback=beside)
        self._seen = seen
        self._string = seen.strings.setdefault

    def persistent_id(self, value: Any) -> Any:
        """What is pickled in place of a value, `None` for itself. The pickler asks for all that it meets."""
        kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]
        if kind is str:
            return self._string(value, value)
        if kind in self._seen.unchanged:
            return None
        if kind is set or kind is frozenset:
            return self._in_order(value, None)
        if kind.__reduce__ in _REDUCED_SETS:  # of a subclass
            return self._in_order(value, value.__reduce__()[2])
        self._seen.unchanged.add(kind)
        return None

    def _in_order(self, value: Any, state: Any) -> List[Any]:
        """What stands for a set: the same list wherever it is met, so that it counts which sets are one."""
        seen = self._seen
        if id(value) not in seen.sets:
            found: List[Any] = [type(value), state]
            seen.sets[id(value)] = value, found
            try:
                kinds: Set[Any] = set(map(type, value))
                plain = len(kinds) == 1 and kinds <= _SORTABLE
                found += sorted(value, key=None if plain else _sort_key)
            except TypeError:
                found += sorted(value, key=lambda element: _SortingDigest(seen).of(element))
        return seen.sets[id(value)][1]


def _sort_key(element: Any) -> Tuple[str, Any]:
    """Sorts plain elements, and tuples of them, of several types too. Raises TypeError for others."""
    kind: Any = type(element)  # pyright: ignore[reportUnknownVariableType]
    if kind is tuple:
        return "tuple", [_sort_key(item) for item in element]
    if kind not in _SORTABLE:
        raise TypeError
    return kind.__name__, element
