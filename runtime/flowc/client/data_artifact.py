"""The artifacts of a task: their values by attribute, and each with its size and hash."""

from __future__ import annotations

from flowc.client.entity import Entity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Iterator, List, Optional

    from flowc.client.task_object import Task
    from flowc.store.artifacts import Ref


class TaskData:
    """The artifacts of a task, as attributes; each is read when it is used."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._task.value(name)

    def __contains__(self, name: str) -> bool:
        return name in self._task.references

    def __dir__(self) -> List[str]:
        return self._task.artifact_names

    def __repr__(self) -> str:
        return f"<MetaflowData: {', '.join(self._task.artifact_names)}>"


class DataArtifact(Entity["Task", "DataArtifact"]):
    """One artifact of a task."""

    _FORM = "DataArtifact('FlowName/RunID/StepName/TaskID/ArtifactName')"

    def __init__(
        self,
        pathspec: str,
        attempt: Optional[int] = None,
        *,
        root: Optional[str] = None,
        trusted: bool = True,
        _namespace_check: bool = True,
    ) -> None:
        """`pathspec` is a task's pathspec and the artifact's name. Raises what Task does."""
        from flowc.client.task_object import Task

        above, name = "/".join(self._split(pathspec, 5)[:4]), pathspec.rpartition("/")[2]
        task = Task(above, attempt, root=root, trusted=trusted, _namespace_check=_namespace_check)
        self._become(self._require(task, name, f"DataArtifact({pathspec!r})"))

    @classmethod
    def of(cls, task: Task, name: str) -> DataArtifact:
        """An artifact without any check."""
        artifact = cls.__new__(cls)
        artifact.id, artifact._above, artifact.checked = name, task, task.checked
        return artifact

    @property
    def data(self) -> Any:
        """Its value; a StoredValue where the run is not trusted."""
        return self.parent.value(self.id)

    @property
    def size(self) -> int:
        """The bytes of its value as it is stored."""
        return int(self._ref["size"])

    @property
    def sha(self) -> str:
        """The hash of its value as it is stored."""
        return str(self._ref["hash"])

    @property
    def finished_at(self) -> datetime:
        """When it was stored."""
        return self.created_at

    @property
    def _ref(self) -> Ref:
        return self.parent.references[self.id]

    def created_seconds(self) -> float:
        """When it was stored."""
        return float((self.parent.manifest if self.parent.committed else self.parent.failure or {}).get("created", 0.0))

    def children(self) -> Iterator[DataArtifact]:
        """Nothing: a value has no parts that the store knows."""
        return iter(())

    def child(self, name: str) -> None:
        """Nothing."""
        del name

    def attempt_asked(self) -> int | None:
        """The task's."""
        return self.parent.attempt_asked()
