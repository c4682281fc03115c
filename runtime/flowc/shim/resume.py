"""Taking over what an earlier run has finished: which of its tasks count in a new run of the flow, and their manifests.

Nothing but manifests is copied, and they are not changed: artifacts are stored by content, and a manifest's `run` goes
on naming the run that the task ran in. What can be taken over is decided from the store and the plan alone.
"""

from __future__ import annotations

from functools import partial

from flowc.errors import CorruptArtifact
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from concurrent.futures import ThreadPoolExecutor
    from typing import Any, Dict, FrozenSet, List, Tuple

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.store.run_layout import Document, Path, RunLayout

THREADS = 32
"""Manifests that are copied at a time where each costs a network round trip."""
PARAMETERS = "parameters.json"
RESUMED = "resumed.json"
"""Beside the steps of a run; the second once a resumed run has taken over what it can."""
ORIGIN = "origin.json"
"""Which run is resumed, where no engine writes that down."""
MARK = "from-"
"""Begins the name of the file beside a manifest that a task took over itself; the id of the run it is of follows."""


class Origin:
    """The run that is resumed. A task of it is asked for only when every task before it was taken over, too."""

    def __init__(self, source: RunLayout, plan: Plan, rerun: Collection[str] = (), *, alone: bool = False) -> None:
        """`rerun` names steps that run again, whatever came of them.

        `alone` is for a task that looks for itself only: it lists no other tasks, and marks what it takes.
        """
        self._source = source
        self._plan = plan
        self._rerun = rerun
        self._alone = alone
        self._listed: Dict[str, Dict[Path, int]] = {}
        self._gang: Tuple[str, Path, bool] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self.damaged: List[str] = []
        """What is to be told of tasks whose manifests cannot be read."""

    def close(self) -> None:
        """Release the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def take(self, target: RunLayout, tasks: List[Tuple[str, Path]]) -> List[Document | None]:
        """Take over the tasks that can be: their manifests, then in the new run as well; `None` for one that must run.

        Raises StoreError.
        """
        found = [(step, path, self._attempt(step, path)) for step, path in tasks]
        if self._alone or not self._source.store.remote:
            return [self._copy(target, task) for task in found]
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(THREADS)
        return list(self._pool.map(partial(self._copy, target), found))

    def _attempt(self, name: str, path: Path) -> int | None:
        """The attempt to take over, as far as can be told without its manifest."""
        if name in self._rerun:
            return None
        attempt = self._committed(name, path)
        if attempt is None or not self._gang_is_whole(self._plan.step(name), path):
            return None
        return attempt

    def _copy(self, target: RunLayout, task: Tuple[str, Path, int | None]) -> Document | None:
        name, path, attempt = task
        if attempt is None:
            return None
        try:
            manifest = self._source.manifest(name, path, attempt)
        except CorruptArtifact as error:
            self.damaged.append(f"task {task_id(name, path)} is run again: {error}")
            return None
        if not agrees(self._plan.step(name), manifest):
            return None
        if self._plan.is_first(self._plan.step(name)):
            from flowc.shim.graph_info import record_graph

            record_graph(target, self._plan)  # as the start task would
        if self._alone:
            mark = f"{target.folder(name, path, attempt)}/{MARK}{manifest['run']}"
            target.write_json(mark, {"run": manifest["run"], "by": self._source.run})
        target.commit(name, path, attempt, manifest)
        return manifest

    def _committed(self, name: str, path: Path) -> int | None:
        """The committed attempt of a task; a remote store is listed once a step."""
        if self._alone or not self._source.store.remote:
            return self._source.latest(name, path)
        if name not in self._listed:
            self._listed[name] = self._source.latest_of_step(name)
        return self._listed[name].get(path)

    def _gang_is_whole(self, step: PlanStep, path: Path) -> bool:
        """Members of a gang work together: unless all of them have finished, all run again."""
        openers = self._plan.openers(step)
        if step.kind == "join" or not openers or openers[-1].kind != "parallel":
            return True
        base = step.foreach_path(path)[:-1]
        if self._gang is None or self._gang[:2] != (step.name, base):
            count = self._source.manifest(openers[-1].name, base)["foreach"]["count"]
            if self._alone:
                whole = len(self._source.latest_children(step.name, base, count)) == count
            else:
                whole = all(self._committed(step.name, (*base, i)) is not None for i in range(count))
            self._gang = (step.name, base, whole)
        return self._gang[2]


def agrees(step: PlanStep, manifest: Document) -> bool:
    """Whether a task went on in a way that the flow, which may have been changed since, still knows."""
    foreach: Dict[str, Any] | None = manifest.get("foreach")
    choice: str | None = manifest.get("choice")
    if step.fans_out:
        fans = step.fan is not None
        return foreach is not None and foreach.get("variable") == step.foreach_var and ("fan" in foreach) is fans
    if step.kind == "switch":
        return choice in step.next or (step.loops and choice == step.name)
    return foreach is None and choice is None


def origin_of(run: RunLayout) -> Tuple[str | None, FrozenSet[str]]:
    """The id of the run that a run resumes, if it resumes one, and the steps that it was to run again.

    Raises StoreError.
    """
    for name in (ORIGIN, "run.json"):
        document = run.read_json(f"{run.prefix}/{name}")
        if document is not None and document.get("origin"):
            return str(document["origin"]), frozenset(document.get("rerun", ()))
    return None, frozenset()


def keep_parameters(run: RunLayout, refs: Dict[str, Any]) -> None:
    """Write down a run's parameters, as references, before its start task runs the user's code."""
    run.write_json(f"{run.prefix}/{PARAMETERS}", {"version": 1, "parameters": refs})


def kept_parameters(run: RunLayout) -> Dict[str, Any] | None:
    """The parameters that were written down; `None` when the run ended before it had any."""
    document = run.read_json(f"{run.prefix}/{PARAMETERS}")
    return None if document is None else document["parameters"]
