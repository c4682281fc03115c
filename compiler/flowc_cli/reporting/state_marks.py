"""The states of a run's tasks on its graph: a foreach is one node, with how many tasks there are of each state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from flowc_cli.drawing.svg_picture import Mark
from flowc_cli.reporting.run_view import RunView, TaskRow
from flowc_cli.stored_runs import duration_text

BAD = ("failed", "killed")
"""States of tasks that have failed."""
REUSED = ("taken over", "from the cache")
"""States of tasks that ran in another run."""
DONE = ("successful", "caught", *REUSED)


class StepMarks:
    """For each step with tasks the lines that its node gets, and its mark."""

    def __init__(self, view: RunView) -> None:
        self.notes: dict[str, Sequence[str]] = {}
        self.marks: dict[str, Mark] = {}
        tasks: dict[int, list[TaskRow]] = {}
        for row in view.tasks:
            tasks.setdefault(row.step, []).append(row)
        for place, step in enumerate(view.steps):
            rows = tasks.get(place, [])
            if step.virtual:
                continue
            total = max(step.total, len(rows))
            counts = Counter(row.state for row in rows)
            if total > len(rows):
                counts["waiting"] += total - len(rows)
            self.notes[step.name] = _lines(rows, counts, total) if total or step.open else ["skipped"]
            shares = tuple((_style(state), count / total) for state, count in _sorted(counts)) if total > 1 else ()
            self.marks[step.name] = Mark(f"state-{_style(_worst(counts))}", ", ".join(self.notes[step.name]), shares)


def _sorted(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    order = [*DONE, *BAD, "stopped", "running", "waiting"]
    return sorted(counts.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))


def _style(state: str) -> str:
    return state.replace(" ", "-")


def _worst(counts: Mapping[str, int]) -> str:
    for state in (*BAD, "running", "stopped", "caught"):
        if counts.get(state):
            return state
    if counts.get("waiting") or not counts:
        return "waiting"
    return "successful" if counts.get("successful") else next(state for state in DONE if counts.get(state))


def _lines(rows: Sequence[TaskRow], counts: Mapping[str, int], total: int) -> list[str]:
    times = sorted(time for row in rows if (time := seconds_of(row)) is not None)
    if total <= 1:
        state = next(iter(counts), "not begun")
        text = "not begun" if state == "waiting" else state
        again = f" · {len(rows[0].attempts)} attempts" if rows and len(rows[0].attempts) > 1 else ""
        return [f"{text} · {_time(times[0])}{again}" if times else f"{text}{again}"]
    done = sum(counts.get(state, 0) for state in DONE)
    parts = [f"{done:,} of {total:,}"]
    parts += [f"{counts[state]:,} {state}" for state in (*BAD, "stopped", "running") if counts.get(state)]
    lines = [" · ".join(parts)]
    if len(times) > 1:
        lines.append(f"{_time(times[0])} – {_time(median(times))} – {_time(times[-1])}")
    return lines


def _time(seconds: float) -> str:
    return f"{round(seconds * 1000)} ms" if seconds < 0.0995 else duration_text(seconds)


def seconds_of(row: TaskRow) -> float | None:
    """How long the last attempt of a task has taken."""
    last = row.attempts[-1] if row.attempts else None
    if last is None or last.started is None or last.ended is None or row.state in REUSED:
        return None
    return max(0.0, last.ended - last.started)
