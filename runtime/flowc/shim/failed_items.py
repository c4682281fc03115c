"""Items of a foreach that may fail: `@foreach_options(min_success=0.95)`.

A task within such a foreach that has failed for good commits all the same, with `failed` in its manifest, and what
comes behind it in the item passes that on without running its code. So no engine sees a failure, and the join counts.
"""

from __future__ import annotations

import contextlib

from flowc.errors import FlowError
from flowc.protocol.exit_codes import INTERRUPTED, OK, PROTOCOL_ERROR
from flowc.shim.join import input_states, step_tolerates
from flowc.shim.retry_decision import judged, was_lost_for_good
from flowc.shim.task_inputs import predecessor
from flowc.shim.task_results import manifest_head, write_outputs
from flowc.store.run_layout import place_text, task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, FrozenSet, List, Tuple

    from flowc.protocol.plan import Plan
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import InputState, TaskState
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

_LONGEST = 20_000
"""The most characters of a traceback that a manifest has."""
THREADS = 32
_CHECKED: Dict[Tuple[str, str, Path], List[Document]] = {}
"""What joins of this process have noted, by run, opener and index path: their manifests are not written yet."""


class TooFewSucceeded(FlowError):  # noqa: N818
    """Fewer items of a foreach have succeeded than `min_success` asks for, or none."""

    headline = "Too few items succeeded"


class FailedItem:
    """An item of a foreach that has failed, in `inputs.failed` of a join and in `current.failed_items`."""

    def __init__(self, index: int, failure: Document) -> None:
        self.index = index
        """Which item it was."""
        self.step: str = failure["step"]
        """The step whose code has failed."""
        self.type: str = failure["type"]
        """The name of the exception's class."""
        self.exception: str = failure["message"]
        """The exception's text."""
        self.stacktrace: str = failure["traceback"]
        self.pathspec: str = failure["pathspec"]
        """The task, for the client."""

    def __repr__(self) -> str:
        return f"FailedItem({self.index}, {self.step}: {self.type}: {self.exception})"


def failed_items(documents: List[Document]) -> List[FailedItem]:
    """The items that the manifest of a join has noted."""
    return [FailedItem(item["index"], item) for item in documents]


def passed_over(state: TaskState, task: Task) -> bool:
    """Whether the task's code is not run, since something before it in its item has failed, or all of its attempts.

    Then it is committed.
    """
    failure = _failure_before(state)
    if failure is None:
        tried = task.attempt - task.first
        if state.step.catch is None and (tried > state.step.retries or was_lost_for_good(state, task)):
            failure = _failure_of(state, task, task.attempt - 1)
    if failure is None:
        return False
    _commit(state, task, failure)
    return True


def tolerated(error: BaseException, code: int, state: TaskState, task: Task) -> bool:
    """Whether the failure of an attempt, which is on record, is that of an item that may fail. Then it is committed."""
    last = task.attempt - task.first >= state.step.retries or judged(error, state.plan, state.step.name)[1]
    if code in (OK, PROTOCOL_ERROR, INTERRUPTED) or not last:
        return False
    _commit(state, task, _failure_of(state, task, task.attempt))
    return True


def checked_inputs(state: TaskState, states: List[InputState]) -> List[InputState]:
    """The inputs of a join whose items have succeeded; the others are kept in `state.failed`.

    Raises TooFewSucceeded.
    """
    if state.layout.store.remote and len(states) > 1:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(THREADS, len(states))) as pool:
            for found in [pool.submit(each.fetch) for each in states]:
                found.result()
    failures = [(each, each.manifest["failed"]) for each in states if "failed" in each.manifest]
    state.failed = [{**failure, "index": each.path[-1]} for each, failure in failures]
    _CHECKED[state.layout.run, state.step.closes or "", state.path] = state.failed
    good = [each for each in states if "failed" not in each.manifest]
    opener = state.plan.step(state.step.closes or "")
    wanted = opener.min_success or 0.0
    if states and (not good or len(good) < wanted * len(states) - 1e-9):
        first = failed_items(state.failed[:3])
        named = "; ".join(f"item {item.index}, in {item.step}: {item.type}: {item.exception}" for item in first)
        more = f" and {len(failures) - 3} more" if len(failures) > 3 else ""
        raise TooFewSucceeded(
            f"{len(failures)} of {len(states)} items of {opener.name!r} failed, and "
            f"{f'{wanted:.0%} have' if good else 'at least one has'} to succeed: {named}{more}"
        )
    return good


