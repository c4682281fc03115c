"""What a step that is tried alone starts from: an earlier run that has it, values that were given, or both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowc.errors import CorruptArtifact, FlowError, MissingInput, StoreError
from flowc.shim.argument_values import Values
from flowc.shim.join import input_states
from flowc.shim.task_inputs import predecessor
from flowc.shim.task_state import TaskState
from flowc.store import LAYERED, artifacts, open_store
from flowc.store.documents import ERROR_RECORD, MANIFEST
from flowc.store.file_store import FileStore
from flowc.store.layered_store import LAYER_FILE, OWN_FOLDER
from flowc.store.run_layout import RunLayout, index_text, parse_index, task_id
from flowc_compiler.diagnostics import FlowcError
from flowc_targets.local.resumption import find_layout
from flowc_targets.local.run_record import raise_unusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.store import Store
    from flowc.store.artifacts import Ref

    IndexPath = tuple[int, ...]

MOST_RUNS = 20
"""How many runs are looked at for one that has what the step needs."""


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value that was given for an artifact, or for an argument of a pipeline's step."""

    name: str
    value: object = None
    pickled: bytes | None = None
    """What somebody has pickled, in the place of `value`."""
    step: str | None = None
    """The step whose artifact it is; `None` for any, as far as the tried step sees it."""
    number: int | None = None
    """The number of the join's input whose artifact it is."""

    def store(self, store: Store, flow: str) -> Ref:
        """Store it, and return the reference to it. Raises FlowError for what cannot be stored."""
        if self.pickled is not None:
            return artifacts.save_pickle(store, flow, self.pickled)
        return artifacts.save(store, flow, self.name, self.value)


@dataclass(frozen=True, slots=True)
class TryOptions:
    """What is tried, and on what."""

    step: str
    index: str | None = None
    run: str | None = None
    """The id of the run that has the inputs; by default the latest that has them."""
    alone: bool = False
    """Whether there are no inputs but those that are given."""
    given: tuple[GivenValue, ...] = ()
    item: GivenValue | None = None
    """The item of the foreach around the step."""
    keep: bool = False
    """Whether what the step has set stays, as a run of its own."""
    post_mortem: bool = False
    """Whether the debugger begins where the step fails."""
    attempt: int = 0
    """The number that `current.retry_count` gives."""


@dataclass(frozen=True, slots=True)
class TaskInputs:
    """The task to run, and the run that has its inputs."""

    step: PlanStep
    path: IndexPath
    origin: RunLayout | None
    """`None` where it starts from nothing but what was given."""


def is_start(plan: Plan, step: PlanStep, path: IndexPath) -> bool:
    """Whether nothing comes before a task."""
    return plan.is_first(step) and not (step.loops and any(path))


def find_inputs(plan: Plan, tried: TryOptions, root: str) -> TaskInputs:
    """The task to run, and the run that it starts from: by default the latest that has its inputs.

    Raises FlowcError: FC601 for the root, FC602 for no such
    run, FC614 for inputs that no run has.
    """
    name, run = tried.step, tried.run
    step = plan.step(name)
    path = None if tried.index is None else _parsed(step, tried.index)
    given = frozenset(value.name for value in tried.given if value.step is None and value.number is None)
    if tried.alone or (run is None and is_start(plan, step, path or ())):
        return TaskInputs(step, path if path is not None else (0,) * step.depth, None)
    try:
        store = open_store(root)
        problem = ""
        for layout in _candidates(plan, store, root, run):
            chosen = path if path is not None else _default_path(layout, step)
            try:
                check_inputs(layout, plan, step, chosen, given)
            except (MissingInput, CorruptArtifact) as error:
                problem = problem or str(error)
            else:
                return TaskInputs(step, chosen, layout)
    except StoreError as error:
        raise_unusable(root, error)
    what = f"run {run}" if run is not None else f"none of the latest runs of {plan.flow} in {store.url}"
    message = f"{what} has what step `{name}` needs" if run is None else f"{what} does not have what `{name}` needs"
    way_out = "run the flow first, name another run with --run, or give values: --no-run --artifact NAME=VALUE"
    raise FlowcError.of("FC614", f"{message}: {problem}", help=way_out)


