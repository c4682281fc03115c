"""What changed between two snapshots, as data and in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from flowc_cli.diffing.snapshot import Facts, Snapshot
from flowc_compiler.diagnostics.render import counted

Area = Literal["steps", "specs", "placement", "deployment", "code"]
_PLACEMENT = (
    "nodeSelector", "tolerations", "affinity", "schedulerName", "priorityClassName", "priority", "node_selector",
    "pool", "queue", "podSpecPatch",
)  # fmt: skip
_CONTEXT = 1
"""Lines around a change."""


@dataclass(frozen=True)
class Change:
    """Something that changed."""

    area: Area
    about: tuple[str, ...]
    """The steps, or the file; nothing for the whole flow."""
    name: str
    """What changed of it; empty for all of it."""
    before: str | None
    after: str | None
    """`None` where it is not there."""
    diff: tuple[str, ...] = ()
    """Of a file: the lines of a unified diff."""


def changes_between(before: Snapshot, after: Snapshot) -> list[Change]:
    """All changes: of the graph, of how steps run and where, of the whole flow, and of the code."""
    found = [*_of_graph(before, after), *_of_pods(before, after)]
    found += [
        Change("deployment", (), name, *values) for name, values in _differences(before.deployment, after.deployment)
    ]
    return found + list(_of_code(before, after))


def _of_graph(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for name in after.steps:
        if name not in before.steps:
            yield Change("steps", (name,), "", None, _kind(after.steps[name]))
    for name, facts in before.steps.items():
        if name not in after.steps:
            yield Change("steps", (name,), "", _kind(facts), None)
        elif facts and after.steps[name]:
            for fact, values in _differences(facts, after.steps[name]):
                yield Change("steps", (name,), fact, *values)


def _kind(facts: Facts) -> str:
    kind = facts.get("kind", "step")
    return f"{kind}, leads to {facts['next']}" if "next" in facts else kind


def _of_pods(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """Changes of pods; one that many steps have alike is one change."""
    alike: dict[tuple[str, str | None, str | None], list[str]] = {}
    for step, facts in after.pods.items():
        if step in before.pods:
            for name, values in _differences(before.pods[step], facts):
                alike.setdefault((name.removeprefix("container."), *values), []).append(step)
    for (name, old, new), steps in alike.items():
        area: Area = "placement" if name.startswith(_PLACEMENT) else "specs"
        yield Change(area, tuple(steps), name, old, new)


def _differences(before: Facts, after: Facts) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield name, (before.get(name), after.get(name))


def _of_code(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    if before.unread or after.unread:
        return
    for path in dict.fromkeys((*before.files, *after.files)):
        old, new = before.files.get(path), after.files.get(path)
        if old != new:
            yield Change("code", (path,), "", _size(old), _size(new), tuple(_unified(path, old or "", new or "")))


def _size(text: str | None) -> str | None:
    return None if text is None else f"{text.count(chr(10)) + (not text.endswith(chr(10)))} lines"


def _unified(path: str, old: str, new: str) -> Iterator[str]:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), path, path, lineterm="", n=_CONTEXT)
    yield from list(lines)[2:]


def as_words(changes: Sequence[Change], steps: int, unread: str) -> str:
    """The changes as text: a line for each, and the lines of code that changed."""
    lines: list[str] = []
    for area in ("steps", "specs", "placement", "deployment", "code"):
        own = [item for item in changes if item.area == area]
        lines += [f"{area}:"] if own else []
        for item in own:
            lines += [f"  {_words(item, steps)}", *(f"    {line}" for line in item.diff if item.before and item.after)]
    return "".join(f"{line}\n" for line in [*lines, *([unread] if unread else [])])


def _words(change: Change, steps: int) -> str:
    what = ", ".join(change.about)
    if change.area == "code":
        if change.before is None or change.after is None:
            return f"{what} is {'new' if change.before is None else 'gone'} ({change.after or change.before})"
        added = sum(line.startswith("+") for line in change.diff)
        removed = sum(line.startswith("-") for line in change.diff)
        return (
            f"{what}: {counted(added, 'line')} added, {removed} removed" if change.diff else f"{what}: other line ends"
        )
    if change.area == "steps" and not change.name:
        return f"{what} is {'new' if change.before is None else 'gone'} ({change.after or change.before})"
    who = "" if not what else "all steps: " if len(change.about) == steps > 1 else f"{what}: "
    name = {"next": "leads to"}.get(change.name, change.name)
    if change.before is None:
        return f"{who}{name} {change.after}, which was not set"
    if change.after is None:
        return f"{who}{name} is not set any more, it was {change.before}"
    return f"{who}{name} {change.after}, before {change.before}"


def as_data(changes: Sequence[Change]) -> list[Mapping[str, object]]:
    """The changes for `--json`."""
    return [
        {
            "area": item.area,
            **({"file": item.about[0]} if item.area == "code" else {"steps": list(item.about)}),
            "name": item.name or None, "before": item.before, "after": item.after,
            **({"diff": list(item.diff)} if item.area == "code" else {}),
        }
        for item in changes
    ]  # fmt: skip
