"""All flows of a store, and one flow with its runs."""

from __future__ import annotations

from operator import itemgetter

from flowc.client.entity import Entity
from flowc.client.namespaces import chosen_store, get_metadata
from flowc.client.run_object import Run
from flowc.current import running
from flowc.errors import NotFound
from flowc.store.documents import DATA
from flowc.store.run_layout import flow_names, run_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Optional

    from flowc.store import Store


class Metaflow:
    """The flows of a store. Iterating gives those with runs in the current namespace; `[name]` gives one."""

    def __init__(self, *, root: Optional[str] = None, trusted: bool = True) -> None:
        """`root` is by default FLOWC_ROOT, else the root of the project here, else `.flowc`; `trusted` as for Run."""
        self._root = root
        self._trusted = trusted

    @property
    def flows(self) -> List[Flow]:
        """The flows with runs in the current namespace."""
        return list(self)

    @property
    def metadata(self) -> str:
        """Where the runs are read from."""
        return get_metadata()

    def __iter__(self) -> Iterator[Flow]:
        store = chosen_store(self._root)
        for name in flow_names(store):
            flow = Flow.of(store, name, trusted=self._trusted)
            if flow.is_in_namespace():
                yield flow

    def __getitem__(self, name: str) -> Flow:
        return Flow(name, root=self._root, trusted=self._trusted)

    def __repr__(self) -> str:
        return "Metaflow()"


class Flow(Entity[None, Run]):
    """A flow, by name. Iterating gives its runs in the current namespace, the newest first."""

    _FORM = "Flow('FlowName')"

    def __init__(
        self, name: str, *, root: Optional[str] = None, trusted: bool = True, _namespace_check: bool = True
    ) -> None:
        """`root` is by default FLOWC_ROOT, else the root of the project here, else `.flowc`; `trusted` as for Run.

        Raises NotFound when it has no runs, and NamespaceMismatch when it has none in the current namespace.
        """
        (self.id,) = self._split(name, 1)
        self._above = None
        self._where, self._trusted = chosen_store(root), trusted
        if not self._run_ids():
            raise NotFound(f"{self!r} does not exist in {self._where.url}")
        self._check_namespace(_namespace_check)

    @classmethod
    def of(cls, store: Store, name: str, *, trusted: bool = True) -> Flow:
        """A flow without any check."""
        flow = cls.__new__(cls)
        flow.id, flow._above, flow._where, flow.checked = name, None, store, False
        flow._trusted = trusted
        return flow

    @property
    def latest_run(self) -> Optional[Run]:
        """The run that was started last, finished or not."""
        return next(iter(self), None)

    @property
    def latest_successful_run(self) -> Optional[Run]:
        """The run that was started last of those that have succeeded."""
        return next((run for run in self if run.successful), None)

    def runs(self, *tags: str) -> Iterator[Run]:
        """The runs that have all of the tags, the newest first."""
        return self._filtered(tags)

    def children(self) -> Iterator[Run]:
        """Its runs in the namespace, the newest first."""
        if running.trace is not None:
            running.trace.give_up("runs of the store, by the client")
        from flowc.client.namespaces import get_namespace

        runs = [Run.of(self, name) for name in self._run_ids()]
        wanted = get_namespace() if self.checked else None
        kept = [(run.created_seconds(), run.id, run) for run in runs if run.belongs(wanted)]
        # One that is half removed, or half imported, has lost its first documents, or has not got them yet.
        yield from (
            run for created, _, run in sorted(kept, reverse=True, key=itemgetter(0, 1)) if created or run.exists()
        )

    def child(self, name: str) -> Run | None:
        """A run by its id."""
        if running.trace is not None:
            running.trace.give_up("runs of the store, by the client")
        run = Run.of(self, name)
        return run if "/" not in name and name != DATA and run.exists() else None

    def exists(self) -> bool:
        """Whether it has runs."""
        return bool(self._run_ids())

    def _run_ids(self) -> List[str]:
        return run_names(self._where, self.id)

    def created_seconds(self) -> float:
        """When its first run was started."""
        return min((Run.of(self, name).created_seconds() for name in self._run_ids()), default=0.0)

    @property
    def trusted(self) -> bool:
        """Whether values of its runs are unpickled."""
        return self._trusted

    def store(self) -> Store:
        """Where it is read from."""
        return self._where

    def belongs(self, namespace: str | None) -> bool:
        """Whether one of its runs is in a namespace."""
        return any(Run.of(self, name).belongs(namespace) for name in self._run_ids())
