"""`flowc gc`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Annotated, NamedTuple

import typer

from flowc.client import Flow, Run
from flowc.client.namespaces import chosen_store
from flowc.errors import FlowError
from flowc.store import Store
from flowc.store.documents import REMOVED
from flowc.store.reused_values import RENEW_SECONDS
from flowc.store.run_layout import flow_names, is_partial, names_in_run, run_names
from flowc_cli import shared_options as shared
from flowc_cli.lenient_layout import DAMAGED, known_status
from flowc_cli.output import write, write_error
from flowc_cli.run_importing import is_import_over
from flowc_cli.store_requests import each_of
from flowc_cli.stored_runs import check_flow, note_missing_root, report_failure, size_text
from flowc_cli.sweeping import (
    NOTHING,
    Files,
    find_unnamed,
    old_bytecode,
    remove_run,
    runs_in_use,
    sweep,
    total,
)
from flowc_compiler.diagnostics.render import counted
from flowc_compiler.diagnostics.terminal_text import visible_line

app = shared.command_app()

LEAST_GRACE = 2 * RENEW_SECONDS
"""Values that are used again are renewed only from an age of the half on."""


class _Result(NamedTuple):
    """What was removed of a flow, and what stays."""

    flow: str
    runs: Sequence[str]
    """Those that were removed."""
    own: Files
    """Their files, but for values."""
    removed: Files
    """Values."""
    kept_runs: int
    kept: Files


@app.command("gc")
def gc(
    flow: Annotated[str, typer.Argument(help="the flow; all of the root by default", show_default=False)] = "",
    root: shared.Root = None,
    older_than: Annotated[str | None, typer.Option(metavar="TIME", help=shared.OLDER_HELP)] = None,
    keep: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="remove runs but for the newest of each flow, so many")
    ] = None,
    grace: Annotated[
        str, typer.Option(metavar="TIME", help="values that are younger stay, as a task may be about to name them")
    ] = "1d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="remove nothing")] = False,
    as_json: shared.Json = False,
) -> None:
    """Remove old runs, and values that no run names.

    Without --older-than and --keep no run is removed; with both, those that neither keeps. Runs that are under way
    stay, and so do those that they resume.

    Of a whole root, bytecode that other releases have kept is removed, too.
    """
    seconds = shared.parse_time(grace, "--grace")
    if seconds < LEAST_GRACE:
        raise typer.BadParameter(f"it is at least {LEAST_GRACE / 3600:g}h", param_hint="--grace")
    age = None if older_than is None else shared.parse_time(older_than, "--older-than")
    try:
        store = chosen_store(root)
        flows = [flow] if flow else flow_names(store)
        if flow:
            check_flow(store, flow)
        note_missing_root(store)
        results = [_collect(store, name, age, keep, seconds, dry_run=dry_run) for name in flows]
        bytecode = [] if flow else old_bytecode(store, seconds)
        for file in bytecode if not dry_run else ():
            store.delete(file.key)
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    as_asked = _as_json if as_json else _as_text
    write(as_asked(results, total(bytecode), dry_run=dry_run))


def _collect(store: Store, name: str, age: float | None, keep: int | None, grace: float, *, dry_run: bool) -> _Result:
    flow = Flow.of(store, name, trusted=False)
    found_runs = [Run.of(flow, run) for run in run_names(store, name)]
    listed = each_of(store, lambda run: names_in_run(run.layout), found_runs)
    names = {run.id: there for run, there in zip(found_runs, listed, strict=True)}
    found_runs = [run for run in found_runs if names[run.id]]  # no option counts or removes what is no run
    partial = [run for run in found_runs if is_partial(names[run.id])]
    runs = [run for run in found_runs if not is_partial(names[run.id])]
    old = [] if age is None and keep is None else list(_old_runs(store, runs, age, keep))
    old += [run for run in partial if REMOVED in names[run.id] or is_import_over(run.layout)]
    own = NOTHING
    for run in old:
        own += total(store.files(f"{run.layout.prefix}/")) if dry_run else remove_run(run.layout)
    gone = frozenset(run.id for run in old)
    found = find_unnamed(store, name, grace, without=gone)
    removed = total(found.doomed) if dry_run else sweep(store, name, found.doomed, grace)
    return _Result(name, sorted(gone), own, removed, len(found_runs) - len(old), found.kept)


def _old_runs(store: Store, runs: Sequence[Run], age: float | None, keep: int | None) -> Iterator[Run]:
    """The runs of a flow to remove, oldest last; none that is under way, or that such a run resumes."""
    created = dict(zip(runs, each_of(store, _created, runs), strict=True))
    newest = sorted(runs, key=lambda run: (created[run], run.id), reverse=True)
    needed = runs_in_use(store, runs)
    for run in newest:
        if run.id in needed and known_status(run) == DAMAGED:
            why = "it is too damaged to say whether it is under way; flowc rm --force removes it"
            write_error(f"{visible_line(run.pathspec)} stays: {why}\n")
    since = time.time() - (age or 0.0)
    for run in newest[keep or 0 :]:
        if run.id not in needed and created[run] <= since:
            yield run


def _created(run: Run) -> float:
    """When a run was created; of one whose first documents are not there yet, or are lost, when a file last changed."""
    files = run.layout.store.files(f"{run.layout.prefix}/")
    return run.created_seconds() or max((file.modified for file in files), default=time.time())


def _as_text(results: Sequence[_Result], bytecode: Files, *, dry_run: bool) -> str:
    verb = "would remove" if dry_run else "removed"
    lines: list[str] = []
    for result in results:
        lines += [f"{verb} {result.flow}/{run}" for run in result.runs]
        files = f" ({counted(result.own.number, 'file')}, {size_text(result.own.size)})" if result.runs else ""
        what = f"{counted(len(result.runs), 'run')}{files} and {_values(result.removed)}"
        stays = f"{counted(result.kept_runs, 'run')} and {_values(result.kept)} stay"
        lines.append(f"{result.flow}: {verb} {what}; {stays}")
    if bytecode.number:
        files = f"{counted(bytecode.number, 'file')} ({size_text(bytecode.size)})"
        lines.append(f"{verb} bytecode of other releases: {files}")
    return "".join(f"{visible_line(line)}\n" for line in lines)


def _values(found: Files) -> str:
    return f"{counted(found.number, 'value')} ({size_text(found.size)})"


def _as_json(results: Sequence[_Result], bytecode: Files, *, dry_run: bool) -> str:
    flows = [
        {
            "flow": result.flow,
            "removed_runs": list(result.runs),
            "removed_files": result.own._asdict(),
            "removed_values": result.removed._asdict(),
            "kept_runs": result.kept_runs,
            "kept_values": result.kept._asdict(),
        }
        for result in results
    ]
    found = {"dry_run": dry_run, "flows": flows, "removed_bytecode": bytecode._asdict()}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
