"""A resumed run on an engine that knows nothing of it: each task looks for itself whether the origin has done its work.

Every task of the run is started. One whose work is done takes over the manifest of the run that is resumed instead of
running, provided that whatever came before it was taken over as well; the first one that has to run, and all that
follow from it, run. A mark beside a manifest says which run it is from, so that what came before is looked up by
listing folders, and a join of thousands reads none of their manifests.

What a resumed run had not come to take over may be in the run that it resumed itself, and so on: those are asked one
after the other, each only where nothing that came before is from a later one.
"""

from __future__ import annotations

import os
import sys

from flowc.errors import ParameterError, ProtocolError
from flowc.protocol import env_names
from flowc.shim.resume import MARK, ORIGIN, Origin, keep_parameters, kept_parameters, origin_of
from flowc.store.run_layout import MANIFEST, index_text, task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, FrozenSet, Iterator, List, Set, Tuple

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.store.run_layout import Document, Path, RunLayout


def take_over(layout: RunLayout, plan: Plan, step: PlanStep, path: Path) -> Document | None:
    """The manifest that the task took over from the run that FLOWC_ORIGIN_RUN_ID names; `None` where it has to run.

    Raises ProtocolError where there is no such run, and StoreError.
    """
    origin, rerun = _asked(plan)
    source: RunLayout | None = layout.of_run(origin)
    first = plan.is_first(step) and not (step.loops and path[-1])
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
        older, again = origin_of(source)
        rerun |= again
        source = layout.of_run(older) if older is not None else None
    return None


def _asked(plan: Plan) -> Tuple[str, FrozenSet[str]]:
    """The id of the run that is resumed, and the steps that run again whatever came of them.

    The variable is `RUN`, `Flow/RUN`, or either with `/STEP,STEP` behind it. Raises ProtocolError.
    """
    text = os.environ[env_names.ORIGIN_RUN_ID].strip()
    run, _, steps = (text[len(plan.flow) + 1 :] if text.startswith(f"{plan.flow}/") else text).partition("/")
    steps += "," + os.environ.get(env_names.RERUN_STEPS, "")
    rerun = frozenset(filter(None, (name.strip() for name in steps.split(","))))
    if run in ("", "data", ".", ".."):
        raise ProtocolError(f"{text!r} is no run that could be resumed: it is named by its id, or as {plan.flow}/ID")
    unknown = sorted(rerun - set(plan.steps))
    if unknown:
        known = ", ".join(plan.steps)
        raise ProtocolError(f"there is no step {unknown[0]!r} to run again; flow {plan.flow} has {known}")
    os.environ.update({env_names.ORIGIN_RUN_ID: run, env_names.RERUN_STEPS: ",".join(sorted(rerun))})
    return run, rerun


def _begin(layout: RunLayout, plan: Plan, source: RunLayout, rerun: FrozenSet[str]) -> None:
    """What the first task does for the run: it says which run is resumed, and keeps the parameters of that."""
    store = layout.store
    if not store.children(source.prefix):
        raise ProtocolError(f"there is no run {source.run!r} of flow {plan.flow} in {store.url} that could be resumed")
    layout.write_json(f"{layout.prefix}/{ORIGIN}", {"version": 1, "origin": source.run, "rerun": sorted(rerun)})
    kept = kept_parameters(source)
    if kept is None:
        return
    if kept and kept_parameters(layout) is None:
        _say(f"the parameters are those of run {source.run}: {', '.join(kept)}")
    keep_parameters(layout, kept)
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
        if parent.virtual:
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
