"""One step of a run, and its tasks."""

from __future__ import annotations

from flowc.client.entity import Entity
from flowc.client.task_object import Task
from flowc.errors import CorruptArtifact
from flowc.store.documents import ATTEMPT_RECORD
from flowc.store.run_layout import parse_index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Callable, Dict, Iterator, List, Optional, Tuple, Union

    from flowc.client.run_object import Run
    from flowc.store.run_layout import Path


class Step(Entity["Run", Task]):
    """The tasks of one step. Iterating gives them the newest first: the highest index, the last iteration."""

    _FORM = "Step('FlowName/RunID/StepName')"

    attempts: Dict[Path, Dict[int, bool]]
    """The index paths of its tasks, and the attempts of each with whether it was committed."""

    def __init__(
        self, pathspec: str, *, root: Optional[str] = None, trusted: bool = True, _namespace_check: bool = True
    ) -> None:
        """`pathspec` is `Flow/run-id/step`; `root` and `trusted` are as for Run.

        Raises NotFound, InvalidPathspec, and NamespaceMismatch.
        """
        from flowc.client.run_object import Run

        flow, run, name = self._split(pathspec, 3)
        above = Run(f"{flow}/{run}", root=root, trusted=trusted, _namespace_check=_namespace_check)
        self._become(self._require(above, name, f"Step({pathspec!r})"))

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return self._html("step_html")

    @classmethod
    def of(cls, run: Run, name: str, tasks: Dict[Path, Dict[int, bool]]) -> Step:
        """A step without any check."""
        step = cls.__new__(cls)
        step.id, step._above, step.checked, step.attempts = name, run, run.checked, tasks
        return step

    @property
    def name(self) -> str:
        """Its name."""
        return self.id

    @property
    def task(self) -> Task:
        """The newest task; the only one outside of foreach, gangs and loops."""
        return next(iter(self))

    def tasks(self, *tags: str) -> Iterator[Task]:
        """The tasks that were started, the newest first; all or none of them, since tags are the run's."""
        return self._filtered(tags)

    @property
    def control_task(self) -> Optional[Task]:
        """The first member of a gang; `None` for other steps."""
        return next(self.control_tasks(), None)

    def control_tasks(self, *tags: str) -> Iterator[Task]:
        """The first member of every gang of this step."""
        if any(self._type(parent) == "split-parallel" for parent in self._before()):
            yield from (task for task in self.tasks(*tags) if task.path[-1] == 0)

    @property
    def finished_at(self) -> Optional[datetime]:
        """When its last task finished; `None` while one runs."""
        times = [task.finished_at for task in self]
        done = [time for time in times if time is not None]
        return max(done) if done and len(done) == len(times) else None

    @property
    def environment_info(self) -> None:
        """`None`: flowc does not make environments."""
        return

    @property
    def parent_steps(self) -> Iterator[Step]:
        """The steps that lead here, as far as they have tasks."""
        return self._named(self._before())

    @property
    def child_steps(self) -> Iterator[Step]:
        """The steps that this one leads to, as far as they have tasks."""
        return self._named(self._after())

    def __len__(self) -> int:
        return len(self.attempts)

    def children(self) -> Iterator[Task]:
        """Its tasks, the highest index path first."""
        for path in sorted(self.attempts, reverse=True):
            yield Task.of(self, path, self.attempts[path])

    def child(self, name: Union[str, int]) -> Task | None:
        """A task by its id, or by its index path (`3`, `"3.0"`)."""
        text = str(name)
        text = text[len(self.id) + 1 :] if text.startswith(f"{self.id}-") else text
        try:
            path = parse_index("" if text == self.id else text)
        except ValueError:
            return None
        return Task.of(self, path, self.attempts[path]) if path in self.attempts else None

    def created_seconds(self) -> float:
        """When its first task was started."""
        return min(task.created_seconds() for task in self)

    def _type(self, name: str) -> str:
        return str(self.parent.graph.get("steps", {}).get(name, {}).get("type", "linear"))

    def loops(self) -> bool:
        """Whether its tasks are iterations of a recursive switch."""
        return bool(self.parent.graph.get("steps", {}).get(self.id, {}).get("loops", False))

    def leads(self, choice: str, name: str) -> bool:
        """Whether a step that was chosen is the one of that name, or leads to it by steps that have no task."""
        return name in self._with_tasks([choice], self._next)

    def _before(self) -> List[str]:
        return self._with_tasks(self._previous(self.id), self._previous)

    def _after(self) -> List[str]:
        return self._with_tasks(self._next(self.id), self._next)

    def _previous(self, name: str) -> List[str]:
        return [other for other, step in self.parent.graph.get("steps", {}).items() if name in step["next"]]

    def _next(self, name: str) -> List[str]:
        return list(self.parent.graph.get("steps", {}).get(name, {}).get("next", ()))

    def _with_tasks(self, names: List[str], further: Callable[[str], List[str]]) -> List[str]:
        """The steps of these names; for one that is there for the graph only those that come next to it."""
        steps = self.parent.graph.get("steps", {})
        found = list(names)
        for name in found:
            if steps.get(name, {}).get("virtual"):
                found += [other for other in further(name) if other not in found]
        return [name for name in found if not steps.get(name, {}).get("virtual")]

    def _named(self, names: List[str]) -> Iterator[Step]:
        return (step for step in (self.parent.child(name) for name in names) if step is not None)


def by_time(step: Step) -> Tuple[float, str]:
    """What steps are sorted by: when the first of their tasks finished, for which one manifest is read."""
    path = min(step.attempts)
    task = Task.of(step, path, step.attempts[path])
    if not task.committed:
        return float("inf"), step.id
    try:
        return float(task.manifest["created"]), step.id
    except CorruptArtifact:  # no reason not to list the steps: when it began does as well
        record = task.layout.read_json(f"{task.layout.folder(step.id, path, task.attempt)}/{ATTEMPT_RECORD}") or {}
        return float(record.get("started", "inf")), step.id
