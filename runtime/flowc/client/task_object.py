"""One task of a run, and what it left behind."""

from __future__ import annotations

from typing import NamedTuple

from flowc.client.attempts import Attempt, read_attempt
from flowc.client.data_artifact import DataArtifact, TaskData
from flowc.client.entity import Entity, local_time
from flowc.client.log_records import StoredLog, read_log, stream_bytes, whole_lines
from flowc.errors import CorruptArtifact, ExceptionWrapper
from flowc.store import artifacts
from flowc.store.documents import FAILED
from flowc.store.run_layout import RunLayout, parse_index, task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

    from flowc.client.step_object import Step
    from flowc.store.artifacts import Ref
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path


class Metadata(NamedTuple):
    """One thing that is known about a task."""

    name: str
    value: str
    created_at: float
    type: str
    task: Any


class Task(Entity["Step", DataArtifact]):
    """One task of a run: its last attempt, and of those that were committed the last. Iterating gives its artifacts."""

    _FORM = "Task('FlowName/RunID/StepName/TaskID')"
    path: Path
    """Its index path: its place in every foreach around it, and its iteration in a loop."""

    def __init__(
        self,
        pathspec: str,
        attempt: Optional[int] = None,
        *,
        root: Optional[str] = None,
        trusted: bool = True,
        _namespace_check: bool = True,
    ) -> None:
        """`pathspec` is `Flow/run-id/step/task`, where an index path does for the task; `attempt` picks an attempt.

        `trusted` is as for Run.

        Raises NotFound, InvalidPathspec, and NamespaceMismatch for a task of somebody else's run.
        """
        from flowc.client.step_object import Step

        above, name = "/".join(self._split(pathspec, 4)[:3]), pathspec.rpartition("/")[2]
        step = Step(above, root=root, trusted=trusted, _namespace_check=_namespace_check)
        self._become(self._require(step, name, f"Task({pathspec!r})"))
        self._asked = attempt

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return self._html("task_html")

    @classmethod
    def of(cls, step: Step, path: Path, attempts: Dict[int, bool]) -> Task:
        """A task without any check."""
        task = cls.__new__(cls)
        task.id, task.path = task_id(step.id, path), path
        task._above, task.checked = step, step.checked
        task._attempts, task._asked, task._manifest, task._records = attempts, None, None, {}
        return task

    _attempts: Dict[int, bool]
    _asked: int | None
    _manifest: Document | None
    _records: Dict[int, Attempt]

    @property
    def step(self) -> str:
        """The name of its step."""
        return self.parent.id

    @property
    def index(self) -> Optional[int]:
        """Its number in the innermost foreach around it; `None` outside of every foreach."""
        place = self.place
        return place[-1] if place else None

    @property
    def place(self) -> Path:
        """Its index path without the iteration of a loop."""
        return self.path[:-1] if self.parent.loops() else self.path

    @property
    def attempt(self) -> int:
        """The attempt that is read."""
        if self._asked is not None:
            return self._asked
        committed = [attempt for attempt, done in self._attempts.items() if done]
        return max(committed or self._attempts, default=0)

    @property
    def current_attempt(self) -> int:
        """The requested attempt, else the last one that was started."""
        return self._asked if self._asked is not None else max(self._attempts, default=0)

    @property
    def successful(self) -> bool:
        """Whether its last attempt was committed. One whose error `@catch` caught has not succeeded, as in Metaflow."""
        return self.committed and not self.begun_again and not self.manifest.get("caught", False)

    @property
    def begun_again(self) -> bool:
        """Whether an attempt follows the committed one that is read: its process, or its pod, failed after the commit.

        The values stay those of the committed one; what became of the task is what becomes of the last.
        """
        return self.committed and self._asked is None and self.current_attempt > self.attempt

    @property
    def finished(self) -> bool:
        """Whether its last attempt has ended, well or not."""
        return (self.committed and not self.begun_again) or self.failure is not None

    @property
    def attempts(self) -> List[Attempt]:
        """Its attempts in their order, those that were killed, stopped or still run among them."""
        return [self.attempt_record(number) for number in sorted(self._attempts)]

    @property
    def attempt_numbers(self) -> List[int]:
        """The numbers of its attempts, in their order."""
        return sorted(self._attempts)

    def attempt_record(self, number: int) -> Attempt:
        """What is known of one attempt."""
        if number in self._records:
            return self._records[number]
        committed, after = (
            self._attempts.get(number, False),
            min((n for n in self._attempts if n > number), default=None),
        )
        run_end = None if committed or after is not None else self.parent.parent.end_record
        found = read_attempt(
            self.layout, self.step, self.path, number, committed=committed, after=after, run_end=run_end
        )
        if found.state != "running":
            self._records[number] = found
        return found

    @property
    def finished_at(self) -> Optional[datetime]:
        """When it ended; `None` while it runs."""
        if self.committed and not self.begun_again:
            return local_time(float(self.manifest["created"]))
        failure = self.failure
        return local_time(float(failure["created"])) if failure is not None else None

    @property
    def references(self) -> Dict[str, Ref]:
        """Its artifacts and parameters, each as a reference into the store; of a failed attempt what it had set."""
        found = self.manifest if self.committed else self.layout.read_json(f"{self._folder()}/{FAILED}")
        return {**found["parameters"], **found["artifacts"]} if found is not None else {}

    @property
    def artifact_names(self) -> List[str]:
        """The names of its artifacts and parameters, sorted."""
        return sorted(self.references)

    @property
    def artifacts(self) -> Any:
        """Its artifacts and parameters as DataArtifacts, by attribute and in the order of their names."""
        import collections

        make: Any = collections.namedtuple
        found = list(self)
        return make("MetaflowArtifacts", [artifact.id for artifact in found])(*found)

    @property
    def data(self) -> TaskData:
        """The values of its artifacts, by attribute."""
        return TaskData(self)

    @property
    def manifest(self) -> Document:
        """The manifest that it committed. Raises MissingInput."""
        if self._manifest is None:
            self._manifest = self.layout.manifest(self.step, self.path, self.attempt)
        return self._manifest

    @property
    def stdout(self) -> str:
        """What it printed; empty where the store has nothing of it."""
        return self.log("stdout")

    @property
    def stderr(self) -> str:
        """What it wrote to stderr."""
        return self.log("stderr")

    @property
    def stdout_size(self) -> int:
        """The bytes of `stdout`."""
        return len(self.stdout.encode())

    @property
    def stderr_size(self) -> int:
        """The bytes of `stderr`."""
        return len(self.stderr.encode())

    @property
    def failure(self) -> Dict[str, Any] | None:
        """`type`, `message`, `traceback` and `created` of its failure; `None` when it succeeded or still runs."""
        number = self.current_attempt
        if (self.committed and not self.begun_again) or number not in self._attempts:
            return None
        return self.attempt_record(number).failure

    @property
    def exception(self) -> Optional[ExceptionWrapper]:
        """Its failure, with `exception`, `type` and `stacktrace`; `None` when it succeeded or still runs."""
        failure = self.failure
        if failure is None:
            return None
        wrapper = ExceptionWrapper()
        module = failure.get("module")
        wrapper.exception, wrapper.type = (
            failure["message"],
            f"{module}.{failure['type']}" if module else failure["type"],
        )
        wrapper.stacktrace = failure["traceback"]
        return wrapper

    @property
    def runtime_name(self) -> Optional[str]:
        """`dev` for a task of the local engine, else `None`."""
        return next((tag.partition(":")[2] for tag in self.system_tags if tag.startswith("runtime:")), None)

    @property
    def code(self) -> None:
        """`None`: the code package is in what the compiler emitted, not in the store."""
        return

    @property
    def environment_info(self) -> None:
        """`None`: flowc does not make environments."""
        return

    @property
    def metadata(self) -> List[Metadata]:
        """What is known about the task, as entries with `name`, `value`, `type`, `created_at` (ms) and `task`.

        Each attempt has an `attempt` entry with its number from when it began, then its `attempt-host` and, once that
        is known, its `attempt-state` and `attempt_ok`.
        """
        known, at = self.metadata_dict, self.created_seconds() * 1000
        general = [(name, value) for name, value in known.items() if not name.startswith("attempt")]
        found = [Metadata(name, value, at, name, self) for name, value in general]
        for attempt in self.attempts:
            begun = at if attempt.started is None else attempt.started * 1000
            found.append(Metadata("attempt", str(attempt.number), begun, "attempt", self))
            if attempt.host is not None:
                found.append(Metadata("attempt-host", attempt.host, begun, "attempt-host", self))
            if attempt.state != "running":
                over = attempt.ended or (attempt.failure or {}).get("created")
                ended = begun if over is None else over * 1000
                ok = str(attempt.state == "successful" and (attempt.number != self.attempt or self.successful))
                found.append(Metadata("attempt-state", attempt.state, ended, "attempt-state", self))
                found.append(Metadata("attempt_ok", ok, ended, "internal_attempt_status", self))
        return found

    @property
    def metadata_dict(self) -> Dict[str, str]:
        """What is known about the task, by name, as text."""
        run = self.parent.parent
        known = {
            "attempt": self.current_attempt,
            "attempt_ok": self.successful,
            "ds-root": run.root,
            "ds-type": run.root.partition("://")[0] if "://" in run.root else "file",
            "origin-run-id": run.origin_id,
            "runtime": self.runtime_name,
            "user": run.record.get("user"),
        }
        return {name: str(value) for name, value in known.items() if value is not None}

    @property
    def parent_tasks(self) -> Iterator[Task]:
        """The tasks that it read from."""
        for step in self.parent.parent_steps:
            yield from (task for task in step if _related(task, self))

    @property
    def child_tasks(self) -> Iterator[Task]:
        """The tasks that read from it."""
        for step in self.parent.child_steps:
            yield from (task for task in step if _related(self, task))

    @property
    def parent_task_pathspecs(self) -> Iterator[str]:
        """The pathspecs of `parent_tasks`."""
        return (task.pathspec for task in self.parent_tasks)

    @property
    def child_task_pathspecs(self) -> Iterator[str]:
        """The pathspecs of `child_tasks`."""
        return (task.pathspec for task in self.child_tasks)

    def log(self, stream: str, attempt: int | None = None) -> str:
        """One stream, `stdout` or `stderr`, of an attempt, by default of the one that is read.

        What a resumed run has taken over has its logs where it ran.
        """
        found = self.stored_log(attempt)
        return stream_bytes(found.records(), stream).decode("utf-8", "replace") if found is not None else ""

    def stored_log(self, attempt: int | None = None) -> StoredLog | None:
        """What an attempt has printed, by default the one that is read; `None` where the store has nothing of it."""
        chosen = self.attempt if attempt is None else attempt
        own = read_log(self.layout.store, self.layout.folder(self.step, self.path, chosen))
        try:
            folders = self.origin_folders(chosen) if own is None or chosen == self.attempt else []
        except CorruptArtifact:
            if own is None:
                raise
            return own
        logs = (read_log(self.layout.store, folder) for folder in folders)
        return next((log for log in logs if log is not None), own)  # its own says that it was taken over, and no more

    def origin_folders(self, attempt: int) -> List[str]:
        """Where an attempt ran that a resumed run has taken over, or that was taken from the cache, the last first."""
        manifest = self.manifest if self.committed else {}
        flow, run = manifest.get("flow", self.layout.flow), str(manifest.get("run", self.layout.run))
        found: List[str] = []
        if run != self.layout.run:
            found.append(RunLayout(self.layout.store, flow, run).folder(self.step, self.path, attempt))
        cached = manifest.get("cached")
        if cached is not None:
            origin = RunLayout(self.layout.store, flow, str(cached["run"]))
            found.append(origin.folder(cached["step"], parse_index(cached["index"]), cached["attempt"]))
        return found

    @property
    def origin_run_id(self) -> Optional[str]:
        """The run that it ran in, where this run has taken it over from another, or from the cache; else `None`."""
        manifest = self.manifest if self.committed else {}
        run = str((manifest.get("cached") or manifest).get("run", self.layout.run))
        return run if run != self.layout.run or "cached" in manifest else None

    @property
    def origin_pathspec(self) -> Optional[str]:
        """The task that ran, of the run that was resumed or of any for the cache; `None` where this run has run it."""
        cached = self.manifest.get("cached") if self.committed else None
        if cached is not None:
            name = task_id(cached["step"], parse_index(cached["index"]))
            return f"{self.layout.flow}/{cached['run']}/{cached['step']}/{name}"
        return super().origin_pathspec if self.origin_run_id is not None else None

    def loglines(self, stream: str, as_unicode: bool = True) -> Iterator[Tuple[Optional[datetime], Union[str, bytes]]]:
        """The lines of a stream, each behind the time when it was printed, in UTC and without a zone as in Metaflow.

        The time is `None` in runs of release 0.1.0, which kept none.
        """
        from datetime import datetime, timedelta

        found = self.stored_log()
        for line in whole_lines(found.records()) if found is not None else ():
            if line.stream in ("", stream):
                at = datetime(1970, 1, 1) + timedelta(seconds=line.time) if line.time else None
                yield at, line.text.decode("utf-8", "replace") if as_unicode else line.text

    def value(self, name: str) -> Any:
        """An artifact or parameter; a StoredValue where the run is not trusted. Raises AttributeError."""
        ref = self.references.get(name)
        if ref is None:
            known = ", ".join(self.artifact_names)
            raise AttributeError(f"task {self.pathspec} has no artifact {name!r}; it has {known}")
        load = artifacts.load if self.trusted else artifacts.load_stored
        return load(self.layout.store, self.layout.flow, name, ref)

    @property
    def layout(self) -> RunLayout:
        """The run's place in the store."""
        return self.parent.parent.layout

    @property
    def committed(self) -> bool:
        """Whether the attempt that is read has left artifacts."""
        if self._asked is not None:
            return self._attempts.get(self._asked, False)
        return any(self._attempts.values())

    def _folder(self) -> str:
        return self.layout.folder(self.step, self.path, self.attempt)

    def children(self) -> Iterator[DataArtifact]:
        """Its artifacts, without those whose name starts with an underscore."""
        return (DataArtifact.of(self, name) for name in self.artifact_names if not name.startswith("_"))

    def child(self, name: str) -> DataArtifact | None:
        """An artifact by its name."""
        return DataArtifact.of(self, name) if name in self.references else None

    def created_seconds(self) -> float:
        """When the attempt was started, where that was noted, else when it was committed."""
        if self.committed:
            manifest = self.manifest
            return float(manifest["started"] if "started" in manifest else manifest["created"])
        if self.attempt in self._attempts:
            record = self.attempt_record(self.attempt)
            if record.started is not None or record.ended is not None:
                return float(record.started or record.ended or 0.0)
        return self.parent.parent.created_seconds()

    def attempt_asked(self) -> int | None:
        """The requested attempt."""
        return self._asked


def _related(before: Task, after: Task) -> bool:
    """Whether a task has read from one of a step before it: the same items, and the choice of a switch."""
    shared = min(len(before.place), len(after.place))
    if before.place[:shared] != after.place[:shared]:
        return False
    if after.parent.loops():  # an iteration reads from the one before it, the first from the step before the loop
        iteration = before.path[-1] if before.step == after.step else -1
        if after.path[-1] != iteration + 1:
            return False
    choice = before.manifest.get("choice") if before.committed else None
    return choice is None or before.parent.leads(choice, after.step)
