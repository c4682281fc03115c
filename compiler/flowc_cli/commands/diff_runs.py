"""`flowc diff-runs`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from flowc.client import Run
from flowc.errors import FlowError
from flowc.store import artifacts
from flowc.store.run_layout import task_id
from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, write
from flowc_cli.stored_runs import find_run, report_failure, size_text
from flowc_cli.task_graph import TaskGraph
from flowc_compiler.diagnostics.terminal_text import visible_line

if TYPE_CHECKING:
    from flowc.store.run_layout import Path

app = shared.command_app()

Ref = dict[str, Any]
DIFFERENT = 1
"""The exit code where the runs differ."""
_SHOWN_TASKS = 20
"""How many tasks of a step that differ are listed."""


class Difference(NamedTuple):
    """A parameter or artifact that two runs do not have alike; `None` in the run that lacks it."""

    step: str
    """Empty for a parameter."""
    task: str
    name: str
    first: Ref | None
    second: Ref | None
    inherited: bool = False
    """Whether a step before has the same difference, which this one has from there."""


@app.command("diff-runs")
def diff_runs(
    first: Annotated[str, typer.Argument(help="Flow/run-id", show_default=False)],
    second: Annotated[str, typer.Argument(help="Flow/run-id, also of another flow", show_default=False)],
    root: shared.Root = None,
    inherited: Annotated[
        bool, typer.Option("--inherited", help="also what a step has from a step before it, which differs there alike")
    ] = False,
    as_json: shared.Json = False,
) -> None:
    """Compare the parameters and artifacts of two runs, by their hashes.

    Exit codes: 0 where they are the same, 1 where they differ, 2 where a run cannot be read.
    """
    try:
        runs = [find_run(name, root)[0] for name in (first, second)]
        found = list(differences(*runs))
    except FlowError as error:
        report_failure(error)
        raise typer.Exit(INPUT_ERROR) from None
    if as_json:
        document = {"first": runs[0].pathspec, "second": runs[1].pathspec, "differences": [_asdict(d) for d in found]}
        write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        write(_text(runs[0], runs[1], found, inherited=inherited))
    if found:
        raise typer.Exit(DIFFERENT)


def differences(first: Run, second: Run) -> Iterator[Difference]:
    """What two runs do not have alike, by step, task and name. Raises FlowError for what cannot be read."""
    yield from _of_names("", "", first.layout.kept_parameters() or {}, second.layout.kept_parameters() or {})
    names = list(dict.fromkeys([*_ordered(first), *_ordered(second)]))
    graphs = [TaskGraph(run.graph) for run in (first, second)]
    seen: dict[str, set[tuple[Any, ...]]] = {}
    for step in names:
        before = {key for graph in graphs for other in _sources(graph, step) for key in seen.get(other, ())}
        tasks = [run.layout.latest_of_step(step) for run in (first, second)]
        for path in sorted(set(tasks[0]) | set(tasks[1])):
            ones = _artifacts(first, step, path, tasks[0])
            others = _artifacts(second, step, path, tasks[1])
            for item in _of_names(step, task_id(step, path), ones, others):
                key = (item.name, _key(item.first), _key(item.second))
                seen.setdefault(step, set()).add(key)
                yield item._replace(inherited=key in before)


def _sources(graph: TaskGraph, step: str) -> list[str]:
    """The steps whose artifacts a step has: in a pipeline none, as each output is a step's own."""
    return [] if graph.is_pipeline else graph.ancestors(step)


def _key(ref: Ref | None) -> str | None:
    return None if ref is None else str(ref.get("equal") or ref["hash"])


def _ordered(run: Run) -> list[str]:
    return [step.name for step in list(run)[::-1]]


def _artifacts(run: Run, step: str, path: Path, found: Mapping[Path, int]) -> Mapping[str, Ref]:
    """Those of a task that has been committed."""
    if path not in found:
        return {}
    manifest = run.layout.manifest(step, path, found[path])
    named: Mapping[str, Ref] = manifest["artifacts"]
    choice = manifest.get("choice")
    return named if choice is None else {**named, "(next step)": {"hash": choice, "inline": choice, "codec": "json"}}


def _of_names(step: str, task: str, first: Mapping[str, Ref], second: Mapping[str, Ref]) -> Iterator[Difference]:
    for name in sorted(set(first) | set(second)):
        one, other = first.get(name), second.get(name)
        if one is None or other is None or not artifacts.same(one, other):
            yield Difference(step, task, name, one, other)


def _text(first: Run, second: Run, found: list[Difference], *, inherited: bool) -> str:
    if not found:
        return f"{first.pathspec} and {second.pathspec} have the same parameters and artifacts\n"
    lines = [f"- {first.pathspec}", f"+ {second.pathspec}"]
    by_step: dict[str, dict[str, list[Difference]]] = {}
    shown = [item for item in found if inherited or not item.inherited]
    for item in shown:
        by_step.setdefault(item.step, {}).setdefault(item.task, []).append(item)
    for step, tasks in by_step.items():
        lines.append(step or "parameters")
        for number, (task, items) in enumerate(tasks.items()):
            if number == _SHOWN_TASKS:
                lines.append(f"  and {len(tasks) - number} more tasks: see them with --json")
                break
            indent = "  " if task == step else "    "
            lines += [] if task == step else [f"  {task}"]
            lines += [f"{indent}{item.name}: {_shown(item.first)} -> {_shown(item.second)}" for item in items]
    if len(shown) < len(found):
        lines.append(f"and {len(found) - len(shown)} more that steps have from these: see them with --inherited")
    return "".join(f"{visible_line(line)}\n" for line in lines)


def _shown(ref: Ref | None) -> str:
    """A value that is readable without unpickling, else its type, size and the begin of its hash."""
    if ref is None:
        return "(none)"
    if ref["codec"] == "json":
        return json.dumps(ref["inline"], ensure_ascii=False)
    return f"{ref.get('type', 'unknown')} of {size_text(ref['size'])} {ref['hash'][:8]}"


def _asdict(item: Difference) -> dict[str, Any]:
    return {**item._asdict(), "first": _value(item.first), "second": _value(item.second)}


def _value(ref: Ref | None) -> dict[str, Any] | None:
    if ref is None:
        return None
    known: dict[str, Any] = {name: ref[name] for name in ("hash", "type", "size") if name in ref}
    return {**known, "value": ref["inline"]} if ref["codec"] == "json" else known
