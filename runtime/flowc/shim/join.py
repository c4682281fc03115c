"""What a join gets: one flow object for each task that it joins, read only as far as it is looked at."""

from __future__ import annotations

from flowc.current import running
from flowc.errors import (
    MergeArtifactsException,
    MissingInMergeArtifactsException,
    MissingInput,
    UnhandledInMergeArtifactsException,
)
from flowc.flowspec import bind, constants, parameters, state_of
from flowc.join_inputs import Inputs
from flowc.shim.task_state import InputState
from flowc.store import artifacts
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List

    from flowc.flowspec import FlowSpec
    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.task_state import TaskState
    from flowc.store.artifacts import Ref
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

WINDOW = 256
"""How many manifests are read ahead from a remote store: at first, and each time twice as many."""
THREADS = 32


def join_inputs(cls: type[FlowSpec], state: TaskState, count: int) -> Inputs[FlowSpec]:
    """The inputs of a join; `count` is the width of the foreach that it closes. Raises MissingInput."""
    states = input_states(state, count)
    tolerant = step_tolerates(state)
    if tolerant:
        from flowc.shim.failed_items import checked_inputs

        states = checked_inputs(state, states)
    for each in states:
        each.loaded = state.loaded
        each.base = state.base
    flows = [bind(cls, state) for state in states]
    inputs = Inputs(flows, {state.plan.name_in(state_of(flow).step, state.step): flow for flow in flows})
    if tolerant:
        from flowc.shim.failed_items import failed_items

        inputs.failed = failed_items(state.failed)
    return inputs


def step_tolerates(state: TaskState) -> bool:
    """Whether the task is the join of a foreach whose items may fail."""
    step = state.step
    return step.kind == "join" and state.plan.step(step.closes or "").min_success is not None


def input_states(state: TaskState, count: int) -> List[InputState]:
    """The tasks that a join joins, of which nothing is read yet. Raises MissingInput."""
    if state.inputs is not None:
        return state.inputs
    layout, plan, step, path = state.layout, state.plan, state.step, state.path
    reader = _Reader(layout)

    def look() -> List[InputState]:
        if step.closes_kind == "branch":
            return [_arm_state(layout, plan, arm, path, reader) for arm in step.arms]
        return _foreach_states(layout, plan, step, path, count, reader)

    states = layout.store.found_at_last(look, lambda found: all(each.attempt is not None for each in found))
    _require(layout, [state for state in states if state.attempt is None], len(states))
    reader.states = state.inputs = states
    for number, each in enumerate(states):
        each.number = number
    return states


def _arm_state(layout: RunLayout, plan: Plan, arm: List[str], path: Path, reader: _Reader) -> InputState:
    """The input from one arm of a branch: of the steps that may end it, one has run."""
    for name in arm:
        attempt = layout.latest(name, path)
        if attempt is not None:
            return InputState(layout, plan, plan.step(name), path, reader.read, attempt)
    return InputState(layout, plan, plan.step(arm[0]), path, reader.read, None)


def _foreach_states(
    layout: RunLayout, plan: Plan, step: PlanStep, path: Path, count: int, reader: _Reader
) -> List[InputState]:
    """The inputs from the items of a foreach: each from the step, of those that may end the body, that has run."""
    if not count:
        return []
    ended: dict[int, tuple[str, int]] = {}
    names = step.arms[0]
    for name in names:
        found = layout.latest_children(name, path, count)
        ended.update((index, (name, attempt)) for index, attempt in found.items())
        if len(ended) == count:
            break
    states: List[InputState] = []
    for index in range(count):
        name, attempt = ended.get(index, (names[0], None))
        states.append(InputState(layout, plan, plan.step(name), (*path, index), reader.read, attempt))
    return states


def _require(layout: RunLayout, missing: List[InputState], expected: int) -> None:
    if not missing:
        return
    names = ", ".join(task_id(state.step.name, state.path) for state in missing[:10])
    more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
    raise MissingInput(
        f"{len(missing)} of the join's {expected} inputs have not finished: {names}{more} "
        f"(run {layout.flow}/{layout.run} in {layout.store.url})"
    )


class _Reader:
    """Reads manifests; from a remote store a window of them at once."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._window = WINDOW
        self.states: List[InputState] = []

    def read(self, state: InputState) -> Document:
        """The manifest of an input."""
        layout = self._layout
        manifest = layout.manifest(state.step.name, state.path, state.attempt)
        if layout.store.remote and len(self.states) > 1:
            self._read_ahead(state)
        return manifest

    def _read_ahead(self, state: InputState) -> None:
        """Fetch the inputs after this one: a join that looks at one mostly looks at the next."""
        from concurrent.futures import ThreadPoolExecutor

        at = self.states.index(state)
        following = self.states[at + 1 : at + 1 + self._window]
        self._window *= 2
        with ThreadPoolExecutor(min(THREADS, len(following) or 1)) as pool:
            list(pool.map(InputState.fetch, following))


def merge(flow: FlowSpec, state: TaskState, inputs: Iterable[Any], exclude: List[str], include: List[str]) -> None:
    """Let `flow` inherit the artifacts that its inputs agree on, unless it has set them; conditions as in Metaflow."""
    if exclude and include:
        raise MergeArtifactsException("exclude and include are mutually exclusive in merge_artifacts")
    step = state.step.name
    if running.trace is not None:
        known = [*flow.__dict__, *state.inherited, *constants(type(flow)), *parameters(type(flow))]
        left_out = tuple(sorted({*known, *exclude} - {"_flowc"}))
        inputs = list(inputs)
        numbers = tuple(state_of(each).number for each in inputs)
        everything = numbers == tuple(range(len(state.inputs or ())))
        running.trace.note("merge", left_out, tuple(sorted(include)), None if everything else numbers)
    own = {*flow.__dict__, *state.inherited, *constants(type(flow)), *parameters(type(flow))}
    merged: Dict[str, Ref] = {}
    conflicts: Dict[str, None] = {}
    for each in inputs:
        for name, ref in state_of(each).references().items():
            if name in own or name in exclude or (include and name not in include):
                continue
            if not artifacts.same(merged.setdefault(name, ref), ref):
                conflicts[name] = None
    if conflicts:
        names = list(conflicts)
        raise UnhandledInMergeArtifactsException(
            f"step {step!r} cannot merge {', '.join(names)}: the inputs have different values. "
            "Set them (self.<artifact> = ...) before merge_artifacts, or exclude them.",
            names,
        )
    missing = [name for name in include if name not in merged and name not in own]
    if missing:
        raise MissingInMergeArtifactsException(
            f"step {step!r} is to merge {', '.join(missing)}, which no input has", missing
        )
    state.inherited.update(merged)
