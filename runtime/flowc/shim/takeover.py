"""Resuming on an engine without support for it: each task checks whether the resumed run has done its work.

Every task of the run is started. One whose work is done takes over the manifest of the run that is resumed instead of
running, provided that whatever came before it was taken over as well; the first one that has to run, and all that
follow from it, run. A mark beside a manifest says which run it is from, so that what came before is looked up by
listing folders, and a join of thousands reads none of their manifests.

What the resumed run did not take over itself may be in the run that it resumed, and so on. These runs are searched in
order, each only where no task before this one is from a later run.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from functools import partial

from flowc.errors import CorruptArtifact, MissingInput, NewerFormat, ParameterError, ProtocolError
from flowc.protocol import env_names
from flowc.protocol.scheduled import scheduled_text
from flowc.store import artifacts
from flowc.store.documents import DATA, MANIFEST, MARK, ORIGIN, PARAMETERS
from flowc.store.run_layout import index_text, is_partial, task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Collection
    from concurrent.futures import ThreadPoolExecutor
    from typing import Any, Dict, FrozenSet, Iterator, List, Set, Tuple

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

LARGE = 1 << 23
"""Bytes of a value that is verified while no other of its kind is."""
THREADS = 32
"""Manifests that are copied at a time where each costs a network round trip."""


def take_over(layout: RunLayout, plan: Plan, step: PlanStep, path: Path) -> Document | None:
    """The manifest that the task took over from the run that FLOWC_ORIGIN_RUN_ID names; `None` where it has to run.

    Raises ProtocolError where there is no such run, and StoreError.
    """
    origin, rerun = _asked(plan)
    source: RunLayout | None = layout.of_run(origin)
    first = plan.is_first(step) and not (step.loops and path[-1])
    if not scheduled_text(os.environ):
        os.environ[env_names.SCHEDULED] = layout.of_run(origin).scheduled()
    if first:
        _begin(layout, plan, layout.of_run(origin), rerun)
    before = frozenset[str]() if first else _before(layout, plan, step, path)
    if before is None:
        return None
    later: Set[str] = set()
    while source is not None and not before & later and len(later) < 100:
        taken = Origin(source, plan, rerun, alone=True).take(layout, [(step.name, path)])[0]
        if taken is not None:
            _say(f"task {task_id(step.name, path)} is taken over from run {taken['run']}, and not run again")
            return taken
        later.add(source.run)
        older, again = source.origin()
        rerun |= again
        source = layout.of_run(older) if older is not None and older not in later else None
    return None


def _asked(plan: Plan) -> Tuple[str, FrozenSet[str]]:
    """The id of the run that is resumed, and the steps that run again whatever came of them.

    The variable is `RUN`, `Flow/RUN`, or either with `/STEP,STEP` behind it. Raises ProtocolError.
    """
    text = os.environ[env_names.ORIGIN_RUN_ID].strip()
    run, _, steps = (text[len(plan.flow) + 1 :] if text.startswith(f"{plan.flow}/") else text).partition("/")
    steps += "," + os.environ.get(env_names.RERUN_STEPS, "")
    rerun = frozenset(filter(None, (name.strip() for name in steps.split(","))))
    if run in ("", DATA, ".", ".."):
        raise ProtocolError(f"{text!r} does not name a run to resume; write its id, or {plan.flow}/ID")
    unknown = sorted(rerun - set(plan.steps))
    if unknown:
        known = ", ".join(plan.steps)
        raise ProtocolError(f"cannot run step {unknown[0]!r} again: flow {plan.flow} has only {known}")
    os.environ.update({env_names.ORIGIN_RUN_ID: run, env_names.RERUN_STEPS: ",".join(sorted(rerun))})
    return run, rerun


def _begin(layout: RunLayout, plan: Plan, source: RunLayout, rerun: FrozenSet[str]) -> None:
    """The first task records which run is resumed, and keeps that run's parameters."""
    store = layout.store
    names = store.found_at_last(lambda: store.children(source.prefix), bool)
    if not names or is_partial(names):
        why = "it is being imported or removed" if names else f"it is not in {store.url}"
        raise ProtocolError(f"cannot resume run {source.run!r} of flow {plan.flow}: {why}")
    layout.write_json(f"{layout.prefix}/{ORIGIN}", {"version": 1, "origin": source.run, "rerun": sorted(rerun)})
    if os.environ.get(env_names.SCHEDULED):
        from flowc.shim.task_runner import record_schedule

        record_schedule(layout, plan)
    kept = source.kept_parameters()
    if kept is None:
        return
    if kept and not store.exists(f"{layout.prefix}/{PARAMETERS}"):
        _say(f"the parameters are those of run {source.run}: {', '.join(kept)}")
    layout.keep_parameters(kept)
    declared = [*plan.parameters, *plan.configs.values()]
    missing = [entry.get("name", entry["attribute"]) for entry in declared if entry["attribute"] not in kept]
    if missing and plan.start not in rerun and source.latest(plan.start, _begins(plan.step(plan.start))) is not None:
        raise ParameterError(
            f"parameter {missing[0]!r} had no value in run {source.run}, which is resumed; "
            f"run step {plan.start!r} again, where it gets its default, or start anew"
        )


