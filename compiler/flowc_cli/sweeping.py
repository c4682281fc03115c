"""Removing runs from a store, and values that no run names any more."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from flowc.client import Run
from flowc.errors import CorruptArtifact, NewerFormat, ProtocolError
from flowc.store import ListedFile, Store
from flowc.store.documents import (
    ATTEMPT_RECORD,
    CACHE,
    DATA,
    ERROR_RECORD,
    FORMAT,
    GRAPH_RECORD,
    REMOVED,
    RUN_RECORD,
    check_document,
    newer_version,
)
from flowc.store.reused_values import LEASE_SECONDS, lease_folder, live_leases, new_lease
from flowc.store.run_layout import RunLayout, run_names
from flowc.store.run_owner import HEARTBEAT
from flowc_cli.store_requests import each_of, read_all
from flowc_targets.package.code_package import shim_digest
from flowc_targets.package.stored_package import FOLDER

_BATCH = 200
"""Values that are looked at and removed in the time of one lease."""
_HASH = re.compile(rb"[0-9a-f]{64}")
_VERSION = re.compile(rb'"version": ?(\d{1,9})')
_NAMELESS = frozenset({ATTEMPT_RECORD, ERROR_RECORD, HEARTBEAT})
"""Documents that name no values."""


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


def old_bytecode(store: Store, grace: float) -> list[ListedFile]:
    """The bytecode that tasks of other releases have kept in a folder, older than `grace`, in seconds.

    A task of such a release that runs after all makes its own anew.
    """
    if store.remote:
        return []
    folder = f"{FOLDER}/bytecode/"
    since, own = time.time() - grace, f"{folder}{shim_digest()}-"
    return [file for file in store.files(folder) if file.modified < since and not file.key.startswith(own)]


def remove_run(layout: RunLayout) -> Files:
    """Remove a run's own files; its values stay until they are swept. May be called again after it was killed.

    Raises FlowError for a symbolic link.
    """
    if layout.store.is_link(layout.prefix):
        raise ProtocolError(f"{layout.prefix} is a symbolic link; what it leads to is not removed: unlink it yourself")
    mark = f"{layout.prefix}/{REMOVED}"
    layout.write_json(mark, {"version": 1, "removed": time.time()})
    files = [file for file in layout.store.files(f"{layout.prefix}/") if file.key != mark]
    first = {f"{layout.prefix}/{name}" for name in (RUN_RECORD, GRAPH_RECORD)}
    for key in first:
        layout.store.delete(key)  # lists of runs pass over what has neither of them
    for _ in each_of(layout.store, layout.store.delete, [file.key for file in files if file.key not in first]):
        pass
    layout.store.remove_folders(layout.prefix)  # all but the mark's: the run is gone before that is
    layout.store.delete(mark)
    layout.store.remove_folders(layout.prefix)
    return total(files)


def runs_in_use(store: Store, runs: Sequence[Run]) -> set[str]:
    """The ids of runs that are under way, and of those that they resume and take values of.

    One that is too damaged to say so counts, too. Raises NewerFormat.
    """

    def used(run: Run) -> list[str]:
        try:
            if run.status != "running":
                return []
            origin = run.layout.origin()[0]
        except NewerFormat:
            raise
        except CorruptArtifact:
            return [run.id]
        return [run.id, *([origin] if origin is not None else [])]

    return {name for names in each_of(store, used, runs) for name in names}


class Sweep(NamedTuple):
    """What is below the folder of a flow's values, and what of it nothing names."""

    doomed: Sequence[ListedFile]
    kept: Files


def find_unnamed(store: Store, flow: str, grace: float, *, without: Collection[str] = ()) -> Sweep:
    """The values of a flow that no document of a run names, and that are older than `grace`, in seconds.

    What the runs `without` name does not count: they are to be removed.
    The values are listed first: what a run names later was there, and young, or is new.
    """
    now = time.time()
    values = list(store.files(f"{flow}/{DATA}/"))
    of_cache = f"{flow}/{DATA}/{CACHE}/"
    named = _named_hashes(store, flow, without)
    doomed = [
        file
        for file in values
        if not file.key.startswith(of_cache) and not _is_named(file, named) and now - file.modified > grace
    ]
    entries = [file for file in values if file.key.startswith(of_cache)]
    doomed += _unused_entries(store, flow, entries, now - grace, without)
    gone = {file.key for file in doomed}
    return Sweep(doomed, total(file for file in values if file.key not in gone))


def _unused_entries(
    store: Store, flow: str, files: Sequence[ListedFile], before: float, without: Collection[str]
) -> list[ListedFile]:
    """What the cache has of runs that are gone: an entry goes with the run that has made it, as its values may.

    The lists of reads go with the last result of their key.
    """
    runs = set(run_names(store, flow)) - set(without)
    results = [file for file in files if "/results/" in file.key]
    others = [file for file in files if "/results/" not in file.key]
    old = [file for file in results if file.modified <= before]
    texts = read_all(store, [file.key for file in old])
    doomed = [file for file, text in zip(old, texts, strict=True) if _run_of(file.key, text) not in runs]
    gone = {file.key for file in doomed}
    kept = {file.key.partition("/results/")[0] for file in results if file.key not in gone}
    shapes = (file for file in others if file.modified <= before)
    return doomed + [file for file in shapes if file.key.rpartition("/reads/")[0] not in kept]


def _run_of(key: str, text: bytes) -> str | None:
    """The run that has made an entry; `None` for one that is damaged, or of another release."""
    try:
        return str(check_document(key, text).get("run"))
    except (ValueError, NewerFormat):
        return None


def _named_hashes(store: Store, flow: str, without: Collection[str]) -> set[bytes]:
    """Every hash in the documents of a flow's runs: those of values, and some more, which does no harm."""
    found: set[bytes] = set()
    runs = [name for name in run_names(store, flow) if name not in without]

    def documents(run: str) -> list[str]:
        keys = (file.key for file in store.files(f"{flow}/{run}/"))
        return [key for key in keys if key.endswith(".json") and key.rpartition("/")[2] not in _NAMELESS]

    keys = [key for listed in each_of(store, documents, runs) for key in listed]
    for key, text in zip(keys, read_all(store, keys), strict=True):
        _refuse_newer(key, text)
        found.update(_HASH.findall(text))
    return found


def _refuse_newer(key: str, text: bytes) -> None:
    """A newer release may name values in another way. Raises NewerFormat."""
    if any(int(version) > FORMAT for version in _VERSION.findall(text)):
        try:
            version = newer_version(json.loads(text))
        except (ValueError, RecursionError, AttributeError):
            return  # `flowc fsck` reports it
        if version is not None:
            raise NewerFormat(
                f"{key} was written by a newer release of flowc, in format {version}: values of its flow are removed "
                "by that release only"
            )


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
                raise ProtocolError(
                    f"another `flowc gc` removes values of {flow}, or was killed a moment ago: try again later"
                )
            gone = partial(_remove, store, grace, until)
            removed += total(file for file in each_of(store, gone, files[start : start + _BATCH]) if file is not None)
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


def _is_named(file: ListedFile, named: set[bytes]) -> bool:
    return file.key.rpartition("/")[2].encode() in named
