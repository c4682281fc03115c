"""Why tasks were not taken from the cache: what differed from the task of an earlier run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from flowc.errors import FlowError
from flowc.shim.cache_inputs import shown_read
from flowc.store.documents import CODE_RECORD
from flowc.store.run_layout import parse_index, place_text
from flowc_compiler.diagnostics.terminal_text import visible_line

if TYPE_CHECKING:
    from flowc.client import Run
    from flowc_cli.run_tasks import RunTasks, TaskRecord

_EARLIER = 20
"""Runs that are looked at."""
_NAMED = 5
_PARTS = {
    "graph": "its place in the flow, or what it is called with",
    "environment": "its image, packages or variables",
    "variables": "the values of its variables",
    "version": "the version of @cache",
    "python": "the version of Python",
    "format": "the release of flowc",
}


def cache_reasons(record: RunTasks) -> list[str]:
    """A line for tasks of a step with the same reason."""
    run = record.run
    earlier = list(islice((one for one in run.parent.children() if one.id != run.id), _EARLIER))
    earlier = [one for one in earlier if one.created_seconds() <= record.created]
    lines: list[str] = []
    for step in record.steps:
        by_reason: dict[str, list[TaskRecord]] = {}
        for task in step.tasks:
            by_reason.setdefault(_reason(run, task, earlier), []).append(task)
        for reason, tasks in by_reason.items():
            shown = tasks[0].id if len(tasks) == 1 else f"{step.name}, {len(tasks)} tasks ({tasks[0].id}, ...)"
            lines += [f"{shown}: {reason}"] if reason else []
    return [visible_line(line) for line in lines]


def _reason(run: Run, task: TaskRecord, earlier: Sequence[Run]) -> str:
    """Why a task ran, or where its result is from; nothing where that is not known."""
    manifest = _manifest(run, task)
    own: dict[str, Any] | None = manifest.get("cache")
    cached = manifest.get("cached")
    if cached is not None:
        place = place_text(cached["step"], parse_index(cached["index"]))
        return f"from the cache: run {cached['run']}{f', {place}' if place != task.id else ''}"
    if own is None and task.state == "caught":
        return "failed, and no failure is cached"
    if own is None:
        return "has no cache" if manifest else ""
    if "untraced" in own:
        return f"is never cached: it has read {own['untraced']}"
    for other in earlier:
        before = _manifest(other, task).get("cache")
        if before is not None:
            differs = list(_differences(run, other, own, before))
            what = "; ".join(differs) or "the result of that was gone, too old or damaged"
            return f"ran, unlike in run {other.id}: {what}"
    return "ran: no earlier run has it"


def _manifest(run: Run, task: TaskRecord) -> Mapping[str, Any]:
    """The manifest of a task in a run; empty where there is none, or it is damaged."""
    try:
        attempt = run.layout.latest(task.step, task.path)
        return {} if attempt is None else run.layout.manifest(task.step, task.path, attempt)
    except FlowError:
        return {}


def _differences(run: Run, other: Run, own: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    keys: dict[str, str] = own["key"]
    if keys.get("code") != before["key"].get("code"):
        names = _changed_units(run, other)
        yield f"its code has changed{': ' if names else ''}{names}"
    for part, words in _PARTS.items():
        if keys.get(part) != before["key"].get(part):
            yield f"{words} changed"
    now, then = ({str(read): (read, digest) for read, digest in one["reads"]} for one in (own, before))
    for text, (read, digest) in now.items():
        if text in then and then[text][1] != digest:
            yield f"{shown_read(read)} is another"
    fresh = [shown_read(read) for text, (read, _) in now.items() if text not in then]
    if fresh:
        yield f"it has also read {', '.join(fresh[:_NAMED])}"


def _changed_units(run: Run, other: Run) -> str:
    """The functions, classes and statements that differ between the code of two runs."""
    one, two = _units(run), _units(other)
    if not one or not two:
        return ""
    names = [name for name in one if name in two and one[name][:1] != two[name][:1]]
    names += sorted({name for name in one.keys() ^ two.keys() if not name.endswith((": statements", ": all"))})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _units(run: Run) -> dict[str, list[Any]]:
    try:
        document = run.layout.read_json(f"{run.layout.prefix}/{CODE_RECORD}") or {}
    except FlowError:
        return {}
    return cast("dict[str, list[Any]]", document.get("units") or {})