def _parsed(step: PlanStep, index: str) -> IndexPath:
    try:
        path = parse_index(index)
    except ValueError:
        path = (-1,)
    if len(path) == step.depth and all(number >= 0 for number in path):
        return path
    numbers = f"{step.depth} numbers" if step.depth > 1 else "one number" if step.depth else "no index"
    example = f"write {step.name}/{'.'.join('0' * step.depth)}" if step.depth else f"write {step.name}"
    raise FlowcError.of("FC614", f"`{index}` is no index of step `{step.name}`, which has {numbers}", help=example)


def _candidates(plan: Plan, store: Store, root: str, run: str | None) -> Iterator[RunLayout]:
    """The run that was named, or the latest ones, the newest first. Raises FlowcError with FC602 if there is none."""
    if run is not None:
        yield find_layout(plan.flow, store, root, run, "FC602")
        return
    from flowc.client import Flow  # slow to import, and only needed here

    try:
        runs = Flow(plan.flow, root=root, trusted=False, _namespace_check=False).children()
    except (StoreError, CorruptArtifact):
        raise
    except FlowError:
        find_layout(plan.flow, store, root, None, "FC602")
        return
    for number, found in enumerate(runs):
        if number == MOST_RUNS:
            return
        yield RunLayout(store, plan.flow, found.id)


def _default_path(layout: RunLayout, step: PlanStep) -> IndexPath:
    """The index where none was given: that of the first task that has failed, else the first."""
    if not step.depth:
        return ()
    prefix = f"{layout.prefix}/{step.name}/"
    failed, done = set[tuple[int, ...]](), set[tuple[int, ...]]()
    for key in layout.store.keys(prefix):
        parts = key[len(prefix) :].split("/")
        if len(parts) == 3 and parts[2] in (ERROR_RECORD, MANIFEST):
            (done if parts[2] == MANIFEST else failed).add(parse_index(parts[0]))
    return min(failed - done, default=(0,) * step.depth)


def check_inputs(layout: RunLayout, plan: Plan, step: PlanStep, path: IndexPath, given: frozenset[str]) -> None:
    """Look for what a task starts from; of a pipeline's step `given` are arguments that need nothing.

    Raises MissingInput, naming tasks that have not finished.
    """
    for level, opener in enumerate(plan.openers(step)):
        count: int = layout.manifest(opener.name, path[:level])["foreach"]["count"]
        if path[level] >= count:
            task = task_id(step.name, path)
            raise MissingInput(f"there is no {task}: step {opener.name} has {count} items in run {layout.run}")
    if is_start(plan, step, path):
        return
    state = TaskState(layout, plan, step, path)
    if plan.is_of_pipeline(step):
        values = Values(state)
        for name, value in (step.call or {}).get("arguments", {}).items():
            if name not in given:
                values.require(value)
    elif step.kind == "join":
        before = layout.manifest(step.closes or "", path)
        input_states(state, 0 if step.closes_kind == "branch" else before["foreach"]["count"])
    else:
        predecessor(layout, plan, step, path)


def write_layer(
    folder: Path,
    plan: Plan,
    inputs: TaskInputs,
    run: str,
    root: str,
    given: Sequence[GivenValue],
    item: GivenValue | None,
) -> str:
    """Write down in a folder what `flowc.store.layered_store` reads. Returns the root of the tried run.

    What was given is stored in the folder, too, and the manifests of tasks that no run has.
    """
    own = FileStore(str(folder / OWN_FOLDER))
    refs = [
        {"step": value.step, "number": value.number, "name": value.name, "ref": value.store(own, plan.flow)}
        for value in given
    ]
    place = index_text(inputs.path)
    items = _items(own, plan, inputs, item) if item is not None else None
    layer = {
        "base": root,
        "flow": plan.flow,
        "run": run,
        "origin": inputs.origin.run if inputs.origin is not None else None,
        "hidden": f"{inputs.step.name}/{place}",
        "given": refs,
        "items": items,
    }
    (folder / LAYER_FILE).write_text(json.dumps(layer), encoding="utf-8")
    if inputs.origin is None:
        _write_alone(RunLayout(own, plan.flow, run), plan, inputs, refs, items)
    return f"{LAYERED}{folder}"


