"""Values that a test gives to a step: copies as in a run, but mocks and what cannot be pickled are the test's own."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Generator, Tuple

from flowc.errors import UnpicklableArtifact
from flowc.store import artifacts

if TYPE_CHECKING:
    from flowc.store import Store
    from flowc.store.artifacts import Ref

_objects: Dict[int, Any] = {}
"""The objects that pickles of the running step stand for, by their ids."""


class _Shared:
    """Pickled in the place of an object: to unpickle it gives the object itself."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __reduce__(self) -> Tuple[Any, ...]:
        return _shared(self.value)


def _shared(value: Any) -> Tuple[Any, ...]:
    _objects[id(value)] = value
    return _object, (id(value),)


def _object(key: int) -> Any:
    return _objects[key]


class GivenValues:
    """Saves what a test gives. `shared` are the artifacts whose very objects the step gets."""

    def __init__(self, store: Store, flow: str) -> None:
        self._store = store
        self._flow = flow
        self.shared: Dict[str, Any] = {}

    def save(self, name: str, value: Any) -> Ref:
        """A reference to a value."""
        try:
            return artifacts.save(self._store, self._flow, name, value)
        except UnpicklableArtifact:
            self.shared[name] = value
            return artifacts.save(self._store, self._flow, name, _Shared(value))

    def save_all(self, values: Dict[str, Any]) -> Dict[str, Ref]:
        """References to values by name."""
        return {name: self.save(name, value) for name, value in values.items()}

    def forget_unchanged(self, attributes: Dict[str, Any]) -> None:
        """Drop what a step has loaded of the test's own objects: it is inherited, and cannot be stored again."""
        for name, value in self.shared.items():
            if attributes.get(name) is value:
                del attributes[name]


@contextmanager
def sharing() -> Generator[None, None, None]:
    """Pickle mocks as the objects that they are, and forget all shared objects in the end."""
    mock = sys.modules.get("unittest.mock")
    if mock is not None:
        mock.NonCallableMock.__reduce__ = _shared
    try:
        yield
    finally:
        if mock is not None:
            del mock.NonCallableMock.__reduce__
        _objects.clear()
