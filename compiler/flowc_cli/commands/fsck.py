"""`flowc fsck`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, NamedTuple

import typer

from flowc.client import Run
from flowc.client.namespaces import chosen_store
from flowc.errors import CorruptArtifact, FlowError, MissingInput, NewerFormat, NotFound
from flowc.store import Store, artifacts
from flowc.store.documents import DATA, FAILED, MANIFEST, PARAMETERS
from flowc.store.run_layout import RunLayout, flow_names, is_partial, parse_index, run_names
from flowc_cli import shared_options as shared
from flowc_cli.output import write
from flowc_cli.store_requests import each_of
from flowc_cli.stored_runs import check_flow, note_missing_root, report_failure
from flowc_cli.value_files import AT_ONCE, value_problem
from flowc_compiler.diagnostics.render import counted
from flowc_compiler.diagnostics.terminal_text import visible_line

app = shared.command_app()


Values = dict[tuple[str, str], str | None]
"""What is wrong with a value, by its flow and hash; `None` for one that is right."""
_AGAIN = "flowc resume runs the task again"


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
        name = Run.latest(flow, root=root, trusted=False).id if name == "latest" else name
        flows = [flow] if flow else flow_names(store)
        runs = [
            (one, each) for one in flows for each in ([name] if name else sorted(run_names(store, one))) if each != DATA
        ]
        if run and not name:
            check_flow(store, flow)
        if not run:
            note_missing_root(store)
        if run and not any(store.children(f"{one}/{each}") for one, each in runs):
            raise NotFound(f"there is no run {run} in {store.url}")
        checked, found = 0, 0
        seen: Values = {}
        names = each_of(store, lambda item: store.children("/".join(item)), runs)
        runs = [item for item, there in zip(runs, names, strict=True) if not is_partial(there)]
        for one, each in runs:
            for damage in _check_run(RunLayout(store, one, each), seen):
                checked += damage is None
                if damage is not None:
                    found += 1
                    write(f"{visible_line(f'{one}/{each}: {damage.what}')}\n  {visible_line(damage.way_out)}\n")
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    blobs = sum(problem is None for problem in seen.values())
    right = f"{counted(checked, 'file')} and {counted(blobs, 'value')} are right"
    write(f"{counted(len(runs), 'run')}, {right}; {found} {'is' if found == 1 else 'are'} damaged\n")
    if found:
        raise typer.Exit(1)


def _check_run(layout: RunLayout, seen: Values) -> Iterator[_Damage | None]:
    """What is damaged in a run; `None` for each file that is not. `seen` has the values that were read before."""
    keys = [key for key in layout.store.keys(f"{layout.prefix}/") if key.endswith(".json")]
    named: list[tuple[str, str, str]] = []
    sizes: dict[tuple[str, str], int] = {}
    for key, read in zip(keys, each_of(layout.store, partial(_read_document, layout), keys), strict=True):
        if isinstance(read, _Damage):
            yield read
            continue
        yield None
        parts = key[len(layout.prefix) + 1 :].split("/")
        if parts[-1] in (MANIFEST, FAILED, PARAMETERS):
            try:
                for name, ref in artifacts.referenced({"artifacts": {}, **read}):
                    if "inline" not in ref:
                        sizes[layout.flow, str(ref["hash"])] = int(ref["size"])
                        named.append(("/".join(parts[:3]), name, str(ref["hash"])))
            except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
                problem = f"{layout.store.location(key)} refers to values in a way that nothing reads"
                yield _Damage(problem, "restore it")
    _read_values(layout.store, {value: size for value, size in sizes.items() if value not in seen}, seen)
    damaged: dict[str, list[tuple[str, str]]] = {}
    for where, name, digest in named:
        if seen[layout.flow, digest]:
            damaged.setdefault(digest, []).append((where, name))
    for digest, places in damaged.items():
        again = "the next run that stores it mends it"
        again += f"; {_AGAIN}: {layout.flow}/{layout.run}" if any("/" in where for where, _ in places) else ""
        first = ", artifact ".join((places[0][0], repr(places[0][1])))
        others = f", and {len(places) - 1} more that have it" if len(places) > 1 else ""
        yield _Damage(f"{first}{others}: {seen[layout.flow, digest]}", again)


def _read_document(layout: RunLayout, key: str) -> dict[str, Any] | _Damage:
    again = f"{_AGAIN}: {layout.flow}/{layout.run}"
    parts = key[len(layout.prefix) + 1 :].split("/")
    try:
        if len(parts) == 4 and parts[3] == MANIFEST and parts[2].isdigit():
            document = layout.manifest(parts[0], parse_index(parts[1]), int(parts[2]))
        else:
            again = "it is written once: restore it, or start a new run" if len(parts) == 1 else "no task reads it"
            document = layout.read_json(key) or {}
        _check_foreach(layout, document)
    except NewerFormat as error:
        return _Damage(str(error), "this release cannot check it")
    except (CorruptArtifact, MissingInput, ValueError) as error:
        return _Damage(str(error), again)
    return document


def _read_values(store: Store, sizes: Mapping[tuple[str, str], int], seen: Values) -> None:
    """Read values: small ones many at a time, large ones one by one."""

    def problem(value: tuple[str, str]) -> str | None:
        return value_problem(store, *value, sizes[value])

    small = [value for value, size in sizes.items() if size <= AT_ONCE]
    seen.update(zip(small, each_of(store, problem, small), strict=True))
    seen.update({value: problem(value) for value, size in sizes.items() if size > AT_ONCE})


def _check_foreach(layout: RunLayout, document: dict[str, Any]) -> None:
    """The number of a foreach's items. Raises CorruptArtifact."""
    foreach: dict[str, Any] | None = document.get("foreach")
    if foreach:
        artifacts.check_items(layout.store, layout.flow, str(foreach.get("variable", "")), foreach)
