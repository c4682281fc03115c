"""How far a run is, from what its engine and its tasks have left in the store.

The local engine records how a run ended, and its owner says that it lives. Other engines record nothing: a run of
theirs has failed when a task has at its last attempt.
"""

from __future__ import annotations

import time

from flowc.client.attempts import read_attempt
from flowc.store.documents import ATTEMPT_RECORD, WAITING
from flowc.store.run_layout import index_text
from flowc.store.run_owner import HEARTBEAT, is_gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Tuple

    from flowc.client.attempts import Attempt
    from flowc.client.run_object import Run
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

LOST_SECONDS = 7 * 86400.0
"""A run without an owner in which nothing has begun or ended for that long does not go on.

A process that is killed leaves no trace, and a pod without `@timeout` may work for days: Metaflow's end after five.
"""


def run_status(run: Run, found: Dict[str, Dict[Path, Dict[int, bool]]] | None = None) -> str:
    """`successful`, `failed`, `interrupted`, `running`, or `lost`: it does not go on, and nothing says why.

    `found` are its attempts, where they have been listed.
    """
    end = run.layout.read_json(f"{run.pathspec}/run-end.json")
    if end is not None:
        return str(end["status"])
    ended = run.successful if run.is_synthetic(run.end_name) else run.end_attempt is not None
    if ended:
        return "successful"
    if run.record:
        if not is_deserted(run):
            return "running"
        end = run.layout.read_json(f"{run.pathspec}/run-end.json")  # written since, or not seen for once
        return "lost" if end is None else str(end["status"])
    return _status_from_attempts(run, run.all_attempts() if found is None else found)


def is_deserted(run: Run) -> bool:
    """Whether the process of the local engine that runs it is gone."""
    owner = run.record.get("owner")
    if owner is None:
        return False
    beat = run.layout.read_json(f"{run.pathspec}/{HEARTBEAT}") or {"time": run.record["created"]}
    return is_gone(owner, float(beat["time"]))


def _status_from_attempts(run: Run, found: Dict[str, Dict[Path, Dict[int, bool]]]) -> str:
    newest = run.created_seconds()
    for last in _unfinished(run, found):
        if last.failure is not None and last.last:
            return "failed"
        newest = max(newest, last.ended or last.started or 0.0)
    since = time.time() - LOST_SECONDS
    # A task may have worked for longer than that, and ended just now. Manifests are read only where it matters.
    committed = (
        (step, path, max(number for number, done in attempts.items() if done))
        for step, tasks in found.items()
        for path, attempts in tasks.items()
        if any(attempts.values())
    )
    return "running" if newest > since or any(_ended(run, *task) > since for task in committed) else "lost"


def _unfinished(run: Run, found: Dict[str, Dict[Path, Dict[int, bool]]]) -> Iterator[Attempt]:
    """The last attempt of each task in which it was not committed.

    One follows a committed attempt where that one's process failed afterwards, which only its engine has seen.
    """
    for step, tasks in found.items():
        for path, attempts in tasks.items():
            if not attempts[max(attempts)]:
                yield _last_attempt(run, step, path, max(attempts))


def failures(run: Run) -> Iterator[Tuple[str, Document]]:
    """The failures of tasks that have failed by themselves: `step` or `step/index`, and the record of each."""
    for step, tasks in run.all_attempts().items():
        for path, attempts in tasks.items():
            if not attempts[max(attempts)]:
                last = _last_attempt(run, step, path, max(attempts))
                if last.failure is not None and last.state != "stopped":
                    yield (f"{step}/{index_text(path)}" if path else step), last.failure


def _last_attempt(run: Run, step: str, path: Path, number: int) -> Attempt:
    return read_attempt(run.layout, step, path, number, committed=False, after=None, run_end=None)


def _ended(run: Run, step: str, path: Path, attempt: int) -> float:
    return float(run.layout.manifest(step, path, attempt)["created"])


def last_sign(run: Run) -> float:
    """When an attempt of an unfinished task last began or ended, in seconds since 1970; else when the run began."""
    times = [run.created_seconds()]
    for last in _unfinished(run, run.all_attempts()):
        times += [time for time in (last.started, last.ended) if time is not None]
    return max(times)