def _begins(step: PlanStep) -> Path:
    return (0,) if step.loops else ()


def _before(layout: RunLayout, plan: Plan, step: PlanStep, path: Path) -> FrozenSet[str] | None:
    """The runs that the tasks before this one were taken over from; `None` when one of them has run in this run."""
    found: Set[str] = set()
    for parent, paths in _tasks_before(layout, plan, step, path):
        for run in _runs(layout, parent, paths):
            if run is None:
                return None
            found.add(run)
    return frozenset(found) or None


def _tasks_before(layout: RunLayout, plan: Plan, step: PlanStep, path: Path) -> Iterator[Tuple[PlanStep, List[Path]]]:
    """The tasks that lead to this one; of arms of a switch also those that did not run."""
    if step.loops and path[-1]:
        yield step, [(*path[:-1], path[-1] - 1)]
        return
    path = step.foreach_path(path)
    fans_in = step.kind == "join" and step.closes_kind in ("foreach", "parallel")
    count = 0
    if fans_in:
        opener = plan.step(step.closes or "")
        count = layout.manifest(opener.name, path)["foreach"]["count"]
        if not count:
            yield opener, [path]
            return
    for name in step.parents:
        parent = plan.step(name)
        joins = step.kind == "join"
        paths = [(*path, i) for i in range(count)] if fans_in else [path if joins else plan.parent_path(parent, path)]
        if parent.synthetic:
            for each in paths:
                yield from _tasks_before(layout, plan, parent, each)
        else:
            yield parent, paths


def _runs(layout: RunLayout, step: PlanStep, paths: List[Path]) -> Iterator[str | None]:
    """For each of these tasks of a step that has finished, the run it was taken over from; `None` is this one."""
    if len(paths) > 1:
        prefix = f"{layout.prefix}/{step.name}/{''.join(f'{i}.' for i in paths[0][:-1])}"
        wanted = {index_text(path) for path in paths}
    else:
        last = layout.latest_iteration(step.name, paths[0]) if step.loops and len(paths[0]) < step.depth else None
        index = index_text(paths[0] if last is None else (*paths[0], last))
        prefix, wanted = f"{layout.prefix}/{step.name}/{index}/", {index}
    start = len(f"{layout.prefix}/{step.name}/")
    names: Dict[Tuple[str, int], List[str]] = {}
    for key in layout.store.keys(prefix):
        parts = key[start:].split("/")
        if len(parts) == 3 and parts[0] in wanted and parts[1].isdigit():
            names.setdefault((parts[0], int(parts[1])), []).append(parts[2])
    committed: Dict[str, int] = {}
    for (index, attempt), files in names.items():
        if MANIFEST in files:
            committed[index] = max(attempt, committed.get(index, 0))
    for index, attempt in committed.items():
        marks = (name[len(MARK) :] for name in names[index, attempt] if name.startswith(MARK))
        yield next(marks, None)


def _say(text: str) -> None:
    sys.stderr.write(f"flowc: {text}\n")


