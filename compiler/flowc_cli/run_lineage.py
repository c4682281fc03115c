"""What the tasks of one run have done with a value: made it, taken it over, passed it on, or read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from flowc.client import Run
from flowc.errors import FlowError, NotFound
from flowc.store import Store, artifacts, codec
from flowc.store.run_layout import parse_index, place_text, task_id
from flowc_cli.step_reads import StepReads
from flowc_cli.task_graph import TaskGraph, TaskKey

How = Literal[
    "made",
    "made again",
    "parameter",
    "items",
    "item",
    "inherited",
    "merged",
    "taken over",
    "cached",
    "in a failed attempt",
    "",
]
"""How a task, or a run, has got a value; nothing for a task that does not have it at its end."""
Read = Literal["read", "by its code", "item", "unknown", "no", ""]
"""Whether a task read a value that it had when it began: traced, so its code says, an item of it that a foreach gave
the task, or neither is known. Nothing for one that began without it, or did not run."""
_KINDS = frozenset({"artifact", "parameter", "inputs"})
"""Kinds of reads in the trace of a cached step that have a name."""


class Use(NamedTuple):
    """What a task has to do with a value. Times are in seconds since 1970."""

    step: str
    """Empty for what the run as a whole has: a parameter."""
    task: str
    item: str
    """Its index path; empty outside of every foreach."""
    attempt: int | None
    name: str
    """What the value is called there."""
    how: How
    origin: str | None
    """Where it is taken over or cached from, or was made before."""
    read: Read
    time: float | None
    superseded: bool = False
    """Whether a later attempt was committed."""


class ItemTables:
    """The items of foreach steps, by the tables of their hashes; no item is read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tables: dict[tuple[str, str], Sequence[tuple[str, int]]] = {}

    def table(self, flow: str, ref: Mapping[str, Any]) -> Sequence[tuple[str, int]]:
        """The hash and the size of each item. Raises StoreError, and CorruptArtifact."""
        key = (flow, str(ref["hash"]))
        if key not in self._tables:
            self._tables[key] = artifacts.item_table(self._store, flow, dict(ref))
        return self._tables[key]

    def numbers(self, flow: str, manifest: Mapping[str, Any], digest: str) -> list[int]:
        """The numbers of the items with a hash that begins so, of the foreach that a task has opened."""
        foreach: Mapping[str, Any] = manifest.get("foreach") or {}
        tables = [self.table(flow, ref) for ref in (foreach, *foreach.get("fan", ())) if "hash" in ref]
        found = (number for table in tables for number, (item, _) in enumerate(table) if item.startswith(digest))
        return sorted(set(found))

    def value(self, digest: str) -> Mapping[str, Any] | None:
        """A reference to the item whose hash begins so. Raises NotFound where several have one."""
        sizes = {item: size for table in self._tables.values() for item, size in table if item.startswith(digest)}
        if len(sizes) > 1:
            raise NotFound(f"several values have a hash that begins with {digest}: {', '.join(sorted(sizes)[:5])}")
        return next(({"hash": item, "size": size, "item": True} for item, size in sizes.items()), None)


class NamedDocument(NamedTuple):
    """A document of a run that names the value."""

    step: str
    path: tuple[int, ...]
    attempt: int
    failed: bool
    content: dict[str, Any]


