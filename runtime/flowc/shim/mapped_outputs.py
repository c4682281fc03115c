"""The outputs of steps that an argument reads: of one task, or of all tasks of a map, in their shape."""

from __future__ import annotations

from functools import partial

from flowc.errors import MissingInput, ProtocolError
from flowc.store import artifacts
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.store.artifacts import Ref
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

    Shape = Any
    """An index path, or a list of shapes."""


THREADS = 32
"""Manifests or values that are read at a time where each costs a network round trip."""
_SHOWN = 10


class Outputs:
    """The outputs of a run's tasks. Attempts are looked up once; values are loaded when they are used."""

    def __init__(self, layout: RunLayout, plan: Plan) -> None:
        self._layout = layout
        self._plan = plan
        self._found: Dict[Tuple[str, Path, int], Tuple[Shape, Dict[Path, Document]]] = {}
        self._values: Dict[Tuple[str, str, Path], Any] = {}

    def find(self, step: PlanStep, base: Path, levels: int) -> List[Path]:
        """Read the manifests of the tasks of a step at or below an index path, and return their paths.

        Raises MissingInput, naming tasks.
        """
        return list(self._tasks(step, base, levels)[1])

    def value(self, step: PlanStep, name: str, base: Path, levels: int) -> Any:
        """An output of the task at `base`; with levels, the list of those below it, nested as deep."""
        shape, manifests = self._tasks(step, base, levels)
        wanted = [path for path in manifests if (step.name, name, path) not in self._values]
        load = partial(self._load, step, name, manifests)
        for path, value in zip(wanted, self._each(load, wanted)):
            self._values[step.name, name, path] = value
        return self._shaped(step.name, name, shape)

    def identities(self, step: PlanStep, name: str, base: Path, levels: int) -> Any:
        """As `value`, with what each output is the same by in its place; nothing is loaded."""
        shape, manifests = self._tasks(step, base, levels)

        def look(part: Shape) -> Any:
            if isinstance(part, tuple):
                return artifacts.identity(manifests[part]["artifacts"].get(name))
            return [look(inner) for inner in part]

        return look(shape)

    def _shaped(self, step: str, name: str, shape: Shape) -> Any:
        if isinstance(shape, tuple):
            return self._values[step, name, shape]
        return [self._shaped(step, name, part) for part in shape]

    def _load(self, step: PlanStep, name: str, manifests: Dict[Path, Document], path: Path) -> Any:
        refs: Dict[str, Ref] = manifests[path]["artifacts"]
        if name not in refs:
            known = ", ".join(refs) or "none"
            raise ProtocolError(f"task {task_id(step.name, path)} has no output {name!r}; it has {known}")
        return artifacts.load(self._layout.store, self._plan.flow, name, refs[name])

    def _tasks(self, step: PlanStep, base: Path, levels: int) -> Tuple[Shape, Dict[Path, Document]]:
        key = (step.name, base, levels)
        if key not in self._found:
            if levels:
                self._found[key] = self._read_below(step, base, levels)
            else:
                self._found[key] = base, {base: self._layout.manifest(step.name, base)}
        return self._found[key]

    def _read_below(self, step: PlanStep, base: Path, levels: int) -> Tuple[Shape, Dict[Path, Document]]:
        openers = self._plan.openers(step)[step.depth - levels :]
        attempts: Dict[Path, int | None] = {}
        every = self._layout.latest_of_step(step.name) if levels > 1 and self._layout.store.remote else None
        shape = self._shape(step, base, openers, attempts, every)
        missing = [task_id(step.name, path) for path, attempt in attempts.items() if attempt is None]
        if missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise MissingInput(
                f"{len(missing)} of {len(attempts)} tasks of step {step.name!r} have not finished: "
                f"{', '.join(missing[:_SHOWN])}{more} (run {self._layout.flow}/{self._layout.run} "
                f"in {self._layout.store.url})"
            )
        paths = list(attempts)
        read = self._each(lambda path: self._layout.manifest(step.name, path, attempts[path]), paths)
        return shape, dict(zip(paths, read))

    def _shape(
        self,
        step: PlanStep,
        base: Path,
        openers: List[PlanStep],
        attempts: Dict[Path, int | None],
        every: Dict[Path, int] | None,
    ) -> Shape:
        """The index paths below `base` in nested lists; the attempt to read of each goes into `attempts`."""
        count: int = self._layout.manifest(openers[0].name, base)["foreach"]["count"]
        paths = [(*base, index) for index in succeeded_items(self._layout, self._plan, openers[0].name, base, count)]
        if len(openers) > 1:
            return [self._shape(step, path, openers[1:], attempts, every) for path in paths]
        if every is not None:
            attempts.update((path, every.get(path)) for path in paths)
        else:
            found = self._layout.latest_children(step.name, base, count)
            attempts.update((path, found.get(path[-1])) for path in paths)
        return paths

    def _each(self, read: Callable[[Path], Any], paths: List[Path]) -> List[Any]:
        """`read` of every path; of a remote store a number of them at once."""
        if len(paths) < 2 or not self._layout.store.remote:
            return [read(path) for path in paths]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(THREADS, len(paths))) as pool:
            return list(pool.map(read, paths))


def succeeded_items(layout: RunLayout, plan: Plan, opener: str, base: Path, count: int) -> List[int]:
    """The items of a foreach whose results there are: all of them, unless some may fail."""
    if plan.step(opener).min_success is None:
        return list(range(count))
    from flowc.shim.failed_items import failed_indices

    failed = failed_indices(layout, plan, opener, base)
    return [index for index in range(count) if index not in failed]
