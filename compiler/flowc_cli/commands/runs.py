"""`flowc runs`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

from flowc.client import Flow, Metaflow, Run
from flowc.errors import CorruptArtifact, FlowError, NewerFormat
from flowc.store import Store
from flowc.store.run_layout import IMPORTED, MANIFEST, REMOVED, RUN_RECORD, is_partial, names_in_run, run_names
from flowc_cli import shared_options as shared
from flowc_cli.output import write, write_error
from flowc_cli.run_exporting import named_values
from flowc_cli.run_states import in_columns
from flowc_cli.store_requests import each_of, read_all
from flowc_cli.stored_runs import duration_text, ended_at, engine_of, report_failure, size_text
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
        found = islice(_with_states(_newest_first(flow, root), state or (), set(tag or ())), last)
        rows = _rows(list(found))
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


def _with_states(found: Sequence[tuple[Run, float]], states: Sequence[str], tags: set[str]) -> Iterator[_Found]:
    runs = [run for run, _ in found]

    def state_of(run: Run) -> tuple[str | None, frozenset[str] | None]:
        own = run.user_tags if tags else None
        return None if own is not None and not tags <= own else _state(run), own

    for (run, created), (state, own) in zip(found, _each(state_of, runs), strict=False):
        if state is not None and (not states or state in states):
            yield _Found(run, state, created, own)


def _rows(found: Sequence[_Found]) -> list[_Row]:
    runs = [item.run for item in found]
    sizes = _read_sizes(runs[0].layout.store, runs) if runs else []
    about = {item.run.pathspec: item for item in found}
    rows = _each(lambda run: _row(about[run.pathspec]), runs)
    return [row._replace(size=size, caught=caught) for row, (size, caught) in zip(rows, sizes, strict=True)]


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
    where = "local" if run.system_tags else "" if state in _UNREAD else engine_of(run)
    duration = max(0.0, ended - created) if ended is not None and created else None
    return _Row(run.pathspec, where, state, created, duration, sorted(tags), 0, 0)


def _read_sizes(store: Store, runs: Sequence[Run]) -> list[tuple[int, int]]:
    """The bytes of each run's files, and of the values that its manifests name, each once; and its caught tasks."""
    listed = list(each_of(store, lambda run: list(store.files(f"{run.layout.prefix}/")), runs))
    manifests = [[file.key for file in files if file.key.endswith(f"/{MANIFEST}")] for files in listed]
    texts = read_all(store, chain.from_iterable(manifests))
    sizes: list[tuple[int, int]] = []
    for files, keys in zip(listed, manifests, strict=True):
        named: dict[str, int] = {}
        caught = set[str]()
        for key, text in zip(keys, islice(texts, len(keys)), strict=False):
            with suppress(AttributeError, ValueError, RecursionError):  # `flowc fsck` reports it
                manifest: Any = json.loads(text)
                named.update(named_values(manifest))
                if manifest.get("caught"):
                    caught.add(key.rsplit("/", 2)[0])
        sizes.append((sum(file.size for file in files) + sum(named.values()), len(caught)))
    return sizes


def _listing(rows: Sequence[_Row]) -> str:
    head = ("RUN", "WHERE", "STATE", "CREATED", "DURATION", "SIZE", "TAGS")
    lines = [
        (
            row.run,
            row.where,
            f"{row.state}, {row.caught} caught" if row.caught and row.state not in _UNREAD else row.state,
            datetime.fromtimestamp(row.created, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "" if row.duration is None else duration_text(row.duration),
            size_text(row.size),
            visible_line(", ".join(row.tags)),
        )
        for row in rows
    ]
    return in_columns([head, *lines])