def began_at(run: Run) -> float:
    """When the first task of a run began, in seconds since 1970; where that was not recorded, when it was committed."""
    progress = Progress(run)
    first = progress.first_tasks(run.graph.get("start", "start")) if run.graph else run.step_names()
    times = [time for time in (_first_start(run, name) for name in first) if time is not None]
    times = times or [time for time in map(progress.ended, first) if time is not None]
    times = times or [time for time in (_waits_since(run, name) for name in first) if time is not None]
    return min(times, default=0.0)


def engine_recorded(run: Run) -> Document:
    """What says by its `engine` which engine has run a run; empty where nothing does, but the run's id.

    The first attempt of one that was simulated notes it, and the import of a run under another name, in its graph, too,
    with `engine_run`: its id there.
    """
    if "engine" in run.graph:
        return run.graph
    first = Progress(run).first_tasks(run.graph.get("start", "start")) if run.graph else run.step_names()
    records = (_first_record(run, name) for name in first)
    none: Document = {}
    return next((record for record in records if record and "engine" in record), none)


def _first_start(run: Run, step: str) -> float | None:
    record = _first_record(run, step)
    return None if record is None else float(record["started"])


def _waits_since(run: Run, step: str) -> float | None:
    """When a step before which nothing has begun began to wait."""
    waiting = run.layout.read_json(f"{run.pathspec}/{step}/-/{WAITING}")
    return None if waiting is None else float(waiting["since"])


def _first_record(run: Run, step: str) -> Document | None:
    """The record of the first attempt of a step."""
    tasks = run.attempts_of(step)
    if not tasks:
        return None
    path = min(tasks)
    return run.layout.read_json(f"{run.layout.folder(step, path, min(tasks[path]))}/{ATTEMPT_RECORD}")


class Progress:
    """When steps of a run ended; the store is read only as far as necessary."""

    def __init__(self, run: Run) -> None:
        self._layout = run.layout
        self._steps: Dict[str, Document] = run.graph.get("steps", {})
        self._parents: Dict[str, List[str]] = {}
        for name, step in self._steps.items():
            for target in step["next"]:
                self._parents.setdefault(target, []).append(name)
        self._known: Dict[tuple[str, Path], float | None] = {}

    def ended(self, name: str, path: Path = ()) -> float | None:
        """When a step at an index path was done, in seconds since 1970; `None` while it is not."""
        key = (name, path)
        if key not in self._known:
            synthetic = self._steps.get(name, {}).get("virtual", False)
            self._known[key] = self._synthetic(name, path) if synthetic else self._committed(name, path)
        return self._known[key]

    def first_tasks(self, start: str) -> List[str]:
        """The steps with a task that a run begins with."""
        waiting = [start]
        found: List[str] = []
        for name in waiting:
            if not self._steps.get(name, {}).get("virtual", False):
                found.append(name)
            else:
                waiting += [target for target in self._steps[name]["next"] if target not in waiting]
        return found

    def _committed(self, name: str, path: Path) -> float | None:
        attempt = self._layout.latest(name, path)
        return None if attempt is None else float(self._layout.manifest(name, path, attempt)["created"])

    def _synthetic(self, name: str, path: Path) -> float | None:
        step = self._steps[name]
        arms: List[List[str]] = step.get("arms") or []
        if step.get("closes_kind") == "foreach":
            opener: str = step["closes"]
            opened = self._committed(opener, path)
            if opened is None:
                return None
            count: int = self._layout.manifest(opener, path)["foreach"]["count"]
            return self._all([opened, *(self._any(arms[0], (*path, index)) for index in range(count))])
        if arms:
            return self._all([self._any(arm, path) for arm in arms])
        return self._any([parent for parent in self._parents.get(name, ()) if self._leads(parent, name, path)], path)

    def _leads(self, parent: str, name: str, path: Path) -> bool:
        """Whether a step leads here; a switch does if it has chosen this step."""
        if self._steps[parent]["type"] != "split-switch":
            return True
        attempt = self._layout.latest(parent, path)
        return attempt is not None and self._layout.manifest(parent, path, attempt).get("choice") == name

    def _any(self, names: List[str], path: Path) -> float | None:
        """When the one that ran of several steps was done."""
        for name in names:
            opens = self._steps[name]["type"] == "split-foreach"
            time = self.ended(name, path[:-1] if opens else path)
            if time is not None:
                return time
        return None

    def _all(self, times: List[float | None]) -> float | None:
        done = [time for time in times if time is not None]
        return max(done, default=None) if len(done) == len(times) else None
