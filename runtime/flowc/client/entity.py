"""What flows, runs, steps, tasks and artifacts have in common: a pathspec, a parent, children, tags and a time."""

from __future__ import annotations

from typing import Generic, TypeVar

from flowc.errors import InvalidPathspec, NamespaceMismatch, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, FrozenSet, Iterator, List, Optional

    from flowc.store import Store


P = TypeVar("P")
"""What a run, step, task or artifact is in."""
C = TypeVar("C")
"""What a flow, run, step, task or artifact has in it."""


class Entity(Generic[P, C]):
    """A flow, run, step, task or artifact. Children are its runs, steps, tasks or artifacts, the newest first."""

    _FORM = ""

    id: str
    """Its name within its parent."""
    _above: Any
    checked: bool
    """Whether children must be in the namespace, too."""

    @property
    def parent(self) -> P:
        """What it is in: the flow of a run, the run of a step, the step of a task; `None` for a flow."""
        above: P = self._above
        return above

    @property
    def path_components(self) -> List[str]:
        """The parts of the pathspec."""
        above: List[str] = self._above.path_components if self._above is not None else []
        return [*above, self.id]

    @property
    def pathspec(self) -> str:
        """What names it: flow, run, step, task and artifact, as far as it goes, with slashes between."""
        return "/".join(self.path_components)

    @property
    def tags(self) -> FrozenSet[str]:
        """All tags of the run that it belongs to."""
        return self.user_tags | self.system_tags

    @property
    def user_tags(self) -> FrozenSet[str]:
        """The tags that the run was given."""
        return frozenset(self._above.user_tags) if self._above is not None else frozenset()

    @property
    def system_tags(self) -> FrozenSet[str]:
        """The tags with the user, the runtime and the project of the run."""
        return frozenset(self._above.system_tags) if self._above is not None else frozenset()

    @property
    def created_at(self) -> datetime:
        """When it came to be, in local time."""
        return local_time(self.created_seconds())

    @property
    def origin_pathspec(self) -> Optional[str]:
        """What it was resumed from; `None` where it was not."""
        above = self._above.origin_pathspec if self._above is not None else None
        return f"{above}/{self.id}" if above is not None else None

    @property
    def trusted(self) -> bool:
        """Whether its values are unpickled."""
        return bool(self._above.trusted)

    def is_in_namespace(self) -> bool:
        """Whether it is in the current namespace."""
        from flowc.client.namespaces import get_namespace

        return self.belongs(get_namespace())

    def __iter__(self) -> Iterator[C]:
        return self.children()

    def __getitem__(self, name: str) -> C:
        child = self.child(name)
        if child is None:
            raise KeyError(name)
        return child

    def __contains__(self, name: str) -> bool:
        return self.child(name) is not None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.pathspec!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (type(self), self.pathspec, self.store().url, self.attempt_asked(), self.trusted)

    def children(self) -> Iterator[C]:
        """What is in it, the newest first."""
        raise NotImplementedError

    def child(self, name: str) -> C | None:
        """One of its children; `None` when there is none of that name."""
        raise NotImplementedError

    def created_seconds(self) -> float:
        """When it came to be, in seconds since 1970."""
        raise NotImplementedError

    def store(self) -> Store:
        """Where it is read from."""
        found: Store = self._above.store()
        return found

    def attempt_asked(self) -> int | None:
        """The requested attempt of a task or an artifact; `None` for the default."""
        return None

    def belongs(self, namespace: str | None) -> bool:
        """Whether it is in a namespace. A run without a recorded user is in every namespace."""
        return bool(self._above.belongs(namespace))

    def _html(self, function: str) -> str:
        """What a function of `run_html` makes of it."""
        try:
            from flowc.client import run_html
        except ImportError:  # containers have no notebooks
            return f"<code>{self}</code>"
        found: str = getattr(run_html, function)(self)
        return found

    def _filtered(self, tags: tuple[str, ...]) -> Iterator[C]:
        wanted = set(tags)
        return (child for child in self if wanted <= getattr(child, "tags", wanted))

    def _become(self, other: Entity[Any, Any]) -> None:
        """Be the entity that was found."""
        self.__dict__.update(other.__dict__)

    def _split(self, pathspec: str, count: int) -> List[str]:
        """The parts of a pathspec. Raises InvalidPathspec."""
        parts = pathspec.split("/")
        if len(parts) != count or not all(parts) or not {".", ".."}.isdisjoint(parts) or "\0" in pathspec:
            raise InvalidPathspec(f"Expects {self._FORM}, not {pathspec!r}")
        return parts

    def _require(self, above: Entity[Any, Any], name: str, form: str) -> Any:
        """A child by its name. Raises NotFound."""
        child = above.child(name)
        if child is None:
            raise NotFound(f"{form} does not exist in {above.store().url}")
        return child

    def _check_namespace(self, check: bool) -> None:
        """Raises NamespaceMismatch when it is somebody else's."""
        from flowc.client.namespaces import get_namespace

        self.checked = check
        if check and not self.belongs(get_namespace()):
            raise NamespaceMismatch(get_namespace())


def local_time(seconds: float) -> datetime:
    """Seconds since 1970 as Metaflow gives times: local, without a zone."""
    from datetime import datetime

    return datetime.fromtimestamp(seconds)


def _reopen(cls: Any, pathspec: str, root: str, attempt: int | None, trusted: bool = True) -> Any:
    """What a pickle of the client's objects calls: they are read again from their store."""
    options = {} if attempt is None else {"attempt": attempt}
    return cls(pathspec, root=root, trusted=trusted, _namespace_check=False, **options)
