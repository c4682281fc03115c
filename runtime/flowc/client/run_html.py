"""Runs, steps and tasks as HTML, for the output of a cell. Whatever the store says is escaped; nothing is unpickled."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Sequence, Union

from flowc.errors import FlowError

if TYPE_CHECKING:
    from datetime import datetime

    from flowc.client.run_object import Run
    from flowc.client.step_object import Step
    from flowc.client.task_object import Task

MOST_ROWS = 100
"""Tasks and artifacts that are listed."""
_MOST_CHARACTERS = 120
_COLORS = {
    "successful": "#2e9e5b",
    "failed": "#d64545",
    "killed": "#d64545",
    "stopped": "#b7791f",
    "running": "#3b7dd8",
}
"""On light and on dark ground."""


def run_html(run: Run) -> str:
    """A run: what became of it, its steps and how many of their tasks are done."""

    def made() -> str:
        status, attempts = run.status, run.all_attempts()
        facts = {
            "started": _time(run.created_at),
            "took": _duration(run.created_at, run.finished_at),
            "tags": ", ".join(sorted(run.user_tags)),
            "resumes": run.origin_pathspec or "",
            "root": run.root,
        }
        order = {name: place for place, name in enumerate(run.graph.get("steps", {}))}
        steps = sorted(attempts, key=lambda name: (order.get(name, len(order)), name))
        rows = [[name, *_counts(attempts[name], is_over=status != "running")] for name in steps]
        return _page("Run", run.pathspec, status, facts, ["step", "tasks", "done", "not done"], rows)

    return _guarded(run, made)


def step_html(step: Step) -> str:
    """A step: its tasks, with their attempts and times."""

    def made() -> str:
        tasks = [step[path_name(path)] for path in sorted(step.attempts)[:MOST_ROWS]]
        rows = [
            [task.id, _Badge(_state(task)), len(task.attempts), _duration(task.created_at, task.finished_at)]
            for task in tasks
        ]
        done = sum(any(found.values()) for found in step.attempts.values())
        facts = {"tasks": str(len(step)), "done": str(done)}
        header = ["task", "state", "attempts", "took"]
        return _page("Step", step.pathspec, "", facts, header, rows, more=len(step) - len(tasks))

    return _guarded(step, made)


def task_html(task: Task) -> str:
    """A task: what became of it, its artifacts with their types, and what it failed of."""

    def made() -> str:
        facts = {
            "started": _time(task.created_at),
            "took": _duration(task.created_at, task.finished_at),
            "attempts": str(len(task.attempts)),
        }
        references: Dict[str, Any] = task.references if task.committed else {}
        rows = [
            [name, str(ref.get("type", "")), _size(ref.get("size")), _value(ref)]
            for name, ref in list(references.items())[:MOST_ROWS]
        ]
        header = ["artifact", "type", "size", "value"]
        page = _page("Task", task.pathspec, _state(task), facts, header, rows, more=len(references) - len(rows))
        failure = task.exception
        return page if failure is None else f"{page}<pre>{escape(str(failure.stacktrace))}</pre>"

    return _guarded(task, made)


def path_name(path: Sequence[int]) -> str:
    """An index path as a task is named by it."""
    return ".".join(map(str, path)) or "-"


class _Badge(str):
    """A state, which has a color."""

    __slots__ = ()


def _guarded(entity: Any, made: Callable[[], str]) -> str:
    """The HTML, or what is wrong with the store."""
    try:
        return made()
    except FlowError as error:
        return f"<pre>{escape(repr(entity))}: {escape(str(error))}</pre>"


def _page(
    kind: str,
    title: str,
    state: str,
    facts: Dict[str, str],
    header: List[str],
    rows: Iterable[Sequence[object]],
    more: int = 0,
) -> str:
    shown = " &middot; ".join(f"{escape(name)} {escape(text)}" for name, text in facts.items() if text)
    cells = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    heads = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in header)
    rest = f"<div>and {more:,} more</div>" if more > 0 else ""
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>" if cells else ""
    badge = f" {_badge(state)}" if state else ""
    return f"<div><div><b>{escape(kind)} {escape(title)}</b>{badge}</div><div>{shown}</div>{table}{rest}</div>"


def _cell(value: object) -> str:
    text = _badge(value) if isinstance(value, _Badge) else escape(str(value))
    align = "right" if isinstance(value, int) else "left"
    return f'<td style="text-align:{align}">{text}</td>'


def _badge(state: str) -> str:
    color = _COLORS.get(state, "#8a8f98")
    return f'<span style="color:{color};font-weight:600">{escape(state)}</span>'


def _counts(tasks: Dict[Any, Dict[int, bool]], *, is_over: bool) -> List[object]:
    done = sum(any(attempts.values()) for attempts in tasks.values())
    left = len(tasks) - done
    return [len(tasks), done, f"{left} {'failed or stopped' if is_over else 'running'}" if left else ""]


def _state(task: Task) -> str:
    attempts = task.attempts
    return attempts[-1].state if attempts else "running"


def _time(moment: Union[datetime, None]) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")


def _duration(begun: Union[datetime, None], ended: Union[datetime, None]) -> str:
    if begun is None or ended is None:
        return ""
    seconds = max((ended - begun).total_seconds(), 0.0)
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _size(size: Any) -> str:
    return f"{size:,} bytes" if isinstance(size, int) else ""


def _value(ref: Dict[str, Any]) -> str:
    """A value that stands in the manifest as plain data."""
    if ref.get("codec") != "json":
        return ""
    text = repr(ref.get("inline"))
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."
