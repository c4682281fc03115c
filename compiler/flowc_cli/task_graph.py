"""The graph of a run as its start task wrote it down: which tasks come right before a task, by their index paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

TaskKey = tuple[str, tuple[int, ...]]
"""A step and an index path."""
Held = Mapping[str, Mapping[tuple[int, ...], None]]
"""Index paths of some tasks, by step."""


class TaskGraph:
    """Steps without tasks, which only hold the graph together, are passed over."""

    def __init__(self, graph: Document) -> None:
        """`graph` is the contents of `graph.json`; empty where there is none, and then nothing comes before a task."""
        self._steps: Mapping[str, Mapping[str, Any]] = graph.get("steps", {})
        self.start: str | None = graph.get("start")
        self._previous: dict[str, list[str]] = {}
        for name, step in self._steps.items():
            for target in step["next"]:
                if target != name:
                    self._previous.setdefault(target, []).append(name)
        self._parents: dict[str, list[str]] = {}
        self._by_place: dict[tuple[int, str, int], dict[Path, list[Path]]] = {}
        self.is_pipeline = any("outputs" in step for step in self._steps.values())

    @staticmethod
    def index(keys: Iterable[TaskKey]) -> Held:
        """Tasks by their steps."""
        found: defaultdict[str, dict[Path, None]] = defaultdict(dict)
        for step, path in keys:
            found[step][path] = None
        return found

    def names(self, others: Iterable[str]) -> list[str]:
        """The steps so that each comes after those that lead to it; `others` at the end, unless they are among them."""
        return list(dict.fromkeys(["", *self._order, *others]))

    @cached_property
    def _order(self) -> list[str]:
        waiting = {name: len(self._previous.get(name, ())) for name in self._steps}
        found = [name for name, count in waiting.items() if not count]
        for name in found:  # it grows
            for target in self._steps[name]["next"]:
                if target != name and target in waiting:
                    waiting[target] -= 1
                    if not waiting[target]:
                        found.append(target)
        return list(dict.fromkeys([*found, *self._steps]))

    def is_join(self, step: str) -> bool:
        """Whether it takes the inputs of a foreach, a gang or branches."""
        return str(self._steps.get(step, {}).get("type")) == "join" or "closes" in self._steps.get(step, {})

    def parents(self, step: str) -> list[str]:
        """The steps right before a step that have tasks, without the step itself."""
        if step not in self._parents:
            found = list(self._previous.get(step, ()))
            for parent in found:  # it grows
                if self._is_virtual(parent):
                    found += [other for other in self._previous.get(parent, ()) if other not in found]
            self._parents[step] = [parent for parent in found if not self._is_virtual(parent)]
        return self._parents[step]

    def opens(self, opener: str, step: str) -> bool:
        """Whether the tasks of a step are given an item each of the foreach that another opens."""
        kind = str(self._steps.get(opener, {}).get("type", ""))
        return kind in ("split-foreach", "split-parallel") and step in self._following([opener])

    def ancestors(self, step: str) -> list[str]:
        """All other steps that lead to a step, in their order."""
        found, waiting = set[str](), [step]
        while waiting:
            for parent in self._previous.get(waiting.pop(), ()):
                if parent not in found:
                    found.add(parent)
                    waiting.append(parent)
        return [name for name in self._order if name in found and name != step]

    def before(self, key: TaskKey, held: Held, choice: Callable[[TaskKey], str | None]) -> Iterator[TaskKey]:
        """Those of some tasks that a task starts from. `choice` is what a task of a switch has chosen."""
        step, path = key
        if self._loops(step) and path and path[-1]:
            before = (step, (*path[:-1], path[-1] - 1))
            if before[1] in held.get(step, ()):
                yield before
            return
        for parent in self.parents(step):
            for found in self.related(parent, key, held):
                chosen = choice(found)
                if chosen is None or step in self._following([chosen], itself=True):
                    yield found

    def related(self, step: str, key: TaskKey, held: Held) -> Iterator[TaskKey]:
        """Those of the tasks of a step that are within the same items as a task, as far as both are."""
        paths = held.get(step, {})
        if not paths:
            return
        place = self._place(*key)
        shared = min(len(self._place(step, next(iter(paths)))), len(place))
        index = (id(held), step, shared)
        if index not in self._by_place:
            by_place: defaultdict[Path, list[Path]] = defaultdict(list)
            for path in paths:
                by_place[path[:shared]].append(path)
            self._by_place[index] = by_place
        for path in self._by_place[index].get(place[:shared], ()):
            yield step, path

    def _place(self, step: str, path: Path) -> Path:
        """An index path without the iteration of a loop."""
        return path[:-1] if self._loops(step) else path

    def _following(self, names: list[str], *, itself: bool = False) -> set[str]:
        """The next steps that have tasks; with `itself` those of the names, or what follows where they have none."""
        found = list(names) if itself else [target for name in names for target in self._next(name)]
        for name in found:  # it grows
            if self._is_virtual(name):
                found += [other for other in self._next(name) if other not in found]
        return {name for name in found if not self._is_virtual(name)}

    def _next(self, name: str) -> list[str]:
        return list(self._steps.get(name, {}).get("next", ()))

    def _loops(self, step: str) -> bool:
        return bool(self._steps.get(step, {}).get("loops"))

    def _is_virtual(self, step: str) -> bool:
        return bool(self._steps.get(step, {}).get("virtual"))
