"""Which runs made, passed on and read a value: found in the manifests of a store, by the value's hash.

A task names all that it has when it ends. What it already had when it began, under the same name, it has passed on; the
rest it has made. What it has read of the former is known where the cache has traced it; else the code that the run left
says what a step reads, as far as that can be followed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowc.client import Flow, Run
from flowc.errors import FlowError, NotFound
from flowc.store import Store, artifacts
from flowc.store.documents import FAILED, MANIFEST, PARAMETERS, check_document
from flowc.store.run_layout import is_partial, parse_index, run_names
from flowc_cli.run_lineage import ItemTables, NamedDocument, RunLineage, Use, hash_as_item
from flowc_cli.step_reads import RunReads
from flowc_cli.store_requests import each_of, read_all
from flowc_cli.stored_runs import engine_of

SHORTEST = 6
"""Digits of a hash that may stand for all of them."""


@dataclass(slots=True)
class RunUses:
    """The uses of a value in one run."""

    run: Run
    engine: str
    created: float
    uses: list[Use] = field(default_factory=list[Use])


@dataclass(frozen=True, slots=True)
class Lineage:
    """All that a store knows of a value."""

    value: Mapping[str, Any]
    """The reference to it."""
    runs: Sequence[RunUses]
    """The oldest first."""
    damages: Sequence[str]
    """What cannot be read, and may name it as well."""


class LineageReader:
    """Looks a value up in the manifests of a store."""

    def __init__(self, store: Store, flows: Sequence[str]) -> None:
        self._store = store
        self._flows = flows
        self._damages: set[str] = set()
        self._reads = RunReads()
        self._items = ItemTables(store)

    def find(self, digest: str, equal: str | None = None) -> Lineage:
        """The lineage of the value whose hash begins with these digits. Raises NotFound, and StoreError.

        `equal` is the digest of a value with sets, which any order of them has.
        """
        found = self._documents([item for item in (digest, equal) if item is not None])
        value = _value_of(digest, [document.content for documents in found.values() for document in documents])
        value = value or self._items.value(digest)
        if value is None:
            raise NotFound(f"no run in {self._store.url} has a value with the hash {digest}")
        value = {**value, "as_item": hash_as_item(value)}
        if value["as_item"] != value["hash"] or ("equal" in value and equal is None):
            found = self._documents([str(value[name]) for name in ("hash", "equal", "as_item") if name in value])
        runs = [self._of_run(run, documents, value) for run, documents in found.items()]
        runs = sorted((run for run in runs if run.uses), key=lambda item: (item.created, item.run.pathspec))
        _mark_made_again(runs)
        return Lineage(value, runs, sorted(self._damages))

    def _documents(self, digests: Sequence[str]) -> dict[Run, list[NamedDocument]]:
        """The documents that have one of these texts, by run."""
        needles = [digest.encode() for digest in digests]
        runs = [
            Run.of(Flow.of(self._store, flow, trusted=False), name)
            for flow in self._flows
            for name in run_names(self._store, flow)
        ]
        listed = each_of(self._store, self._keys, runs)
        keys = [(run, key) for run, names in zip(runs, listed, strict=True) for key in names]
        found: dict[Run, list[NamedDocument]] = {}
        for (run, key), text in zip(keys, read_all(self._store, (key for _, key in keys)), strict=True):
            if not text:
                continue
            named = any(needle in text for needle in needles)
            document = self._document(run, key, text) if named or b'"foreach"' in text else None
            if document is not None and (named or self._has_item(run, document, digests)):
                found.setdefault(run, []).append(document)
        return found

    def _has_item(self, run: Run, document: NamedDocument, digests: Sequence[str]) -> bool:
        """Whether a task has opened a foreach with an item that has one of these hashes."""
        try:
            return any(self._items.numbers(run.layout.flow, document.content, digest) for digest in digests)
        except FlowError as error:
            self._damages.add(str(error))
            return False

    def _keys(self, run: Run) -> list[str]:
        keys = list(self._store.keys(f"{run.pathspec}/"))
        if is_partial([key.rpartition("/")[2] for key in keys if key.count("/") == 2]):
            return []
        return [key for key in keys if key.rpartition("/")[2] in (MANIFEST, FAILED, PARAMETERS)]

    def _document(self, run: Run, key: str, text: bytes) -> NamedDocument | None:
        try:
            content = check_document(key, text)
        except (ValueError, FlowError) as error:
            self._damages.add(f"{self._store.location(key)} {error}")
            return None
        step, *parts = key[len(run.pathspec) + 1 :].split("/")
        if not parts:
            return NamedDocument("", (), 0, False, {"artifacts": {}, **content})
        return NamedDocument(step, parse_index(parts[0]), int(parts[1]), parts[2] == FAILED, content)

    def _of_run(self, run: Run, documents: Sequence[NamedDocument], value: Mapping[str, Any]) -> RunUses:
        engine = engine_of(run)
        found = RunUses(run, engine, run.created_seconds())
        found.uses = list(RunLineage(run, documents, value, self._reads.of(run), self._items).uses())
        return found


def _value_of(digest: str, documents: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The reference to the value whose hash begins so. Raises NotFound where several have one."""
    found: dict[str, Mapping[str, Any]] = {}
    for document in documents:
        for _, ref in artifacts.referenced({"parameters": {}, "artifacts": {}, **document}):
            if str(ref.get("hash", "")).startswith(digest):
                found.setdefault(str(ref["hash"]), ref)
    if len(found) > 1:
        raise NotFound(f"several values have a hash that begins with {digest}: {', '.join(sorted(found)[:5])}")
    return next(iter(found.values()), None)


def _mark_made_again(runs: Sequence[RunUses]) -> None:
    """Say of all that made the value but the first that it was there before."""
    made = [
        (use.time or 0.0, number, place)
        for number, run in enumerate(runs)
        for place, use in enumerate(run.uses)
        if use.how == "made"
    ]
    if not made:
        return
    _, number, place = min(made)
    first = runs[number].uses[place]
    where = f"{runs[number].run.pathspec}/{first.task}"
    for _, other, at in made:
        if (other, at) != (number, place):
            use = runs[other].uses[at]
            runs[other].uses[at] = use._replace(how="made again", origin=where)


def uses_by_step(uses: Iterable[Use]) -> Iterator[list[Use]]:
    """The uses in their order, those of one step together that say the same."""
    grouped: defaultdict[tuple[Any, ...], list[Use]] = defaultdict(list)
    for use in uses:
        grouped[use.step, use.name, use.how, use.origin, use.read, use.superseded].append(use)
    yield from grouped.values()
