"""The tasks of a run with their attempts and times, and how long each had to wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from flowc.client import Run, Step, Task
from flowc.client.attempts import Attempt
from flowc.errors import FlowError

if TYPE_CHECKING:
    from flowc.store.run_layout import Path

_THREADS = 16
"""Requests at a time to a server."""


class TimedTask(NamedTuple):
    """A task, and what became of it."""

    task: Task
    attempts: Sequence[Attempt]
    state: str
    """`successful`, `caught`, `failed`, `killed` or `running`."""
    taken_over: bool


def read_tasks(run: Run, known: dict[tuple[str, Path], TimedTask] | None = None) -> list[TimedTask]:
    """All tasks of a run, by step and index. Those that have succeeded are kept in `known`, and not read again."""
    kept = {} if known is None else known
    found: list[Task] = []
    for name, tasks in run.all_attempts().items():
        if tasks:
            step = Step.of(run, name, tasks)
            found += [Task.of(step, path, tasks[path]) for path in sorted(tasks)]
    new = [task for task in found if (task.step, task.path) not in kept]
    if run.layout.store.remote:
        with ThreadPoolExecutor(_THREADS) as pool:
            read = list(pool.map(timed, new))
    else:
        read = [timed(task) for task in new]
    by_key = {(item.task.step, item.task.path): item for item in read}
    kept.update({key: item for key, item in by_key.items() if item.state == "successful"})
    return [kept.get((task.step, task.path)) or by_key[task.step, task.path] for task in found]


def timed(task: Task) -> TimedTask:
    """A task with its attempts. One whose files are damaged has none."""
    try:
        attempts = task.attempts
        state = attempts[-1].state if attempts else "running"
        caught = state == "successful" and bool(task.manifest.get("caught"))
        return TimedTask(task, attempts, "caught" if caught else state, task.origin_run_id is not None)
    except FlowError:
        return TimedTask(task, (), "damaged", taken_over=False)


class Waits:
    """When each task could have begun: as soon as the last of those that it waits for had ended."""

    def __init__(self, tasks: Iterable[TimedTask], graph: Mapping[str, Any]) -> None:
        self._steps: Mapping[str, Any] = graph.get("steps", {})
        self._ended: dict[str, dict[Path, float]] = {}
        self._last: dict[str, dict[Path, float]] = {}
        """By step and the beginning of an index path: when the last task below it ended."""
        for item in tasks:
            end = item.attempts[-1].ended if item.attempts else None
            if end is not None and item.state in ("successful", "caught"):
                path = item.task.path
                self._ended.setdefault(item.task.step, {})[path] = end
                below = self._last.setdefault(item.task.step, {})
                for length in range(len(path)):
                    below[path[:length]] = max(end, below.get(path[:length], end))
        self._parents: dict[str, list[str]] = {}
        for name, step in self._steps.items():
            for target in step["next"]:
                self._parents.setdefault(target, []).append(name)
        self._real: dict[str, list[str]] = {}

    def ready(self, step: str, path: Path) -> float | None:
        """When a task could have begun; `None` for the first of a run, and where that is not known."""
        if self._steps.get(step, {}).get("loops"):
            before = self._ended.get(step, {}).get((*path[:-1], path[-1] - 1)) if path[-1] else None
            if before is not None:
                return before
            path = path[:-1]
        times = [self._end(parent, path) for parent in self._real_parents(step) if parent != step]
        return max((time for time in times if time is not None), default=None)

    def _end(self, parent: str, path: Path) -> float | None:
        """When a parent was done, as far as a task waits for it: in its own place, before its foreach, or all of it."""
        ended, below = self._ended.get(parent, {}), self._last.get(parent, {})
        for length in range(len(path), -1, -1):
            if path[:length] in ended:
                return ended[path[:length]]
        return below.get(path)

    def _real_parents(self, step: str) -> list[str]:
        """The steps with tasks that lead here."""
        if step not in self._real:
            found: dict[str, None] = {}
            seen = {step}
            waiting = list(self._parents.get(step, ()))
            while waiting:
                name = waiting.pop()
                if name in seen:
                    continue
                seen.add(name)
                if self._steps[name].get("virtual"):
                    waiting += self._parents.get(name, ())
                else:
                    found[name] = None
            if step in self._parents.get(step, ()):
                found[step] = None
            self._real[step] = list(found)
        return self._real[step]
