"""Removing runs from a store, and values that no run names any more."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from flowc.client import Run
from flowc.errors import FlowError, MissingKey
from flowc.store import ListedFile, Store
from flowc.store.reused_values import LEASE_SECONDS, lease_folder, live_leases, new_lease
from flowc.store.run_layout import DATA, REMOVED, RunLayout, run_names

T = TypeVar("T")
R = TypeVar("R")

_THREADS = 16
"""Requests at a time to a server."""
_BATCH = 200
"""Values that are looked at and removed in the time of one lease."""
_HASH = re.compile(rb"[0-9a-f]{64}")


class Files(NamedTuple):
    """How many files, and their bytes together."""

    number: int
    size: int

    def __add__(self, other: object) -> Files:
        assert isinstance(other, Files)
        return Files(self.number + other.number, self.size + other.size)


NOTHING = Files(0, 0)


def total(files: Iterable[ListedFile]) -> Files:
    """How many files those are, and how large."""
    sizes = [file.size for file in files]
    return Files(len(sizes), sum(sizes))


def remove_run(run: Run) -> Files:
    """Remove a run's own files; its values stay until they are swept. May be called again after it was killed."""
    layout = run.layout
    mark = f"{layout.prefix}/{REMOVED}"
    layout.write_json(mark, {"version": 1, "removed": time.time()})
    files = [file for file in layout.store.files(f"{layout.prefix}/") if file.key != mark]
    for _ in _each(layout.store, layout.store.delete, [file.key for file in files]):
        pass
    layout.store.delete(mark)
    layout.store.remove_folders(layout.prefix)
    return total(files)


def is_half_removed(layout: RunLayout) -> bool:
    """Whether a removal has begun, and was killed."""
    return layout.store.exists(f"{layout.prefix}/{REMOVED}")


def runs_in_use(runs: Iterable[Run]) -> set[str]:
    """The ids of runs that are under way, and of those that they resume and take values of."""
    found: set[str] = set()
    for run in runs:
        if run.status == "running":
            origin = run.layout.origin()[0]
            found.update((run.id, origin) if origin is not None else (run.id,))
    return found


class Sweep(NamedTuple):
    """What is below the folder of a flow's values, and what of it nothing names."""

    doomed: Sequence[ListedFile]
    kept: Files


def find_unnamed(store: Store, flow: str, grace: float, *, without: frozenset[str] = frozenset()) -> Sweep:
    """The values of a flow that no document of a run names, and that are older than `grace`, in seconds.

    What the runs `without` name does not count: they are to be removed.
    The values are listed first: what a run names later was there, and young, or is new.
    """
    now = time.time()
    values = list(store.files(f"{flow}/{DATA}/"))
    named = _named_hashes(store, flow, without)
    doomed = [file for file in values if not _is_named(file, named) and now - file.modified > grace]
    gone = {file.key for file in doomed}
    return Sweep(doomed, total(file for file in values if file.key not in gone))


def _named_hashes(store: Store, flow: str, without: frozenset[str]) -> set[bytes]:
    """Every hash in the documents of a flow's runs: those of values, and some more, which does no harm."""
    found: set[bytes] = set()
    keys = [
        file.key
        for name in run_names(store, flow)
        if name not in without
        for file in store.files(f"{flow}/{name}/")
        if file.key.endswith(".json")
    ]
    for text in read_all(store, keys):
        found.update(_HASH.findall(text))
    return found


def sweep(store: Store, flow: str, files: Sequence[ListedFile], grace: float) -> Files:
    """Remove values, except those that have become younger than `grace` seconds since: they are used again.

    Raises FlowError where somebody else does so.
    """
    removed = NOTHING
    name = f"{secrets.token_hex(8)}.json"
    lease = f"{lease_folder(flow)}/{name}"
    try:
        for start in range(0, len(files), _BATCH):
            until = time.time() + LEASE_SECONDS
            store.write(lease, [new_lease()])
            if not start and set(live_leases(store, flow)) - {name}:
                raise FlowError(
                    f"another `flowc gc` removes values of {flow}, or was killed a moment ago: try again later"
                )
            gone = partial(_remove, store, grace, until)
            removed += total(file for file in _each(store, gone, files[start : start + _BATCH]) if file is not None)
    finally:
        store.delete(lease)
    return removed


def _remove(store: Store, grace: float, until: float, file: ListedFile) -> ListedFile | None:
    """Remove a value that is still old. Whoever has renewed it since waits for the end of the lease."""
    age = store.age(file.key, file.size)
    if age is None or age <= grace or time.time() > until:
        return None
    store.delete(file.key)
    return file


def read_all(store: Store, keys: Sequence[str]) -> Iterator[bytes]:
    """The bytes of files, in their order; nothing of one that is gone."""

    def read(key: str) -> bytes:
        try:
            return bytes(store.read_known(key))
        except MissingKey:
            return b""

    yield from _each(store, read, keys)


def _is_named(file: ListedFile, named: set[bytes]) -> bool:
    return file.key.rpartition("/")[2].encode() in named


def _each(store: Store, call: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """The results of a call for each item, several at a time where each is a request."""
    if not store.remote:
        yield from map(call, items)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(call, items)
