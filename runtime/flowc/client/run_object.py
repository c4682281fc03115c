"""One run of a flow, and its tags."""

from __future__ import annotations

import re

from flowc.client.entity import Entity, local_time
from flowc.client.namespaces import chosen_store
from flowc.client.run_state import Progress, began_at, is_deserted, run_status
from flowc.client.step_object import Step, by_time
from flowc.errors import CorruptArtifact, NotFound, TaggingError
from flowc.store.documents import GRAPH_RECORD, MANIFEST, MARK, RESUMED, RUN_RECORD
from flowc.store.run_layout import RunLayout, is_partial, parse_index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, Optional, Set, Union

    from flowc.client.flow_object import Flow
    from flowc.client.task_object import Task
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path


_INDEX = re.compile(r"-|\d+(\.\d+)*")
_NOT_READ: Document = {"not": "read"}


class Run(Entity["Flow", Step]):
    """One run of a flow, read from its store. Iterating gives its steps, the newest first."""

    _FORM = "Run('FlowName/RunID')"
    _record: Document | None
    _plan: Document

    def __init__(
        self, pathspec: str, *, root: Optional[str] = None, trusted: bool = True, _namespace_check: bool = True
    ) -> None:
        """`pathspec` is `Flow/run-id`; `root` is by default FLOWC_ROOT, else the project's, else `.flowc`.

        Unpickling executes code of whoever wrote the run. With `trusted=False` values are never unpickled: each is a
        StoredValue, with the `bytes`, `type`, `size` and `hash` of what is stored.

        Raises NotFound, InvalidPathspec, and NamespaceMismatch for a run of somebody else.
        """
        from flowc.client.flow_object import Flow

        flow, name = self._split(pathspec, 2)
        self._open(Flow.of(chosen_store(root), flow, trusted=trusted), name)
        if not self.exists():
            raise NotFound(f"there is no run {pathspec} in {self.root}")
        self._check_namespace(_namespace_check)

    @classmethod
    def latest(cls, flow: str, *, root: Optional[str] = None, trusted: bool = True) -> Run:
        """The run of a flow that was created last, whoever ran it. Raises NotFound."""
        from flowc.client.flow_object import Flow

        found = Flow(flow, root=root, trusted=trusted, _namespace_check=False)
        run = found.latest_run
        if run is None:  # those that are there are half removed, or half imported
            raise NotFound(f"there is no run of {flow} in {found.store().url}")
        return run

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return self._html("run_html")

    @classmethod
    def of(cls, flow: Flow, name: str) -> Run:
        """A run without any check."""
        run = cls.__new__(cls)
        run._open(flow, name)
        return run

    def _open(self, flow: Flow, name: str) -> None:
        self.id = name
        self._above = flow
        self.checked = flow.checked
        self.layout = RunLayout(flow.store(), flow.id, name)
        self._record = _NOT_READ
        self._plan = _NOT_READ

    @property
    def root(self) -> str:
        """The store that it is in."""
        return self.layout.store.url

    @property
    def successful(self) -> bool:
        """Whether its end step has succeeded. A step whose error `@catch` caught has not, as in Metaflow."""
        if self.is_synthetic(self.end_name):
            return Progress(self).ended(self.end_name) is not None
        attempt = self.end_attempt
        return attempt is not None and not self.layout.manifest(self.end_name, (), attempt).get("caught", False)

    @property
    def end_attempt(self) -> Optional[int]:
        """The last attempt of the end step; `None` unless that was committed."""
        attempts = self.attempts_of(self.end_name).get((), {})
        last = max(attempts, default=None)
        return last if last is not None and attempts[last] else None

    @property
    def finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self.status != "running"

    @property
    def finished_at(self) -> Optional[datetime]:
        """When it ended; `None` while it runs."""
        end = self.layout.read_json(f"{self.pathspec}/run-end.json")
        if end is not None and "ended" in end:
            return local_time(float(end["ended"]))
        if self.is_synthetic(self.end_name):
            ended = Progress(self).ended(self.end_name)
            return local_time(ended) if ended is not None else None
        task = self.end_task
        return task.finished_at if task is not None else None

    @property
    def status(self) -> str:
        """`successful`, `failed`, `interrupted`, `running` or `lost`: see `flowc.client.run_state`."""
        return run_status(self)

    @property
    def over(self) -> bool:
        """Whether the engine has written that it has ended, or, if that is the local one, is gone."""
        return self.layout.store.exists(f"{self.pathspec}/run-end.json") or is_deserted(self)

    @property
    def end_record(self) -> Document | None:
        """What the local engine has written about its end; empty where that is gone, `None` where it goes on."""
        nothing: Document = {}
        try:
            end = self.layout.read_json(f"{self.pathspec}/run-end.json")
        except CorruptArtifact:
            return nothing  # it has ended, and nobody knows how
        return end if end is not None else nothing if is_deserted(self) else None

    @property
    def end_name(self) -> str:
        """The name of the end step."""
        return str(self._record_if_sound().get("end") or self.graph.get("end", "end"))

    @property
    def end_task(self) -> Optional[Task]:
        """The task of the end step; `None` before it has started."""
        step = self.child(self.end_name)
        return step.task if step is not None else None

    @property
    def data(self) -> Any:
        """The artifacts of the end task; `None` before it has started."""
        task = self.end_task
        return task.data if task is not None else None

    @property
    def code(self) -> None:
        """`None`: the code package is in what the compiler emitted, not in the store."""
        return

    @property
    def trigger(self) -> None:
        """`None`: which event started a run is known to the engine only."""
        return

    @property
    def record(self) -> Document:
        """What the engine wrote at the start; empty where it writes nothing, as Argo. Raises CorruptArtifact."""
        if self._record is _NOT_READ:
            self._record = self.layout.read_json(f"{self.pathspec}/{RUN_RECORD}")
        return self._record or {}

    def _record_if_sound(self) -> Document:
        """The same, and empty for one that is damaged: among the runs of a flow that is no error of the others."""
        try:
            return self.record
        except CorruptArtifact:
            return {}

    @property
    def graph(self) -> Document:
        """What the start task wrote: `start`, `end`, `tags`, and of `steps` their `type` and `next`."""
        if self._plan is _NOT_READ:
            self._plan = self.layout.read_json(f"{self.pathspec}/{GRAPH_RECORD}") or {}
        return self._plan

    @property
    def user_tags(self) -> FrozenSet[str]:
        """The tags that it was started with, as they were changed since."""
        changed = self.layout.read_json(self._tags_key())
        return frozenset((changed or self._record_if_sound() or self.graph).get("tags", ()))

    @property
    def system_tags(self) -> FrozenSet[str]:
        """`user:...` and `runtime:dev` for a run of the local engine: others record no user.

        `project:...` and `project_branch:...` for one of a flow with `@project`, on every engine.
        """
        record = self._record_if_sound()
        facts: Document = (record or self.graph).get("project") or {}
        found = {
            "user": record.get("user"),
            "runtime": "dev" if record else None,
            "project": facts.get("project_name"),
            "project_branch": facts.get("branch_name"),
        }
        return frozenset(f"{name}:{value}" for name, value in found.items() if value)

    @property
    def is_local(self) -> bool:
        """Whether the local engine has begun it, and its record can be read."""
        return bool(self._record_if_sound())

    @property
    def reused(self) -> Dict[str, int]:
        """How many tasks of each step were taken over from the run that this one resumes."""
        document = self.layout.read_json(f"{self.pathspec}/{RESUMED}")
        if document is not None:
            found: Dict[str, int] = document["reused"]
            return found
        return self._marked() if self.origin_id is not None else {}

    def _marked(self) -> Dict[str, int]:
        """The same where tasks take over for themselves, by one listing."""
        prefix = f"{self.pathspec}/"
        tasks: Dict[str, Set[str]] = {}
        for key in self.layout.store.keys(prefix):
            step, *parts = key[len(prefix) :].split("/")
            if len(parts) == 3 and parts[2].startswith(MARK):
                tasks.setdefault(step, set()).add(parts[0])
        return {step: len(indices) for step, indices in tasks.items()}

    @property
    def origin_id(self) -> Optional[str]:
        """The id of the run that it was resumed from."""
        return self.record.get("origin") if self.record else self.layout.origin()[0]

    @property
    def origin_pathspec(self) -> Optional[str]:
        """The run that it was resumed from."""
        origin = self.origin_id
        return f"{self.record.get('origin_flow', self.parent.id)}/{origin}" if origin else None

    def steps(self, *tags: str) -> Iterator[Step]:
        """Its steps, the newest first; all or none of them, since tags are the run's."""
        return self._filtered(tags)

    def add_tag(self, tag: Union[str, Iterable[str]]) -> None:
        """Add a tag. One that is a system tag already stays as it is."""
        self.replace_tags([], tag)

    def add_tags(self, tags: Union[str, Iterable[str]]) -> None:
        """Add tags."""
        self.replace_tags([], tags)

    def remove_tag(self, tag: Union[str, Iterable[str]]) -> None:
        """Remove a tag, which need not be there. Raises TaggingError for a system tag."""
        self.replace_tags(tag, [])

    def remove_tags(self, tags: Union[str, Iterable[str]]) -> None:
        """Remove tags."""
        self.replace_tags(tags, [])

    def replace_tag(self, tag_to_remove: Union[str, Iterable[str]], tag_to_add: Union[str, Iterable[str]]) -> None:
        """Remove one tag and add another."""
        self.replace_tags(tag_to_remove, tag_to_add)

    def replace_tags(self, tags_to_remove: Union[str, Iterable[str]], tags_to_add: Union[str, Iterable[str]]) -> None:
        """Remove tags, then add others, in one write; a text is one tag, not the tags that its letters are.

        Raises TaggingError for a system tag and for no text.
        """
        remove, add = _listed(tags_to_remove), _listed(tags_to_add)
        wrong = [tag for tag in (*remove, *add) if not isinstance(tag, str) or not 0 < len(tag) <= 500]
        if wrong:
            raise TaggingError(f"{wrong[0]!r} is not a tag: a tag is a text of 1 to 500 characters")
        fixed = [tag for tag in remove if tag in self.system_tags]
        if fixed:
            raise TaggingError(f"{fixed[0]!r} is a system tag, which cannot be removed")
        kept = (self.user_tags - set(remove)) | (set(add) - self.system_tags)
        self.layout.write_json(self._tags_key(), {"version": 1, "tags": sorted(kept)})

    def children(self) -> Iterator[Step]:
        """Its steps that have tasks, the newest first."""
        steps = [step for step in (self.child(name) for name in self.step_names()) if step is not None]
        yield from sorted(steps, key=by_time, reverse=True)

    def child(self, name: str) -> Step | None:
        """A step by its name."""
        tasks = self.attempts_of(name) if name and "/" not in name else {}
        return Step.of(self, name, tasks) if tasks else None

    def exists(self) -> bool:
        """Whether the store has anything of it, and it is not half removed or half imported."""
        partial = is_partial(self.layout.store.children(self.pathspec))
        return not partial and (bool(self.record) or bool(self.step_names()))

    def created_seconds(self) -> float:
        """As it was recorded, else when its first task began; 0 where neither can be read."""
        record = self._record_if_sound()
        try:
            return float(record["created"]) if "created" in record else began_at(self)
        except CorruptArtifact:
            return 0.0

    def belongs(self, namespace: str | None) -> bool:
        """Whether it is in a namespace. Where the engine does not say who ran it, or its record is damaged, in all."""
        return namespace is None or not self._record_if_sound().get("user") or namespace in self.tags

    def is_synthetic(self, step: str) -> bool:
        """Whether a step has no task."""
        return bool(self.graph.get("steps", {}).get(step, {}).get("virtual", False))

    def _tags_key(self) -> str:
        return f"{self.pathspec}/tags.json"

    def step_names(self) -> List[str]:
        """The names of the steps that have left anything."""
        names = self.layout.store.children(self.pathspec)
        return [] if is_partial(names) else sorted(name for name in names if "." not in name)

    def attempts_of(self, step: str) -> Dict[Path, Dict[int, bool]]:
        """Index path to attempts, each with whether it was committed, by one listing."""
        prefix = f"{self.pathspec}/{step}/"
        found: Dict[Path, Dict[int, bool]] = {}
        for key in self.layout.store.keys(prefix):
            _record_attempt(found, key[len(prefix) :].split("/"))
        return found

    def all_attempts(self) -> Dict[str, Dict[Path, Dict[int, bool]]]:
        """The same for every step that has tasks, by one listing."""
        prefix = f"{self.pathspec}/"
        found: Dict[str, Dict[Path, Dict[int, bool]]] = {}
        for key in self.layout.store.keys(prefix):
            step, *parts = key[len(prefix) :].split("/")
            _record_attempt(found.setdefault(step, {}), parts)
        return found


def _listed(tags: Any) -> List[Any]:
    """Tags, of which one may stand alone."""
    return [tags] if isinstance(tags, str) or not hasattr(tags, "__iter__") else list(tags)


def _record_attempt(found: Dict[Path, Dict[int, bool]], parts: List[str]) -> None:
    """Take down a file of an attempt: index path, attempt and name."""
    if len(parts) == 3 and parts[1].isdigit() and _INDEX.fullmatch(parts[0]):
        attempts = found.setdefault(parse_index(parts[0]), {})
        attempt = int(parts[1])
        attempts[attempt] = attempts.get(attempt, False) or parts[2] == MANIFEST
