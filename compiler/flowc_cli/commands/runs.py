"""`flowc runs`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated, NamedTuple, TypeVar

import typer

from flowc.client import Flow, Metaflow, Run
from flowc.client.namespaces import chosen_store
from flowc.errors import CorruptArtifact, FlowError, NewerFormat
from flowc.store.documents import IMPORTED, MANIFEST, REMOVED, RUN_RECORD, check_document
from flowc.store.run_layout import is_partial, names_in_run, run_names
from flowc_cli import shared_options as shared
from flowc_cli.output import write, write_error
from flowc_cli.run_exporting import named_values
from flowc_cli.run_states import in_columns
from flowc_cli.store_requests import each_of, read_all
from flowc_cli.stored_runs import (
    check_flow,
    duration_text,
    ended_at,
    engine_of,
    note_missing_root,
    report_failure,
    size_text,
)
from flowc_cli.waiting_tasks import waiting_tasks
from flowc_compiler.diagnostics.terminal_text import visible_line

app = shared.command_app()
R = TypeVar("R")

_UNREAD = ("damaged", "newer")
"""States of runs whose records cannot be read."""
STATES = ("running", "successful", "failed", "interrupted", "lost", "removed", "importing", "damaged", "newer")


class _Row(NamedTuple):
    """A run in the list. Times are in seconds."""

    run: str
    where: str
    """`local`, or the engine."""
    state: str
    created: float
    """Since 1970."""
    duration: float | None
    """Until now for one that is under way; `None` where nothing says when it ended."""
    tags: Sequence[str]
    size: int
    """Bytes of its files and of the values that it names, which other runs may name, too."""
    caught: int
    """How many of its tasks `@catch` kept from failing it."""
    waiting: Sequence[str] = ()
    """What its tasks wait for before they begin, in words."""


@app.command("runs")
def runs(
    flow: Annotated[str | None, typer.Argument(help="the flow; all of the root by default", show_default=False)] = None,
    root: shared.Root = None,
    last: shared.Last = 20,
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help=f"only such runs: {', '.join(STATES)}")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="TEXT", help=shared.TAG_HELP)] = None,
    as_json: shared.Json = False,
) -> None:
    """List the runs of a store, the newest first, whichever engine has run them."""
    wrong = next((item for item in state or () if item not in STATES), None)
    if wrong is not None:
        raise typer.BadParameter(f"{wrong!r} is not one of {', '.join(STATES)}", param_hint="--state")
    try:
        store = chosen_store(root)
        if flow is not None:
            check_flow(store, flow)
        note_missing_root(store)
        found = _with_tags(_newest_first(flow, root), set(tag or ()))
        rows = list(islice(_rows(found, state or (), last), last))
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    if as_json:
        write(json.dumps([row._asdict() for row in rows], indent=2, ensure_ascii=False) + "\n")
    elif rows:
        write(_listing(rows))
    else:
        write_error("there are no such runs\n" if state or tag or flow else "there are no runs\n")


class _Found(NamedTuple):
    """A run, and what was read of it."""

    run: Run
    state: str
    created: float
    tags: frozenset[str] | None
    """`None` where they were not needed so far."""


def _newest_first(flow: str | None, root: str | None) -> list[tuple[Run, float]]:
    """The runs, each with when it was created, also those that are not whole."""
    if flow is not None:
        flows = [Flow(flow, root=root, trusted=False, _namespace_check=False)]
    else:
        flows = list(Metaflow(root=root, trusted=False))
    found = [Run.of(each, name) for each in flows for name in run_names(each.store(), each.id)]
    created = _each(_created, found)
    dated = [item for item in zip(found, created, strict=True) if item[1] or names_in_run(item[0].layout)]
    return sorted(dated, key=lambda item: (item[1], item[0].pathspec), reverse=True)


def _each(call: Callable[[Run], R], found: Sequence[Run]) -> Iterator[R]:
    """The results of a call for each run: all are in one store."""
    return each_of(found[0].layout.store, call, found) if found else iter(())


def _created(run: Run) -> float:
    """When a run was created; of one that is not whole, when its removal or import was last seen to go on."""
    created = run.created_seconds()
    if created:
        return created
    marks = ((REMOVED, "removed"), (IMPORTED, "time"))
    found = ((run.layout.read_json(f"{run.layout.prefix}/{mark}") or {}, key) for mark, key in marks)
    return next((float(document[key]) for document, key in found if key in document), 0.0)


def _with_tags(found: Sequence[tuple[Run, float]], tags: set[str]) -> Iterator[_Found]:
    """Runs that have these tags, with their states as far as their records say them."""
    runs = [run for run, _ in found]

    def state_of(run: Run) -> tuple[str | None, frozenset[str] | None]:
        own = run.user_tags if tags else None
        return None if own is not None and not tags <= own else _state(run), own

    for (run, created), (state, own) in zip(found, _each(state_of, runs), strict=False):
        if state is not None:
            yield _Found(run, state, created, own)


def _rows(found: Iterator[_Found], states: Sequence[str], last: int) -> Iterator[_Row]:
    """Those in these states. Any run may turn out to be damaged when its manifests are read, `last` runs at a time."""
    possible = (item for item in found if not states or item.state in states or "damaged" in states)
    while runs := list(islice(possible, last)):
        chosen = [item.run for item in runs]
        rows = each_of(chosen[0].layout.store, _row, runs)
        for row, content in zip(rows, _read_contents(chosen), strict=True):
            state = row.state if row.state in _UNREAD or not content.problem else content.problem
            if not states or state in states:
                yield row._replace(state=state, size=content.size, caught=content.caught)


def _state(run: Run) -> str | None:
    """The state of a run; `None` for what is but the folder of one."""
    try:
        names = run.layout.store.children(run.layout.prefix)
        if not names:
            return None
        if is_partial(names):
            return "removed" if REMOVED in names else "importing"
        return run.status if run.record or not names.count(RUN_RECORD) else "damaged"
    except NewerFormat:
        return "newer"
    except CorruptArtifact:
        return "damaged"


def _row(found: _Found) -> _Row:
    """All but the size, which is read for all runs together."""
    run, state, created, tags = found
    tags = run.user_tags if tags is None else tags
    ended = time.time() if state == "running" else ended_at(run)
    where = engine_of(run) if run.is_local or state not in _UNREAD else ""
    duration = max(0.0, ended - created) if ended is not None and created else None
    waiting = [f"{task.place} {task.text}" for task in waiting_tasks(run)] if state == "running" else []
    return _Row(run.pathspec, where, state, created, duration, sorted(tags), 0, 0, waiting)


class _Contents(NamedTuple):
    size: int
    """The bytes of a run's files, and of the values that its manifests name, each once."""
    caught: int
    problem: str = ""
    """`damaged` where a document of the run or a manifest is, or `newer`."""


