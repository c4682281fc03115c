"""`flowc lineage`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from flowc.client import Run, RunNotFound
from flowc.client.namespaces import chosen_store
from flowc.errors import CorruptArtifact, FlowError, NotFound
from flowc.store import artifacts
from flowc.store.run_layout import flow_names
from flowc_cli import shared_options as shared
from flowc_cli.lineage import SHORTEST, Lineage, LineageReader, uses_by_step
from flowc_cli.output import write, write_error
from flowc_cli.run_lineage import Use
from flowc_cli.stored_runs import find_run, find_step, find_task, report_failure, size_text, task_parts, tasks_of
from flowc_compiler.diagnostics.terminal_text import visible_line

app = shared.command_app()

_HASH = re.compile(f"[0-9a-f]{{{SHORTEST},64}}")
_READS = {
    "read": "read",
    "by its code": "read, by its code",
    "item": "read an item of it",
    "unknown": "may have read it",
    "no": "not read",
    "": "",
}
_GOT = {
    "inherited": "passed on",
    "items": "made, as the items of its foreach",
    "item": "made, as an item of its foreach",
}
_MOST_DAMAGES = 5


@app.command("lineage")
def lineage(
    value: Annotated[
        str,
        typer.Argument(
            metavar="VALUE",
            help="a hash or its beginning, Flow/run-id/step/name, .../step/index/name, or Flow/run-id/parameter",
            show_default=False,
        ),
    ],
    root: shared.Root = None,
    in_flow: Annotated[str | None, typer.Option(metavar="NAME", help="look at the runs of this flow only")] = None,
    openlineage: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE",
            help="write the events of a run, Flow or Flow/run-id, for OpenLineage: to a server, or lines of JSON to a "
            "file, where - is the output",
        ),
    ] = None,
    as_json: shared.Json = False,
) -> None:
    """Show which runs made, passed on and read a value."""
    try:
        if openlineage is not None:
            from flowc_cli.openlineage_events import send_run

            count = send_run(find_run(value, root)[0], openlineage)
            write_error(f"{count} events\n")
            return
        found = _find(value, root, in_flow)
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    write(json.dumps(_document(found), indent=2, ensure_ascii=False) + "\n" if as_json else _text(found))
    if found.damages:
        raise typer.Exit(_report(found.damages))


def _find(value: str, root: str | None, flow: str | None) -> Lineage:
    store = chosen_store(root)
    store.only_looked_at = True
    known = flow_names(store)
    if flow is not None and flow not in known:
        raise NotFound(f"there is no flow {flow} in {store.url}")
    reader = LineageReader(store, known if flow is None else [flow])
    if _HASH.fullmatch(value) and value not in known:
        return reader.find(value)
    ref = _reference(*find_run(value, root))
    return reader.find(str(ref["hash"]), ref.get("equal"))


def _reference(run: Run, rest: Sequence[str]) -> Mapping[str, Any]:
    """The reference to what the parts of a pathspec beyond the run name. Raises RunNotFound."""
    if not rest:
        raise RunNotFound(f"{run.pathspec} is a run: name a value of it as {run.pathspec}/step/name")
    kept = run.layout.kept_parameters() or {}
    if len(rest) == 1 and rest[0] in kept and rest[0] not in run:
        return kept[rest[0]]  # type: ignore[no-any-return]
    *place, name = rest
    if not place:
        raise RunNotFound(f"{run.pathspec} has no parameter {name}; an artifact is named as {run.pathspec}/step/name")
    parts = task_parts(place, run)
    step = find_step(run, parts[0])
    tasks = [find_task(step, parts[1])] if len(parts) > 1 else tasks_of(step)
    named = [task for task in tasks if name in task.references]
    if not named:
        known = ", ".join(tasks[0].artifact_names) or "none"
        raise RunNotFound(f"{run.pathspec}/{'/'.join(parts)} has no artifact {name}; it has {known}")
    first = named[0].references[name]
    other = next((task for task in named if not artifacts.same(first, task.references[name])), None)
    if other is not None:
        one, another = (
            f"{run.pathspec}/{step.name}/{task.id.removeprefix(f'{step.name}-')}" for task in (named[0], other)
        )
        raise RunNotFound(
            f"tasks of {step.name} have several values of {name}: name one, as {one}/{name} or {another}/{name}"
        )
    return first


def _report(damages: Sequence[str]) -> int:
    more = f"; and {len(damages) - _MOST_DAMAGES} more" if len(damages) > _MOST_DAMAGES else ""
    message = f"what cannot be read may name the value, too: {'; '.join(damages[:_MOST_DAMAGES])}{more}"
    return report_failure(
        CorruptArtifact(message), "`flowc fsck Flow/run-id` says all that is damaged, and what would mend it"
    )


def _document(found: Lineage) -> dict[str, Any]:
    value = {name: found.value[name] for name in ("hash", "equal", "type", "size", "codec") if name in found.value}
    runs = [
        {
            "run": each.run.pathspec,
            "engine": each.engine,
            "created": each.created,
            "uses": [use._asdict() for use in each.uses],
        }
        for each in found.runs
    ]
    document: dict[str, Any] = {"value": value, "root": found.runs[0].run.root if found.runs else None, "runs": runs}
    return {**document, "damages": list(found.damages)} if found.damages else document


def _text(found: Lineage) -> str:
    ref = found.value
    kind = ref.get("type", "item" if "item" in ref else "items")
    what = f"{kind} of {size_text(ref['size'])}"
    lines = [f"{what}, {ref['hash']}"]
    for each in found.runs:
        created = datetime.fromtimestamp(each.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
        lines.append(f"{each.run.pathspec}  {', '.join(filter(None, (each.engine, created)))}")
        rows = [_row(uses) for uses in uses_by_step(each.uses)]
        wide = [max(len(row[place]) for row in rows) for place in (0, 1)]
        lines += [f"  {step:<{wide[0]}}  {name:<{wide[1]}}  {words}" for step, name, words in rows]
    return "".join(f"{visible_line(line)}\n" for line in lines)


def _row(uses: Sequence[Use]) -> tuple[str, str, str]:
    first = uses[0]
    step = first.task if len(uses) == 1 else f"{first.step} ({len(uses)} tasks)"
    return step or "(run)", first.name, ", ".join(_words(first))


def _words(use: Use) -> Iterator[str]:
    if use.how == "parameter" and use.origin is None:
        yield "parameter"  # of the run, or of the call of a flow
    if use.read in ("read", "by its code", "item", "unknown"):
        yield _READS[use.read]
    if use.how in ("made again", "cached", "taken over", "parameter") and use.origin is not None:
        between = {"made again": ", as before in", "parameter": ", as in"}.get(use.how, " from")
        yield f"{use.how}{between} {use.origin}"
    elif use.how and use.how != "parameter":
        yield _GOT.get(use.how, use.how)
    if use.read == "no":
        yield _READS["no"]
    if use.superseded:
        yield f"by attempt {use.attempt}, which a later one replaced"
