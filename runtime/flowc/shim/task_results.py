"""What a task leaves: its artifacts and the items of a foreach, the manifest, and what the engine reads."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import MappingView

from flowc.current import running
from flowc.errors import FlowError, InvalidNextException, ProtocolError, UnpicklableArtifact
from flowc.flowspec import artifacts_set, check_names, constants
from flowc.protocol import env_names
from flowc.shim.task_facts import store_cards
from flowc.store import artifacts
from flowc.store.documents import FAILED, VERSION, wall_time
from flowc.store.run_layout import index_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator

    from flowc.flowspec import FlowSpec
    from flowc.protocol.plan import Plan
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState
    from flowc.store.artifacts import Ref
    from flowc.store.documents import Document

MAX_NUM_SPLITS = 100_000
"""How many items are taken from what has no length."""


def class_manifest(flow: FlowSpec, constant: Dict[str, Any], state: TaskState, task: Task) -> Document:
    """Store the artifacts and return the manifest, which the caller writes."""
    step = state.step
    manifest = manifest_head(state, task)
    transition = state.transition
    if step.foreach_var is not None:
        manifest["foreach"] = _save_items(flow, state)
    elif transition is not None and transition.num_parallel is not None:
        manifest["foreach"] = {"count": transition.num_parallel}
    elif transition is not None and transition.choice is not None:
        manifest["choice"] = transition.choice
    check_names(flow)
    refs = {**constant, **state.inherited}
    written = dict(state.inherited) if step.kind == "join" else {}
    for attribute, value in artifacts_set(flow):
        refs[attribute] = written[attribute] = _save(state, attribute, value)
    manifest["artifacts"] = refs
    if state.failed:
        manifest["failed_items"] = state.failed
    if step.within is not None:
        from flowc.shim.called_flow import returned

        manifest = returned(state, manifest)
    if state.cache is not None:
        from flowc.shim.task_cache import trace_end

        trace_end(state, manifest, {**constant, **written})
    store_cards()
    write_labelled_outputs(state, task, manifest, lambda: flow.input)
    return manifest


def manifest_head(state: TaskState, task: Task) -> Document:
    """What a manifest begins with: which attempt it is of, when, and the run's parameters."""
    return {
        "version": VERSION,
        "flow": state.plan.flow,
        "run": task.run,
        "step": state.step.name,
        "index": index_text(task.path),
        "attempt": task.attempt,
        "started": task.started,
        "created": wall_time(),
        "parameters": state.parameters,
        **({"approval": running.approval.record} if running.approval is not None else {}),
    }


def keep_failed(flow: FlowSpec, state: TaskState, task: Task) -> None:
    """Store what an attempt that failed had set, as far as it can be stored."""
    refs: Dict[str, Any] = {}
    try:
        for attribute, value in artifacts_set(flow):
            # Pickling calls code of the value, which may as well exit.
            with contextlib.suppress(UnpicklableArtifact, SystemExit, KeyboardInterrupt):
                refs[attribute] = _save(state, attribute, value)
        document = {**manifest_head(state, task), "artifacts": {**state.inherited, **refs}}
        state.layout.write_json(f"{state.layout.folder(task.step, task.path, task.attempt)}/{FAILED}", document)
    except Exception as error:
        print(f"flowc: what the attempt had set could not be stored: {error}", file=sys.stderr)


def _save(state: TaskState, attribute: str, value: Any) -> Ref:
    loaded = state.loaded.get(id(value))
    return artifacts.save(state.layout.store, state.plan.flow, attribute, value, loaded)


def constant_references(cls: type[FlowSpec], state: TaskState) -> Dict[str, Any]:
    """Class constants as artifacts, for readers of the run. Tasks need none of these: they have the class."""
    refs: Dict[str, Any] = {}
    for name, value in constants(cls).items():
        try:
            refs[name] = artifacts.save(state.layout.store, state.plan.flow, name, value)
        except FlowError:
            continue
    return refs


def _save_items(flow: FlowSpec, state: TaskState) -> Dict[str, Any]:
    """Store the items of the foreach that the step opens."""
    variable = state.step.foreach_var or ""
    try:
        items = getattr(flow, variable)
    except AttributeError as error:
        raise InvalidNextException(f"step {state.step.name!r}: foreach={variable!r}: {error}") from None
    what = f"step {state.step.name!r}: foreach={variable!r}"
    taken = materialize_iterable(items, what)
    if taken is not items:
        setattr(flow, variable, taken)  # so that the artifact is what the children got
    if isinstance(taken, dict):
        by_number: Any = taken  # pyright: ignore[reportUnknownVariableType] # as in Metaflow, which looks items up by their number
        numbers = range(len(by_number))
        taken = [by_number[index] for index in numbers] if all(index in by_number for index in numbers) else by_number
    refs = artifacts.save_items(state.layout.store, state.plan.flow, variable, bounded(taken, what))
    return {"variable": variable, **refs}


def materialize_iterable(items: Any, what: str) -> Any:
    """The items of a foreach as they can be stored: iterators and views of dicts as lists, the rest as it is.

    `what` names it in the error. Raises InvalidNextException.
    """
    try:
        iterator: Any = iter(items)
    except TypeError:
        raise InvalidNextException(f"{what} is of type {type(items).__name__}, which cannot be iterated over") from None
    if iterator is items:
        return list(bounded(iterator, what))
    return list(iterator) if isinstance(items, (MappingView, memoryview)) else items


def bounded(items: Iterable[Any], what: str) -> Iterable[Any]:
    """The items, of which there may be no end if they have no length. Raises InvalidNextException at the limit."""
    return items if hasattr(items, "__len__") else _bounded(items, what)


def _bounded(items: Iterable[Any], what: str) -> Iterator[Any]:
    limit = int(os.environ.get(env_names.MAX_NUM_SPLITS) or MAX_NUM_SPLITS)
    for count, item in enumerate(items):
        if count >= limit:
            raise InvalidNextException(
                f"{what} is a {type(items).__name__} with more than {limit} items, or without an end; if that many are "
                f"right, raise the limit: --max-num-splits of flowc run, {env_names.MAX_NUM_SPLITS} in pods"
            )
        yield item


def write_outputs(plan: Plan, task: Task, manifest: Document) -> None:
    """Write what the engine needs: the number of items, or the choice of a switch and the iteration that follows.

    Where an engine runs batches of items, it needs the number of these.
    """
    if task.outputs is None:
        return
    if "foreach" in manifest:
        write_output(task.outputs, "count", str(plan.fan_out(task.step, manifest["foreach"]["count"])))
    if "choice" in manifest:
        write_output(task.outputs, "choice", manifest["choice"])
        if manifest["choice"] == task.step:
            write_output(task.outputs, "next", index_text((*task.path[:-1], task.path[-1] + 1)))


def write_labelled_outputs(
    state: TaskState, task: Task, manifest: Document, load: Callable[[], Any] | None = None
) -> None:
    """The same, and the label of the task's item, where the engine shows one; `load` returns the item."""
    write_outputs(state.plan, task, manifest)
    if task.outputs is not None and state.plan.deployed_call(task.step) is not None:
        from flowc.shim.called_run import write_parameters

        write_parameters(state, task, manifest)
    if task.outputs is not None and state.step.depth:
        from flowc.shim.item_label import label_item

        label_item(state, task, load)


def write_output(folder: str, name: str, text: str) -> None:
    """Write a file that the engine reads. Raises ProtocolError."""
    try:
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        raise ProtocolError(f"cannot write the output {name!r} to {folder}: {error}") from error
