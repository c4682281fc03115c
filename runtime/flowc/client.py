"""Reading runs: `Run("Flow/run-id")["step"].task.data.artifact`."""

from __future__ import annotations

import os

from flowc import artifacts
from flowc.errors import FlowError, MissingKey
from flowc.layout import MANIFEST, RunLayout, parse_index, task_id
from flowc.store import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List

    from flowc.layout import Document, Path
    from flowc.store import Store

DEFAULT_ROOT = ".flowc"


class RunNotFound(FlowError):  # noqa: N818 (said to users, who look it up)
    """There is no such run, step or task in the store."""


class TaskData:
    """The artifacts of a task, as attributes; each is read when it is asked for."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._task.value(name)

    def __contains__(self, name: str) -> bool:
        return name in self._task.artifacts

    def __dir__(self) -> List[str]:
        return self._task.artifacts

    def __repr__(self) -> str:
        return f"<TaskData: {', '.join(self._task.artifacts)}>"


class Task:
    """One task of a run: its last attempt, and of those that were committed the last."""

    def __init__(self, layout: RunLayout, step: str, path: Path, attempts: Dict[int, bool]) -> None:
        self._layout = layout
        self.step = step
        self.path = path
        self._attempts = attempts
        self._manifest: Document | None = None

    @property
    def id(self) -> str:
        """Its name, unique in the run."""
        return task_id(self.step, self.path)

    @property
    def pathspec(self) -> str:
        """Flow, run, step and task."""
        return f"{self._layout.flow}/{self._layout.run}/{self.step}/{self.id}"

    @property
    def index(self) -> int | None:
        """Its number in the innermost foreach around it; `None` outside of every foreach."""
        return self.path[-1] if self.path else None

    @property
    def attempt(self) -> int:
        """The attempt that is read."""
        committed = [attempt for attempt, done in self._attempts.items() if done]
        return max(committed or self._attempts)

    @property
    def successful(self) -> bool:
        """Whether an attempt was committed."""
        return any(self._attempts.values())

    @property
    def finished(self) -> bool:
        """Whether its last attempt has ended, well or not."""
        return self.successful or self.exception is not None

    @property
    def artifacts(self) -> List[str]:
        """The names of its artifacts and parameters; none unless an attempt was committed."""
        if not self.successful:
            return []
        return sorted({**self.manifest["parameters"], **self.manifest["artifacts"]})

    @property
    def data(self) -> TaskData:
        """Its artifacts."""
        return TaskData(self)

    @property
    def manifest(self) -> Document:
        """What it committed, as it stands in the store. Raises MissingInput."""
        if self._manifest is None:
            self._manifest = self._layout.manifest(self.step, self.path, self.attempt)
        return self._manifest

    @property
    def stdout(self) -> str:
        """What it printed; empty where the engine keeps logs itself."""
        return self.log("stdout")

    @property
    def stderr(self) -> str:
        """What it wrote to stderr."""
        return self.log("stderr")

    @property
    def exception(self) -> Dict[str, Any] | None:
        """`type`, `message` and `traceback` of its failure; `None` when it succeeded or still runs."""
        if self.successful:
            return None
        return self._layout.read_json(f"{self._folder()}/error.json")

    def log(self, stream: str, attempt: int | None = None) -> str:
        """One stream, `stdout` or `stderr`, of an attempt, by default of the one that is read."""
        try:
            data = self._layout.store.read(f"{self._folder(attempt)}/{stream}.log")
        except MissingKey:
            return ""
        return bytes(data).decode("utf-8", "replace")

    def value(self, name: str) -> Any:
        """An artifact or parameter. Raises AttributeError."""
        ref = self.manifest["artifacts"].get(name) or self.manifest["parameters"].get(name)
        if ref is None:
            raise AttributeError(f"task {self.pathspec} has no artifact {name!r}; it has {', '.join(self.artifacts)}")
        return artifacts.load(self._layout.store, self._layout.flow, name, ref)

    def __repr__(self) -> str:
        return f"Task({self.pathspec!r})"

    def _folder(self, attempt: int | None = None) -> str:
        return self._layout.folder(self.step, self.path, self.attempt if attempt is None else attempt)


class Step:
    """The tasks of one step, in the order of their index."""

    def __init__(self, layout: RunLayout, name: str, tasks: Dict[Path, Dict[int, bool]]) -> None:
        self._layout = layout
        self._tasks = tasks
        self.name = name

    @property
    def pathspec(self) -> str:
        """Flow, run and step."""
        return f"{self._layout.flow}/{self._layout.run}/{self.name}"

    @property
    def tasks(self) -> List[Task]:
        """All tasks that were started."""
        return list(self)

    @property
    def task(self) -> Task:
        """The first task; the only one outside of a foreach."""
        return next(iter(self))

    def __iter__(self) -> Iterator[Task]:
        for path in sorted(self._tasks):
            yield Task(self._layout, self.name, path, self._tasks[path])

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, index: int | str) -> Task:
        """A task by its index path (`3`, `"3.0"`) or its id."""
        text = str(index)
        text = text[len(self.name) + 1 :] if text.startswith(f"{self.name}-") else text
        try:
            path = parse_index("" if text == self.name else text)
            return Task(self._layout, self.name, path, self._tasks[path])
        except (KeyError, ValueError):
            raise KeyError(f"{self.pathspec} has no task {index!r}") from None

    def __repr__(self) -> str:
        return f"Step({self.pathspec!r})"


class Run:
    """One run of a flow, read from its store."""

    def __init__(self, pathspec: str, *, root: str | None = None) -> None:
        """`pathspec` is `Flow/run-id`; `root` is by default FLOWC_ROOT, else `.flowc` here. Raises RunNotFound."""
        flow, _, run = pathspec.partition("/")
        if not flow or not run or "/" in run:
            raise RunNotFound(f"{pathspec!r} does not name a run; write Flow/run-id")
        self._open(_store(root), flow, run)
        self._names = self._step_names()
        if not self._names and self._record is None:
            raise RunNotFound(f"there is no run {pathspec} in {self._layout.store.url}")

    @classmethod
    def latest(cls, flow: str, *, root: str | None = None) -> Run:
        """The run of a flow that was created last. Raises RunNotFound."""
        store = _store(root)
        ids = [name for name in store.children(flow) if name != "data"]
        if not ids:
            raise RunNotFound(f"flow {flow} has no runs in {store.url}")
        return cls(f"{flow}/{max(ids, key=lambda run: _created(store, flow, run))}", root=root)

    def _open(self, store: Store, flow: str, run: str) -> None:
        self._layout = RunLayout(store, flow, run)
        self._record = self._layout.read_json(f"{flow}/{run}/run.json")
        self.flow = flow
        self.id = run

    @property
    def pathspec(self) -> str:
        """Flow and run."""
        return f"{self.flow}/{self.id}"

    @property
    def root(self) -> str:
        """The store that it is in."""
        return self._layout.store.url

    @property
    def successful(self) -> bool:
        """Whether its end step has committed."""
        return self._layout.latest(self.end_name, ()) is not None

    @property
    def finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self.successful or self.status in ("failed", "interrupted")

    @property
    def status(self) -> str:
        """`successful`, `failed`, `interrupted` or `running`."""
        end = self._layout.read_json(f"{self.pathspec}/run-end.json")
        if end is not None:
            return str(end["status"])
        return "successful" if self.successful else "running"

    @property
    def end_name(self) -> str:
        """The name of the end step."""
        return str((self._record or {}).get("end", "end"))

    @property
    def tags(self) -> frozenset[str]:
        """The tags it was started with."""
        return frozenset((self._record or {}).get("tags", ()))

    @property
    def created_at(self) -> float:
        """When it was started, in seconds since 1970."""
        return _created(self._layout.store, self.flow, self.id)

    @property
    def data(self) -> TaskData:
        """The artifacts of the end task."""
        return self[self.end_name].task.data

    @property
    def steps(self) -> List[Step]:
        """The steps that have tasks, by the time of their first."""
        return list(self)

    def __iter__(self) -> Iterator[Step]:
        steps = [self[name] for name in self._step_names()]
        yield from sorted(steps, key=_first_time)

    def __contains__(self, step: str) -> bool:
        return step in self._step_names()

    def __getitem__(self, step: str) -> Step:
        """A step by name. Raises KeyError."""
        tasks = self._tasks(step)
        if not tasks:
            raise KeyError(f"run {self.pathspec} has no step {step!r}; it has {', '.join(self._step_names())}")
        return Step(self._layout, step, tasks)

    def __repr__(self) -> str:
        return f"Run({self.pathspec!r})"

    def _step_names(self) -> List[str]:
        return sorted(name for name in self._layout.store.children(self.pathspec) if "." not in name)

    def _tasks(self, step: str) -> Dict[Path, Dict[int, bool]]:
        """Index path to attempts, each with whether it was committed, by one listing."""
        prefix = f"{self.pathspec}/{step}/"
        found: Dict[Path, Dict[int, bool]] = {}
        for key in self._layout.store.keys(prefix):
            parts = key[len(prefix) :].split("/")
            if len(parts) == 3 and parts[1].isdigit():
                attempts = found.setdefault(parse_index(parts[0]), {})
                attempt = int(parts[1])
                attempts[attempt] = attempts.get(attempt, False) or parts[2] == MANIFEST
        return found


def _store(root: str | None) -> Store:
    return open_store(root or os.environ.get("FLOWC_ROOT") or DEFAULT_ROOT)


def _created(store: Store, flow: str, run: str) -> float:
    """When a run was created: as it was recorded, else when its start task was committed."""
    layout = RunLayout(store, flow, run)
    record = layout.read_json(f"{flow}/{run}/run.json")
    if record is None:
        attempt = layout.latest("start", ())
        record = None if attempt is None else layout.manifest("start", (), attempt)
    return float(record["created"]) if record is not None else 0.0


def _first_time(step: Step) -> tuple[float, str]:
    task = step.task
    return (float(task.manifest["created"]) if task.successful else float("inf"), step.name)


__all__ = ["Run", "RunNotFound", "Step", "Task", "TaskData"]
