"""`flowc fsck`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer

from flowc.client.namespaces import chosen_store
from flowc.errors import CorruptArtifact, FlowError, MissingInput, MissingKey, NewerFormat, NotFound
from flowc.store import Store, artifacts
from flowc.store.run_layout import (
    DATA,
    FAILED,
    MANIFEST,
    PARAMETERS,
    RunLayout,
    flow_names,
    is_partial,
    parse_index,
    run_names,
)
from flowc_cli import shared_options as shared
from flowc_cli.output import write
from flowc_cli.stored_runs import report_failure
from flowc_compiler.diagnostics.terminal_text import visible_line

app = shared.command_app()


class _Damage(NamedTuple):
    """Something that is wrong, and what would mend it."""

    what: str
    way_out: str


@app.command("fsck")
def fsck(
    run: Annotated[str, typer.Argument(help="Flow or Flow/run-id; all of the root by default")] = "",
    root: shared.Root = None,
) -> None:
    """Check the files of runs: read all of them, and change nothing."""
    try:
        store = chosen_store(root)
        flow, _, name = run.partition("/")
        flows = [flow] if flow else flow_names(store)
        runs = [
            (one, each) for one in flows for each in ([name] if name else sorted(run_names(store, one))) if each != DATA
        ]
        if run and not any(store.children(f"{one}/{each}") for one, each in runs):
            raise NotFound(f"there is no run {run} in {store.url}")
        checked, found = 0, 0
        seen: dict[tuple[str, str], str | None] = {}
        partial = [is_partial(store.children(f"{one}/{each}")) for one, each in runs]
        runs = [item for item, skipped in zip(runs, partial, strict=True) if not skipped]
        for one, each in runs:
            for damage in _check_run(RunLayout(store, one, each), seen):
                checked += damage is None
                if damage is not None:
                    found += 1
                    write(f"{visible_line(f'{one}/{each}: {damage.what}')}\n  {visible_line(damage.way_out)}\n")
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    blobs = sum(problem is None for problem in seen.values())
    write(f"{len(runs)} runs, {checked} files and {blobs} values are right; {found} are damaged\n")
    if found:
        raise typer.Exit(1)


def _check_run(layout: RunLayout, seen: dict[tuple[str, str], str | None]) -> Iterator[_Damage | None]:
    """What is damaged in a run; `None` for each file that is not. `seen` has the values that were read before."""
    for key in layout.store.keys(f"{layout.prefix}/"):
        if not key.endswith(".json"):
            continue
        again = f"flowc resume runs the task again: {layout.flow}/{layout.run}"
        parts = key[len(layout.prefix) + 1 :].split("/")
        try:
            if len(parts) == 4 and parts[3] == MANIFEST and parts[2].isdigit():
                document = layout.manifest(parts[0], parse_index(parts[1]), int(parts[2]))
            else:
                again = "it is written once: restore it, or start a new run" if len(parts) == 1 else "no task reads it"
                document = layout.read_json(key) or {}
            _check_foreach(layout, document)
        except NewerFormat as error:
            yield _Damage(str(error), "this release cannot check it")
            continue
        except (CorruptArtifact, MissingInput, ValueError) as error:
            yield _Damage(str(error), again)
            continue
        yield None
        if parts[-1] in (MANIFEST, FAILED, PARAMETERS):
            for name, ref in artifacts.referenced({"artifacts": {}, **document}):
                problem = _check_value(layout, ref, seen)
                if problem:
                    yield _Damage(
                        f"{'/'.join(parts[:3])}, artifact {name!r}: {problem}",
                        f"the next run that stores it mends it; {again}",
                    )


def _check_foreach(layout: RunLayout, document: dict[str, Any]) -> None:
    """The number of a foreach's items. Raises CorruptArtifact."""
    foreach: dict[str, Any] | None = document.get("foreach")
    if foreach:
        artifacts.check_items(layout.store, layout.flow, str(foreach.get("variable", "")), foreach)


def _check_value(layout: RunLayout, ref: dict[str, Any], seen: dict[tuple[str, str], str | None]) -> str | None:
    """What is wrong with a value, read whole and once; nothing where it is right."""
    if "inline" in ref:
        return None
    name = (layout.flow, str(ref["hash"]))
    if name not in seen:
        try:
            seen[name] = _read_value(layout.store, artifacts.data_key(*name), name[1])
        except CorruptArtifact as error:
            seen[name] = str(error)
    return seen[name]


def _read_value(store: Store, key: str, digest: str) -> str | None:
    try:
        wrong = all(hashlib.sha256(store.read_known(key)).hexdigest() != digest for _ in range(2))
    except MissingKey:
        return f"{store.location(key)} is gone"
    return f"{store.location(key)} has other bytes than were stored" if wrong else None