def _read_contents(runs: Sequence[Run]) -> list[_Contents]:
    """What the documents of runs and the manifests of their tasks say."""
    store = runs[0].layout.store
    listed = list(each_of(store, lambda run: list(store.files(f"{run.layout.prefix}/")), runs))
    documents = [[file.key for file in files if _is_document(file.key)] for files in listed]
    texts = read_all(store, chain.from_iterable(documents))
    return [
        _contents(sum(file.size for file in files), keys, list(islice(texts, len(keys))))
        for files, keys in zip(listed, documents, strict=True)
    ]


def _is_document(key: str) -> bool:
    return key.endswith(f"/{MANIFEST}") or (key.count("/") == 2 and key.endswith(".json"))


def _contents(size: int, keys: Sequence[str], texts: Sequence[bytes]) -> _Contents:
    named: dict[str, int] = {}
    caught = set[str]()
    problem = ""
    for key, text in zip(keys, texts, strict=True):
        if not text:
            continue  # it is gone
        try:
            manifest = check_document(key, text)
        except NewerFormat:
            problem = problem or "newer"
            continue
        except ValueError:  # `flowc fsck` says what it is
            problem = "damaged"
            continue
        if not key.endswith(f"/{MANIFEST}"):
            continue
        named.update(named_values(manifest))
        if manifest.get("caught"):
            caught.add(key.rsplit("/", 2)[0])
    return _Contents(size + sum(named.values()), len(caught), problem)


def _state_text(row: _Row) -> str:
    """`running, review waits for a person: promote it? (yes, no)`."""
    if row.waiting:
        more = f", and {len(row.waiting) - 1} more" if len(row.waiting) > 1 else ""
        place, _, what = row.waiting[0].partition(" ")
        return visible_line(f"{row.state}, {place} waits {what}{more}")
    return f"{row.state}, {row.caught} caught" if row.caught and row.state not in _UNREAD else row.state


def _listing(rows: Sequence[_Row]) -> str:
    head = ("RUN", "WHERE", "STATE", "CREATED", "DURATION", "SIZE", "TAGS")
    lines = [
        (
            row.run,
            row.where,
            _state_text(row),
            datetime.fromtimestamp(row.created, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "" if row.duration is None else duration_text(row.duration),
            size_text(row.size),
            visible_line(", ".join(row.tags)),
        )
        for row in rows
    ]
    return in_columns([head, *lines])