class RunLineage:
    """The uses of a value in one run."""

    def __init__(
        self,
        run: Run,
        documents: Sequence[NamedDocument],
        value: Mapping[str, Any],
        reads: Mapping[str, StepReads],
        items: ItemTables,
    ) -> None:
        self._items = items
        self._run = run
        self._value = value
        self._reads = reads
        self._documents = documents
        self._attempts = run.all_attempts()
        self._graph = TaskGraph(run.graph)
        self._named: dict[TaskKey, dict[str, Any]] = {}
        """The manifests that count and have the value."""
        self._other: dict[TaskKey, dict[str, Any]] = {}
        for document in documents:
            key = (document.step, document.path)
            if document.step and not document.failed and document.attempt == self._committed(key):
                self._named[key] = document.content
        self._held = TaskGraph.index(self._named)

    def uses(self) -> Iterator[Use]:
        """Parameters first, then tasks in the order of the graph."""
        parameters = sorted(
            {
                name
                for document in self._documents
                if document.step in ("", self._graph.start)  # others may be those of a called flow
                for name in _same(document.content.get("parameters", {}), self._value)
            }
        )
        origin = self._run.origin_pathspec if parameters else None
        for name in parameters:
            yield Use("", "", "", None, name, "parameter", origin, "", self._run.created_seconds())
        order = {name: number for number, name in enumerate(self._graph.names(self._attempts))}
        yield from sorted(self._rows(parameters), key=lambda use: (order[use.step], parse_index(use.item), use.name))

    def _rows(self, parameters: Sequence[str]) -> Iterator[Use]:
        for step, tasks in self._attempts.items():
            for path in sorted(tasks):
                if tasks[path]:
                    yield from self._of_task((step, path), parameters)
        for document in self._documents:
            key = (document.step, document.path)
            if document.failed or (document.step and document.attempt != self._committed(key)):
                had = self._had(key)
                for name in set(self._names(document.content)) - set(had):
                    how: How = "in a failed attempt" if document.failed else "made"
                    yield self._use(key, name, how, None, "", document.content, superseded=not document.failed)

    def _of_task(self, key: TaskKey, parameters: Sequence[str]) -> Iterator[Use]:
        manifest = self._named.get(key, {})
        own = self._names(manifest)
        had = self._had(key)
        origin = origin_of(manifest, self._run)
        for name in own:
            how: How = "merged" if self._graph.is_join(key[0]) else "inherited"
            if name not in had:
                how = "made"
            if origin is not None and (how == "made" or origin[0] == "taken over"):
                yield self._use(key, name, origin[0], origin[1], "", manifest)
            else:
                yield self._use(
                    key, name, how, None, self._read(key, name, item=had[name]) if name in had else "", manifest
                )
        for name in sorted(set(had) - set(own)):
            read = self._read(key, name, item=had[name])
            if read not in ("", "no"):
                yield self._use(key, name, "", None, read, manifest)
        if manifest and _same_items(manifest, self._value):
            yield self._use(key, foreach_variable(manifest) or "items", "items", None, "", manifest)
        for number in self._numbers(manifest):
            yield self._use(key, f"{foreach_variable(manifest) or 'items'}[{number}]", "item", None, "", manifest)
        for name in self._parameters(key, parameters):
            read = self._read(key, name, constant=True)
            how = "" if name in parameters or self._is_passed(key, name) else "parameter"
            if how or read not in ("", "no"):
                yield self._use(key, name, how, None, read, manifest)

    def _parameters(self, key: TaskKey, of_run: Sequence[str]) -> Sequence[str]:
        """The parameters of a task that have the value: a task of a called flow has those of the call."""
        manifest = self._manifest(key)
        if manifest is None or self._graph.is_pipeline:
            return of_run
        return sorted(_same(manifest.get("parameters", {}), self._value))

    def _is_passed(self, key: TaskKey, name: str) -> bool:
        """Whether a task before has the parameter as well, in the same call of a flow."""
        before = self._graph.before(key, self._held, self._choice)
        return any(name in _same(self._named[task].get("parameters", {}), self._value) for task in before)

    def _had(self, key: TaskKey) -> dict[str, bool]:
        """The names under which a task had the value when it began, each with whether it was given an item of it.

        In a pipeline these are outputs of any step before, as `step.output`.
        """
        step = key[0]
        if self._graph.is_pipeline:
            tasks = (
                task for other in self._graph.ancestors(step) for task in self._graph.related(other, key, self._held)
            )
            return {f"{before[0]}.{name}": False for before in tasks for name in self._names(self._named[before])}
        names: dict[str, bool] = {}
        for before in self._graph.before(key, self._held, self._choice):
            manifest = self._named[before]
            variable = foreach_variable(manifest) if self._graph.opens(before[0], step) else None
            names |= {name: name == variable for name in self._names(manifest)}
            if variable is not None and _same_items(manifest, self._value):
                names[variable] = True
            number = key[1][len(before[1])] if variable is not None and len(key[1]) > len(before[1]) else None
            if number is not None and number in self._numbers(manifest):
                names[f"{variable}[{number}]"] = True
        return names

    def _numbers(self, manifest: Mapping[str, Any]) -> list[int]:
        """The numbers of the items that are the value, of the foreach that a task has opened."""
        try:
            return self._items.numbers(self._run.layout.flow, manifest, str(self._value["as_item"]))
        except FlowError:
            return []  # what is damaged has been noted

    def _choice(self, key: TaskKey) -> str | None:
        choice = self._named[key].get("choice")
        return None if choice is None else str(choice)

    def _read(self, key: TaskKey, name: str, *, constant: bool = False, item: bool = False) -> Read:
        manifest = self._manifest(key) or {}
        if origin_of(manifest, self._run) is not None:
            return ""  # it did not run in this run
        known = self._reads.get(key[0])
        return read_of(name, manifest, known, self._graph.is_pipeline, constant=constant, item=item)

    def _manifest(self, key: TaskKey) -> dict[str, Any] | None:
        """What a task has committed, if it has."""
        if key in self._named:
            return self._named[key]
        if key not in self._other:
            attempt = self._committed(key)
            try:
                content = {} if attempt is None else self._run.layout.manifest(*key, attempt)
            except FlowError:
                content = {}  # what is damaged has been noted
            self._other[key] = content
        return self._other[key] or None

    def _committed(self, key: TaskKey) -> int | None:
        attempts = self._attempts.get(key[0], {}).get(key[1], {})
        return max((number for number, done in attempts.items() if done), default=None)

    def _names(self, document: Mapping[str, Any]) -> list[str]:
        return sorted(_same(document.get("artifacts", {}), self._value))

    def _use(
        self,
        key: TaskKey,
        name: str,
        how: How,
        origin: str | None,
        read: Read,
        document: Mapping[str, Any],
        *,
        superseded: bool = False,
    ) -> Use:
        step, path = key
        index = ".".join(map(str, path))
        attempt = document.get("attempt", self._committed(key))
        time = document.get("created")
        return Use(step, task_id(step, path), index, attempt, name, how, origin, read, time, superseded)


