"""The tasks of a run, read from its store at once: their attempts, times, machines and failures, and how many are due.

Reports, lists and live displays read a run by `read_tasks`. The cost is one listing of the run and, for each attempt,
the one or two small files that say when it began and how it ended; of a server these are read several at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from flowc.client.attempts import Attempt, read_attempt
from flowc.errors import CorruptArtifact, FlowError
from flowc.store.documents import ATTEMPT_RECORD
from flowc.store.run_layout import place_text
from flowc_cli.lenient_layout import known_status
from flowc_cli.step_totals import StepTotals, step_totals
from flowc_cli.store_requests import each_of
from flowc_cli.waiting_tasks import WaitingRecord, waiting_tasks

if TYPE_CHECKING:
    from flowc.client import Run
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

State = Literal["successful", "failed", "killed", "stopped", "running"]


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task of a run and its attempts. Times are in seconds since 1970, lengths in seconds."""

    step: str
    path: Path
    """Its index path; empty outside of every foreach."""
    attempts: Sequence[Attempt]
    """In their order, the last one last; there is at least one."""
    committed: int | None
    """The number of the attempt whose artifacts count."""
    ready: float | None
    """When the last of the tasks that it waited for had ended; of a first task, when the run was created."""
    origin: str | None
    """The id of the run that it was taken over from, or where it ran that was taken from the cache."""
    caught: bool
    """Whether `@catch` took its failure."""
    caught_failure: Document | None
    """`type` and `message` of that; `None` also in runs of releases that did not keep it."""
    choice: str | None = None
    """The step that it has chosen, of a switch."""
    count: int | None = None
    """How many items it has opened, of a foreach or a gang."""
    problem: str = ""
    """Why a file of it cannot be read."""
    approval: Document | None = None
    """What a person has chosen before it began: `choice`, `by`, `note`, `time`."""
    cached: Document | None = None
    """Where it ran, if it was taken from the cache: `run`, `step`, `index`, `attempt`, and when: `created`."""

    @property
    def ran_elsewhere(self) -> str | None:
        """The id of the run that its times are of, where that is another: one that was resumed."""
        return self.origin if self.cached is None else None

    @property
    def id(self) -> str:
        """`step`, or `step/3.0`."""
        return place_text(self.step, self.path)

    @property
    def last(self) -> Attempt:
        """The attempt that began last."""
        return self.attempts[-1]

    @property
    def state(self) -> str:
        """That of its last attempt; `caught` where it counts as done because `@catch` took its failure."""
        return "caught" if self.done and self.caught else self.last.state

    @property
    def done(self) -> bool:
        """Whether its last attempt was committed."""
        return self.committed == self.last.number

    @property
    def started(self) -> float | None:
        """When its first attempt began."""
        return self.attempts[0].started

    @property
    def ended(self) -> float | None:
        """When its last attempt ended; `None` while it runs, and where nothing says it."""
        return self.last.ended

    def queued(self, attempt: Attempt) -> float | None:
        """How long an attempt waited for its start: since its task was ready, or since the attempt before had ended."""
        before = [item for item in self.attempts if item.number < attempt.number]
        since = (before[-1].ended or (before[-1].failure or {}).get("created")) if before else self.ready
        if since is None or attempt.started is None or self.ran_elsewhere is not None:
            return None
        return max(0.0, attempt.started - float(since))


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step of a run."""

    name: str
    type: str
    """As in `graph.json`: `start`, `linear`, `split-foreach`, `join` and so on."""
    tasks: Sequence[TaskRecord]
    """Those that have begun, by their index paths."""
    totals: StepTotals

    @property
    def states(self) -> Counter[str]:
        """How many of its tasks are in each state."""
        return Counter(task.state for task in self.tasks)

    @property
    def done(self) -> int:
        """How many of its tasks are done."""
        return sum(task.done for task in self.tasks)

    @property
    def expected(self) -> int:
        """How many tasks it has by what is known; never fewer than have begun."""
        return max(self.totals.expected, len(self.tasks))

    @property
    def started(self) -> float | None:
        """When the first of its tasks began."""
        return min((task.started for task in self.tasks if task.started is not None), default=None)

    @property
    def ended(self) -> float | None:
        """When the last of its tasks ended; `None` while one runs."""
        times = [task.ended for task in self.tasks]
        known = [time for time in times if time is not None]
        return max(known) if known and len(known) == len(times) else None


@dataclass(frozen=True, slots=True)
class RunTasks:
    """A run as its store has it."""

    run: Run
    status: str
    """As `Run.status`, or `damaged`."""
    created: float
    steps: Sequence[StepRecord]
    """In the order of the graph, also those without a task so far; without steps that only hold the graph together."""
    waiting: Sequence[WaitingRecord]
    """Tasks that have not begun, and wait for files, objects or a person."""
    graph: Document = field(repr=False)
    """The contents of `graph.json`; empty until the first task has begun."""

    @property
    def tasks(self) -> Iterator[TaskRecord]:
        """All tasks that have begun."""
        return (task for step in self.steps for task in step.tasks)

    @property
    def done(self) -> int:
        """How many tasks are done."""
        return sum(step.done for step in self.steps)

    @property
    def expected(self) -> int:
        """How many tasks the run has by what is known."""
        return sum(step.expected for step in self.steps)

    @property
    def open(self) -> bool:
        """Whether more tasks may follow than `expected`: a foreach or a switch has yet to say how it goes on."""
        return any(step.totals.open for step in self.steps)


def read_tasks(run: Run, steps: Iterable[str] | None = None) -> RunTasks:
    """The tasks of a run, or of these steps only; then totals count what has begun, and some times to wait are unknown.

    A file that is damaged is the `problem` of its task. Raises FlowError.
    """
    found = {step: tasks for step, tasks in run.all_attempts().items() if tasks}
    status = known_status(run, found)
    chosen = set(found) if steps is None else set(steps)
    end = run.end_record  # an engine other than the local one goes on with other tasks when one has failed
    wanted = [
        (step, path, attempts)
        for step, tasks in found.items()
        if step in chosen
        for path, attempts in sorted(tasks.items())
        if attempts
    ]
    records = list(each_of(run.layout.store, lambda task: _read_task(run, *task, end=end), wanted))
    by_step: dict[str, list[TaskRecord]] = {}
    for record in records:
        by_step.setdefault(record.step, []).append(record)
    graph = run.graph
    known: dict[str, Any] = graph.get("steps", {})
    totals = step_totals(graph, by_step) if steps is None else {}
    names = [*known, *sorted(set(found) - set(known), key=lambda name: _first_start(by_step.get(name, ())))]
    created = run.created_seconds()
    ready = _ReadyTimes(known, by_step, created)
    open_ = status == "running" and (steps is None or bool(chosen))
    waiting = waiting_tasks(run, {(step, path) for step, path, _ in wanted}) if open_ else []
    waiting = [task for task in waiting if steps is None or task.step in chosen]
    return RunTasks(
        run,
        status,
        created,
        [
            StepRecord(
                name,
                str(known.get(name, {}).get("type", "linear")),
                [replace(task, ready=ready.of(task)) for task in by_step.get(name, ())],
                totals.get(name, StepTotals(0, open=steps is None)),
            )
            for name in names
            if not known.get(name, {}).get("virtual", False) and (steps is None or name in chosen)
        ],
        waiting,
        graph,
    )


def _read_task(run: Run, step: str, path: Path, attempts: dict[int, bool], *, end: Document | None) -> TaskRecord:
    numbers, found = sorted(attempts), list[Attempt]()
    committed = max((number for number in numbers if attempts[number]), default=None)
    manifest: Document = {}
    problem = ""
    try:
        if committed is not None:
            manifest = run.layout.manifest(step, path, committed)
    except FlowError as error:
        problem = str(error)
    for number, after in zip(numbers, [*numbers[1:], None], strict=True):
        try:
            record = read_attempt(
                run.layout,
                step,
                path,
                number,
                committed=attempts[number],
                after=after,
                run_end=end if after is None else None,
                manifest=manifest if number == committed and manifest else None,
            )
        except CorruptArtifact as error:
            problem = problem or str(error)
            record = _guessed(run, (step, path, number), committed=attempts[number], after=after, over=end is not None)
        found.append(record)
    cached: Document | None = manifest.get("cached")
    origin: str | None = str(manifest.get("run", run.id))
    origin = str(cached["run"]) if cached is not None else origin if origin != run.id else None
    count = manifest["foreach"]["count"] if "foreach" in manifest else None
    caught, choice = bool(manifest.get("caught", False)), manifest.get("choice")
    failure: Document | None = manifest.get("caught_failure")
    asked: Document | None = manifest.get("approval")
    return TaskRecord(
        step, path, found, committed, None, origin, caught, failure, choice, count, problem, asked, cached
    )


def _guessed(run: Run, place: tuple[str, Path, int], *, committed: bool, after: int | None, over: bool) -> Attempt:
    """An attempt of which a file is damaged."""
    state: State = "successful" if committed else "killed" if over or after is not None else "running"
    try:
        begun = run.layout.read_json(f"{run.layout.folder(*place)}/{ATTEMPT_RECORD}") or {}
    except CorruptArtifact:
        begun = {}
    return Attempt(place[2], state, begun.get("started"), None, begun.get("host"), None, False)


def _first_start(tasks: Sequence[TaskRecord]) -> float:
    return min((task.started for task in tasks if task.started is not None), default=float("inf"))


class _ReadyTimes:
    """When tasks could have begun: when the last of those before them had ended."""

    def __init__(
        self, steps: Mapping[str, Mapping[str, Any]], tasks: Mapping[str, Sequence[TaskRecord]], created: float
    ) -> None:
        self._steps = steps
        self._tasks = tasks
        self._created = created
        self._parents: dict[str, list[str]] = {}
        for name, step in steps.items():
            for target in step["next"]:
                if target != name:
                    self._parents.setdefault(target, []).append(name)
        self._ends: dict[tuple[str, int], dict[Path, float]] = {}
        self._before: dict[str, list[str]] = {}

    def of(self, task: TaskRecord) -> float | None:
        """When a task was ready; `None` where nothing says it."""
        path = task.path
        if self._loops(task.step):
            path = path[:-1]
            if task.path[-1]:
                return self._end_of(task.step, len(task.path), (*path, task.path[-1] - 1))
        times: list[float] = []
        parents = self._with_tasks(task.step)
        closed = self._steps.get(task.step, {}).get("closes")  # of an empty foreach nothing else comes before its join
        for parent in parents if closed is None else [*parents, str(closed)]:
            depth = min(self._depth(parent), len(path))
            end = self._end_of(parent, depth, path[:depth])
            if end is not None:
                times.append(end)
        if not parents and self._steps:
            return self._created
        return max(times, default=None)

    def _end_of(self, step: str, depth: int, prefix: Path) -> float | None:
        """When the last task of a step ended whose index path begins with `prefix`, which has `depth` numbers."""
        key = (step, depth)
        if key not in self._ends:
            ends: dict[Path, float] = {}
            for task in self._tasks.get(step, ()):
                if task.done and task.ended is not None:
                    ends[task.path[:depth]] = max(task.ended, ends.get(task.path[:depth], 0.0))
            self._ends[key] = ends
        return self._ends[key].get(prefix)

    def _depth(self, step: str) -> int:
        """How many numbers the index paths of a step have, without the iteration of a loop."""
        tasks = self._tasks.get(step)
        return len(tasks[0].path) - self._loops(step) if tasks else 0

    def _loops(self, step: str) -> bool:
        return bool(self._steps.get(step, {}).get("loops", False))

    def _with_tasks(self, name: str) -> list[str]:
        """The steps before a step that have tasks; before one that has none, those before that."""
        if name not in self._before:
            found = list(self._parents.get(name, ()))
            for parent in found:
                if self._steps[parent].get("virtual"):
                    found += [other for other in self._parents.get(parent, ()) if other not in found]
            self._before[name] = [parent for parent in found if not self._steps[parent].get("virtual")]
        return self._before[name]
