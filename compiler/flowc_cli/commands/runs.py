"""`flowc runs`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, NamedTuple

import typer

from flowc.client import Flow, Metaflow, Run
from flowc.errors import CorruptArtifact, FlowError, NewerFormat
from flowc.store import artifacts
from flowc.store.run_layout import MANIFEST
from flowc_cli import shared_options as shared
from flowc_cli.output import write, write_error
from flowc_cli.run_states import in_columns
from flowc_cli.stored_runs import engine_of, report_failure, size_text
from flowc_cli.sweeping import is_half_removed, read_all
from flowc_compiler.diagnostics.terminal_text import visible_line

app = shared.command_app()

STATES = ("running", "successful", "failed", "interrupted", "lost", "removed")


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
        rows = list(islice(_rows(_newest_first(flow, root), state or (), set(tag or ())), last))
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    if as_json:
        write(json.dumps([row._asdict() for row in rows], indent=2, ensure_ascii=False) + "\n")
    elif rows:
        write(_listing(rows))
    else:
        write_error("there are no such runs\n" if state or tag or flow else "there are no runs\n")


def _newest_first(flow: str | None, root: str | None) -> list[Run]:
    if flow is not None:
        return list(Flow(flow, root=root, trusted=False, _namespace_check=False))
    found = [run for each in Metaflow(root=root, trusted=False) for run in each]
    return sorted(found, key=lambda run: (run.created_seconds(), run.pathspec), reverse=True)


def _rows(found: Iterable[Run], states: Sequence[str], tags: set[str]) -> Iterator[_Row]:
    for run in found:
        if tags and not tags <= run.user_tags:
            continue
        state = _state(run)
        if not states or state in states:
            yield _row(run, state)


def _state(run: Run) -> str:
    try:
        return "removed" if is_half_removed(run.layout) else run.status
    except NewerFormat:
        return "newer"
    except CorruptArtifact:
        return "damaged"


def _row(run: Run, state: str) -> _Row:
    created = run.created_seconds()
    ended = time.time() if state == "running" else _ended(run)
    where = "local" if run.record else engine_of(run)
    duration = max(0.0, ended - created) if ended is not None and created else None
    return _Row(run.pathspec, where, state, created, duration, sorted(run.user_tags), run_size(run))


def _ended(run: Run) -> float | None:
    try:
        ended = run.finished_at
    except FlowError:
        return None
    return ended.timestamp() if ended is not None else None


def run_size(run: Run) -> int:
    """The bytes of a run's files, and of the values that its manifests name, each once."""
    store = run.layout.store
    files = list(store.files(f"{run.layout.prefix}/"))
    named: dict[str, int] = {}
    for text in read_all(store, [file.key for file in files if file.key.endswith(f"/{MANIFEST}")]):
        try:
            for _, ref in artifacts.referenced(json.loads(text)):
                if "inline" not in ref:
                    named[str(ref["hash"])] = int(ref["size"])
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # `flowc fsck` reports it
    return sum(file.size for file in files) + sum(named.values())


def _listing(rows: Sequence[_Row]) -> str:
    head = ("RUN", "WHERE", "STATE", "CREATED", "DURATION", "SIZE", "TAGS")
    lines = [
        (
            row.run,
            row.where,
            row.state,
            datetime.fromtimestamp(row.created, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "" if row.duration is None else duration_text(row.duration),
            size_text(row.size),
            visible_line(", ".join(row.tags)),
        )
        for row in rows
    ]
    return in_columns([head, *lines])


def duration_text(seconds: float) -> str:
    """A time for people: `0.4 s`, `41 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, part, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{whole} s"