class Origin:
    """The run that is resumed. A task can be taken over only if every task before it was taken over."""

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
        self._checked: Dict[str, str] = {}
        self._locks: Dict[str, LockType] = {}
        self._large = allocate_lock()
        self._pool: ThreadPoolExecutor | None = None
        self.damaged: List[str] = []
        """Messages about tasks whose manifests or values cannot be read."""

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
        """The attempt to take over, as far as known without its manifest."""
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
        manifest = self._sound(name, path, attempt)
        if manifest is None:
            return None
        planned = self._plan.step(name)
        if not (self._is_settled(planned, path) if "failed" in manifest else agrees(planned, manifest)):
            return None
        if self._plan.is_first(self._plan.step(name)):
            from flowc.shim.code_record import record_code
            from flowc.shim.graph_info import record_graph

            record_code(target, self._plan)
            record_graph(target, self._plan)  # as the start task would
        if self._alone:
            mark = f"{target.folder(name, path, attempt)}/{MARK}{manifest['run']}"
            target.write_json(mark, {"run": manifest["run"], "by": self._source.run})
        if target.flow != self._source.flow:
            for variable, ref in artifacts.referenced(manifest):
                copy_value(self._source, target, variable, ref)
        target.commit(name, path, attempt, manifest)
        return manifest

    def _is_settled(self, step: PlanStep, path: Path) -> bool:
        """Whether the item of a task that has failed stays so: the join behind it has been content without it."""
        openers = self._plan.openers(step)
        around = next((opener for opener in reversed(openers) if opener.min_success is not None), None)
        if around is None:
            return False
        join = next(other.name for other in self._plan.steps.values() if other.closes == around.name)
        attempt = self._committed(join, path[: around.depth])
        return attempt is not None and "failed" not in self._source.manifest(join, path[: around.depth], attempt)

    def _sound(self, name: str, path: Path, attempt: int) -> Document | None:
        """The manifest of a task whose values are all there, as they were stored; each is read once."""
        try:
            manifest = self._source.manifest(name, path, attempt)
            for variable, ref in artifacts.referenced(manifest):
                self._check_value(variable, ref)
            foreach: Dict[str, Any] = manifest.get("foreach", {})
            if foreach:
                artifacts.check_items(self._source.store, self._source.flow, foreach.get("variable", ""), foreach)
        except NewerFormat:
            raise  # its values are sound: to run the task again would hide that
        except (CorruptArtifact, MissingInput) as error:
            note = f"task {task_id(name, path)} is run again: {error}"
            if note not in self.damaged:
                self.damaged.append(note)
                if self._alone:
                    _say(note)
            return None
        return manifest

    def _check_value(self, name: str, ref: Dict[str, Any]) -> None:
        if "hash" not in ref or "inline" in ref:
            return
        digest = str(ref["hash"])
        # Tasks of a foreach have many values in common. Large values are in memory one at a time.
        large = ref["size"] > LARGE
        with self._large if large else self._locks.setdefault(digest, allocate_lock()):
            if digest not in self._checked:
                try:
                    artifacts.check_stored(self._source.store, self._source.flow, name, ref)
                    self._checked[digest] = ""
                except CorruptArtifact as error:
                    self._checked[digest] = str(error)
        if self._checked[digest]:
            raise CorruptArtifact(self._checked[digest])

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
                ended: Dict[int, int | None] = {**self._source.latest_children(step.name, base, count)}
            else:
                ended = {i: self._committed(step.name, (*base, i)) for i in range(count)}
            attempts = [ended.get(i) for i in range(count)]
            whole = all(attempt is not None for attempt in attempts) and all(
                self._sound(step.name, (*base, i), attempt) is not None
                for i, attempt in enumerate(attempts)
                if attempt is not None
            )
            self._gang = (step.name, base, whole)
        return self._gang[2]


def copy_value(source: RunLayout, target: RunLayout, name: str, ref: Dict[str, Any]) -> None:
    """Copy a value to the flow of another run, which finds its values under its own name. Raises StoreError."""
    if target.flow == source.flow or "hash" not in ref or "inline" in ref:
        return
    key = artifacts.data_key(target.flow, ref["hash"])
    if not target.store.is_complete(key, ref["size"]):
        artifacts.check_stored(source.store, source.flow, name, ref)
        target.store.write(key, [source.store.read_known(artifacts.data_key(source.flow, ref["hash"]))])


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
