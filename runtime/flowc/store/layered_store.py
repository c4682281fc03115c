"""The store of a step that is tried alone: what it writes goes to a folder, what it reads may be of an earlier run.

The tried run has an id of its own. Below that id a reader finds what was written there, else what the earlier run
has, with the values that were given in its place. Nothing is written to the store of the earlier run.
"""

from __future__ import annotations

import json
import os

from flowc.errors import MissingKey
from flowc.store import Store, open_store
from flowc.store.documents import GRAPH_RECORD, MANIFEST, sealed
from flowc.store.file_store import FileStore
from flowc.store.run_layout import RunLayout, parse_index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Callable, Dict, Set, TypeVar

    from flowc.store import Buffer, ListedFile
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

    T = TypeVar("T")

LAYER_FILE = "layer.json"
"""In the folder: `base` is the root of the earlier run, `flow` and `run` are those of the tried run, `origin` is the
id of the earlier one or null, `hidden` the folder of the tried task in a run, `given` the values that replace others:
each with `step` and `number` (null for every one), `name` and `ref`; `items` of a foreach: `step`, `index`, `ref`."""
OWN_FOLDER = "own"
"""The folder, in that folder, of what is written."""


class LayeredStore(Store):
    """What is written goes to the folder; reads go there first, and then to the store below."""

    def __init__(self, folder: str) -> None:
        with open(os.path.join(folder, LAYER_FILE), encoding="utf-8") as file:
            layer: Dict[str, Any] = json.load(file)
        self.own = FileStore(os.path.join(folder, OWN_FOLDER))
        self.base = open_store(layer["base"])
        self.url = self.base.url
        self.remote = self.base.remote
        self._layer = layer
        self._tried = f"{layer['flow']}/{layer['run']}"
        self._origin: str | None = layer["origin"] and f"{layer['flow']}/{layer['origin']}"

    def _below(self, key: str) -> str | None:
        """The key of the store below that a reader of this key may see."""
        if key != self._tried and not key.startswith(f"{self._tried}/"):
            return key
        rest = key[len(self._tried) + 1 :]
        records = "/" not in rest and rest.endswith(".json") and rest != GRAPH_RECORD
        hidden = f"{rest}/".startswith(f"{self._layer['hidden']}/")
        return None if self._origin is None or records or hidden else f"{self._origin}/{rest}".rstrip("/")

    def _first(self, key: str, of_own: Callable[[], T], of_base: Callable[[str], T]) -> T:
        try:
            return of_own()
        except MissingKey:
            below = self._below(key)
            if below is None:
                raise
            return of_base(below)

    def read(self, key: str) -> Buffer:
        """Of the folder, else of the store below."""
        return self._first(key, lambda: self.own.read(key), lambda below: self._read_below(key, below))

    def _read_below(self, key: str, below: str) -> Buffer:
        if below == key or not key.endswith(".json"):
            return self.base.read(below)
        layout = RunLayout(self.base, self._layer["flow"], self._layer["origin"])
        parts = key.split("/")
        if parts[-1] == MANIFEST:
            document = layout.manifest(parts[2], parse_index(parts[3]), int(parts[4]))
            self._give(document, parts[2], parse_index(parts[3]))
        else:
            found = layout.read_json(below)
            if found is None:
                raise MissingKey(f"there is no {self.base.location(below)}")
            document = {**found, "run": self._layer["run"]} if "run" in found else found
        return b"".join(sealed(key, document))

    def _give(self, manifest: Document, step: str, path: Path) -> None:
        """Put the given values into the manifest of a task of the earlier run."""
        for given in self._layer["given"]:
            number = given["number"]
            if given["step"] in (None, step) and (number is None or path[-1:] == (number,)):
                manifest["artifacts"] = {**manifest["artifacts"], given["name"]: given["ref"]}
        items: Dict[str, Any] | None = self._layer["items"]
        if items is not None and items["step"] == step and parse_index(items["index"]) == path:
            manifest["foreach"] = {**manifest.get("foreach", {}), **items["ref"]}

    def read_range(self, key: str, start: int, length: int) -> Buffer:
        """Of the folder, else of the store below."""

        def read_below(below: str) -> Buffer:
            return self.base.read_range(below, start, length)

        return self._first(key, lambda: self.own.read_range(key, start, length), read_below)

    def write(self, key: str, parts: Sequence[Buffer]) -> None:
        """To the folder."""
        self.own.write(key, parts)

    def exists(self, key: str) -> bool:
        """Whether either has it."""
        below = self._below(key)
        return self.own.exists(key) or (below is not None and self.base.exists(below))

    def age(self, key: str, size: int) -> float | None:
        """Zero for what the store below has: it is not renewed."""
        own, below = self.own.age(key, size), self._below(key)
        if own is not None or below is None or self.base.age(below, size) is None:
            return own
        return 0.0

    def renew(self, key: str) -> None:
        """Nothing: what is tried keeps nothing alive."""

    def delete(self, key: str) -> None:
        """Of the folder only."""
        self.own.delete(key)

    def set_aside(self, key: str) -> None:
        """Of the folder only."""
        self.own.set_aside(key)

    def files(self, prefix: str) -> Iterator[ListedFile]:
        """Those of the folder, then those of the store below, where these have the same keys."""
        seen: Set[str] = set()
        for file in self.own.files(prefix):
            seen.add(file.key)
            yield file
        if self._below(prefix) == prefix:
            yield from (file for file in self.base.files(prefix) if file.key not in seen)

    def keys(self, prefix: str) -> Iterator[str]:
        """Those of both."""
        seen = set(self.own.keys(prefix))
        yield from sorted(seen)
        if not prefix.startswith(f"{self._tried}/"):
            yield from (key for key in self.base.keys(prefix) if key not in seen)
        elif self._origin is not None:
            for below in self.base.keys(self._origin + prefix[len(self._tried) :]):
                key = self._tried + below[len(self._origin) :]
                if key not in seen and self._below(key) is not None:
                    yield key

    def children(self, folder: str) -> list[str]:
        """The names in both."""
        names, below = self.own.children(folder), self._below(folder)
        if below is not None:
            found = (name for name in self.base.children(below) if self._below(f"{folder}/{name}") is not None)
            names += [name for name in found if name not in names]
        return names

    def location(self, key: str) -> str:
        """Where a file is: of what nobody has written, where the store below would have it."""
        if self.own.exists(key):
            return self.own.location(key)
        below = self._below(key)
        return self.base.location(below if below is not None else key)