def _items(own: Store, plan: Plan, inputs: TaskInputs, item: GivenValue) -> dict[str, Any]:
    """The items of the innermost foreach around the task, all of them the one that was given."""
    openers = plan.openers(inputs.step)
    opener, path = openers[-1], inputs.path[: len(openers) - 1]
    count = inputs.path[len(openers) - 1] + 1
    if inputs.origin is not None:
        count = inputs.origin.manifest(opener.name, path)["foreach"]["count"]
    value = item.value
    if item.pickled is not None:
        import pickle

        value = pickle.loads(item.pickled)
    ref = artifacts.save_items(own, plan.flow, opener.foreach_var or opener.name, [value] * count)
    return {"step": opener.name, "index": index_text(path), "ref": ref}


def _write_alone(
    layout: RunLayout, plan: Plan, inputs: TaskInputs, refs: list[dict[str, Any]], items: dict[str, Any] | None
) -> None:
    """Commit the tasks that the task reads, as if they had set what was given and nothing else."""
    step, path = inputs.step, inputs.path
    found: dict[tuple[str, IndexPath], dict[str, Any]] = {}

    def add(name: str, at: IndexPath, number: int | None = None, **entries: Any) -> None:
        kept = [ref for ref in refs if ref["step"] in (None, name) and ref["number"] in (None, number)]
        document = found.setdefault((name, at), {"artifacts": {}, "parameters": {}})
        document["artifacts"].update((ref["name"], ref["ref"]) for ref in kept)
        document.update(entries)

    openers = plan.openers(step)
    for level, opener in enumerate(openers):
        last = items is not None and opener is openers[-1]
        ref = items["ref"] if items is not None and last else {"count": path[level] + 1}
        add(opener.name, path[:level], foreach={"variable": opener.foreach_var, **ref})
    if plan.is_of_pipeline(step):
        around = plan.call_around(step)
        add(plan.start if around is None else around["start"], path[: plan.base_depth(step)])
    elif step.kind == "join":
        _add_inputs(plan, step, path, refs, add)
    elif step.loops and path[-1]:
        add(step.name, (*path[:-1], path[-1] - 1), choice=step.name)
    elif not is_start(plan, step, path):
        parent = plan.step(step.parents[0])
        place = plan.parent_path(parent, path[:-1] if step.loops else path)
        choice: dict[str, Any] = {"choice": step.name} if parent.kind == "switch" else {}
        add(parent.name, (*place, 0) if parent.loops else place, **choice)
    for (name, at), document in found.items():
        layout.commit(name, at, 0, {"flow": layout.flow, "run": layout.run, "step": name, **document})


def _add_inputs(plan: Plan, step: PlanStep, path: IndexPath, refs: list[dict[str, Any]], add: Any) -> None:
    """The inputs of a join: one of each arm of a branch, or as many of a foreach as the given values number."""
    closes = step.closes or ""
    if step.closes_kind == "branch":
        add(closes, path)
        for arm in step.arms:
            named = next((name for name in arm if any(ref["step"] == name for ref in refs)), arm[0])
            last = plan.step(named)
            add(named, (*path, 0) if last.loops else path)
        return
    count = 1 + max((ref["number"] for ref in refs if ref["number"] is not None), default=0)
    add(closes, path, foreach={"count": count, "variable": plan.step(closes).foreach_var})
    for number in range(count):
        add(step.arms[0][0], (*path, number), number)