def hash_as_item(value: Mapping[str, Any]) -> str:
    """The hash that a value has as an item of a foreach: manifests have plain values as JSON, lists of items do not."""
    if value.get("codec") != "json":
        return str(value["hash"])
    return codec.encode(value["inline"], "a value").digest


def _same(refs: Mapping[str, Mapping[str, Any]], value: Mapping[str, Any]) -> list[str]:
    return [name for name, ref in refs.items() if "hash" in ref and artifacts.same(dict(ref), dict(value))]


def _same_items(manifest: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Whether the value is the table of the items that a task has opened a foreach over."""
    foreach: Mapping[str, Any] = manifest.get("foreach") or {}
    return any(ref.get("hash") == value["hash"] for ref in (foreach, *foreach.get("fan", ())))


def foreach_variable(manifest: Mapping[str, Any]) -> str | None:
    """What a task has opened a foreach over."""
    foreach: Mapping[str, Any] = manifest.get("foreach") or {}
    return str(foreach["variable"]) if "variable" in foreach else None


def origin_of(manifest: Mapping[str, Any], run: Run) -> tuple[How, str] | None:
    """Where a task ran whose manifest this run has taken; `None` where it ran itself."""
    if not manifest:
        return None
    flow, name = str(manifest.get("flow", run.layout.flow)), str(manifest.get("run", run.id))
    if name != run.id:
        return "taken over", f"{flow}/{name}"
    cached: Mapping[str, Any] | None = manifest.get("cached")
    if cached is None:
        return None
    task = place_text(str(manifest.get("step")), parse_index(str(cached.get("index", "-"))))
    return "cached", f"{flow}/{cached.get('run')}/{task}"


def read_of(
    name: str,
    manifest: Mapping[str, Any],
    known: StepReads | None,
    is_pipeline: bool,
    *,
    constant: bool = False,
    item: bool = False,
) -> Read:
    """Whether a task read what it had under a name when it began.

    `constant` is for a parameter, `item` for what the foreach around the task goes over. `known` is what its code says.
    """
    cache: Mapping[str, Any] = manifest.get("cache") or {}
    traced: list[Any] = [read for read, *_ in cache.get("reads", ())]
    if not is_pipeline and any(read[0] in _KINDS and read[1] == name for read in traced):
        return "read"
    if known is not None and name in known.names:
        return "by its code"
    possible = known.possible if known is not None else None
    if (item and (possible is None or "input" in possible)) or (known is not None and name in known.items):
        return "item"
    if not is_pipeline and "reads" in cache and "untraced" not in cache:
        return "no"
    if possible is not None and name not in possible:
        return "no"
    return "by its code" if constant and possible is not None else "unknown"