def items_before(layout: RunLayout, plan: Plan, path: Path) -> List[FailedItem]:
    """`current.failed_items`: what has failed of the foreach before a task at `path`."""
    openers = (step for step in plan.steps.values() if step.min_success is not None and len(path) >= step.depth)
    found = (_noted(layout, plan, opener.name, path[: opener.depth]) for opener in openers)
    return [FailedItem(item["index"], item) for items in found for item in items]


def failed_indices(layout: RunLayout, plan: Plan, opener: str, path: Path) -> FrozenSet[int]:
    """The items of a foreach behind its join, or in it, that have failed."""
    return frozenset(item["index"] for item in _noted(layout, plan, opener, path))


def _noted(layout: RunLayout, plan: Plan, opener: str, path: Path) -> List[Document]:
    """What the join of a foreach has noted of the items that have failed; this task may be the join."""
    own = _CHECKED.get((layout.run, opener, path))
    if own is not None:
        return own
    join = next(step.name for step in plan.steps.values() if step.closes == opener)
    attempt = layout.latest(join, path)
    return [] if attempt is None else layout.manifest(join, path, attempt).get("failed_items", [])


def has_failures(state: TaskState) -> bool:
    """Whether something has failed of what comes before a task: the cache has nothing of such."""
    if state.step.lenient and _failure_before(state) is not None:
        return True
    if not step_tolerates(state):
        return False
    opener = state.layout.manifest(state.step.closes or "", state.path)
    return any("failed" in each.manifest for each in input_states(state, opener["foreach"]["count"]))


def _failure_before(state: TaskState) -> Document | None:
    """The failure of what comes before the task in its item."""
    layout, plan, step, path = state.layout, state.plan, state.step, state.path
    if step.kind != "join":
        if plan.is_first(step):
            return None
        return predecessor(layout, plan, step, path).get("failed")
    opener = layout.manifest(step.closes or "", path)
    if "failed" in opener or plan.step(step.closes or "").min_success is not None:
        return opener.get("failed")
    count = opener["foreach"]["count"] if step.closes_kind != "branch" else 0
    found = (each.manifest.get("failed") for each in input_states(state, count))
    return next((failure for failure in found if failure is not None), None)


def _failure_of(state: TaskState, task: Task, attempt: int) -> Document:
    """What is on record of an attempt."""
    record: Dict[str, Any] = {}
    with contextlib.suppress(FlowError):
        record = state.layout.failure(task.step, task.path, attempt) or {}
    return {
        "step": task.step,
        "type": record.get("type", "TaskKilled"),
        "message": record.get("message", "the task was killed, and has recorded no end"),
        "traceback": record.get("traceback", "")[-_LONGEST:],
        "pathspec": f"{state.plan.flow}/{task.run}/{task.step}/{task_id(task.step, task.path)}",
    }


def _commit(state: TaskState, task: Task, failure: Document) -> None:
    step = state.step
    manifest = {**manifest_head(state, task), "artifacts": {}, "failed": failure, "caught": True}
    manifest["caught_failure"] = {"type": failure["type"], "message": failure["message"]}
    if step.fans_out:
        manifest["foreach"] = {"count": 0}
    elif step.kind == "switch":
        manifest["choice"] = next(name for name in (*step.cases, *step.next) if name != step.name)
    write_outputs(state.plan, task, manifest)
    state.layout.commit(step.name, task.path, task.attempt, manifest)
    own = failure["step"] == task.step
    what = "has failed" if own else f"is left out: {failure['step']} has failed before it"
    print(f"flowc: task {place_text(task.step, task.path)} {what}; the foreach goes on without the item", flush=True)
